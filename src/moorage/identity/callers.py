"""Who speaks with certain credentials, as policies and records see it (IAM user guide, "IAM identifiers")."""

from moorage.core.arn import Arn
from moorage.core.call import Principal
from moorage.identity.resources import Kind, arn_of

Identity = tuple[str, str, str]
"""A user or a role: its unique id, its name and its path."""


def of_user(account_id: str, user: Identity, key_id: str, session_id: str = "") -> Principal:
    """A user, with a key of theirs, or with the session token that one of their keys was given."""
    unique_id, name, path = user
    arn = arn_of(account_id, Kind.USER, name, path)
    return Principal(account_id, arn, "IAMUser", key_id, unique_id, unique_id, arn, session_id)


def of_role(account_id: str, role: Identity, session_name: str, session_id: str) -> Principal:
    """A session of a role. Its ARN has the role's name without the path; the policies that count are the role's."""
    unique_id, name, path = role
    arn = assumed_role_arn(account_id, name, session_name)
    whose = arn_of(account_id, Kind.ROLE, name, path)
    return Principal(account_id, arn, "AssumedRole", session_id, f"{unique_id}:{session_name}", unique_id, whose, session_id)


def of_federated_user(account_id: str, user: Identity | None, name: str, session_id: str) -> Principal:
    """A federated user; the policies that count are those of the user, or root, who asked for the credentials."""
    arn = federated_user_arn(account_id, name)
    whose = of_user(account_id, user, session_id) if user is not None else None
    return Principal(
        account_id,
        arn,
        "FederatedUser",
        session_id,
        id=f"{account_id}:{name}",
        identity_id=whose.identity_id if whose else "",
        identity_arn=arn,
        session_id=session_id,
        maker_arn=whose.arn if whose else "",
    )


def of_key(account_id: str, user: Identity | None, key_id: str, session_id: str = "") -> Principal:
    """Whoever a key belongs to, a user or the account's root."""
    if user is None:
        return Principal.root(account_id, key_id, session_id)
    return of_user(account_id, user, key_id, session_id)


def of_session(
    account_id: str, kind: str, name: str, session_id: str, *, user: Identity | None, role: Identity | None
) -> Principal:
    """Who speaks with temporary credentials; `kind` as the table `sessions` has it."""
    if role is not None:
        return of_role(account_id, role, name, session_id)
    if kind == "FederatedUser":
        return of_federated_user(account_id, user, name, session_id)
    return of_key(account_id, user, session_id, session_id)


def identity(unique_id: str | None, name: str, path: str) -> Identity | None:
    """What an outer join found of a user or a role, or None."""
    return (unique_id, name, path) if unique_id is not None else None


def assumed_role_arn(account_id: str, role_name: str, session_name: str) -> str:
    """The ARN of a role's session."""
    return str(Arn("sts", "", account_id, f"assumed-role/{role_name}/{session_name}"))


def federated_user_arn(account_id: str, name: str) -> str:
    """The ARN of a federated user."""
    return str(Arn("sts", "", account_id, f"federated-user/{name}"))


def has_session_token(principal: Principal) -> bool:
    """Whether it speaks with credentials of GetSessionToken: as itself, and yet for a time."""
    return bool(principal.session_id) and principal.kind in {"IAMUser", "Root"}
