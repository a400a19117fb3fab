"""What temporary credentials are good for at all, whatever policies say (IAM user guide, "Compare AWS STS credentials")."""

from moorage.aws.signature_errors import InvalidSecurityTokenError
from moorage.core.call import Principal
from moorage.core.errors import AccessDeniedError
from moorage.identity.callers import has_session_token

_OF_LONG_TERM_KEYS = frozenset({"GetFederationToken", "GetSessionToken"})
_OF_SESSION_TOKENS = frozenset({"AssumeRole", "GetCallerIdentity"})
_OF_FEDERATED_USERS = frozenset({"GetCallerIdentity"})


def refuse_lasting(entry: str, principal: Principal) -> None:
    """Raise unless the caller's kind of credentials may be used for what IAM does not have and what outlives them all the same.

    Credentials that IAM does not know must not come by lasting ones here. Sessions of roles may, as in IAM.
    """
    if _is_unknown_to_iam(principal):
        raise AccessDeniedError(f"Cannot call {entry} with session credentials")


def refuse_session(service: str, operation: str, principal: Principal) -> None:
    """Raise unless the caller's kind of credentials may be used for an operation of a service.

    No temporary credentials get others but by taking a role; and those of GetSessionToken and GetFederationToken, which nobody
    proved a second factor for, are not good for IAM, which answers as if it did not know them.
    """
    if not principal.session_id:
        return
    own, federated = has_session_token(principal), principal.kind == "FederatedUser"
    if service == "iam" and _is_unknown_to_iam(principal):
        raise InvalidSecurityTokenError
    if service != "sts":
        return
    if (
        operation in _OF_LONG_TERM_KEYS
        or (own and operation not in _OF_SESSION_TOKENS)
        or (federated and operation not in _OF_FEDERATED_USERS)
    ):
        raise AccessDeniedError(f"Cannot call {operation} with session credentials")


def _is_unknown_to_iam(principal: Principal) -> bool:
    return has_session_token(principal) or principal.kind == "FederatedUser"
