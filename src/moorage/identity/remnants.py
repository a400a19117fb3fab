"""What must not be left behind: a user, group or role with policies of its own cannot be deleted."""

from typing import Any

import sqlalchemy as sa

from moorage.identity.iam_errors import DeleteConflictError
from moorage.identity.resources import Resource
from moorage.storage.database.schema.iam import inline_policies, policy_attachments
from moorage.storage.database.transaction import Transaction


def refuse_policies(tx: Transaction, resource: Resource) -> None:
    """Raise DeleteConflictError while policies are attached to it, or inline in it."""
    refuse(tx, sa.select(policy_attachments).where(policy_attachments.c.resource_id == resource.id), "detach all policies")
    refuse(tx, sa.select(inline_policies).where(inline_policies.c.resource_id == resource.id), "delete policies")


def refuse(tx: Transaction, query: sa.Select[Any], first: str) -> None:
    """Raise DeleteConflictError if the query finds a row; `first` is what must be done before."""
    if tx.one(query.limit(1)) is not None:
        raise conflict(first)


def conflict(first: str) -> DeleteConflictError:
    """What is said of a thing that cannot be deleted before something else is done."""
    return DeleteConflictError(f"Cannot delete entity, must {first} first.")
