"""Users: people and programs of an account, with a name and a path of their own (IAM user guide, "IAM users")."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from moorage.core.call import Call
from moorage.core.clock import Timestamp
from moorage.identity import remnants, resources
from moorage.identity.iam_errors import IamValidationError, QuotaExceededError
from moorage.identity.resources import Kind, Resource
from moorage.storage.database.schema.iam import group_members, users
from moorage.storage.database.schema.identity import access_keys
from moorage.storage.database.transaction import Transaction

MOST_PER_ACCOUNT = 5000
ROOT_NAME = "<root_account>"
"""What an account's root is called where a name must stand; no user can be called so (IAM user guide, "Credential reports")."""


@dataclass(frozen=True, slots=True)
class User:
    """A user, and what is known of its password."""

    resource: Resource
    profile_created_at: Timestamp | None
    """When it got its login profile; None: it has none."""
    password_reset_required: bool
    password_last_used_at: Timestamp | None

    def describe(self) -> dict[str, Any]:
        """As ListUsers shows it."""
        return {
            "Path": self.resource.path,
            "UserName": self.resource.name,
            "UserId": self.resource.id,
            "Arn": self.resource.arn,
            "CreateDate": self.resource.created_at,
            "PasswordLastUsed": self.password_last_used_at,
        }


def create(tx: Transaction, account_id: str, name: str, path: str = "/") -> User:
    """A new user; raises EntityAlreadyExistsError and QuotaExceededError."""
    made = resources.create(tx, account_id, Kind.USER, name, path=path)
    if resources.count(tx, account_id, Kind.USER) > MOST_PER_ACCOUNT:
        raise QuotaExceededError("UsersPerAccount", MOST_PER_ACCOUNT)
    tx.execute(sa.insert(users).values(id=made.id))
    return User(made, None, password_reset_required=False, password_last_used_at=None)


def get(tx: Transaction, account_id: str, name: str) -> User:
    """The account's user of that name; raises NoSuchEntityError."""
    return with_passwords(tx, [resources.get(tx, account_id, Kind.USER, name)])[0]


def of_caller(tx: Transaction, call: Call, name: str | None) -> User | None:
    """The user of that name, or the calling user if none is named; None is the account's root, who has no name.

    Raises NoSuchEntityError, and IamValidationError where none is named and the caller is no user.
    """
    principal = call.principal
    if name is not None:
        return get(tx, principal.account_id, name)
    if principal.kind == "Root":
        return None
    found = resources.by_id(tx, principal.identity_id) if principal.kind == "IAMUser" else None
    if found is None:
        raise IamValidationError("Must specify userName when calling with non-User credentials")
    return with_passwords(tx, [found])[0]


def listed(tx: Transaction, account_id: str, path_prefix: str, after: str | None, limit: int) -> list[User]:
    """Users in the order of their names in lower case, behind one of them."""
    found = resources.listed(tx, account_id, Kind.USER, path_prefix=path_prefix, after=after, limit=limit)
    return with_passwords(tx, found)


def delete(tx: Transaction, user: User) -> None:
    """Remove a user, its permissions boundary and its sessions; raises DeleteConflictError for what else it has."""
    remnants.refuse_policies(tx, user.resource)
    keys = sa.select(access_keys.c.id).where(access_keys.c.user_id == user.resource.id)
    remnants.refuse(tx, keys, "delete access keys")
    if user.profile_created_at is not None:
        raise remnants.conflict("delete login profile")
    groups = sa.select(group_members.c.group_id).where(group_members.c.user_id == user.resource.id)
    remnants.refuse(tx, groups, "remove users from group")
    resources.delete(tx, user.resource)


def with_passwords(tx: Transaction, found: Iterable[Resource]) -> list[User]:
    """Users with what is known of their passwords, in the same order."""
    wanted = list(found)
    rows = {row.id: row for row in tx.all(sa.select(users).where(users.c.id.in_([resource.id for resource in wanted])))}
    return [_read(resource, rows[resource.id]) for resource in wanted]


def _read(resource: Resource, row: sa.Row[Any]) -> User:
    return User(resource, row.password_set_at, bool(row.password_reset_required), row.password_last_used_at)
