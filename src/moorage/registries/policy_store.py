"""Registry policies in the database."""

import sqlalchemy as sa

from moorage.core.call import Registry
from moorage.registries.policy_text import Kept
from moorage.storage.database.schema.identity import registries
from moorage.storage.database.schema.registries import registry_policies
from moorage.storage.database.transaction import Transaction


def find(tx: Transaction, registry: Registry) -> Kept | None:
    """The registry's policy, or None."""
    columns = registry_policies.c.text, registry_policies.c.principal_ids
    row = tx.one(sa.select(*columns).where(registry_policies.c.registry_id == registry.id))
    return Kept(row.text, row.principal_ids) if row else None


def put(tx: Transaction, registry: Registry, policy: Kept) -> None:
    """Attach a policy, in the place of the one that was there."""
    delete(tx, registry)
    values = {"text": policy.text, "principal_ids": policy.principal_ids, "set_at": tx.now}
    tx.execute(sa.insert(registry_policies).values(registry_id=registry.id, **values))


def delete(tx: Transaction, registry: Registry) -> None:
    """Remove the registry's policy, if it has one."""
    tx.execute(sa.delete(registry_policies).where(registry_policies.c.registry_id == registry.id))
    changed(tx, registry.id)


def changed(tx: Transaction, registry_id: int) -> None:
    """Say that what the registry's policy decides is no longer what it was (DESIGN rule 9); part of every such change."""
    raised = registries.c.policy_version + 1
    tx.execute(sa.update(registries).where(registries.c.id == registry_id).values(policy_version=raised))
