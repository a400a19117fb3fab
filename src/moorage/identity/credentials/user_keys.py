"""The access keys that users, and an account's root, make and end themselves (IAM user guide, "Managing access keys")."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from moorage.core.clock import Timestamp
from moorage.identity import resources
from moorage.identity.credentials.access_keys import new_key_id, new_secret
from moorage.identity.credentials.sealing import Sealer
from moorage.identity.iam_errors import NoSuchEntityError, QuotaExceededError
from moorage.storage.database.schema.identity import access_keys
from moorage.storage.database.transaction import Transaction

MOST_PER_USER = 2


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose keys: a user's, or those of an account's root."""

    account_id: str
    user_id: str | None
    """None: the root's."""


@dataclass(frozen=True, slots=True)
class Use:
    """The last use of a key."""

    at: int
    """Milliseconds."""
    service: str
    """The signing name, such as `ecr`."""
    region: str


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """What may be known of a key: everything but its secret."""

    id: str
    owner: Owner
    active: bool
    created_at: Timestamp
    last_used: Use | None


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A key that was made just now, with its secret, which is shown this once."""

    facts: KeyFacts
    secret: str

    def __repr__(self) -> str:
        return f"MadeKey({self.facts.id})"


def create(tx: Transaction, sealer: Sealer, owner: Owner) -> MadeKey:
    """A new, active key; raises QuotaExceededError."""
    if len(listed(tx, owner)) >= MOST_PER_USER:
        raise QuotaExceededError("AccessKeysPerUser", MOST_PER_USER)
    key_id, secret = new_key_id(owner.account_id), new_secret()
    tx.execute(
        sa.insert(access_keys).values(
            id=key_id,
            account_id=owner.account_id,
            user_id=owner.user_id,
            sealed_secret=sealer.seal(secret, key_id),
            active=True,
            created_at=tx.now,
        )
    )
    return MadeKey(KeyFacts(key_id, owner, active=True, created_at=tx.now, last_used=None), secret)


def listed(tx: Transaction, owner: Owner) -> list[KeyFacts]:
    """The owner's keys, oldest first."""
    query = sa.select(access_keys).where(*_of(owner)).order_by(access_keys.c.created_at, access_keys.c.id)
    return [_read(row) for row in tx.all(query)]


def find(tx: Transaction, account_id: str, key_id: str) -> KeyFacts | None:
    """The account's key with that id, whosever it is, or None."""
    row = tx.one(sa.select(access_keys).where(access_keys.c.id == key_id, access_keys.c.account_id == account_id))
    return _read(row) if row is not None else None


def set_active(tx: Transaction, owner: Owner, key_id: str, *, active: bool) -> None:
    """Let a key sign, or no longer; raises NoSuchEntityError. What was issued to it is good while the key is."""
    found = sa.update(access_keys).where(*_of(owner), access_keys.c.id == key_id).values(active=active)
    if not tx.execute(found).rowcount:
        raise no_key(key_id)
    resources.changed(tx, owner.account_id)


def delete(tx: Transaction, owner: Owner, key_id: str) -> None:
    """End a key and what was issued to it; raises NoSuchEntityError."""
    if not tx.execute(sa.delete(access_keys).where(*_of(owner), access_keys.c.id == key_id)).rowcount:
        raise no_key(key_id)
    resources.changed(tx, owner.account_id)


def note_uses(tx: Transaction, used: Mapping[str, Use]) -> None:
    """Record the last uses of keys, by their ids; in batches, since nobody waits for it."""
    before = access_keys.c.last_used_at.is_(None) | (access_keys.c.last_used_at <= sa.bindparam("at"))
    statement = (
        sa.update(access_keys)
        .where(access_keys.c.id == sa.bindparam("key"), before)
        .values(
            last_used_at=sa.bindparam("at"),
            last_used_service=sa.bindparam("service"),
            last_used_region=sa.bindparam("region"),
        )
    )
    rows = [{"key": key, "at": use.at, "service": use.service, "region": use.region} for key, use in used.items()]
    tx.execute(statement, rows)


def no_key(key_id: str) -> NoSuchEntityError:
    """There is no such key, or it is somebody else's."""
    return NoSuchEntityError(f"The Access Key with id {key_id} cannot be found.")


def _of(owner: Owner) -> tuple[sa.ColumnElement[bool], ...]:
    return access_keys.c.account_id == owner.account_id, access_keys.c.user_id.is_not_distinct_from(owner.user_id)


def _read(row: sa.Row[Any]) -> KeyFacts:
    used = row.last_used_at is not None
    return KeyFacts(
        row.id,
        Owner(row.account_id, row.user_id),
        bool(row.active),
        row.created_at,
        Use(row.last_used_at, row.last_used_service, row.last_used_region) if used else None,
    )
