"""Roles: identities that others take for a time (IAM user guide, "IAM roles")."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from moorage.core.clock import Timestamp
from moorage.iam.policy import Policy
from moorage.identity import resources
from moorage.identity.iam_errors import DeleteConflictError, QuotaExceededError, UnmodifiableEntityError
from moorage.identity.resources import Kind, Resource
from moorage.identity.roles import linked_roles, trust
from moorage.storage.database.schema.iam import (
    iam_resources,
    inline_policies,
    instance_profile_roles,
    policy_attachments,
    roles,
)
from moorage.storage.database.transaction import Transaction

MOST_PER_ACCOUNT = 1000
DEFAULT_SESSION_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Role:
    """A role."""

    resource: Resource
    trust_policy: str
    """As it was given."""
    trusted_ids: Mapping[str, str]
    """The ARNs of users and roles in it, and the unique ids that they meant when it was written."""
    max_session_seconds: int
    last_used_at: Timestamp | None
    last_used_region: str | None

    @property
    def is_linked(self) -> bool:
        """Whether it belongs to a service, which alone may change it."""
        return self.resource.path.startswith(linked_roles.PATH)

    @property
    def trust(self) -> Policy:
        """Its trust policy, ready to be asked."""
        return trust.compiled(self.trust_policy, json.dumps(dict(self.trusted_ids)), self.resource.name)


def create(
    tx: Transaction,
    account_id: str,
    name: str,
    trust_policy: str,
    *,
    path: str = "/",
    description: str | None = None,
    max_session_seconds: int = DEFAULT_SESSION_SECONDS,
) -> Role:
    """A new role; raises EntityAlreadyExistsError, QuotaExceededError and what is wrong with its trust policy."""
    bound = trust.accept(tx, account_id, trust_policy)
    made = resources.create(tx, account_id, Kind.ROLE, name, path=path, description=description)
    if resources.count(tx, account_id, Kind.ROLE) > MOST_PER_ACCOUNT:
        raise QuotaExceededError("RolesPerAccount", MOST_PER_ACCOUNT)
    tx.execute(
        sa.insert(roles).values(
            id=made.id,
            trust_policy=trust_policy,
            trusted_ids=json.dumps(bound),
            max_session_seconds=max_session_seconds,
        )
    )
    return Role(made, trust_policy, bound, max_session_seconds, None, None)


def get(tx: Transaction, account_id: str, name: str) -> Role:
    """The account's role of that name, in whatever case; raises NoSuchEntityError."""
    return _whole(tx, resources.get(tx, account_id, Kind.ROLE, name))


def by_arn(tx: Transaction, arn: str) -> Role | None:
    """The role with that ARN, of whatever account; names in ARNs are compared with regard to case, and so are paths."""
    parts = arn.split(":", 5)
    if len(parts) != 6 or not parts[5].startswith("role/"):
        return None
    found = resources.find(tx, parts[4], Kind.ROLE, arn.rpartition("/")[2])
    return _whole(tx, found) if found is not None and found.arn == arn else None


def listed(tx: Transaction, account_id: str, path_prefix: str, after: str | None, limit: int) -> list[Role]:
    """Roles in the order of their names in lower case, behind one of these."""
    found = resources.listed(tx, account_id, Kind.ROLE, path_prefix=path_prefix, after=after, limit=limit)
    rows = {row.id: row for row in tx.all(sa.select(roles).where(roles.c.id.in_([role.id for role in found])))}
    return [_read(resource, rows[resource.id]) for resource in found]


def by_ids(tx: Transaction, unique_ids: Sequence[str]) -> list[Role]:
    """The roles with these unique ids that there are, in no particular order."""
    query = sa.select(iam_resources, *_COLUMNS).join(roles, roles.c.id == iam_resources.c.id)
    return [_read(resources.read(row), row) for row in tx.all(query.where(iam_resources.c.id.in_(unique_ids)))]


def update(tx: Transaction, role: Role, *, max_session_seconds: int) -> None:
    """Set how long its sessions may last; those that are there go on."""
    tx.execute(sa.update(roles).where(roles.c.id == role.resource.id).values(max_session_seconds=max_session_seconds))


def set_trust_policy(tx: Transaction, role: Role, text: str) -> None:
    """Set who may take it; raises what is wrong with the policy. Sessions that are there go on."""
    bound = trust.accept(tx, role.resource.account_id, text)
    values = {"trust_policy": text, "trusted_ids": json.dumps(bound)}
    tx.execute(sa.update(roles).where(roles.c.id == role.resource.id).values(values))
    resources.changed(tx, role.resource.account_id)


def delete(tx: Transaction, role: Role) -> None:
    """Remove it, and its sessions with it; raises DeleteConflictError while something hangs on it."""
    own = role.resource.id
    for table, column, must in (
        (instance_profile_roles, instance_profile_roles.c.role_id, "remove roles from instance profile"),
        (policy_attachments, policy_attachments.c.resource_id, "detach all policies"),
        (inline_policies, inline_policies.c.resource_id, "delete policies"),
    ):
        if tx.one(sa.select(column).select_from(table).where(column == own).limit(1)) is not None:
            raise DeleteConflictError(f"Cannot delete entity, must {must} first.")
    resources.delete(tx, role.resource)


def refuse_linked(role: Role) -> None:
    """Raise UnmodifiableEntityError for a role that belongs to a service."""
    if role.is_linked:
        raise UnmodifiableEntityError(role.resource.name)


def note_use(tx: Transaction, used: Mapping[str, tuple[int, str]]) -> None:
    """Record when and in which region roles were last used, by unique id; in batches, since nobody waits for it."""
    statement = (
        sa.update(roles)
        .where(roles.c.id == sa.bindparam("role"))
        .values(last_used_at=sa.bindparam("at"), last_used_region=sa.bindparam("region"))
    )
    tx.execute(statement, [{"role": role, "at": at, "region": region} for role, (at, region) in used.items()])


_COLUMNS = [column for column in roles.c if column.name != "id"]


def _whole(tx: Transaction, resource: Resource) -> Role:
    row = tx.one(sa.select(roles).where(roles.c.id == resource.id))
    if row is None:
        raise LookupError(f"the role {resource.id} has no row")
    return _read(resource, row)


def _read(resource: Resource, row: sa.Row[Any]) -> Role:
    return Role(
        resource=resource,
        trust_policy=row.trust_policy,
        trusted_ids=json.loads(row.trusted_ids),
        max_session_seconds=row.max_session_seconds,
        last_used_at=Timestamp(row.last_used_at) if row.last_used_at is not None else None,
        last_used_region=row.last_used_region,
    )
