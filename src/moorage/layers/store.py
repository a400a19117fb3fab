"""Layers in the database: which repository holds which blob, since when, and whether anything refers to it.

A layer is *stamped* while no image, removed or not, refers to it; a blob is stamped while no repository holds it. What
has been stamped for longer than the grace period may be collected. A layer is *removed* while only removed images refer
to it: it is kept for them, and nobody can see it.
"""

import sqlite3
from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from moorage.layers.model import Layer
from moorage.repositories.store import IS_SHOWN, SHOWN_WITH_OWNER, VERSIONS
from moorage.storage.database.schema.images import image_layers, images
from moorage.storage.database.schema.layers import blob_digests, blobs, layers
from moorage.storage.database.transaction import Transaction

_FIND = """
SELECT l.repository_id, l.blob_id, b.key, b.size, l.media_type, l.stamped_at
FROM blob_digests d JOIN layers l ON l.blob_id = d.blob_id JOIN blobs b ON b.id = d.blob_id
WHERE d.digest = ? AND l.repository_id = ? AND l.removed_at IS NULL
"""

STILL_HELD = f"""
SELECT {VERSIONS} FROM layers l {SHOWN_WITH_OWNER.format(repository="l.repository_id")}
WHERE l.repository_id = :repository AND l.blob_id = :blob AND l.removed_at IS NULL
"""  # noqa: S608  (constants)
"""Has a row while a repository, not deleted, holds and shows a blob: the versions of who may do what there."""

_FIND_SHOWN = f"{_FIND} AND EXISTS ({IS_SHOWN.format(repository='l.repository_id')})"

_SHOWN = layers.c.removed_at.is_(None)


def find_now(points: sqlite3.Connection, repository_id: int, digest: str) -> Layer | None:
    """The layer if this repository holds and shows it; one point read."""
    row = points.execute(_FIND, (digest, repository_id)).fetchone()
    return Layer(*row) if row else None


def find_shown_now(points: sqlite3.Connection, repository_id: int, digest: str) -> Layer | None:
    """As `find_now`, for whoever knows the repository by its id alone: it may be deleted since. One point read."""
    row = points.execute(_FIND_SHOWN, (digest, repository_id)).fetchone()
    return Layer(*row) if row else None


def find(tx: Transaction, repository_id: int, digest: str) -> Layer | None:
    """The layer if this repository holds and shows it."""
    row = tx.connection.exec_driver_sql(_FIND, (digest, repository_id)).first()
    return Layer(*tuple(row)) if row else None


def find_many(
    tx: Transaction, repository_id: int, digests: Iterable[str], *, hidden_since: int | None = None
) -> dict[str, Layer]:
    """The layers among these digests that this repository holds and shows, by digest.

    With `hidden_since` (milliseconds) also those that were hidden later than that, because their last image was removed.
    """
    shown = _SHOWN if hidden_since is None else sa.or_(_SHOWN, layers.c.removed_at > hidden_since)
    found: dict[str, Layer] = {}
    wanted = list(dict.fromkeys(digests))
    for start in range(0, len(wanted), 500):
        query = (
            sa.select(
                blob_digests.c.digest,
                layers.c.repository_id,
                layers.c.blob_id,
                blobs.c.key,
                blobs.c.size,
                layers.c.media_type,
                layers.c.stamped_at,
            )
            .join_from(blob_digests, layers, layers.c.blob_id == blob_digests.c.blob_id)
            .join(blobs, blobs.c.id == layers.c.blob_id)
            .where(blob_digests.c.digest.in_(wanted[start : start + 500]), layers.c.repository_id == repository_id, shown)
        )
        found.update({row[0]: Layer(*tuple(row)[1:]) for row in tx.all(query)})
    return found


def holders(tx: Transaction, digest: str, registry_id: int, target_id: int) -> list[int]:
    """The repositories of a registry that hold and show a blob, for a mount that names no source.

    Only those whose encryption is the target's (ECR user guide, "Blob mounting").
    """
    from_registry = sa.text(
        "SELECT l.repository_id FROM blob_digests d JOIN layers l ON l.blob_id = d.blob_id "
        "JOIN repositories r ON r.id = l.repository_id "
        "JOIN repositories t ON t.id = :target "
        "AND t.encryption_type = r.encryption_type AND coalesce(t.kms_key, '') = coalesce(r.kms_key, '') "
        "WHERE d.digest = :digest AND r.registry_id = :registry AND l.removed_at IS NULL LIMIT 16"
    )
    return [row[0] for row in tx.execute(from_registry, {"digest": digest, "registry": registry_id, "target": target_id})]


def link(tx: Transaction, repository_id: int, blob_id: int) -> None:
    """Let the repository hold and show the blob. Repeating it refreshes the stamp of a layer that no image refers to."""
    where = layers.c.repository_id == repository_id, layers.c.blob_id == blob_id
    row = tx.one(sa.select(layers.c.stamped_at).where(*where))
    if row is None:
        values = {"repository_id": repository_id, "blob_id": blob_id, "linked_at": tx.now, "stamped_at": tx.now}
        tx.execute(sa.insert(layers).values(values))
    else:
        stamped_at = tx.now if row.stamped_at is not None else None
        tx.execute(sa.update(layers).where(*where).values(removed_at=None, stamped_at=stamped_at))
    tx.execute(sa.update(blobs).where(blobs.c.id == blob_id, blobs.c.stamped_at.is_not(None)).values(stamped_at=None))


def touch(tx: Transaction, repository_id: int, blob_ids: Sequence[int]) -> None:
    """Somebody asked whether these layers exist and may rely on the answer: begin their grace period anew."""
    where = layers.c.repository_id == repository_id, layers.c.blob_id.in_(blob_ids), layers.c.stamped_at.is_not(None)
    tx.execute(sa.update(layers).where(*where).values(stamped_at=tx.now))


def refer(tx: Transaction, repository_id: int, blob_ids: Sequence[int]) -> None:
    """An image refers to these layers now: they are no longer stamped, and shown again."""
    for start in range(0, len(blob_ids), 500):
        where = layers.c.repository_id == repository_id, layers.c.blob_id.in_(blob_ids[start : start + 500])
        tx.execute(sa.update(layers).where(*where).values(stamped_at=None, removed_at=None))


def name_types(tx: Transaction, repository_id: int, types: dict[int, str]) -> None:
    """Remember what a manifest calls these layers, by blob id, where nothing is remembered yet."""
    statement = (
        sa.update(layers)
        .where(
            layers.c.repository_id == repository_id,
            layers.c.blob_id == sa.bindparam("blob"),
            layers.c.media_type.is_(None),
        )
        .values(media_type=sa.bindparam("type"))
    )
    tx.execute(statement, [{"blob": blob, "type": name} for blob, name in types.items()])


def hide_unused(tx: Transaction, repository_id: int, image_id: int) -> None:
    """An image was removed: what it alone referred to is hidden."""
    live = (
        sa.select(image_layers.c.blob_id)
        .join(images, images.c.id == image_layers.c.image_id)
        .where(image_layers.c.repository_id == repository_id, image_layers.c.blob_id == layers.c.blob_id)
        .where(images.c.removed_at.is_(None))
    )
    mine = sa.select(image_layers.c.blob_id).where(image_layers.c.image_id == image_id)
    where = layers.c.repository_id == repository_id, layers.c.blob_id.in_(mine), ~sa.exists(live)
    tx.execute(sa.update(layers).where(*where).values(removed_at=tx.now))


def stamp_unreferred(tx: Transaction, repository_id: int, blob_ids: Sequence[int]) -> None:
    """An image's row is gone: what no image, removed or not, refers to any more is stamped."""
    referred = sa.select(image_layers.c.blob_id).where(
        image_layers.c.repository_id == repository_id, image_layers.c.blob_id == layers.c.blob_id
    )
    for start in range(0, len(blob_ids), 500):
        where = (
            layers.c.repository_id == repository_id,
            layers.c.blob_id.in_(blob_ids[start : start + 500]),
            layers.c.stamped_at.is_(None),
            ~sa.exists(referred),
        )
        tx.execute(sa.update(layers).where(*where).values(stamped_at=tx.now))


def is_referred(tx: Transaction, repository_id: int, blob_id: int) -> bool:
    """Whether an image that is not removed refers to the layer."""
    query = (
        sa.select(sa.literal(1))
        .select_from(image_layers)
        .join(images, images.c.id == image_layers.c.image_id)
        .where(image_layers.c.repository_id == repository_id, image_layers.c.blob_id == blob_id, images.c.removed_at.is_(None))
    )
    return tx.one(query.limit(1)) is not None


def hide(tx: Transaction, repository_id: int, blob_id: int) -> None:
    """Unlink a layer that no image shows; its row goes with the collector.

    It counts as hidden since ever: a push that was told of it before does not bring it back.
    """
    where = layers.c.repository_id == repository_id, layers.c.blob_id == blob_id
    tx.execute(sa.update(layers).where(*where).values(removed_at=0))


def drop_some(tx: Transaction, repository_id: int, limit: int) -> int:
    """Drop at most `limit` holds of a deleted repository, whose images are gone; returns how many.

    Blobs that nobody else holds are stamped, and left to the collector.
    """
    some = sa.select(layers.c.blob_id).where(layers.c.repository_id == repository_id).limit(limit)
    blob_ids = [row.blob_id for row in tx.all(some)]
    tx.execute(sa.delete(layers).where(layers.c.repository_id == repository_id, layers.c.blob_id.in_(blob_ids)))
    held = sa.select(layers.c.blob_id).where(layers.c.blob_id == blobs.c.id)
    tx.execute(sa.update(blobs).where(blobs.c.id.in_(blob_ids), ~sa.exists(held)).values(stamped_at=tx.now))
    return len(blob_ids)
