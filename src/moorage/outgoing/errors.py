"""Why a request to another server gave nothing. Callers say it in their own words: a target's URL may be nobody's business."""


class OutgoingError(Exception):
    """The base of all of them; the text names neither addresses nor what was answered."""

    transient = False
    """Whether the same request may well succeed a little later."""


class RefusedUrlError(OutgoingError):
    """It is no URL that this installation asks: another scheme, credentials in it, no host, too long."""


class ForbiddenAddressError(OutgoingError):
    """The host has no address that may be connected to: all are private, local or special, and the operator lists none."""

    def __init__(self) -> None:
        super().__init__("The host has no address that may be connected to.")


class InsecureUrlError(OutgoingError):
    """Plain http to a host whose network the operator does not list."""

    def __init__(self) -> None:
        super().__init__("The host may be asked by https only.")


class UnreachableError(OutgoingError):
    """No such host, no connection, no trusted certificate, or a connection that broke."""

    transient = True


class TooSlowError(OutgoingError):
    """The answer was not whole in time."""

    transient = True

    def __init__(self) -> None:
        super().__init__("The server did not answer in time.")


class TooManyRedirectsError(OutgoingError):
    """The server sends its callers on and on."""

    def __init__(self) -> None:
        super().__init__("The server redirects too often.")


class BadAnswerError(OutgoingError):
    """What came is no HTTP answer that is taken: malformed, encoded, or larger than asked for."""


class RefusedByServerError(OutgoingError):
    """The server answered with another status than 200."""

    def __init__(self, status: int) -> None:
        super().__init__(f"The server answered with the status {status}.")
        self.status = status
        self.transient = status >= 500 or status == 429
