"""Searching images and tags in the database: what is asked, in pages whose work is bounded however few rows match.

A page takes rows in the order that is asked for, from where the page before ended, and tries on them the conditions for which
that order is no help. Where few rows fit a condition that has an index of its own, only those are taken. The number of rows
and the time are bounded: a page can be short, or empty, and still have a successor.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

import sqlalchemy as sa

from moorage.core import wildcard
from moorage.images.search import Pattern, Search
from moorage.images.search_conditions import among, begins, matches, named, on_image, pulled, within
from moorage.images.search_walk import Position, Walk, merged, position_of, rank
from moorage.storage.database.schema.images import images, tags
from moorage.storage.database.schema.repositories import repositories
from moorage.storage.database.transaction import Transaction

_AT_ONCE = 256
_LABELLED_AT_ONCE = 32
"""Rows that are tried between two looks at the clock; an image can have 64 KiB of labels."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one page costs at most."""

    few: int = 2_000
    """Rows that are taken by the index of a condition, and sorted."""
    tried: int = 20_000
    """Rows on which the other conditions are tried."""
    seconds: float = 0.05
    """How long they are tried; the first few are tried in any case."""
    repositories: int = 5_000
    """Repositories that are searched."""


BOUNDS = Bounds()


@dataclass(frozen=True, slots=True)
class Found:
    """The rows of one page, as positions, and whether there may be more behind the position `end`."""

    positions: Sequence[Position] = ()
    end: Position | None = None


def names(tx: Transaction, registry_id: int, pattern: Pattern | None, most: int) -> dict[int, str]:
    """The repositories of a registry whose names match, by id; at most so many of them."""
    query = sa.select(repositories.c.id, repositories.c.name).where(repositories.c.registry_id == registry_id)
    if pattern is not None:
        query = query.where(*named(repositories.c.name, pattern))
        if not pattern.is_exact:
            query = query.where(matches(repositories.c.name, pattern))
    return {row.id: row.name for row in tx.all(query.limit(most))}


def page(
    tx: Transaction,
    search: Search,
    repository_ids: Sequence[int],
    after: Position | None,
    limit: int,
    bounds: Bounds = BOUNDS,
) -> Found:
    """The next `limit` images, or tags where they are ordered by tag, behind the position `after`."""
    if not repository_ids:
        return Found()
    conditions = on_image(search, but=None if search.order == "tag" else _column(search))
    rows = _few(tx, search, repository_ids, after, bounds.few)
    if rows is None:
        tries = conditions or (search.tag is not None and not search.tag.is_exact)
        rows = _all(tx, search, repository_ids, after, None if tries else limit + 1)
    at_once = _LABELLED_AT_ONCE if search.labels else max(_AT_ONCE, limit + 1) if not conditions else _AT_ONCE
    found: list[Position] = []
    tried = 0
    begin = time.monotonic()
    while True:
        size = min(at_once, bounds.tried - tried)
        part = list(islice(rows, size))
        tried += len(part)
        found += _fitting(tx, search, conditions, part)
        if len(found) > limit:
            return Found(found[:limit], found[limit - 1])
        if len(part) < size:
            return Found(found)
        if tried >= bounds.tried or time.monotonic() - begin >= bounds.seconds:
            return Found(found, part[-1])


def _fitting(
    tx: Transaction, search: Search, conditions: Sequence[sa.ColumnElement[bool]], part: Sequence[Position]
) -> list[Position]:
    """Those rows that are looked for, in the order in which they came."""
    found = list(part)
    pattern = search.tag
    if search.order == "tag" and pattern is not None and not pattern.is_exact:
        found = [position for position in found if wildcard.matches(pattern.text, str(position[0]))]
    if not conditions or not found:
        return found
    ids = list(dict.fromkeys(image_id for _, image_id in found))
    fitting = {row[0] for row in tx.all(sa.select(images.c.id).where(among(images.c.id, ids), *conditions))}
    return [position for position in found if position[1] in fitting]


def _column(search: Search) -> str:
    return "last_pulled_at" if search.order == "pulled" else "pushed_at"


def _all(
    tx: Transaction, search: Search, repository_ids: Sequence[int], after: Position | None, enough: int | None
) -> Iterator[Position]:
    """The rows behind the position, in order; what their index does not know of is still to be tried."""
    walks = [_by_tag(search)] if search.order == "tag" else _by_time(search)
    parts: list[Iterator[Position]] = []
    for walk in walks:
        if after is None or (after[0] is None) == (walk.order is None):
            parts.append(merged(tx, walk, repository_ids, after, enough))
        elif (walk.order is None) == search.descending:  # the position is in the walk before this one
            parts.append(merged(tx, walk, repository_ids, None, enough))
    return chain(*parts)


def _by_time(search: Search) -> list[Walk]:
    column = _column(search)
    span = search.pulled if search.order == "pulled" else search.pushed

    def timed(table: sa.FromClause) -> list[sa.ColumnElement[bool]]:
        there = [table.c[column].is_not(None)] if search.order == "pulled" else []
        return [table.c.removed_at.is_(None), *there, *within(table.c[column], span)]

    def never(table: sa.FromClause) -> list[sa.ColumnElement[bool]]:
        return [table.c.removed_at.is_(None), table.c[column].is_(None)]

    walks = [Walk(images, column, "id", search.descending, timed)]
    if search.order == "pulled" and span.after is None:
        walks.append(Walk(images, None, "id", search.descending, never))
    return walks if search.descending else walks[::-1]


def _by_tag(search: Search) -> Walk:
    pattern = search.tag

    def where(table: sa.FromClause) -> Sequence[sa.ColumnElement[bool]]:
        return named(table.c.name, pattern) if pattern is not None else ()

    return Walk(tags, "name", "image_id", search.descending, where)


def _few(
    tx: Transaction, search: Search, repository_ids: Sequence[int], after: Position | None, most: int
) -> Iterator[Position] | None:
    """The rows behind the position that fit a condition with an index of its own, in order, if they are few."""
    ids = _few_images(tx, search, repository_ids, most)
    if ids is None:
        return None
    if search.order == "tag":
        asked = named(tags.c.name, search.tag) if search.tag is not None else ()
        query = sa.select(tags.c.name, tags.c.image_id).where(among(tags.c.image_id, ids), *asked)
    else:
        asked = tuple(pulled(search.pulled) if search.order == "pulled" else within(images.c.pushed_at, search.pushed))
        query = sa.select(images.c[_column(search)], images.c.id).where(among(images.c.id, ids), *asked)
    rows = tx.all(query.limit(most + 1))
    if len(rows) > most:  # an image can have a thousand tags
        return None
    found = sorted(map(position_of, rows), key=rank, reverse=search.descending)
    if after is not None:
        here = rank(after)
        found = [each for each in found if (rank(each) < here if search.descending else rank(each) > here)]
    return iter(found)


def _few_images(tx: Transaction, search: Search, repository_ids: Sequence[int], most: int) -> list[int] | None:
    here, live = among(images.c.repository_id, repository_ids), images.c.removed_at.is_(None)
    of_images = sa.select(images.c.id).where(here, live)
    queries: list[sa.Select[Any]] = []
    if search.digest is not None:
        queries.append(of_images.where(*begins(images.c.digest, search.digest)))
    if search.tag is not None and (search.tag.prefix or search.tag.is_exact) and search.order != "tag":
        here = among(tags.c.repository_id, repository_ids)
        queries.append(sa.select(tags.c.image_id).where(here, *named(tags.c.name, search.tag)))
    if search.order != "pushed" and not search.pushed.is_open:
        queries.append(of_images.where(*within(images.c.pushed_at, search.pushed)))
    if search.order != "pulled" and search.pulled.after is not None:
        queries.append(of_images.where(*within(images.c.last_pulled_at, search.pulled)))
    for query in queries:
        ids = [row[0] for row in tx.all(query.limit(most + 1))]
        if len(ids) <= most:
            return list(dict.fromkeys(ids))
    return None


def details(tx: Transaction, image_ids: Sequence[int]) -> Mapping[int, sa.Row[Any]]:
    """What a hit shows of each image, by id; never annotations, which can have megabytes."""
    columns = (
        images.c.id,
        images.c.repository_id,
        images.c.digest,
        images.c.media_type,
        images.c.artifact_type,
        images.c.image_size,
        images.c.os,
        images.c.architecture,
        images.c.variant,
        images.c.labels,
        images.c.pushed_at,
        images.c.pushed_by,
        images.c.last_pulled_at,
        images.c.subject_digest,
    )
    return {row.id: row for row in tx.all(sa.select(*columns).where(among(images.c.id, image_ids)))} if image_ids else {}


def tags_on(tx: Transaction, image_ids: Sequence[int]) -> Mapping[int, list[tuple[str, int]]]:
    """The tags on each image with the time of their last move, in the order of their bytes."""
    found: dict[int, list[tuple[str, int]]] = {}
    query = sa.select(tags.c.image_id, tags.c.name, tags.c.moved_at).where(among(tags.c.image_id, image_ids))
    for row in tx.all(query.order_by(tags.c.name)) if image_ids else ():
        found.setdefault(row.image_id, []).append((row.name, row.moved_at))
    return found
