"""Keys of objects that no row needs any more, kept until the objects are seen to be gone."""

from collections.abc import Sequence

import sqlalchemy as sa

from moorage.storage.database.schema import garbage
from moorage.storage.database.transaction import Transaction


def add(tx: Transaction, keys: Sequence[str]) -> None:
    """The objects under these keys may go after this commit."""
    if keys:
        rows = [{"key": key, "added_at": tx.now} for key in keys]
        tx.execute(sa.insert(garbage).prefix_with("OR IGNORE", dialect="sqlite"), rows)


def some(tx: Transaction, limit: int) -> list[str]:
    """At most `limit` keys."""
    return [row.key for row in tx.all(sa.select(garbage.c.key).limit(limit))]


def forget(tx: Transaction, keys: Sequence[str]) -> None:
    """The objects under these keys are gone."""
    tx.execute(sa.delete(garbage).where(garbage.c.key.in_(keys)))
