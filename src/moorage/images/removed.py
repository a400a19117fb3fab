"""Removed images that are still kept: which there are, and ending their retention now (DESIGN rule 8)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import sqlalchemy as sa

from moorage.core.call import Call
from moorage.core.digest import Digest
from moorage.images import remove, store
from moorage.images.errors import ImageNotFoundError, ImageNotRemovedError
from moorage.images.history import kept_until, lost_tags
from moorage.images.model import Image
from moorage.repositories import store as repositories
from moorage.storage.database.database import Database
from moorage.storage.database.schema.images import images
from moorage.storage.database.transaction import Transaction

MOST_PURGED = 1_000
"""Images a call, so that none takes long."""

_STEP = 25
"""Images a transaction, so that none holds the writer for long."""


@dataclass(frozen=True, slots=True)
class Removed:
    """A removed image that can be brought back. Times are milliseconds."""

    id: int
    digest: str
    tags: tuple[str, ...]
    """The tags that it had when it was removed."""
    media_type: str
    artifact_type: str | None
    size: int
    """As ECR counts it: config and layers."""
    pushed_at: int
    pushed_by: str
    removed_at: int
    removed_by: str
    kept_until: int


def page(tx: Transaction, repository_id: int, after: tuple[int, int] | None, limit: int, *, retention: int) -> list[Removed]:
    """At most `limit` images that can be brought back, the last removed first, behind (removed_at, id) `after`."""
    query = sa.select(
        images.c.id,
        images.c.digest,
        images.c.media_type,
        images.c.artifact_type,
        images.c.size,
        images.c.image_size,
        images.c.pushed_at,
        images.c.pushed_by,
        images.c.removed_at,
        images.c.removed_by,
    ).where(images.c.repository_id == repository_id, images.c.removed_at > tx.now - retention)
    if after is not None:
        query = query.where(sa.tuple_(images.c.removed_at, images.c.id) < sa.tuple_(*map(sa.literal, after)))
    rows = tx.all(query.order_by(images.c.removed_at.desc(), images.c.id.desc()).limit(limit))
    return [
        Removed(
            id=row.id,
            digest=row.digest,
            tags=tuple(lost_tags(tx, Image(row.id, repository_id, row.digest, row.media_type, row.size, row.removed_at))),
            media_type=row.media_type,
            artifact_type=row.artifact_type,
            size=row.image_size,
            pushed_at=row.pushed_at,
            pushed_by=row.pushed_by,
            removed_at=row.removed_at,
            removed_by=row.removed_by,
            kept_until=kept_until(row.removed_at, retention),
        )
        for row in rows
    ]


def purge(database: Database, call: Call, name: str, digests: Sequence[Digest]) -> int:
    """Drop these removed images for good, or if none is named those of the repository; returns how many. Blocks.

    It drops at most MOST_PURGED; after as many, there may be more. Their layers, where nothing else needs them, begin their
    grace period. The audit row of each step has the digests of its own among the named. Raises RepositoryNotFoundError, and
    ImageNotFoundError and ImageNotRemovedError before anything is dropped.
    """
    wanted = [str(digest) for digest in dict.fromkeys(digests)]

    def check(tx: Transaction) -> None:
        repository = repositories.get(tx, call.registry, name)
        for digest in wanted:
            image = store.by_digest(tx, repository.id, digest, removed=True)
            if image is None:
                raise ImageNotFoundError(None, digest, name, call.registry)
            if image.removed_at is None:
                raise ImageNotRemovedError(digest, name, call.registry)

    database.read(check).result()
    if not wanted:
        return _in_steps(database, call, name, None)
    purged = 0
    for start in range(0, min(len(wanted), MOST_PURGED), _STEP):
        part = wanted[start : start + _STEP]
        step = replace(call, parameters={**call.parameters, "digests": ",".join(part)})
        purged += _in_steps(database, step, name, part)
    return purged


def _in_steps(database: Database, call: Call, name: str, digests: Sequence[str] | None) -> int:
    purged, step = 0, _STEP
    while step == _STEP and purged < MOST_PURGED and (digests is None or purged < len(digests)):
        step = database.write(partial(_step, call=call, name=name, digests=digests), call).result()
        purged += step
    return purged


def _step(tx: Transaction, call: Call, name: str, digests: Sequence[str] | None) -> int:
    return remove.purge_now(tx, call, repositories.get(tx, call.registry, name), digests, _STEP)
