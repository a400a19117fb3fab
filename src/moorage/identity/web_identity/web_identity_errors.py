"""Why a web identity opens no session, in STS's words (STS API reference, AssumeRoleWithWebIdentity; answers as seen)."""

from typing import ClassVar

from moorage.core.errors import AccessDeniedError, MoorageError


class _WebIdentityError(MoorageError):
    aws_status = 400
    oci_code = "UNAUTHORIZED"
    oci_status = 401


class InvalidIdentityTokenError(_WebIdentityError):
    """The token is malformed, not signed by its issuer, of no issuer of the account's, or for somebody else."""

    aws_code = "InvalidIdentityTokenException"
    query_code: ClassVar[str | None] = "InvalidIdentityToken"

    @classmethod
    def without_key(cls) -> "InvalidIdentityTokenError":
        """The issuer has no such key, or does not say its keys. The two spaces are STS's."""
        return cls(
            "Couldn't retrieve verification key from your identity provider,  "
            "please reference AssumeRoleWithWebIdentity documentation for requirements"
        )


class ExpiredIdentityTokenError(_WebIdentityError):
    """The token's time is over."""

    aws_code = "ExpiredTokenException"
    query_code: ClassVar[str | None] = "ExpiredTokenException"

    def __init__(self, now: int, expired_at: int) -> None:
        """Both in seconds."""
        super().__init__(f"Token expired: current date/time {now} must be before the expiration date/time {expired_at}")


class IssuerUnreachableError(_WebIdentityError):
    """The issuer does not say its keys at the moment; SDKs try again."""

    aws_code = "IDPCommunicationErrorException"
    query_code: ClassVar[str | None] = "IDPCommunicationError"

    def __init__(self) -> None:
        super().__init__("The identity provider could not be reached to verify the token. Please try again.")


class UntrustedWebIdentityError(AccessDeniedError):
    """The role's trust policy does not let this identity in, or there is no such role. STS says no more."""

    def __init__(self, action: str = "sts:AssumeRoleWithWebIdentity") -> None:
        super().__init__(f"Not authorized to perform {action}")
