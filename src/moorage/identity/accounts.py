"""Accounts and their registries."""

import sqlalchemy as sa

from moorage.core.call import Registry
from moorage.storage.database.schema import accounts, registries
from moorage.storage.database.transaction import Transaction


def ensure_account(tx: Transaction, account_id: str, name: str) -> None:
    """Create the account unless it exists."""
    if not tx.one(sa.select(accounts.c.id).where(accounts.c.id == account_id)):
        tx.execute(sa.insert(accounts).values(id=account_id, name=name, created_at=tx.now))


def find_registry(tx: Transaction, service: str, account_id: str, region: str) -> Registry | None:
    """The registry of that service, account and region, or None."""
    row = tx.one(
        sa.select(registries.c.id).where(
            registries.c.service == service, registries.c.account_id == account_id, registries.c.region == region
        )
    )
    return Registry(row.id, service, account_id, region) if row else None


def ensure_registry(tx: Transaction, service: str, account_id: str, region: str) -> Registry:
    """The registry, made when it is first needed, as ECR's exist from the start; the account must exist."""
    found = find_registry(tx, service, account_id, region)
    if found:
        return found
    added = tx.insert(registries, service=service, account_id=account_id, region=region, created_at=tx.now)
    return Registry(added, service, account_id, region)
