"""Images and tags in the database."""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from moorage.core.manifest import Manifest
from moorage.images.model import Image, ImageFacts
from moorage.registries import store as registries
from moorage.registries.exclusions import is_excluded
from moorage.repositories.store import SHOWN_WITH_OWNER, VERSIONS
from moorage.storage.database.schema.images import image_children, image_layers, images, manifests, tags
from moorage.storage.database.schema.repositories import repositories
from moorage.storage.database.transaction import Transaction

_LIVE = images.c.removed_at.is_(None)
_IMAGE = (images.c.id, images.c.repository_id, images.c.digest, images.c.media_type, images.c.size, images.c.removed_at)

_BY_TAG = """
SELECT i.id, i.repository_id, i.digest, i.media_type, i.size, i.removed_at
FROM tags t JOIN images i ON i.id = t.image_id WHERE t.repository_id = ? AND t.name = ?
"""
_BY_DIGEST = """
SELECT id, repository_id, digest, media_type, size, removed_at
FROM images WHERE repository_id = ? AND digest = ? AND removed_at IS NULL
"""


STILL_TAGGED = f"""
SELECT {VERSIONS} FROM tags g JOIN images i ON i.id = g.image_id {SHOWN_WITH_OWNER.format(repository="g.repository_id")}
WHERE g.repository_id = :repository AND g.name = :tag AND i.id = :image AND i.media_type = :type
"""  # noqa: S608  (constants)
"""Has a row while a tag is on an image, and their repository is not deleted: the versions of who may do what there."""

STILL_THERE = f"""
SELECT {VERSIONS} FROM images i {SHOWN_WITH_OWNER.format(repository="i.repository_id")}
WHERE i.id = :image AND i.removed_at IS NULL AND i.media_type = :type
"""  # noqa: S608  (constants)
"""Has a row while an image is not removed, nor its repository deleted: the versions of who may do what there."""

_LOOK_UP_TAG = """
SELECT i.id, i.repository_id, i.digest, i.media_type, i.size, i.removed_at FROM repositories r
JOIN tags g ON g.repository_id = r.id JOIN images i ON i.id = g.image_id
WHERE r.registry_id = ? AND r.name = ? AND g.name = ?
"""
_LOOK_UP_DIGEST = """
SELECT i.id, i.repository_id, i.digest, i.media_type, i.size, i.removed_at FROM repositories r
JOIN images i ON i.repository_id = r.id
WHERE r.registry_id = ? AND r.name = ? AND i.digest = ? AND i.removed_at IS NULL
"""


def look_up_now(points: sqlite3.Connection, registry_id: int, repository: str, reference: str) -> Image | None:
    """The image that a tag or a digest names in a repository, all by names; one point read."""
    query = _LOOK_UP_DIGEST if ":" in reference else _LOOK_UP_TAG
    row = points.execute(query, (registry_id, repository, reference)).fetchone()
    return Image(*row) if row else None


def condition_of(image: Image, tag: str | None) -> tuple[str, dict[str, int | str]]:
    """A query, with its parameters, that has a row while the image is there, and the tag on it if one is given."""
    parameters: dict[str, int | str] = {"image": image.id, "type": image.media_type}
    if tag is None:
        return STILL_THERE, parameters
    return STILL_TAGGED, {**parameters, "repository": image.repository_id, "tag": tag}


def by_tag_now(points: sqlite3.Connection, repository_id: int, tag: str) -> Image | None:
    """The image that a tag is on; one point read."""
    row = points.execute(_BY_TAG, (repository_id, tag)).fetchone()
    return Image(*row) if row else None


def by_digest_now(points: sqlite3.Connection, repository_id: int, digest: str) -> Image | None:
    """The image of that digest, unless it is removed; one point read."""
    row = points.execute(_BY_DIGEST, (repository_id, digest)).fetchone()
    return Image(*row) if row else None


def body_now(points: sqlite3.Connection, image: Image) -> bytes | None:
    """A manifest's bytes as they were pushed."""
    row = points.execute("SELECT body FROM manifests WHERE digest = ?", (image.digest,)).fetchone()
    return bytes(row[0]) if row else None


def by_tag(tx: Transaction, repository_id: int, tag: str) -> Image | None:
    """The image that a tag is on."""
    row = tx.connection.exec_driver_sql(_BY_TAG, (repository_id, tag)).first()
    return Image(*tuple(row)) if row else None


def by_digest(tx: Transaction, repository_id: int, digest: str, *, removed: bool = False) -> Image | None:
    """The image of that digest; with `removed`, also one that was removed and is kept."""
    query = sa.select(*_IMAGE).where(images.c.repository_id == repository_id, images.c.digest == digest)
    row = tx.one(query if removed else query.where(_LIVE))
    return Image(*tuple(row)) if row else None


def by_digests(tx: Transaction, repository_id: int, digests: Iterable[str]) -> dict[str, Image]:
    """Those of the digests that are images here, by digest."""
    found: dict[str, Image] = {}
    wanted = list(dict.fromkeys(digests))
    for start in range(0, len(wanted), 500):
        some = images.c.digest.in_(wanted[start : start + 500])
        rows = tx.all(sa.select(*_IMAGE).where(images.c.repository_id == repository_id, some, _LIVE))
        found.update({row.digest: Image(*tuple(row)) for row in rows})
    return found


def body(tx: Transaction, digest: str) -> bytes:
    """A manifest's bytes as they were pushed."""
    return bytes(tx.execute(sa.select(manifests.c.body).where(manifests.c.digest == digest)).scalar_one())


def keep_body(tx: Transaction, digest: str, content: bytes) -> int:
    """Store a manifest's bytes unless they are; returns their row's id."""
    row = tx.one(sa.select(manifests.c.id).where(manifests.c.digest == digest))
    if row:
        return int(row.id)
    return tx.insert(manifests, digest=digest, body=content)


def insert(
    tx: Transaction, repository_id: int, digest: str, manifest_id: int, columns: Mapping[str, Any], pushed_by: str
) -> Image:
    """Add an image."""
    values = {
        "repository_id": repository_id,
        "manifest_id": manifest_id,
        "digest": digest,
        "pushed_at": tx.now,
        "pushed_by": pushed_by,
        **columns,
    }
    image_id = tx.insert(images, **values)
    return Image(image_id, repository_id, digest, columns["media_type"], columns["size"])


def revive(tx: Transaction, image: Image, columns: Mapping[str, Any], pushed_by: str | None) -> Image:
    """Bring a removed image back, as pushed now and by this caller; with None as it was pushed before."""
    pushed = {} if pushed_by is None else {"pushed_at": tx.now, "pushed_by": pushed_by}
    values = {"removed_at": None, "removed_by": None, **pushed, **columns}
    tx.execute(sa.update(images).where(images.c.id == image.id).values(values))
    return Image(image.id, image.repository_id, image.digest, columns["media_type"], image.size)


def columns_of(manifest: Manifest, size: int, image_size: int, facts: ImageFacts) -> dict[str, Any]:
    """The columns that a manifest and its config fill."""
    return {
        "media_type": manifest.media_type,
        "artifact_type": manifest.effective_artifact_type,
        "config_media_type": manifest.config.media_type if manifest.config else None,
        "subject_digest": manifest.subject.digest if manifest.subject else None,
        "annotations": json.dumps(manifest.annotations, ensure_ascii=False),
        "size": size,
        "image_size": image_size,
        "os": facts.os,
        "architecture": facts.architecture,
        "variant": facts.variant,
        "labels": json.dumps(facts.labels, ensure_ascii=False) if facts.labels else None,
        "built_at": facts.built_at,
    }


def connect(tx: Transaction, image: Image, blob_ids: Sequence[int], children: Mapping[str, int | None]) -> None:
    """Write the edges of a manifest: to layers by blob id, to other manifests by digest."""
    if blob_ids:
        rows = [{"image_id": image.id, "blob_id": blob, "repository_id": image.repository_id} for blob in blob_ids]
        tx.execute(sa.insert(image_layers).prefix_with("OR IGNORE", dialect="sqlite"), rows)
    if children:
        edges = [
            {"image_id": image.id, "digest": digest, "repository_id": image.repository_id, "child_id": child}
            for digest, child in children.items()
        ]
        tx.execute(sa.insert(image_children).prefix_with("OR IGNORE", dialect="sqlite"), edges)


def adopt(tx: Transaction, image: Image) -> None:
    """Fill in the edges of sparse indexes that named this digest before it came."""
    where = (
        image_children.c.repository_id == image.repository_id,
        image_children.c.digest == image.digest,
        image_children.c.child_id.is_(None),
    )
    tx.execute(sa.update(image_children).where(*where).values(child_id=image.id))


def indexes_naming(tx: Transaction, image_id: int) -> list[str]:
    """The digests of the indexes, not removed, that name an image."""
    query = (
        sa.select(images.c.digest)
        .join(image_children, image_children.c.image_id == images.c.id)
        .where(image_children.c.child_id == image_id, _LIVE)
        .order_by(images.c.digest)
        .limit(20)
    )
    return [row.digest for row in tx.all(query)]


def tags_of(tx: Transaction, image_id: int) -> list[str]:
    """An image's tags, in the order of their bytes."""
    return [row.name for row in tx.all(sa.select(tags.c.name).where(tags.c.image_id == image_id).order_by(tags.c.name))]


def has_other_tag(tx: Transaction, image_id: int, name: str) -> bool:
    """Whether an image has a tag besides this one."""
    return tx.one(sa.select(tags.c.name).where(tags.c.image_id == image_id, tags.c.name != name).limit(1)) is not None


def count_tags(tx: Transaction, image_id: int) -> int:
    """How many tags an image has."""
    return int(tx.execute(sa.select(sa.func.count()).select_from(tags).where(tags.c.image_id == image_id)).scalar_one())


def note_pulls(tx: Transaction, pulled: Mapping[tuple[int, str], int]) -> None:
    """Record when images were last pulled (milliseconds), by id and puller; in batches, since nobody waits for it.

    Pulls by principals that the registry excludes do not count.
    """
    latest: dict[int, int] = {}
    for (image_id, _), at in _counted(tx, pulled).items():
        latest[image_id] = max(at, latest.get(image_id, at))
    if not latest:
        return
    later = sa.or_(images.c.last_pulled_at.is_(None), images.c.last_pulled_at < sa.bindparam("at"))
    statement = sa.update(images).where(images.c.id == sa.bindparam("image"), later)
    tx.execute(
        statement.values(last_pulled_at=sa.bindparam("at")), [{"image": image, "at": at} for image, at in latest.items()]
    )


def _counted(tx: Transaction, pulled: Mapping[tuple[int, str], int]) -> Mapping[tuple[int, str], int]:
    """Those of the pulls whose principals are not excluded in the image's registry."""
    if not registries.has_exclusions(tx):
        return pulled
    image_ids = list({image_id for image_id, _ in pulled})
    homes: dict[int, int] = {}
    for start in range(0, len(image_ids), 500):
        some = images.c.id.in_(image_ids[start : start + 500])
        query = sa.select(images.c.id, repositories.c.registry_id)
        query = query.join(repositories, repositories.c.id == images.c.repository_id)
        homes.update({row.id: row.registry_id for row in tx.all(query.where(some))})
    excluded = registries.exclusions_of(tx, set(homes.values()))
    return {
        (image_id, arn): at
        for (image_id, arn), at in pulled.items()
        if image_id in homes and not is_excluded(arn, excluded.get(homes[image_id], ()))
    }


def largest(tx: Transaction, image_ids: Sequence[int]) -> int:
    """The largest `image_size` among these images."""
    sizes = [0]
    for start in range(0, len(image_ids), 500):
        some = images.c.id.in_(image_ids[start : start + 500])
        sizes.append(int(tx.execute(sa.select(sa.func.coalesce(sa.func.max(images.c.image_size), 0)).where(some)).scalar_one()))
    return max(sizes)
