"""The base of every error that a caller can cause, and the few that belong to no room.

A room raises its own small subclasses, in its own words, where the fault is known. Only `http.problems` turns them into
responses, in the tongue of the door the caller came through: AWS JSON, AWS XML, OCI or the plain JSON of `/api/v1`.
"""

from collections.abc import Mapping
from typing import Any, ClassVar


class MoorageError(Exception):
    """A fault of the request or of the moment, with its name in both protocols.

    `aws_code` is the shape name that botocore's model gives it, `oci_code` the code of the OCI distribution spec.
    """

    aws_code: ClassVar[str] = "ServerException"
    aws_status: ClassVar[int] = 400
    query_code: ClassVar[str | None] = None
    """The code in AWS's Query protocol (XML), where it is another one."""
    query_status: ClassVar[int | None] = None
    """The status there, where it is another one."""
    oci_code: ClassVar[str] = "UNKNOWN"
    oci_status: ClassVar[int] = 400
    api_status: ClassVar[int] = 0
    """Of an answer of `/api/v1`; 0 means that `oci_status` is right there too."""
    api_code: ClassVar[str] = ""
    """The code there, where it is not the class's name without the ending."""

    def __init__(self, message: str, *, detail: Any = None, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail
        """What the OCI error body shows under `detail`; never a server path."""
        self.headers = dict(headers or {})
        """Extra response headers of the OCI answer, such as the `Range` of a 416."""

    @property
    def query_message(self) -> str:
        """The text in the Query protocol; the same unless said otherwise."""
        return self.message

    def members(self) -> Mapping[str, Any]:
        """Extra members that the AWS model declares for this exception, next to `message`."""
        return {}

    def entries(self) -> list[dict[str, Any]]:
        """The entries of the OCI error body; more than one where a manifest lacks several blobs."""
        entry: dict[str, Any] = {"code": self.oci_code, "message": self.message}
        if self.detail is not None:
            entry["detail"] = self.detail
        return [entry]


class InvalidParameterError(MoorageError):
    """A member of the request breaks a constraint (ECR: InvalidParameterException)."""

    aws_code = "InvalidParameterException"
    query_code = "InvalidParameterValue"
    oci_code = "UNSUPPORTED"

    @classmethod
    def at(cls, member: str, constraint: str) -> "InvalidParameterError":
        """In ECR's wording, which clients print and some parse."""
        return cls(f"Invalid parameter at '{member}' failed to satisfy constraint: '{constraint}'")


class InvalidNameError(InvalidParameterError):
    """A repository name outside the grammar (OCI: NAME_INVALID)."""

    oci_code = "NAME_INVALID"


class InvalidTagError(InvalidParameterError):
    """A tag outside the grammar."""

    oci_code = "MANIFEST_INVALID"


class InvalidDigestError(InvalidParameterError):
    """A digest outside the grammar, of an unsupported algorithm, or one that the bytes do not have."""

    oci_code = "DIGEST_INVALID"


class AccessDeniedError(MoorageError):
    """The caller is known and may not do this (IAM: AccessDenied)."""

    aws_code = "AccessDeniedException"
    query_code = "AccessDenied"
    query_status = 403
    oci_code = "DENIED"
    oci_status = 403
    api_code = "AccessDenied"


class StorageFullError(MoorageError):
    """The disk has no room left; the session and every earlier write stay as they were."""

    aws_code = "ServerException"
    aws_status = 500
    query_code = "ServiceFailure"
    oci_code = "UNKNOWN"
    oci_status = 507

    def __init__(self) -> None:
        super().__init__("The registry's storage is full. Nothing was changed; try again later.", headers={"Retry-After": "30"})


class UnavailableError(MoorageError):
    """A part that the request needs does not answer now."""

    aws_code = "ServiceUnavailable"
    aws_status = 503
    oci_code = "UNKNOWN"
    oci_status = 503

    def __init__(self, message: str = "The service is unavailable. Please try again later.") -> None:
        super().__init__(message, headers={"Retry-After": "5"})


class RateExceededError(MoorageError):
    """The caller asks too often."""

    aws_code = "ThrottlingException"
    query_code = "Throttling"
    oci_code = "TOOMANYREQUESTS"
    oci_status = 429

    def __init__(self, retry_after: int = 1) -> None:
        super().__init__("Rate exceeded", headers={"Retry-After": str(retry_after)})
