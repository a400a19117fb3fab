"""What LookupEvents refuses (CloudTrail API reference, "LookupEvents", errors)."""

from moorage.core.errors import MoorageError


class InvalidLookupAttributesError(MoorageError):
    """An attribute that is not valid, or more than one."""

    aws_code = "InvalidLookupAttributesException"
    oci_code = "UNSUPPORTED"


class InvalidTimeRangeError(MoorageError):
    """The start lies after the end."""

    aws_code = "InvalidTimeRangeException"
    oci_code = "UNSUPPORTED"

    def __init__(self) -> None:
        super().__init__("The start time must not be later than the end time.")


class InvalidMaxResultsError(MoorageError):
    """A page that is too large, or empty."""

    aws_code = "InvalidMaxResultsException"
    oci_code = "UNSUPPORTED"

    def __init__(self, given: int, most: int) -> None:
        super().__init__(f"A max results value of {given} is invalid. Specify max results between 1 and {most}.")


class InvalidNextTokenError(MoorageError):
    """A token that was made for no page, or for one of another look-up."""

    aws_code = "InvalidNextTokenException"
    oci_code = "UNSUPPORTED"

    def __init__(self) -> None:
        super().__init__("The token is not valid, or it was made for a request with other parameters.")


class InvalidEventCategoryError(MoorageError):
    """A category of events of which there are none."""

    aws_code = "InvalidEventCategoryException"
    oci_code = "UNSUPPORTED"

    def __init__(self, given: str) -> None:
        super().__init__(f"The event category {given[:64]!r} is not valid. The only valid category is insight.")
