"""Bringing tags and images back (DESIGN rule 8). Every return is a push that ends in `images.push.put_image`.

A rollback is an ordinary push: what it brings back was pushed now, by the caller. An undelete restores: the image keeps
when and by whom it was pushed. An index comes back with what it names, and each image with its layers, which were kept.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import sqlalchemy as sa

from moorage.core.call import Call, Registry
from moorage.core.digest import Digest
from moorage.core.errors import UnavailableError
from moorage.core.manifest import Manifest, parse_manifest
from moorage.core.names import TagName
from moorage.images import history, store
from moorage.images.errors import ImageGoneError, ImageNotFoundError, ImageNotRemovedError, ImageTagAlreadyExistsError
from moorage.images.history import Point
from moorage.images.model import Image, ImageFacts
from moorage.images.push import Push, put_image
from moorage.repositories import store as repositories
from moorage.repositories.model import Repository
from moorage.storage.database.database import Database
from moorage.storage.database.schema.images import images, manifests
from moorage.storage.database.transaction import Transaction

T = TypeVar("T")

# What one transaction does at most, so that none holds the writer for more than 50 ms.
_MOST_IMAGES = 8
_MOST_BYTES = 256 * 1024
_MOST_TAGS = 20

_ATTEMPTS = 5
"""How often a rollback looks again where the tag has to go, while others move it."""

_EVER = 1 << 62
"""Milliseconds: layers that were kept for a removed image are there however long they have been hidden."""


@dataclass(frozen=True, slots=True)
class RolledBack:
    """What a rollback did."""

    tag: str
    digest: str
    """Where the tag is now."""
    from_digest: str | None
    """Where it was; None: on nothing. The same as `digest`: there was nothing to do."""
    brought_back: tuple[str, ...] = ()
    """Removed images that came back for it."""


@dataclass(frozen=True, slots=True)
class Undeleted:
    """An image that is back."""

    digest: str
    tags: tuple[str, ...] = ()
    """Tags that it has again."""
    tags_elsewhere: dict[str, str] = field(default_factory=dict)
    """Tags that it had and that are on something else by now, and on which digest."""


@dataclass(frozen=True, slots=True)
class _Stored:
    """A manifest as it was read before the transaction that puts it, since reading one can take long."""

    digest: str
    body: bytes
    manifest: Manifest
    facts: ImageFacts


class Recovery:
    """Rollback and undelete. `retention` is how long a removed image is kept, in milliseconds. Its methods block.

    An index of more than a handful of removed images comes back in several transactions, itself in the last, so that each
    leaves what a client could have pushed.
    """

    def __init__(self, database: Database, *, retention: int, sparse_indexes: bool) -> None:
        self._database = database
        self.retention = retention
        self._sparse = sparse_indexes

    def roll_back(self, call: Call, name: str, tag: TagName, to: Point) -> RolledBack:
        """Put a tag back where it was at an earlier point, as a push of that image with that tag.

        Raises what a push raises, and TagNeverThereError, NothingEarlierError, ImageGoneError.
        """

        def plan(tx: Transaction) -> tuple[str, list[str]]:
            repository = repositories.get(tx, call.registry, name)
            image = self._target(tx, call.registry, repository, tag, to)
            return image.digest, history.removed_below(tx, image, self.retention) if image.removed_at is not None else []

        for _ in range(_ATTEMPTS):
            digest, removed = self._database.read(plan).result()

            def step(
                tx: Transaction,
                repository: Repository,
                some: Sequence[_Stored],
                wanted: str = digest,
                planned: Sequence[str] = removed,
            ) -> tuple[str | None] | None:
                before = store.by_tag(tx, repository.id, tag)
                if some[-1].digest == wanted:
                    found = self._target(tx, call.registry, repository, tag, to)
                    if found.digest != wanted or (found.removed_at is not None and wanted not in planned):
                        return None
                for stored in some:
                    self._put(tx, call, repository, stored, (tag,) if stored.digest == wanted else ())
                return (before.digest if before else None,)

            done = self._in_steps(call, name, removed or [digest], step)[-1]
            if done is not None:
                return RolledBack(str(tag), digest, done[0], tuple(removed))
        raise UnavailableError(f"The tag '{tag}' is being moved by others. Please try again later.")

    def undelete(self, call: Call, name: str, digest: Digest) -> list[Undeleted]:
        """Bring a removed image back, and removed images that it names; the image itself is the last of the answer.

        Each comes back with the tags that it had when it was removed, unless they are on something else by now. Raises what
        a push raises, and ImageNotFoundError, ImageNotRemovedError, ImageGoneError.
        """

        def plan(tx: Transaction) -> list[str]:
            repository = repositories.get(tx, call.registry, name)
            image = store.by_digest(tx, repository.id, str(digest), removed=True)
            if image is None:
                raise ImageNotFoundError(None, str(digest), name, call.registry)
            if image.removed_at is None:
                raise ImageNotRemovedError(str(digest), name, call.registry)
            self._refuse_gone(tx, call.registry, repository, image, str(digest))
            return history.removed_below(tx, image, self.retention)

        def step(tx: Transaction, repository: Repository, some: Sequence[_Stored]) -> list[tuple[Undeleted, list[str]]]:
            return self._restore(tx, call, repository, some, str(digest))

        done = [entry for entries in self._in_steps(call, name, self._database.read(plan).result(), step) for entry in entries]
        return [self._put_tags(call, name, undeleted, waiting) if waiting else undeleted for undeleted, waiting in done]

    def _restore(
        self, tx: Transaction, call: Call, repository: Repository, some: Sequence[_Stored], wanted: str
    ) -> list[tuple[Undeleted, list[str]]]:
        """Bring these back; with each, the tags that are too many for this transaction."""
        room = _MOST_TAGS
        done = []
        for stored in some:
            image = store.by_digest(tx, repository.id, stored.digest, removed=True)
            found = self._refuse_gone(tx, call.registry, repository, image, stored.digest)
            if found.removed_at is None:  # another call was quicker
                if stored.digest == wanted:
                    raise ImageNotRemovedError(wanted, repository.name, call.registry)
                continue
            free, elsewhere = history.free_tags(tx, repository.id, history.lost_tags(tx, found))
            self._put(tx, call, repository, stored, free[:room], restores=True)
            done.append((Undeleted(stored.digest, tuple(free[:room]), elsewhere), free[room:]))
            room = max(room - len(free), 0)
        return done

    def _put_tags(self, call: Call, name: str, undeleted: Undeleted, waiting: Sequence[str]) -> Undeleted:
        """Put further tags on an image that is back, in steps, unless they are on something meanwhile, or it is gone again."""
        tags, elsewhere = list(undeleted.tags), dict(undeleted.tags_elsewhere)
        for start in range(0, len(waiting), _MOST_TAGS):
            some_tags = list(waiting[start : start + _MOST_TAGS])

            def step(
                tx: Transaction, repository: Repository, some: Sequence[_Stored], wanted: list[str] = some_tags
            ) -> tuple[list[str], dict[str, str]] | None:
                if store.by_digest(tx, repository.id, some[-1].digest) is None:
                    return None  # removed again meanwhile: whoever did that was told so
                free, taken = history.free_tags(tx, repository.id, wanted)
                self._put(tx, call, repository, some[-1], free)
                return free, taken

            try:
                [put] = self._in_steps(call, name, [undeleted.digest], step)
            except ImageGoneError:  # purged, too
                break
            if put is None:
                break
            tags += put[0]
            elsewhere |= put[1]
        return Undeleted(undeleted.digest, tuple(tags), elsewhere)

    def _in_steps(
        self, call: Call, name: str, digests: Sequence[str], step: Callable[[Transaction, Repository, Sequence[_Stored]], T]
    ) -> list[T]:
        """Carry out a step for some of the images at a time, each in a transaction with the call's audit row."""
        done: list[T] = []
        left = list(digests)
        while left:
            rows = self._database.read(partial(_bodies, registry=call.registry, name=name, digests=left)).result()
            if not rows:
                raise ImageGoneError(left[0], name, call.registry)
            some = [_parsed(row) for row in rows]
            left = left[len(some) :]

            def work(tx: Transaction, some: Sequence[_Stored] = some) -> T:
                return step(tx, repositories.get(tx, call.registry, name), some)

            done.append(self._database.write(work, call).result())
        return done

    def _target(self, tx: Transaction, registry: Registry, repository: Repository, tag: str, to: Point) -> Image:
        """Where the tag has to go, if it may and can."""
        digest = history.find(tx, registry, repository, tag, to)
        image = store.by_digest(tx, repository.id, digest, removed=True)
        found = self._refuse_gone(tx, registry, repository, image, digest)
        on = store.by_tag(tx, repository.id, tag)
        if on is not None and on.digest != digest and repository.mutability.fixes(tag):
            raise ImageTagAlreadyExistsError(tag, repository.name)
        return found

    def _put(
        self,
        tx: Transaction,
        call: Call,
        repository: Repository,
        stored: _Stored,
        tags: Sequence[str],
        *,
        restores: bool = False,
    ) -> None:
        """Push what is stored, if it is there or still kept: checked again, since it may have been purged meanwhile."""
        image = store.by_digest(tx, repository.id, stored.digest, removed=True)
        is_there = self._refuse_gone(tx, call.registry, repository, image, stored.digest).removed_at is None
        push = Push(
            repository=repository.name,
            manifest=stored.manifest,
            body=stored.body,
            digest=stored.digest,
            tags=tuple(TagName.parse(tag) for tag in tags),
            facts=stored.facts,
            grace=_EVER,
            sparse=self._sparse or is_there,
            restores=restores,
        )
        put_image(tx, call, push)

    def _refuse_gone(
        self, tx: Transaction, registry: Registry, repository: Repository, image: Image | None, digest: str
    ) -> Image:
        """The image, unless it is gone or due to go."""
        if image is None or not history.can_come_back(image, tx.now - self.retention):
            raise ImageGoneError(digest, repository.name, registry)
        return image


def _bodies(tx: Transaction, registry: Registry, name: str, digests: Sequence[str]) -> list[sa.Row[tuple[object, ...]]]:
    """As many of the first of these images as one transaction takes, at least one unless it is gone."""
    repository = repositories.get(tx, registry, name)
    rows: list[sa.Row[tuple[object, ...]]] = []
    size = 0
    for digest in digests[:_MOST_IMAGES]:
        query = (
            sa.select(
                images.c.digest,
                images.c.media_type,
                images.c.os,
                images.c.architecture,
                images.c.variant,
                images.c.labels,
                images.c.built_at,
                manifests.c.body,
            )
            .join(manifests, manifests.c.id == images.c.manifest_id)
            .where(images.c.repository_id == repository.id, images.c.digest == digest)
        )
        row = tx.one(query)
        size += len(row.body) if row else 0
        if row is None or (rows and size > _MOST_BYTES):
            break
        rows.append(row)
    return rows


def _parsed(row: sa.Row[tuple[object, ...]]) -> _Stored:
    labels = json.loads(row.labels) if row.labels else {}
    facts = ImageFacts(row.os, row.architecture, row.variant, labels, row.built_at)
    return _Stored(row.digest, bytes(row.body), parse_manifest(bytes(row.body), row.media_type), facts)
