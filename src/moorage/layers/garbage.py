"""Keys of objects that no row needs any more, kept until the objects are seen to be gone."""

from collections.abc import Sequence

import sqlalchemy as sa

from moorage.storage.database.schema.layers import garbage
from moorage.storage.database.transaction import Transaction


def add(tx: Transaction, keys: Sequence[str], *, keep: int = 0) -> None:
    """The objects under these keys may go after this commit, and after `keep` milliseconds."""
    if keys:
        rows = [{"key": key, "due_at": tx.now + keep} for key in keys]
        tx.execute(sa.insert(garbage).prefix_with("OR IGNORE", dialect="sqlite"), rows)


def due(tx: Transaction, after: str, limit: int) -> list[str]:
    """At most `limit` keys whose objects may go now, in order, behind the key `after`."""
    query = sa.select(garbage.c.key).where(garbage.c.due_at <= tx.now, garbage.c.key > after)
    return [row.key for row in tx.all(query.order_by(garbage.c.key).limit(limit))]


def forget(tx: Transaction, keys: Sequence[str]) -> None:
    """The objects under these keys are gone."""
    tx.execute(sa.delete(garbage).where(garbage.c.key.in_(keys)))
