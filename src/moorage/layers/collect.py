"""Online collection: finds what nothing refers to by indexed queries, never by walking (DESIGN rule 7).

Each step decides in one short transaction that checks again, and removes objects only after its commit. Between the two
the object's key is a row of `garbage`, so that a crash leaves nothing that the next run does not find.
"""

import logging
from dataclasses import dataclass
from functools import partial
from typing import Any

import sqlalchemy as sa

from moorage.core.errors import MoorageError
from moorage.layers import garbage as garbage_rows
from moorage.layers import uploads
from moorage.storage.blobs.port import BlobStore
from moorage.storage.database.database import Database
from moorage.storage.database.schema.images import image_layers
from moorage.storage.database.schema.layers import blobs, layers
from moorage.storage.database.transaction import Transaction

_log = logging.getLogger(__name__)

_STEP = 200
"""Rows a transaction, so that none holds the write lock for long."""


@dataclass(frozen=True, slots=True)
class Collected:
    """What a run removed."""

    layers: int = 0
    blobs: int = 0
    bytes: int = 0


def collect(database: Database, store: BlobStore, grace: int) -> Collected:
    """Collect everything that has been unreferenced for longer than `grace` milliseconds."""
    unlinked = 0
    while step := database.write(lambda tx: _drop_layers(tx, grace)).result():
        unlinked += step
    removed = 0
    while step := database.write(lambda tx: _drop_blobs(tx, grace)).result():
        removed += step
    return Collected(unlinked, removed, discard_garbage(database, store))


def discard_garbage(database: Database, store: BlobStore) -> int:
    """Remove the objects that no row needs; returns the bytes freed."""
    freed, last = 0, ""
    while keys := database.read(partial(garbage_rows.due, after=last, limit=_STEP)).result():
        last = keys[-1]
        gone: list[str] = []
        for key in keys:
            try:
                freed += store.discard(key)
            except (OSError, MoorageError):
                # It stays on the list, and must not keep the others from going.
                _log.exception("an object cannot be removed", extra={"key": key})
            else:
                gone.append(key)
        database.write(partial(garbage_rows.forget, keys=gone)).result()
    return freed


def reap_uploads(database: Database, store: BlobStore) -> int:
    """Remove sessions whose time is over, with their bytes; returns how many.

    The row goes before the bytes: a closing PUT that is under way finds its session gone and publishes nothing.
    """
    reaped = 0
    while step := database.write(lambda tx: uploads.reap(tx, _STEP)).result():
        reaped += step
    discard_garbage(database, store)
    return reaped


def _referred() -> sa.Select[tuple[int]]:
    """Images, removed or not, that refer to a hold."""
    return sa.select(image_layers.c.blob_id).where(
        image_layers.c.repository_id == layers.c.repository_id, image_layers.c.blob_id == layers.c.blob_id
    )


def _stamped_before(time: int) -> sa.Select[Any]:
    return sa.select(layers.c.repository_id, layers.c.blob_id, layers.c.stamped_at).where(layers.c.stamped_at < time)


def _drop_layers(tx: Transaction, grace: int) -> int:
    """Holds that no image, removed or not, refers to."""
    rows = tx.all(_stamped_before(tx.now - grace).where(~sa.exists(_referred())).limit(_STEP))
    for row in rows:
        tx.execute(sa.delete(layers).where(layers.c.repository_id == row.repository_id, layers.c.blob_id == row.blob_id))
        held = sa.select(layers.c.blob_id).where(layers.c.blob_id == row.blob_id)
        orphaned = sa.update(blobs).where(blobs.c.id == row.blob_id, ~sa.exists(held))
        tx.execute(orphaned.values(stamped_at=row.stamped_at))
    return len(rows)


def _drop_blobs(tx: Transaction, grace: int) -> int:
    """Blobs that no repository holds: their rows go now, and their objects are garbage."""
    held = sa.select(layers.c.blob_id).where(layers.c.blob_id == blobs.c.id)
    query = sa.select(blobs.c.id, blobs.c.key).where(blobs.c.stamped_at < tx.now - grace, ~sa.exists(held))
    rows = tx.all(query.limit(_STEP))
    tx.execute(sa.delete(blobs).where(blobs.c.id.in_([row.id for row in rows])))
    garbage_rows.add(tx, [row.key for row in rows])
    return len(rows)
