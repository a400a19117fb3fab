"""Finding images and tags in a registry: which repositories may be looked into, pages, and what a hit shows."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from moorage.core.call import Registry
from moorage.core.errors import InvalidParameterError
from moorage.images import search_store
from moorage.images.search import Search
from moorage.images.search_store import BOUNDS, Bounds
from moorage.images.search_walk import Position
from moorage.repositories.errors import RepositoryNotFoundError
from moorage.storage.database.transaction import Transaction

_PAGE_CHARACTERS = 4 * 1024 * 1024
"""Of labels and tags: an image can have 64 KiB of labels and a thousand tags."""


@dataclass(frozen=True, slots=True)
class Hit:
    """An image that was found, or a tag with the image that it is on. Times are milliseconds, sizes bytes."""

    repository: str
    digest: str
    media_type: str
    artifact_type: str | None
    size: int
    platform: str | None
    """`os/architecture[/variant]`, where the image's config says so."""
    labels: Mapping[str, str]
    pushed_at: int
    pushed_by: str
    last_pulled_at: int | None
    subject: str | None
    tags: tuple[str, ...] = ()
    """Every tag of an image that was found; of a tag that was found, only itself."""
    moved_at: int | None = None
    """Since when the tag that was found is on this image."""


@dataclass(frozen=True, slots=True)
class Page:
    """Hits, and behind which position more may follow. A page may be short, even empty, and have a successor."""

    hits: list[Hit] = field(default_factory=list)
    end: Position | None = None


def find(
    tx: Transaction,
    registry: Registry,
    search: Search,
    allowed: Callable[[str], bool],
    after: Position | None,
    limit: int,
    bounds: Bounds = BOUNDS,
) -> Page:
    """The next page behind `after`, among the repositories that `allowed` lets the caller see, by name.

    Raises RepositoryNotFoundError for a repository that is named without `*` and not there, and InvalidParameterError where
    more repositories match than may be searched at once.
    """
    names = search_store.names(tx, registry.id, search.repository, bounds.repositories + 1)
    pattern = search.repository
    if pattern is not None and pattern.is_exact and not names:
        raise RepositoryNotFoundError(pattern.text, registry)
    if len(names) > bounds.repositories:
        raise InvalidParameterError.at("repository", f"must match at most {bounds.repositories} repositories")
    seen = {number: name for number, name in names.items() if allowed(name)}
    found = search_store.page(tx, search, list(seen), after, limit, bounds)
    hits, shown = _hits(tx, search, found.positions, seen)
    end = found.end if len(shown) == len(found.positions) else shown[-1]
    return Page(hits, end)


def _hits(
    tx: Transaction, search: Search, positions: Sequence[Position], names: Mapping[int, str]
) -> tuple[list[Hit], list[Position]]:
    """What the page shows, and the positions of that: as many as fit, at least one."""
    ids = list(dict.fromkeys(image_id for _, image_id in positions))
    rows, tags = search_store.details(tx, ids), search_store.tags_on(tx, ids)
    hits: list[Hit] = []
    size = 0
    for order, image_id in positions:
        row, on = rows[image_id], tags.get(image_id, [])
        if search.order == "tag":
            on = [(name, moved_at) for name, moved_at in on if name == order]
        size += len(row.labels or "") + sum(len(name) for name, _ in on)
        if hits and size > _PAGE_CHARACTERS:
            break
        hits.append(
            Hit(
                repository=names[row.repository_id],
                digest=row.digest,
                media_type=row.media_type,
                artifact_type=row.artifact_type,
                size=row.image_size,
                platform="/".join(filter(None, (row.os, row.architecture, row.variant))) or None,
                labels=json.loads(row.labels) if row.labels else {},
                pushed_at=row.pushed_at,
                pushed_by=row.pushed_by,
                last_pulled_at=row.last_pulled_at,
                subject=row.subject_digest,
                tags=tuple(name for name, _ in on),
                moved_at=on[0][1] if search.order == "tag" and on else None,
            )
        )
    return hits, list(positions[: len(hits)])
