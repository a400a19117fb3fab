"""Rows in an order, from the indexes of single repositories, merged.

No index is walked across repositories: what one caller's search costs, and where its pages end, must not depend on what others
keep in this installation.
"""

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from moorage.images.search_conditions import every_of
from moorage.storage.database.prepared import Prepared
from moorage.storage.database.transaction import Transaction

Position = tuple[int | str | None, int]
"""Of an image: the time that orders it (None: it was never pulled) and its id. Of a tag: its name and its image's id."""

_FIRST_ROWS = 16
_MOST_ROWS = 512
"""Taken from a repository at once: few at first, since others may have what comes next."""


def rank(position: Position) -> tuple[bool, int | str, int]:
    """What sorts as the position does: images that were never pulled come first."""
    order, image_id = position
    return (False, 0, image_id) if order is None else (True, order, image_id)


def position_of(row: Sequence[Any]) -> Position:
    """The position that the first two columns of a row are."""
    return row[0], row[1]


@dataclass(frozen=True, slots=True)
class Walk:
    """Rows that the indexes of repositories have in one order."""

    table: sa.Table
    order: str | None
    """The column that orders them; None: these are images that were never pulled, by their ids."""
    image: str
    """The column with the image's id."""
    descending: bool
    where: Callable[[sa.FromClause], Sequence[sa.ColumnElement[bool]]]
    """Conditions that the index answers."""

    def rows(self, table: sa.FromClause, repository: Any, after: Sequence[Any] | None) -> sa.Select[Any]:
        """Those of one repository behind the position, in order."""
        keys = [table.c[self.image]] if self.order is None else [table.c[self.order], table.c[self.image]]
        query = sa.select(*self._shown(table)).where(table.c.repository_id == repository, *self.where(table))
        if after is not None:
            left: Any = keys[0] if self.order is None else sa.tuple_(*keys)
            right: Any = after[1] if self.order is None else sa.tuple_(*after)
            query = query.where(left < right if self.descending else left > right)
        return query.order_by(*(key.desc() if self.descending else key.asc() for key in keys))

    def firsts(self, repository_ids: Sequence[int], after: Position | None) -> sa.Select[Any]:
        """The first row behind the position in each of the repositories that have one, with the repository."""
        each, inner = every_of(repository_ids), self.table.alias("inner")
        behind = None if after is None else [sa.literal(part) for part in after]
        row = list(self.table.primary_key)[-1]  # with the repository, what tells a row from all others
        first = self.rows(inner, each.c.value, behind).with_only_columns(inner.c[row.name]).limit(1).correlate(each)
        found = sa.and_(self.table.c.repository_id == each.c.value, row == first.scalar_subquery())
        shown = *self._shown(self.table), self.table.c.repository_id
        return sa.select(*shown).select_from(each.join(self.table, found))

    def _shown(self, table: sa.FromClause) -> list[sa.ColumnElement[Any]]:
        return [sa.null() if self.order is None else table.c[self.order], table.c[self.image]]


def merged(
    tx: Transaction, walk: Walk, repository_ids: Sequence[int], after: Position | None, enough: int | None
) -> Iterator[Position]:
    """The rows of these repositories behind the position, in order; at least the first `enough` of them (None: all)."""
    following = _following(walk)
    if len(repository_ids) == 1:
        size = min(enough or _MOST_ROWS, _MOST_ROWS)
        if after is None:
            rows = tx.all(walk.rows(walk.table, repository_ids[0], None).limit(size))
            found = [position_of(row) for row in rows]
            yield from found
            if len(found) < size:
                return
            after = found[-1]
        yield from _rows(tx, following, repository_ids[0], after, size)
        return
    firsts = [(row.repository_id, position_of(row)) for row in tx.all(walk.firsts(repository_ids, after))]
    if enough is not None and len(firsts) > enough:  # a row cannot come before the first of its repository
        firsts.sort(key=lambda first: rank(first[1]), reverse=walk.descending)
        del firsts[enough:]
    parts = [_with_first(tx, following, repository_id, position) for repository_id, position in firsts]
    yield from heapq.merge(*parts, key=rank, reverse=walk.descending)


def _following(walk: Walk) -> Prepared:
    """The next rows of a repository. Made once, since a page may ask hundreds of repositories."""
    behind: list[Any] = [sa.bindparam("order"), sa.bindparam("image")]
    rows = walk.rows(walk.table, sa.bindparam("repository"), behind)
    return Prepared(rows.limit(sa.bindparam("size", type_=sa.Integer)))


def _with_first(tx: Transaction, following: Prepared, repository_id: int, first: Position) -> Iterator[Position]:
    yield first
    yield from _rows(tx, following, repository_id, first, _FIRST_ROWS)


def _rows(tx: Transaction, following: Prepared, repository_id: int, after: Position, size: int) -> Iterator[Position]:
    while True:
        rows = tx.run(following, repository=repository_id, order=after[0], image=after[1], size=size)
        for order, image_id in rows:
            after = (order, image_id)
            yield after
        if len(rows) < size:
            return
        size = min(size * 2, _MOST_ROWS)
