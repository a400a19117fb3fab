"""Tags: where they are, and every move they made."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from moorage.core.call import Call
from moorage.images import store
from moorage.images.errors import ImageTagAlreadyExistsError, PreconditionFailedError
from moorage.images.model import Image, TagCondition
from moorage.repositories.errors import LimitExceededError
from moorage.repositories.model import Repository
from moorage.storage.database.prepared import Prepared
from moorage.storage.database.schema.images import tag_history, tags
from moorage.storage.database.transaction import Transaction

MOST_TAGS = 1_000
"""ECR's quota of tags on one image."""


def move(
    tx: Transaction, call: Call, repository: Repository, tag: str, image: Image, condition: TagCondition | None = None
) -> bool:
    """Put a tag on an image; returns whether it moved.

    Raises ImageTagAlreadyExistsError where it must stay, and PreconditionFailedError where it is not where the caller
    thinks it is. What the tag was on stays, untagged if that was its last tag.
    """
    before = store.by_tag(tx, repository.id, tag)
    if condition and not condition.holds(before.digest if before else None):
        raise PreconditionFailedError
    if before and before.id == image.id:
        return False
    where = tags.c.repository_id == repository.id, tags.c.name == tag
    if before and repository.mutability.fixes(tag):
        raise ImageTagAlreadyExistsError(tag, repository.name)
    held = sa.select(sa.func.count()).select_from(tags).where(tags.c.image_id == image.id)
    if int(tx.execute(held).scalar_one()) >= MOST_TAGS:
        raise LimitExceededError(f"An image can have at most {MOST_TAGS} tags.")
    if before:
        tx.execute(sa.update(tags).where(*where).values(image_id=image.id, moved_at=tx.now))
    else:
        values = {"repository_id": repository.id, "name": tag, "image_id": image.id, "moved_at": tx.now}
        tx.execute(sa.insert(tags).values(values))
    _remember(tx, call, repository.id, tag, before.digest if before else None, image.digest)
    return True


def remove(tx: Transaction, call: Call, repository_id: int, tag: str, digest: str) -> None:
    """Take a tag off the image that it is on."""
    tx.execute(sa.delete(tags).where(tags.c.repository_id == repository_id, tags.c.name == tag))
    _remember(tx, call, repository_id, tag, digest, None)


def remove_all(tx: Transaction, call: Call, image: Image, names: Sequence[str]) -> None:
    """Take every tag off an image that is about to be removed; `names` are all that are on it."""
    tx.execute(sa.delete(tags).where(tags.c.image_id == image.id))
    rows = [_row(tx, call, image.repository_id, name, image.digest, None) for name in names]
    tx.run_many(_REMEMBER, rows)


def names_after(tx: Transaction, repository_id: int, after: str | None, limit: int) -> list[str]:
    """At most `limit` tags in the order of their bytes, behind `after`."""
    query = sa.select(tags.c.name).where(tags.c.repository_id == repository_id)
    if after is not None:
        query = query.where(tags.c.name > after)
    return [row.name for row in tx.all(query.order_by(tags.c.name).limit(limit))]


def _remember(tx: Transaction, call: Call, repository_id: int, tag: str, old: str | None, new: str | None) -> None:
    tx.run_many(_REMEMBER, [_row(tx, call, repository_id, tag, old, new)])


_REMEMBER = Prepared(sa.insert(tag_history), "repository_id", "tag", "moved_at", "moved_by", "from_digest", "to_digest")


def _row(tx: Transaction, call: Call, repository_id: int, tag: str, old: str | None, new: str | None) -> dict[str, Any]:
    return {
        "repository_id": repository_id,
        "tag": tag,
        "moved_at": tx.now,
        "moved_by": call.principal.arn,
        "from_digest": old,
        "to_digest": new,
    }
