"""What refers to a subject (distribution-spec, "Listing Referrers"; ECR: ListImageReferrers)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from moorage.storage.database.schema import images
from moorage.storage.database.transaction import Transaction

_PAGE_BYTES = 3 * 1024 * 1024
"""A listing stays below the 4 MiB that clients take for a manifest."""
_PAGE_ROWS = 1000


@dataclass(frozen=True, slots=True)
class Page:
    """Descriptors of referrers, and behind which digest the next page begins, if there is one."""

    descriptors: tuple[Mapping[str, Any], ...] = ()
    last: str | None = None


def page(tx: Transaction, repository_id: int, subject: str, artifact_type: str | None, after: str | None) -> Page:
    """A page of the referrers of `subject`, in the order of their digests."""
    columns = images.c.digest, images.c.media_type, images.c.size, images.c.artifact_type, images.c.annotations
    query = sa.select(*columns).where(
        images.c.repository_id == repository_id, images.c.subject_digest == subject, images.c.removed_at.is_(None)
    )
    if artifact_type is not None:
        query = query.where(images.c.artifact_type == artifact_type)
    if after is not None:
        query = query.where(images.c.digest > after)
    shown: list[Mapping[str, Any]] = []
    size = 0
    # Row by row, since annotations can have megabytes: no more is read than is shown.
    for row in tx.execute(query.order_by(images.c.digest)).yield_per(1):
        size += len(row.annotations) + len(row.digest) + 512
        if shown and (size > _PAGE_BYTES or len(shown) == _PAGE_ROWS):
            return Page(tuple(shown), shown[-1]["digest"])
        shown.append(_descriptor(row))
    return Page(tuple(shown))


def _descriptor(row: sa.Row[Any]) -> dict[str, Any]:
    descriptor: dict[str, Any] = {"mediaType": row.media_type, "digest": row.digest, "size": row.size}
    if row.artifact_type:
        descriptor["artifactType"] = row.artifact_type
    annotations = json.loads(row.annotations)
    if annotations:
        descriptor["annotations"] = annotations
    return descriptor
