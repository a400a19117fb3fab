"""Where a tag was, and where it can go back to: views of `tag_history` (DESIGN rule 8)."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from moorage.core.call import Registry
from moorage.core.clock import LAST_TIME
from moorage.images import store
from moorage.images.errors import NothingEarlierError, TagNeverThereError
from moorage.images.model import Image
from moorage.repositories.model import Repository
from moorage.storage.database.schema.images import image_children, images, tag_history
from moorage.storage.database.transaction import Transaction

LIVE, REMOVED, GONE = "live", "removed", "gone"


@dataclass(frozen=True, slots=True)
class Move:
    """One move of a tag."""

    id: int
    at: int
    """Milliseconds."""
    by: str
    """The ARN of who moved it."""
    from_digest: str | None
    """None: it was on nothing."""
    to_digest: str | None
    """None: it was taken off."""
    state: str | None = None
    """What has become of the image that it was put on: `live`, `removed` (it can be brought back) or `gone`."""
    kept_until: int | None = None
    """Of a removed image: until when it can be brought back, in milliseconds."""


@dataclass(frozen=True, slots=True)
class Point:
    """An earlier point of a tag's history; with no member set, the image before the present one."""

    digest: str | None = None
    """An image that the tag was on."""
    at: int | None = None
    """Where the tag was at this time, in milliseconds."""
    entry: int | None = None
    """Where the move of this id put it."""


def page(
    tx: Transaction, registry: Registry, repository: Repository, tag: str, before: int | None, limit: int, *, retention: int
) -> list[Move]:
    """At most `limit` moves of a tag, newest first, that are older than the move `before`; `retention` in milliseconds.

    Raises TagNeverThereError.
    """
    query = (
        sa.select(tag_history, images.c.id.label("image_id"), images.c.removed_at)
        .join_from(
            tag_history,
            images,
            sa.and_(images.c.repository_id == tag_history.c.repository_id, images.c.digest == tag_history.c.to_digest),
            isouter=True,
        )
        .where(tag_history.c.repository_id == repository.id, tag_history.c.tag == tag)
    )
    if before is not None:
        query = query.where(tag_history.c.id < before)
    rows = tx.all(query.order_by(tag_history.c.id.desc()).limit(limit))
    if not rows and before is None:
        raise TagNeverThereError(tag, repository.name, registry)
    return [_move(row, tx.now - retention, retention) for row in rows]


def can_come_back(image: Image | None, kept_since: int) -> bool:
    """Whether an image is there, or was removed later than `kept_since`; `images.remove.purge` takes the others."""
    return image is not None and (image.removed_at is None or image.removed_at > kept_since)


def kept_until(removed_at: int, retention: int) -> int:
    """Until when a removed image can be brought back; a retention without end ends with the year 9999."""
    return min(removed_at + retention, LAST_TIME)


def find(tx: Transaction, registry: Registry, repository: Repository, tag: str, to: Point) -> str:
    """The digest that a tag was on at that point.

    Raises TagNeverThereError and NothingEarlierError.
    """
    mine = tag_history.c.repository_id == repository.id, tag_history.c.tag == tag
    newest = tx.one(sa.select(tag_history.c.to_digest).where(*mine).order_by(tag_history.c.id.desc()).limit(1))
    if newest is None:
        raise TagNeverThereError(tag, repository.name, registry)
    if to.digest is not None:
        if tx.one(sa.select(tag_history.c.id).where(*mine, tag_history.c.to_digest == to.digest).limit(1)) is None:
            raise NothingEarlierError(f"The tag '{tag}' was never on the image with digest '{to.digest}'.")
        return to.digest
    if to.entry is not None:
        return _put_by(tx, tag, sa.select(tag_history.c.to_digest).where(*mine, tag_history.c.id == to.entry))
    if to.at is not None:
        if to.at > tx.now:
            raise NothingEarlierError("Where a tag will be at a time to come is not known.")
        earlier = sa.select(tag_history.c.to_digest).where(*mine, tag_history.c.moved_at <= to.at)
        return _put_by(tx, tag, earlier.order_by(tag_history.c.id.desc()).limit(1))
    other = sa.select(tag_history.c.from_digest).where(*mine, tag_history.c.from_digest.is_not(None))
    if newest.to_digest is not None:
        other = other.where(tag_history.c.from_digest != newest.to_digest)
    before = tx.one(other.order_by(tag_history.c.id.desc()).limit(1))
    if before is None:
        raise NothingEarlierError(f"The tag '{tag}' was never on another image than it is on now.")
    return str(before.from_digest)


def _put_by(tx: Transaction, tag: str, move: sa.Select[Any]) -> str:
    found = tx.one(move)
    if found is None or found.to_digest is None:
        raise NothingEarlierError(f"The tag '{tag}' was not on an image at that point.")
    return str(found.to_digest)


def lost_tags(tx: Transaction, image: Image) -> list[str]:
    """The tags that a removed image had when it was removed, in the order of their bytes.

    Those are the tags that were taken off it in the very moment of its removal.
    """
    query = sa.select(tag_history.c.tag).where(
        tag_history.c.repository_id == image.repository_id,
        tag_history.c.from_digest == image.digest,
        tag_history.c.to_digest.is_(None),
        tag_history.c.moved_at == image.removed_at,
    )
    return [row.tag for row in tx.all(query.distinct().order_by(tag_history.c.tag))]


def free_tags(tx: Transaction, repository_id: int, tags: list[str]) -> tuple[list[str], dict[str, str]]:
    """Those of the tags that are on nothing now, and of the others the digest that each is on."""
    taken = {tag: found.digest for tag in tags if (found := store.by_tag(tx, repository_id, tag))}
    return [tag for tag in tags if tag not in taken], taken


def removed_below(tx: Transaction, image: Image, retention: int) -> list[str]:
    """A removed image and the removed images that it names, however deep, that are kept; each after all that it names.

    These come back with it. `retention` in milliseconds.
    """
    order: list[str] = []
    seen: set[str] = set()
    left = [(image.digest, False)]
    while left:
        digest, is_done = left.pop()
        if is_done:
            order.append(digest)
        elif digest not in seen:
            seen.add(digest)
            left.append((digest, True))
            left += [(child, False) for child in _removed_children(tx, image.repository_id, digest, retention)]
    return order


def _removed_children(tx: Transaction, repository_id: int, digest: str, retention: int) -> list[str]:
    parent, child = images.alias("parent"), images.alias("child")
    query = (
        sa.select(child.c.digest)
        .select_from(parent)
        .join(image_children, image_children.c.image_id == parent.c.id)
        # By digest, since an index that was pushed while its child was removed knows no row for it.
        .join(child, sa.and_(child.c.repository_id == repository_id, child.c.digest == image_children.c.digest))
        .where(parent.c.repository_id == repository_id, parent.c.digest == digest, child.c.removed_at > tx.now - retention)
        .order_by(child.c.digest)
    )
    return [row.digest for row in tx.all(query)]


def _move(row: sa.Row[Any], kept_since: int, retention: int) -> Move:
    state, until = None, None
    if row.to_digest is not None:
        state = GONE
        if row.image_id is not None and row.removed_at is None:
            state = LIVE
        elif row.image_id is not None and row.removed_at > kept_since:
            state, until = REMOVED, kept_until(row.removed_at, retention)
    return Move(row.id, row.moved_at, row.moved_by, row.from_digest, row.to_digest, state, until)
