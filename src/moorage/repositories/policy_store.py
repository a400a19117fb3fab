"""Policies of repositories in the database: who may do what, and what a creation template said of old images."""

import sqlalchemy as sa

from moorage.registries.policy_text import Kept
from moorage.storage.database.schema.repositories import lifecycle_policies, repositories, repository_policies
from moorage.storage.database.transaction import Transaction


def find(tx: Transaction, repository_id: int) -> Kept | None:
    """The repository's policy, or None."""
    columns = repository_policies.c.text, repository_policies.c.principal_ids
    row = tx.one(sa.select(*columns).where(repository_policies.c.repository_id == repository_id))
    return Kept(row.text, row.principal_ids) if row else None


def put(tx: Transaction, repository_id: int, policy: Kept) -> None:
    """Attach a policy, in the place of the one that was there."""
    delete(tx, repository_id)
    values = {"text": policy.text, "principal_ids": policy.principal_ids, "set_at": tx.now}
    tx.execute(sa.insert(repository_policies).values(repository_id=repository_id, **values))


def delete(tx: Transaction, repository_id: int) -> None:
    """Remove the repository's policy, if it has one."""
    tx.execute(sa.delete(repository_policies).where(repository_policies.c.repository_id == repository_id))
    changed(tx, repository_id)


def changed(tx: Transaction, repository_id: int) -> None:
    """Say that what the repository's policy and tags decide is no longer what it was (DESIGN rule 9)."""
    raised = repositories.c.policy_version + 1
    tx.execute(sa.update(repositories).where(repositories.c.id == repository_id).values(policy_version=raised))


def add_lifecycle(tx: Transaction, repository_id: int, text: str) -> None:
    """Keep a template's lifecycle policy for a new repository. Nothing evaluates it yet."""
    tx.execute(sa.insert(lifecycle_policies).values(repository_id=repository_id, text=text, set_at=tx.now))
