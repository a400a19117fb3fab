"""Removing tags and images (ECR: BatchDeleteImage; distribution-spec, "Deleting tags" and "Deleting manifests").

A removed image stays as a row until its retention ends (DESIGN rule 8): unseen, uncounted, and ready to come back.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from moorage.core.call import Call
from moorage.core.events import Event
from moorage.images import accounting, store, tagging
from moorage.images.errors import ImageReferencedError
from moorage.images.model import Image
from moorage.layers import store as layers
from moorage.repositories.model import Repository
from moorage.storage.database.schema.images import image_children, images, manifests
from moorage.storage.database.transaction import Transaction


def remove_tag(tx: Transaction, call: Call, repository: Repository, tag: str, image: Image) -> None:
    """Take a tag off; the image stays, even without tags."""
    tagging.remove(tx, call, repository.id, tag, image.digest)
    _announce(tx, call, repository, image, [tag])


def remove_image(tx: Transaction, call: Call, repository: Repository, image: Image) -> list[str]:
    """Remove an image and every tag on it; returns those tags.

    Raises ImageReferencedError while an index that is not removed names the image.
    """
    indexes = store.indexes_naming(tx, image.id)
    if indexes:
        raise ImageReferencedError(indexes)
    tags = store.tags_of(tx, image.id)
    tagging.remove_all(tx, call, image, tags)
    blob_ids = accounting.layers_of(tx, image.id)
    freed = accounting.exclusive_bytes(tx, repository.id, blob_ids, image.id) + image.size
    values = {"removed_at": tx.now, "removed_by": call.principal.arn}
    tx.execute(sa.update(images).where(images.c.id == image.id).values(values))
    layers.hide_unused(tx, repository.id, image.id)
    accounting.change(tx, repository.id, images=-1, size=-freed)
    _announce(tx, call, repository, image, tags or [""])
    return tags


def purge(tx: Transaction, retention: int, limit: int = 100) -> int:
    """Drop the rows of images that were removed longer ago than `retention` milliseconds; returns how many.

    What they alone referred to is stamped, and left to the collector.
    """
    query = sa.select(images.c.id, images.c.repository_id, images.c.manifest_id).where(
        images.c.removed_at <= tx.now - retention
    )
    return len(_drop(tx, tx.all(query.limit(limit))))


def purge_now(tx: Transaction, call: Call, repository: Repository, digests: Sequence[str] | None, limit: int) -> int:
    """End the retention of at most `limit` images of a repository that were removed before the call, or of those among
    `digests`; returns how many. What is not removed is left alone.
    """
    columns = images.c.id, images.c.repository_id, images.c.manifest_id, images.c.digest
    query = sa.select(*columns).where(images.c.repository_id == repository.id, images.c.removed_at <= call.at)
    if digests is not None:
        query = query.where(images.c.digest.in_(digests))
    rows = _drop(tx, tx.all(query.order_by(images.c.removed_at).limit(limit)))
    if rows:
        detail = {"repository-name": repository.name, "image-digests": [row.digest for row in rows]}
        tx.emit(Event("Moorage Images Purged", call.registry.id, detail, repository.id))
    return len(rows)


def _drop(tx: Transaction, rows: list[sa.Row[Any]]) -> list[sa.Row[Any]]:
    for row in rows:
        blob_ids = accounting.layers_of(tx, row.id)
        tx.execute(sa.update(image_children).where(image_children.c.child_id == row.id).values(child_id=None))
        tx.execute(sa.delete(images).where(images.c.id == row.id))
        layers.stamp_unreferred(tx, row.repository_id, blob_ids)
    drop_unused_bodies(tx, [row.manifest_id for row in rows])
    return rows


def drop_unused_bodies(tx: Transaction, manifest_ids: list[int]) -> None:
    """Drop those bytes that no image needs any more."""
    needed = sa.exists(sa.select(images.c.id).where(images.c.manifest_id == manifests.c.id))
    for start in range(0, len(manifest_ids), 500):
        some = manifests.c.id.in_(manifest_ids[start : start + 500])
        tx.execute(sa.delete(manifests).where(some, ~needed))


def _announce(tx: Transaction, call: Call, repository: Repository, image: Image, tags: Sequence[str]) -> None:
    detail = {
        "result": "SUCCESS",
        "repository-name": repository.name,
        "image-digest": image.digest,
        "action-type": "DELETE",
        "manifest-media-type": image.media_type,
    }
    tx.emit_all(Event("ECR Image Action", call.registry.id, {**detail, "image-tag": tag}, repository.id) for tag in tags)
