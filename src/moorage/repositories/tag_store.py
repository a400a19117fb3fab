"""Resource tags in the database."""

from collections.abc import Collection, Mapping

import sqlalchemy as sa

from moorage.storage.database.schema.repositories import resource_tags
from moorage.storage.database.transaction import Transaction


def of(tx: Transaction, repository_id: int) -> dict[str, str]:
    """The repository's tags, in the order of their keys."""
    mine = sa.select(resource_tags.c.key, resource_tags.c.value).where(resource_tags.c.repository_id == repository_id)
    return {row.key: row.value for row in tx.all(mine.order_by(resource_tags.c.key))}


def put(tx: Transaction, repository_id: int, tags: Mapping[str, str]) -> None:
    """Set these tags; the others stay as they are."""
    remove(tx, repository_id, tags)
    if tags:
        rows = [{"repository_id": repository_id, "key": key, "value": value} for key, value in tags.items()]
        tx.execute(sa.insert(resource_tags), rows)


def remove(tx: Transaction, repository_id: int, keys: Collection[str]) -> None:
    """Remove the tags with these keys, where there are any."""
    where = resource_tags.c.repository_id == repository_id, resource_tags.c.key.in_(list(keys))
    tx.execute(sa.delete(resource_tags).where(*where))
