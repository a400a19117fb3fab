"""Usage of repositories: appended as deltas, folded by a job, so that pushes never wait for one another's row."""

from collections.abc import Sequence

import sqlalchemy as sa

from moorage.storage.database.schema.images import image_layers, images
from moorage.storage.database.schema.layers import blobs
from moorage.storage.database.schema.repositories import usage, usage_deltas
from moorage.storage.database.transaction import Transaction

_STEP = 5000


def exclusive_bytes(tx: Transaction, repository_id: int, blob_ids: Sequence[int], image_id: int) -> int:
    """Bytes of those layers that no other live image of the repository refers to."""
    others = (
        sa.select(sa.literal(1))
        .select_from(image_layers)
        .join(images, images.c.id == image_layers.c.image_id)
        .where(
            image_layers.c.repository_id == repository_id,
            image_layers.c.blob_id == blobs.c.id,
            image_layers.c.image_id != image_id,
            images.c.removed_at.is_(None),
        )
    )
    total = 0
    for start in range(0, len(blob_ids), 500):
        some = blobs.c.id.in_(blob_ids[start : start + 500])
        query = sa.select(sa.func.coalesce(sa.func.sum(blobs.c.size), 0)).where(some, ~sa.exists(others))
        total += int(tx.execute(query).scalar_one())
    return total


def layers_of(tx: Transaction, image_id: int) -> list[int]:
    """The blob ids that an image refers to."""
    return [row.blob_id for row in tx.all(sa.select(image_layers.c.blob_id).where(image_layers.c.image_id == image_id))]


def change(tx: Transaction, repository_id: int, *, images: int, size: int) -> None:
    """Append a change of a repository's number of images and bytes."""
    tx.execute(sa.insert(usage_deltas).values(repository_id=repository_id, images=images, bytes=size))


def images_in(tx: Transaction, repository_id: int) -> int:
    """How many images the repository has now, untagged ones included and removed ones not."""
    folded = sa.select(usage.c.images).where(usage.c.repository_id == repository_id).scalar_subquery()
    pending = (
        sa.select(sa.func.coalesce(sa.func.sum(usage_deltas.c.images), 0))
        .where(usage_deltas.c.repository_id == repository_id)
        .scalar_subquery()
    )
    return int(tx.execute(sa.select(sa.func.coalesce(folded, 0) + pending)).scalar_one())


def fold(tx: Transaction) -> int:
    """Add pending deltas to the totals; returns how many were folded."""
    last = tx.execute(sa.select(sa.func.max(usage_deltas.c.id))).scalar()
    first = tx.execute(sa.select(sa.func.min(usage_deltas.c.id))).scalar()
    if first is None or last is None:
        return 0
    stop = min(last, first + _STEP)
    sums = tx.all(
        sa.select(
            usage_deltas.c.repository_id,
            sa.func.sum(usage_deltas.c.images).label("images"),
            sa.func.sum(usage_deltas.c.bytes).label("bytes"),
        )
        .where(usage_deltas.c.id <= stop)
        .group_by(usage_deltas.c.repository_id)
    )
    for row in sums:
        values = {"images": usage.c.images + row.images, "bytes": usage.c.bytes + row.bytes}
        tx.execute(sa.update(usage).where(usage.c.repository_id == row.repository_id).values(values))
    return tx.execute(sa.delete(usage_deltas).where(usage_deltas.c.id <= stop)).rowcount
