"""What a request acts on inside a repository, for conditions on `moorage:ImageTag`, `moorage:Platform`, `moorage:ArtifactType`.

Each subject is decided for itself, so that a tag that may be moved never covers for one that may not.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from moorage.core.call import Registry
from moorage.core.errors import MoorageError
from moorage.core.manifest import Manifest, parse_manifest
from moorage.images import history, store
from moorage.images.errors import NothingEarlierError, TagNeverThereError
from moorage.images.history import Point
from moorage.images.model import Image, ImageFacts
from moorage.repositories import store as repositories
from moorage.repositories.model import Repository
from moorage.storage.database.schema.images import images
from moorage.storage.database.transaction import Transaction

Subject = Mapping[str, tuple[str, ...]]
"""Context keys in lower case, with their values."""

_TAG, _PLATFORM, _ARTIFACT = "moorage:imagetag", "moorage:platform", "moorage:artifacttype"
_PARTS = ("os", "architecture", "variant")


def of_tags(tags: Iterable[str], facts: Subject) -> list[Subject]:
    """One subject for each of the tags, or one without a tag where there is none."""
    return [{**facts, _TAG: (tag,)} for tag in tags] or [facts]


def tags_in(found: Iterable[Subject]) -> list[str]:
    """The tags that these subjects have."""
    return [tag for subject in found for tag in subject.get(_TAG, ())]


def of_push(manifest: Manifest, facts: ImageFacts, tags: Iterable[str]) -> list[Subject]:
    """What a push of this manifest with these tags acts on."""
    return of_tags(tags, _facts(manifest.effective_artifact_type, (facts.os, facts.architecture, facts.variant), manifest))


def of_image_ids(
    tx: Transaction, registry: Registry, name: str, image_ids: Iterable[Mapping[str, str]], *, deletes: bool = False
) -> list[Subject]:
    """What a request with ECR's image identifiers acts on: each tag that it names, on the image where it is.

    A digest stands for its image. To delete it takes every tag off it, so each of them is a subject. To pull it moves none:
    it is one subject, whose tags are all that are on it, since whoever may pull it by one of them has its bytes anyway. What
    names nothing is a subject too, with the tag that it names.
    """
    repository = repositories.find(tx, registry, name)
    found: list[Subject] = []
    for image_id in image_ids:
        tag, digest = image_id.get("imageTag"), image_id.get("imageDigest")
        image = _image(tx, repository, tag, digest)
        facts = _stored(tx, image)
        tags = [tag] if tag else store.tags_of(tx, image.id) if image is not None else []
        found += of_tags(tags, facts) if deletes or not tags else [{**facts, _TAG: tuple(tags)}]
    return found


def of_rollback(tx: Transaction, registry: Registry, name: str, tag: str, to: Point, retention: int) -> list[Subject]:
    """What a rollback acts on: the tag, and the image that it would be put on. Where it can go nowhere, the tag alone.

    Removed images below it come back too, as parts of an index are pushed: without a tag. `retention` in milliseconds.
    """
    repository = repositories.find(tx, registry, name)
    image = None
    if repository is not None:
        try:
            digest = history.find(tx, registry, repository, tag, to)
        except (TagNeverThereError, NothingEarlierError):
            return of_tags([tag], {})
        image = store.by_digest(tx, repository.id, digest, removed=True)
    return of_tags([tag], _stored(tx, image)) + [_stored(tx, each) for each in _returning(tx, image, retention)]


def of_undelete(tx: Transaction, registry: Registry, name: str, digest: str, retention: int) -> list[Subject]:
    """What an undelete acts on: the image, and removed images below it, each with each tag that it had when it was removed.

    `retention` in milliseconds.
    """
    repository = repositories.find(tx, registry, name)
    image = store.by_digest(tx, repository.id, digest, removed=True) if repository is not None else None
    if image is None:
        return [{}]
    brought_back = [image, *_returning(tx, image, retention)]
    return [subject for each in brought_back for subject in of_tags(history.lost_tags(tx, each), _stored(tx, each))]


def _returning(tx: Transaction, image: Image | None, retention: int) -> list[Image]:
    """The removed images that come back with a removed image, besides itself."""
    if image is None or image.removed_at is None:
        return []
    digests = history.removed_below(tx, image, retention)[:-1]
    found = [store.by_digest(tx, image.repository_id, each, removed=True) for each in digests]
    return [each for each in found if each is not None]


def _image(tx: Transaction, repository: Repository | None, tag: str | None, digest: str | None) -> Image | None:
    if repository is None or not (tag or digest):
        return None
    return store.by_tag(tx, repository.id, tag) if tag else store.by_digest(tx, repository.id, str(digest))


def _stored(tx: Transaction, image: Image | None) -> Subject:
    if image is None:
        return {}
    columns = images.c.artifact_type, images.c.os, images.c.architecture, images.c.variant
    row = tx.one(sa.select(*columns).where(images.c.id == image.id))
    if row is None:
        return {}
    try:
        manifest = parse_manifest(store.body(tx, image.digest), image.media_type) if row.os is None else None
    except MoorageError:  # it was stored by a release that read less of it
        manifest = None
    return _facts(row.artifact_type, (row.os, row.architecture, row.variant), manifest)


def _facts(artifact_type: str | None, platform: Sequence[Any], manifest: Manifest | None) -> Subject:
    facts: dict[str, tuple[str, ...]] = {}
    if artifact_type:
        facts[_ARTIFACT] = (artifact_type,)
    members = [each.platform or {} for each in manifest.manifests] if manifest is not None else []
    named = [platform, *([each.get(part) for part in _PARTS] for each in members)]
    platforms = tuple(dict.fromkeys(_joined(parts) for parts in named if parts[0] and parts[1]))
    if platforms:
        facts[_PLATFORM] = platforms
    return facts


def _joined(parts: Sequence[Any]) -> str:
    """`os/architecture`, and the variant where there is one."""
    return "/".join(str(part) for part in parts if part)
