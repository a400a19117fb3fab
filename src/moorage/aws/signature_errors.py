"""Why a signed request is refused, in AWS's texts. Each has two names: its JSON code (`aws_code`) and its Query code.

Sources: the common errors of the service APIs, and the answers that the services are known to give.
"""

from typing import ClassVar

from moorage.core.errors import MoorageError


class SignatureError(MoorageError):
    """The request cannot be attributed to a caller."""

    aws_code = "InvalidSignatureException"
    query_code: ClassVar[str | None] = "SignatureDoesNotMatch"
    query_status: ClassVar[int | None] = 403
    oci_code = "UNAUTHORIZED"
    oci_status = 401


class MissingAuthenticationTokenError(SignatureError):
    """There are no AWS credentials in the request at all."""

    aws_code = "MissingAuthenticationTokenException"
    query_code = "MissingAuthenticationToken"

    def __init__(self) -> None:
        super().__init__("Missing Authentication Token")

    @property
    def query_message(self) -> str:
        """The Query services put it differently."""
        return "Request is missing Authentication Token"


class IncompleteSignatureError(SignatureError):
    """The credentials are there and cannot be read."""

    aws_code = "IncompleteSignatureException"
    query_code = "IncompleteSignature"
    query_status = 400


class InvalidSecurityTokenError(SignatureError):
    """The key does not exist, was deleted or is inactive; or its session token is missing or another's."""

    aws_code = "UnrecognizedClientException"
    query_code = "InvalidClientTokenId"

    def __init__(self) -> None:
        super().__init__("The security token included in the request is invalid.")


class ExpiredTokenError(SignatureError):
    """The session of a temporary key is over."""

    aws_code = "ExpiredTokenException"
    query_code = "ExpiredToken"

    def __init__(self) -> None:
        super().__init__("The security token included in the request is expired")


class InvalidSignatureError(SignatureError):
    """The signature's scope or time does not fit this server, or what had to be signed was not."""


class SignatureMismatchError(InvalidSignatureError):
    """The signature was made with another secret, or over another request."""

    def __init__(self) -> None:
        super().__init__(
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key"
            " and signing method. Consult the service documentation for details."
        )
