"""Accounts and their registries."""

import secrets
from dataclasses import dataclass

import sqlalchemy as sa

from moorage.core.call import Registry
from moorage.core.clock import Timestamp
from moorage.identity.errors import AccountAlreadyExistsError
from moorage.identity.iam_errors import EntityAlreadyExistsError
from moorage.identity.policies import service_control
from moorage.storage.database.schema.identity import accounts, registries
from moorage.storage.database.transaction import Transaction


def ensure_account(tx: Transaction, account_id: str, name: str) -> None:
    """Create the account unless it exists."""
    if not exists(tx, account_id):
        tx.execute(sa.insert(accounts).values(id=account_id, name=name, created_at=tx.now))


@dataclass(frozen=True, slots=True)
class Account:
    """Who owns registries and access keys."""

    id: str
    """Twelve digits."""
    name: str
    created_at: Timestamp


def create_account(tx: Transaction, account_id: str | None, name: str) -> Account:
    """A new account of that id, or of a random free one, with `FullAWSAccess`; raises AccountAlreadyExistsError."""
    chosen = account_id or _free_id(tx)
    if exists(tx, chosen):
        raise AccountAlreadyExistsError(chosen)
    tx.execute(sa.insert(accounts).values(id=chosen, name=name, created_at=tx.now))
    service_control.begin(tx, chosen)
    return Account(chosen, name, tx.now)


def get(tx: Transaction, account_id: str) -> Account:
    """The account with that id, which must exist."""
    row = tx.one(sa.select(accounts).where(accounts.c.id == account_id))
    if row is None:
        raise LookupError(f"there is no account {account_id}")
    return Account(row.id, row.name, row.created_at)


def alias_of(tx: Transaction, account_id: str) -> str | None:
    """The account's other name in sign-in addresses, or None."""
    row = tx.one(sa.select(accounts.c.alias).where(accounts.c.id == account_id))
    return row.alias if row is not None else None


def set_alias(tx: Transaction, account_id: str, alias: str | None) -> None:
    """Give the account an alias in place of the one it has, or (None) none; raises EntityAlreadyExistsError if it is taken."""
    taken = tx.one(sa.select(accounts.c.id).where(accounts.c.alias == alias, accounts.c.id != account_id))
    if alias is not None and taken is not None:
        raise EntityAlreadyExistsError("account-alias", alias)
    tx.execute(sa.update(accounts).where(accounts.c.id == account_id).values(alias=alias))


def list_accounts(tx: Transaction, after: str | None, limit: int) -> list[Account]:
    """Accounts in the order of their ids, behind one of them."""
    query = sa.select(accounts).where(accounts.c.id > (after or "")).order_by(accounts.c.id).limit(limit)
    return [Account(row.id, row.name, row.created_at) for row in tx.all(query)]


def _free_id(tx: Transaction) -> str:
    while True:
        # Like AWS's own, it does not begin with a zero, which spreadsheets would eat.
        chosen = str(secrets.randbelow(9 * 10**11) + 10**11)
        if not exists(tx, chosen):
            return chosen


def exists(tx: Transaction, account_id: str) -> bool:
    """Whether there is an account of that id."""
    return tx.one(sa.select(accounts.c.id).where(accounts.c.id == account_id)) is not None


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
