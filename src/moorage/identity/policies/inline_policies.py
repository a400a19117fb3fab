"""Inline policies: those that belong to one user, group or role, and end with it."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from moorage.iam.kinds import size_of
from moorage.identity import resources
from moorage.identity.policies.policy_errors import PolicyLimitError, no_inline_policy
from moorage.identity.resources import Kind, Resource
from moorage.storage.database.schema.iam import inline_policies
from moorage.storage.database.transaction import Transaction

MOST_CHARACTERS = {Kind.USER: 2048, Kind.GROUP: 5120, Kind.ROLE: 10_240}
"""Of all inline policies of one resource together; white space does not count (IAM user guide, "IAM and STS quotas")."""


@dataclass(frozen=True, slots=True)
class InlinePolicy:
    """One inline policy."""

    name: str
    text: str
    """As it was given."""


def put(tx: Transaction, resource: Resource, policy: InlinePolicy) -> None:
    """Add a policy, or replace the one of that name, in whatever case; raises PolicyLimitError."""
    others = (each for each in listed(tx, resource) if each.name.lower() != policy.name.lower())
    limit = MOST_CHARACTERS[resource.kind]
    if sum(size_of(each.text) for each in others) + size_of(policy.text) > limit:
        raise PolicyLimitError.of_inline(resource.kind, resource.name, limit)
    tx.execute(sa.delete(inline_policies).where(*_named(resource, policy.name)))
    row = {"resource_id": resource.id, "name_key": policy.name.lower(), "name": policy.name, "text": policy.text}
    tx.execute(sa.insert(inline_policies).values(row))
    resources.changed(tx, resource.account_id)


def get(tx: Transaction, resource: Resource, name: str) -> InlinePolicy:
    """The resource's policy of that name, in whatever case; raises NoSuchEntityError."""
    row = tx.one(sa.select(inline_policies).where(*_named(resource, name)))
    if row is None:
        raise no_inline_policy(resource.kind, name)
    return _read(row)


def delete(tx: Transaction, resource: Resource, name: str) -> None:
    """Remove the resource's policy of that name; raises NoSuchEntityError."""
    get(tx, resource, name)
    tx.execute(sa.delete(inline_policies).where(*_named(resource, name)))
    resources.changed(tx, resource.account_id)


def listed(tx: Transaction, resource: Resource, *, after: str = "", limit: int | None = None) -> list[InlinePolicy]:
    """The resource's policies in the order of their names in lower case, behind that of one of them."""
    query = (
        sa.select(inline_policies)
        .where(inline_policies.c.resource_id == resource.id, inline_policies.c.name_key > after.lower())
        .order_by(inline_policies.c.name_key)
        .limit(limit)
    )
    return [_read(row) for row in tx.all(query)]


def _named(resource: Resource, name: str) -> tuple[sa.ColumnElement[bool], ...]:
    return inline_policies.c.resource_id == resource.id, inline_policies.c.name_key == name.lower()


def _read(row: sa.Row[Any]) -> InlinePolicy:
    return InlinePolicy(row.name, row.text)
