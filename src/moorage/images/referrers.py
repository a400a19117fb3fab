"""What refers to a subject (distribution-spec, "Listing Referrers"; ECR: ListImageReferrers)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from moorage.storage.database.schema.images import images
from moorage.storage.database.transaction import Transaction

_PAGE_BYTES = 3 * 1024 * 1024
"""A listing stays below the 4 MiB that clients take for a manifest."""
MOST_ROWS = 1000
"""Referrers of a page at most."""


@dataclass(frozen=True, slots=True)
class Page:
    """Descriptors of referrers, and behind which digest the next page begins, if there is one."""

    descriptors: tuple[Mapping[str, Any], ...] = ()
    last: str | None = None


def page(
    tx: Transaction,
    repository_id: int,
    subject: str,
    artifact_types: Sequence[str] = (),
    after: str | None = None,
    limit: int = MOST_ROWS,
) -> Page:
    """At most `limit` referrers of `subject`, of these types if any are given, in the order of their digests."""
    columns = images.c.digest, images.c.media_type, images.c.size, images.c.artifact_type, images.c.annotations
    query = sa.select(*columns).where(
        images.c.repository_id == repository_id, images.c.subject_digest == subject, images.c.removed_at.is_(None)
    )
    if artifact_types:
        query = query.where(images.c.artifact_type.in_(artifact_types))
    if after is not None:
        query = query.where(images.c.digest > after)
    shown: list[Mapping[str, Any]] = []
    size = 0
    # Row by row, since annotations can have megabytes: no more is read than is shown.
    for row in tx.execute(query.order_by(images.c.digest)).yield_per(1):
        size += len(row.annotations) + len(row.digest) + 512
        if shown and (size > _PAGE_BYTES or len(shown) == limit):
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
