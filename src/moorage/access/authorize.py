"""Who may do what. Until IAM policies come, exactly one rule: an account's root may do everything in its own registries.

Decisions are pure and fail closed: whoever is nobody's root, and whoever asks for another account's registry, is denied.
"""

from collections.abc import Iterable

from moorage.core.call import Principal, Requirement
from moorage.core.errors import AccessDeniedError
from moorage.identity.scope import Scope


def authorize(principal: Principal, owner_account_id: str, actions: Iterable[str], resource: str) -> None:
    """Let the call pass, or raise AccessDeniedError in IAM's words (IAM user guide, "Access denied error messages")."""
    if not is_allowed(principal, owner_account_id):
        action = next(iter(actions))
        reason = (
            f"because no identity-based policy allows the {action} action"
            if principal.account_id == owner_account_id
            else f"because no resource-based policy allows the {action} action"
        )
        raise AccessDeniedError(
            f"User: {principal.arn} is not authorized to perform: {action} on resource: {resource} {reason}"
        )


def authorize_installation(principal: Principal, default_account_id: str, actions: Iterable[str]) -> None:
    """Let a call that concerns the whole installation pass, or raise AccessDeniedError.

    Such actions can be granted only to principals of the default account (DESIGN rule 5); no policy elsewhere counts.
    """
    if principal.account_id != default_account_id:
        action = next(iter(actions))
        raise AccessDeniedError(
            f"User: {principal.arn} is not authorized to perform: {action} on resource: * "
            f"because no identity-based policy allows the {action} action"
        )


def confine(principal: Principal, scope: Scope | None, needed: Requirement, repository: str, resource: str) -> None:
    """Let a call by a token pass if its scope allows it too, or raise AccessDeniedError in IAM's words.

    A scope can only take away, so this comes after `authorize`, as a session policy does. `repository` is the name of the one
    that is asked for; a call for all of them needs the action alone, and then shows only those within the scope.
    """
    if scope is None:
        return
    covered = needed.resource != "repository" or scope.covers(repository)
    missing = [action for action in needed.actions if not (covered and action in scope.granted)]
    if missing and (not needed.any_of or len(missing) == len(needed.actions)):
        raise AccessDeniedError(
            f"User: {principal.arn} is not authorized to perform: {missing[0]} on resource: {resource} "
            f"because no session policy allows the {missing[0]} action"
        )


def allowed_among(principal: Principal, owner_account_id: str, actions: Iterable[str], resource: str) -> frozenset[str]:
    """Those of the actions that the principal may do on the resource: what an entry asks about but does not require."""
    return frozenset(action for action in actions if _passes(principal, owner_account_id, action, resource))


def _passes(principal: Principal, owner_account_id: str, action: str, resource: str) -> bool:
    try:
        authorize(principal, owner_account_id, (action,), resource)
    except AccessDeniedError:
        return False
    return True


def is_allowed(principal: Principal, owner_account_id: str) -> bool:
    """Whether the principal is the root of the account that owns the resource."""
    return principal.kind == "Root" and principal.account_id == owner_account_id
