"""What users, groups, roles, policies, instance profiles and identity providers share: a unique id, a name, a path, tags.

Every function that changes something raises the account's permission version, so that no decision outlives its grounds.
"""

import secrets
import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from moorage.core.arn import Arn
from moorage.core.clock import Timestamp
from moorage.identity.iam_errors import EntityAlreadyExistsError, NoSuchEntityError
from moorage.storage.database.schema.iam import iam_resources, iam_tags
from moorage.storage.database.schema.identity import accounts
from moorage.storage.database.transaction import Transaction

_ID_ALPHABET = string.ascii_uppercase + "234567"


class Kind(StrEnum):
    """The kinds of IAM's resources, spelled as in their ARNs."""

    USER = "user"
    GROUP = "group"
    ROLE = "role"
    POLICY = "policy"
    INSTANCE_PROFILE = "instance-profile"
    OIDC_PROVIDER = "oidc-provider"


_PREFIXES = {
    Kind.USER: "AIDA",
    Kind.GROUP: "AGPA",
    Kind.ROLE: "AROA",
    Kind.POLICY: "ANPA",
    Kind.INSTANCE_PROFILE: "AIPA",
    Kind.OIDC_PROVIDER: "AOID",  # AWS shows none; nobody sees this one either
}


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of IAM."""

    id: str
    """Its unique id, which is never given to another one (IAM user guide, "Unique identifiers")."""
    account_id: str
    kind: Kind
    name: str
    path: str
    """Begins and ends with a slash."""
    description: str | None
    created_at: Timestamp

    @property
    def arn(self) -> str:
        """Its ARN, which names the path too."""
        return arn_of(self.account_id, self.kind, self.name, self.path)


def arn_of(account_id: str, kind: Kind, name: str, path: str = "/") -> str:
    """The ARN of such a resource, whether or not there is one."""
    return str(Arn("iam", "", account_id, f"{kind}{path}{name}"))


def new_id(kind: Kind) -> str:
    """A new unique id: 21 characters, 85 random bits."""
    return _PREFIXES[kind] + "".join(secrets.choice(_ID_ALPHABET) for _ in range(17))


def changed(tx: Transaction, account_id: str) -> None:
    """Say that who may do what in the account is no longer what it was; part of every such change (DESIGN rule 9)."""
    raised = accounts.c.permission_version + 1
    tx.execute(sa.update(accounts).where(accounts.c.id == account_id).values(permission_version=raised))


def create(
    tx: Transaction, account_id: str, kind: Kind, name: str, *, path: str = "/", description: str | None = None
) -> Resource:
    """A new resource; raises EntityAlreadyExistsError where one of the kind has the name, in whatever case."""
    if find(tx, account_id, kind, name) is not None:
        raise EntityAlreadyExistsError(kind, name)
    made = Resource(new_id(kind), account_id, kind, name, path, description, tx.now)
    tx.execute(
        sa.insert(iam_resources).values(
            id=made.id,
            account_id=account_id,
            kind=kind,
            name=name,
            name_key=name.lower(),
            path=path,
            description=description,
            created_at=tx.now,
        )
    )
    changed(tx, account_id)
    return made


def find(tx: Transaction, account_id: str, kind: Kind, name: str) -> Resource | None:
    """The account's resource of that kind and name, in whatever case, or None."""
    row = tx.one(
        sa.select(iam_resources).where(
            iam_resources.c.account_id == account_id,
            iam_resources.c.kind == kind,
            iam_resources.c.name_key == name.lower(),
        )
    )
    return read(row) if row is not None else None


def get(tx: Transaction, account_id: str, kind: Kind, name: str) -> Resource:
    """The account's resource of that kind and name; raises NoSuchEntityError."""
    found = find(tx, account_id, kind, name)
    if found is None:
        raise NoSuchEntityError.named(kind, name)
    return found


def by_id(tx: Transaction, unique_id: str) -> Resource | None:
    """The resource with that unique id, or None."""
    row = tx.one(sa.select(iam_resources).where(iam_resources.c.id == unique_id))
    return read(row) if row is not None else None


def listed(
    tx: Transaction, account_id: str, kind: Kind, *, path_prefix: str = "/", after: str | None = None, limit: int
) -> list[Resource]:
    """Resources of a kind in the order of their names in lower case, behind that of one of them."""
    query = (
        sa.select(iam_resources)
        .where(
            iam_resources.c.account_id == account_id,
            iam_resources.c.kind == kind,
            sa.func.substr(iam_resources.c.path, 1, len(path_prefix)) == path_prefix,
            iam_resources.c.name_key > (after or ""),
        )
        .order_by(iam_resources.c.name_key)
        .limit(limit)
    )
    return [read(row) for row in tx.all(query)]


def count(tx: Transaction, account_id: str, kind: Kind) -> int:
    """How many resources of a kind the account has."""
    where = iam_resources.c.account_id == account_id, iam_resources.c.kind == kind
    row = tx.one(sa.select(sa.func.count().label("n")).select_from(iam_resources).where(*where))
    return int(row.n) if row is not None else 0


def rename(tx: Transaction, resource: Resource, *, name: str | None = None, path: str | None = None) -> None:
    """Give it another name or path; its unique id stays. Raises EntityAlreadyExistsError."""
    wanted = name if name is not None else resource.name
    taken = find(tx, resource.account_id, resource.kind, wanted)
    if taken is not None and taken.id != resource.id:
        raise EntityAlreadyExistsError(resource.kind, wanted)
    values = {"name": wanted, "name_key": wanted.lower(), "path": path if path is not None else resource.path}
    tx.execute(sa.update(iam_resources).where(iam_resources.c.id == resource.id).values(values))
    changed(tx, resource.account_id)


def describe(tx: Transaction, resource: Resource, description: str | None) -> None:
    """Set its description."""
    tx.execute(sa.update(iam_resources).where(iam_resources.c.id == resource.id).values(description=description))


def delete(tx: Transaction, resource: Resource) -> None:
    """Remove it, with everything that hangs on it; what must not be left behind is the caller's to ask before."""
    tx.execute(sa.delete(iam_resources).where(iam_resources.c.id == resource.id))
    changed(tx, resource.account_id)


def tags_of(tx: Transaction, resource: Resource) -> dict[str, str]:
    """Its tags in the order of their keys."""
    query = sa.select(iam_tags.c.key, iam_tags.c.value).where(iam_tags.c.resource_id == resource.id).order_by(iam_tags.c.key)
    return {row.key: row.value for row in tx.all(query)}


def set_tags(tx: Transaction, resource: Resource, tags: Mapping[str, str]) -> None:
    """Add tags, or give them other values; keys that differ in case only are one key, and keep the newest spelling."""
    remove_tags(tx, resource, tags)
    for key, value in tags.items():
        tx.execute(sa.insert(iam_tags).values(resource_id=resource.id, key_key=key.lower(), key=key, value=value))
    changed(tx, resource.account_id)


def remove_tags(tx: Transaction, resource: Resource, keys: Iterable[str]) -> None:
    """Remove the tags with these keys; those that are not there are no fault."""
    wanted = [key.lower() for key in keys]
    tx.execute(sa.delete(iam_tags).where(iam_tags.c.resource_id == resource.id, iam_tags.c.key_key.in_(wanted)))
    changed(tx, resource.account_id)


def read(row: sa.Row[Any]) -> Resource:
    """A row of `iam_resources`."""
    return Resource(row.id, row.account_id, Kind(row.kind), row.name, row.path, row.description, Timestamp(row.created_at))
