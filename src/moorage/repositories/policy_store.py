"""Policies of repositories in the database: who may do what, and what a creation template said of old images."""

import sqlalchemy as sa

from moorage.storage.database.schema.repositories import lifecycle_policies, repository_policies
from moorage.storage.database.transaction import Transaction


def find(tx: Transaction, repository_id: int) -> str | None:
    """The repository's policy as it is printed, or None."""
    row = tx.one(sa.select(repository_policies.c.text).where(repository_policies.c.repository_id == repository_id))
    return row.text if row else None


def put(tx: Transaction, repository_id: int, text: str) -> None:
    """Attach a policy, in the place of the one that was there."""
    delete(tx, repository_id)
    tx.execute(sa.insert(repository_policies).values(repository_id=repository_id, text=text, set_at=tx.now))


def delete(tx: Transaction, repository_id: int) -> None:
    """Remove the repository's policy, if it has one."""
    tx.execute(sa.delete(repository_policies).where(repository_policies.c.repository_id == repository_id))


def add_lifecycle(tx: Transaction, repository_id: int, text: str) -> None:
    """Keep a template's lifecycle policy for a new repository. Nothing evaluates it yet."""
    tx.execute(sa.insert(lifecycle_policies).values(repository_id=repository_id, text=text, set_at=tx.now))
