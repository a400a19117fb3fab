"""Registry policies in the database."""

import sqlalchemy as sa

from moorage.core.call import Registry
from moorage.storage.database.schema.registries import registry_policies
from moorage.storage.database.transaction import Transaction


def find(tx: Transaction, registry: Registry) -> str | None:
    """The registry's policy as it is printed, or None."""
    row = tx.one(sa.select(registry_policies.c.text).where(registry_policies.c.registry_id == registry.id))
    return row.text if row else None


def put(tx: Transaction, registry: Registry, text: str) -> None:
    """Attach a policy, in the place of the one that was there."""
    delete(tx, registry)
    tx.execute(sa.insert(registry_policies).values(registry_id=registry.id, text=text, set_at=tx.now))


def delete(tx: Transaction, registry: Registry) -> None:
    """Remove the registry's policy, if it has one."""
    tx.execute(sa.delete(registry_policies).where(registry_policies.c.registry_id == registry.id))
