"""Searching images and tags in the database: what is asked, in pages whose work is bounded however few rows match.

A page walks an index in the order that is asked for, from where the page before ended. Each repository has its own part of the
index, and several are walked side by side and merged, so that no search ever sees what lies outside of them. Where few rows
fit a condition that has an index of its own, those are taken instead. Conditions without an index are tried on a bounded
number of rows a page and for a bounded time; a page can then be short, or empty, and still have a successor.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from moorage.images.search import Label, Pattern, Platform, Search, Span
from moorage.storage.database.schema.images import image_children, images, tags
from moorage.storage.database.schema.repositories import repositories
from moorage.storage.database.transaction import Transaction

_AFTER_ALL = "\U0010ffff"
"""Sorts behind every character of tags, digests and repository names."""

Position = tuple[int | str | None, int]
"""Of an image: the time that orders it (None: it was never pulled) and its id. Of a tag: its name and its image's id."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one page costs at most."""

    few: int = 2_000
    """Rows that are taken by the index of a condition, and sorted."""
    tried: int = 20_000
    """Rows on which the other conditions are tried."""
    chunk: int = 250
    """Rows that are tried at once, between two looks at the clock."""
    seconds: float = 0.1
    """After which no further rows are tried, since others wait for the same few readers."""


BOUNDS = Bounds()
_other_tags = tags.alias("other_tags")


@dataclass(frozen=True, slots=True)
class Found:
    """The rows of one page, as positions, and whether there may be more behind the position `end`."""

    positions: Sequence[Position] = ()
    end: Position | None = None


def names(tx: Transaction, registry_id: int, pattern: Pattern | None) -> dict[int, str]:
    """The repositories of a registry whose names begin as the pattern does, by id."""
    query = sa.select(repositories.c.id, repositories.c.name).where(repositories.c.registry_id == registry_id)
    if pattern is not None and pattern.is_exact:
        query = query.where(repositories.c.name == pattern.text)
    elif pattern is not None:
        query = query.where(*_begins(repositories.c.name, pattern.prefix))
    return {row.id: row.name for row in tx.all(query)}


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
    few = _few(tx, search, repository_ids, bounds.few)
    lanes = [repository_ids] if few is not None else [[each] for each in repository_ids]
    by_lane = [_by_tag(search, lane, few) if search.order == "tag" else _by_time(search, lane, few) for lane in lanes]
    effort = _Effort(bounds, time.monotonic() + bounds.seconds)
    found: list[Position] = []
    for walks in zip(*by_lane, strict=True):
        if after is not None and not walks[0].may_follow(after):
            continue
        start = None if after is None or not walks[0].holds(after) else after
        part = _advance(tx, walks, start, limit + 1 - len(found), effort)
        found += part.positions
        if len(found) > limit:
            return Found(found[:limit], found[limit - 1])
        if part.end is not None:
            return Found(found, part.end)
    return Found(found)


@dataclass(slots=True)
class _Effort:
    """How much work a page has done, and may do."""

    bounds: Bounds
    deadline: float
    tried: int = 0

    @property
    def is_spent(self) -> bool:
        return self.tried >= self.bounds.tried or time.monotonic() >= self.deadline


def _advance(tx: Transaction, walks: Sequence["_Walk"], after: Position | None, limit: int, effort: _Effort) -> Found:
    """At most `limit` rows of the walks, merged; `end` is set where rows are left that were not tried."""
    found: list[Position] = []
    while True:
        part = _merged(tx, walks, after, limit - len(found), effort.bounds.chunk)
        found += part.positions
        effort.tried += effort.bounds.chunk
        if len(found) >= limit or part.end is None or effort.is_spent:
            return Found(found, part.end)
        after = part.end


def _merged(tx: Transaction, walks: Sequence["_Walk"], after: Position | None, limit: int, tried: int) -> Found:
    """The next rows of walks in the same order. What lies behind the nearest `end` of any of them has to wait."""
    if len(walks) == 1:
        return _step(tx, walks[0], after, limit, tried)
    each, rows = max(tried // len(walks), 20), max(4 * limit // len(walks), 8)
    parts = [_step(tx, walk, after, rows, each) for walk in walks]
    order, descending = walks[0].rank, walks[0].descending
    ends = [end for part in parts if (end := part.positions[-1] if len(part.positions) == rows else part.end) is not None]
    end = (max if descending else min)(ends, key=order) if ends else None
    merged = sorted((position for part in parts for position in part.positions), key=order, reverse=descending)
    if end is not None:
        last = order(end)
        merged = [position for position in merged if (order(position) >= last if descending else order(position) <= last)]
    return Found(merged[:limit], end)


@dataclass(frozen=True, slots=True)
class _Walk:
    """Rows in one order: what is selected, what it is ordered by, and what is only known by looking at each row."""

    rows: sa.Select[Any]
    keys: tuple[sa.ColumnElement[Any], ...]
    descending: bool
    tried: Sequence[sa.ColumnElement[bool]]
    never_pulled: bool = False
    """Whether these are the images that were never pulled, which come before all others."""

    def holds(self, position: Position) -> bool:
        """Whether the position is one of this walk's."""
        return (position[0] is None) == self.never_pulled

    def rank(self, position: Position) -> tuple[Any, ...]:
        """What positions of this walk are compared by."""
        return position[1:] if self.never_pulled else position

    def may_follow(self, position: Position) -> bool:
        """Whether rows of this walk come behind the position."""
        return self.holds(position) or self.never_pulled == self.descending

    def between(self, position: Position, *, behind: bool) -> sa.ColumnElement[bool]:
        """Rows behind the position, or up to it and itself included."""
        left: Any = sa.tuple_(*self.keys) if len(self.keys) > 1 else self.keys[0]
        right: Any = sa.literal(position[1]) if self.never_pulled else sa.tuple_(*map(sa.literal, position))
        if behind:
            found = left < right if self.descending else left > right
        else:
            found = left >= right if self.descending else left <= right
        return found  # type: ignore[no-any-return]

    def ordered(self, query: sa.Select[Any]) -> sa.Select[Any]:
        """The query in this walk's order."""
        return query.order_by(*(key.desc() if self.descending else key.asc() for key in self.keys))


def _step(tx: Transaction, walk: _Walk, after: Position | None, limit: int, tried: int) -> Found:
    """At most `limit` rows; `end` is set where rows are left that were not tried."""
    rows = walk.rows if after is None else walk.rows.where(walk.between(after, behind=True))
    end: Position | None = None
    if walk.tried:
        last = tx.one(walk.ordered(rows).limit(1).offset(tried - 1))
        if last is not None:
            end = _position(last)
            rows = rows.where(walk.between(end, behind=False))
    found = tx.all(walk.ordered(rows.where(*walk.tried)).limit(limit))
    return Found(list(map(_position, found)), end)


def _position(row: Sequence[Any]) -> Position:
    order, image_id = row
    return order, image_id


def _by_time(search: Search, repository_ids: Sequence[int], few: Sequence[int] | None) -> list[_Walk]:
    by_pull = search.order == "pulled"
    column, span = (images.c.last_pulled_at, search.pulled) if by_pull else (images.c.pushed_at, search.pushed)
    tried = [*_tried(search), *(_has_tag(search.tag) if search.tag else ())]
    if few is None:
        base = sa.select().where(images.c.repository_id == repository_ids[0], images.c.removed_at.is_(None))
        tried += _span(images.c.pushed_at, search.pushed) if by_pull else _pulled(search.pulled)
    else:  # the walk is over those few, so nothing need be bounded
        base = sa.select().where(_among(images.c.id, few), *tried, *_span(images.c.pushed_at, search.pushed))
        tried = []
        if not by_pull:
            base = base.where(*_pulled(search.pulled))
    timed = _Walk(
        base.add_columns(column, images.c.id).where(*_span(column, span), *((column.is_not(None),) if by_pull else ())),
        (column, images.c.id),
        search.descending,
        tried,
    )
    if not by_pull or span.after is not None:
        return [timed]
    never = base.add_columns(sa.null(), images.c.id).where(column.is_(None))
    untimed = _Walk(never, (images.c.id,), search.descending, tried, never_pulled=True)
    return [timed, untimed] if search.descending else [untimed, timed]


def _by_tag(search: Search, repository_ids: Sequence[int], few: Sequence[int] | None) -> list[_Walk]:
    rows: sa.Select[Any] = sa.select(tags.c.name, tags.c.image_id)
    if search.tag is not None:
        rows = rows.where(
            *_begins(tags.c.name, search.tag.prefix) if not search.tag.is_exact else (tags.c.name == search.tag.text,)
        )
    tried = [*_tried(search), *_span(images.c.pushed_at, search.pushed), *_pulled(search.pulled)]
    joined = [images.c.id == tags.c.image_id, *tried] if tried else []
    looked_at: list[sa.ColumnElement[bool]] = [sa.exists(sa.select(images.c.id).where(*joined))] if joined else []
    if search.tag is not None and not search.tag.is_exact:
        looked_at.append(_matches(tags.c.name, search.tag))
    keys = (tags.c.name, tags.c.image_id)
    if few is None:
        return [_Walk(rows.where(tags.c.repository_id == repository_ids[0]), keys, search.descending, looked_at)]
    return [_Walk(rows.where(_among(tags.c.image_id, few), *looked_at), keys, search.descending, ())]


def _few(tx: Transaction, search: Search, repository_ids: Sequence[int], most: int) -> list[int] | None:
    """The images that fit a condition with an index of its own, if they are few; None if there is none such."""
    here, live = _among(images.c.repository_id, repository_ids), images.c.removed_at.is_(None)
    of_images = sa.select(images.c.id).where(here, live)
    queries: list[sa.Select[Any]] = []
    if search.digest is not None:
        queries.append(of_images.where(*_begins(images.c.digest, search.digest)))
    if search.tag is not None and search.tag.prefix and search.order != "tag":
        of_tags = sa.select(tags.c.image_id).where(_among(tags.c.repository_id, repository_ids))
        if search.tag.is_exact:
            queries.append(of_tags.where(tags.c.name == search.tag.text))
        else:
            queries.append(of_tags.where(*_begins(tags.c.name, search.tag.prefix)))
    if search.order != "pushed" and not search.pushed.is_open:
        queries.append(of_images.where(*_span(images.c.pushed_at, search.pushed)))
    if search.order != "pulled" and search.pulled.after is not None:
        queries.append(of_images.where(*_span(images.c.last_pulled_at, search.pulled)))
    for query in queries:
        ids = [row[0] for row in tx.all(query.limit(most + 1))]
        if len(ids) <= most:
            return list(dict.fromkeys(ids))
    return None


def _tried(search: Search) -> list[sa.ColumnElement[bool]]:
    """The conditions on an image that have no index in the order of a walk."""
    found: list[sa.ColumnElement[bool]] = [_has_labels(search.labels)] if search.labels else []
    if search.digest is not None:
        found += _begins(images.c.digest, search.digest)
    if search.platform is not None:
        found.append(_has_platform(search.platform))
    if search.media_type is not None:
        found.append(images.c.media_type == search.media_type)
    if search.artifact_type is not None:
        found.append(images.c.artifact_type == search.artifact_type)
    if search.tagged is not None:
        on_it = sa.exists(sa.select(_other_tags.c.name).where(_other_tags.c.image_id == images.c.id))
        found.append(on_it if search.tagged else ~on_it)
    return found


def _has_tag(pattern: Pattern) -> tuple[sa.ColumnElement[bool], ...]:
    name = _other_tags.c.name
    fits = (name == pattern.text) if pattern.is_exact else _matches(name, pattern)
    return (sa.exists(sa.select(name).where(_other_tags.c.image_id == images.c.id, fits)),)


def _has_labels(labels: Sequence[Label]) -> sa.ColumnElement[bool]:
    """Every label, in one reading of an image's labels: keys are there once, so it is enough to count what fits."""
    entries = sa.func.json_each(images.c.labels).table_valued("key", "value")
    by_key: dict[str, set[str | None]] = {}
    for label in labels:
        by_key.setdefault(label.key, set()).add(label.value)
    if any(len(values - {None}) > 1 for values in by_key.values()):
        return sa.false()  # one label cannot have two values
    fits = [
        sa.and_(entries.c.key == key, *(entries.c.value == value for value in values if value is not None))
        for key, values in by_key.items()
    ]
    count = sa.select(sa.func.count()).select_from(entries).where(sa.or_(*fits)).scalar_subquery()
    return count == len(fits)


def _has_platform(platform: Platform) -> sa.ColumnElement[bool]:
    child = images.alias("child")
    named = (
        sa.select(sa.literal(1))
        .select_from(image_children)
        .join(child, child.c.id == image_children.c.child_id)
        .where(image_children.c.image_id == images.c.id, _runs_on(child, platform))
    )
    return sa.or_(_runs_on(images, platform), sa.exists(named))


def _runs_on(table: sa.FromClause, platform: Platform) -> sa.ColumnElement[bool]:
    found = [table.c.os == platform.os]
    if platform.architecture is not None:
        found.append(table.c.architecture == platform.architecture)
    if platform.variant is not None:
        stated = table.c.variant == platform.variant
        found.append(sa.or_(stated, table.c.variant.is_(None)) if platform.may_lack_variant else stated)
    return sa.and_(*found)


def _span(column: sa.ColumnElement[int], span: Span) -> list[sa.ColumnElement[bool]]:
    found = [] if span.after is None else [column >= span.after]
    return found if span.before is None else [*found, column < span.before]


def _pulled(span: Span) -> list[sa.ColumnElement[bool]]:
    if span.is_open:
        return []
    found = sa.and_(*_span(images.c.last_pulled_at, span))
    return [found if span.after is not None else sa.or_(found, images.c.last_pulled_at.is_(None))]


def _begins(column: sa.ColumnElement[str], prefix: str) -> tuple[sa.ColumnElement[bool], ...]:
    return (column >= prefix, column < prefix + _AFTER_ALL) if prefix else ()


def _matches(column: sa.ColumnElement[str], pattern: Pattern) -> sa.ColumnElement[bool]:
    """GLOB, since LIKE ignores case; the characters that mean something to GLOB and not to us stand for themselves."""
    escaped = "".join(f"[{letter}]" if letter in "?[" else letter for letter in pattern.text)
    return column.op("GLOB", is_comparison=True)(escaped)


def _among(column: sa.ColumnElement[int], ids: Sequence[int]) -> sa.ColumnElement[bool]:
    """One parameter, however many ids: SQLite counts parameters."""
    if len(ids) == 1:
        return column == ids[0]
    every = sa.func.json_each(json.dumps(list(ids))).table_valued("value")
    return column.in_(sa.select(every.c.value))


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
    return {row.id: row for row in tx.all(sa.select(*columns).where(_among(images.c.id, image_ids)))} if image_ids else {}


def tags_on(tx: Transaction, image_ids: Sequence[int]) -> Mapping[int, list[tuple[str, int]]]:
    """The tags on each image with the time of their last move, in the order of their bytes."""
    found: dict[int, list[tuple[str, int]]] = {}
    query = sa.select(tags.c.image_id, tags.c.name, tags.c.moved_at).where(_among(tags.c.image_id, image_ids))
    for row in tx.all(query.order_by(tags.c.name)) if image_ids else ():
        found.setdefault(row.image_id, []).append((row.name, row.moved_at))
    return found
