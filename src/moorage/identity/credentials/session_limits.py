"""What credentials of a kind are good for at all, whatever policies say (IAM user guide, "Compare AWS STS credentials")."""

from moorage.aws.signature_errors import InvalidSecurityTokenError
from moorage.core.call import Principal
from moorage.core.errors import AccessDeniedError
from moorage.identity.callers import has_session_token

_OF_LONG_TERM_KEYS = frozenset({"getfederationtoken", "getsessiontoken"})
_OF_SESSION_TOKENS = frozenset({"assumerole", "getcalleridentity"})
_OF_FEDERATED_USERS = frozenset({"getcalleridentity"})
_OF_NO_OPERATION = frozenset({"sts:tagsession", "sts:setsourceidentity", "iam:passrole"})
"""Actions that other operations need besides their own."""


def refuse_lasting(entry: str, principal: Principal) -> None:
    """Raise unless the caller's kind of credentials may be used for what IAM does not have and what outlives them all the same.

    Credentials that IAM does not know must not come by lasting ones here. Sessions of roles may, as in IAM.
    """
    if _is_unknown_to_iam(principal):
        raise AccessDeniedError(f"Cannot call {entry} with session credentials")


def refuse_credentials(service: str, operation: str, principal: Principal) -> None:
    """Raise unless the caller's kind of credentials may be used for an operation of a service.

    No temporary credentials get others but by taking a role; and those of GetSessionToken and GetFederationToken, which nobody
    proved a second factor for, are not good for IAM, which answers as if it did not know them. No root user takes a role (IAM
    user guide, "Methods to assume a role").
    """
    name = operation.lower()
    if principal.kind == "Root" and (service, name) == ("sts", "assumerole"):
        raise AccessDeniedError("Roles may not be assumed by root accounts.")
    if not principal.session_id:
        return
    own, federated = has_session_token(principal), principal.kind == "FederatedUser"
    if service == "iam" and _is_unknown_to_iam(principal):
        raise InvalidSecurityTokenError
    if service != "sts":
        return
    if (
        name in _OF_LONG_TERM_KEYS
        or (own and name not in _OF_SESSION_TOKENS)
        or (federated and name not in _OF_FEDERATED_USERS)
    ):
        raise AccessDeniedError(f"Cannot call {operation} with session credentials")


def refuse_action(action: str, principal: Principal) -> None:
    """The same for the operation that an action, in any case, is named after."""
    service, _, operation = action.partition(":")
    if action.lower() not in _OF_NO_OPERATION:
        refuse_credentials(service, operation, principal)


def _is_unknown_to_iam(principal: Principal) -> bool:
    return has_session_token(principal) or principal.kind == "FederatedUser"
