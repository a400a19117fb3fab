"""Which rows of the record fit: by one thing that an index knows, and by whatever else is asked, newest first.

A page examines a bounded number of rows, so what it costs does not depend on how many there are; where few fit, a page is
short or empty and says where the next one begins.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from moorage.audit.record import RESOURCE_TYPES, Row, accounts_of, event_id, row_id_of
from moorage.storage.database.schema.journal import audit
from moorage.storage.database.transaction import Transaction

EXAMINED = 5_000
"""Rows that a page looks at, at most, on each of its ways."""

Position = tuple[int, int]
"""Time (milliseconds) and id of the last row that was looked at."""

_GLOBAL_SOURCES = ("iam.amazonaws.com", "sts.amazonaws.com")
"""Services that belong to no region: an account sees them from each."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What is looked for; everything that is given must hold."""

    start: int | None = None
    """That time (milliseconds) or later."""
    end: int | None = None
    """That time or earlier."""
    event_id: str | None = None
    request_id: str | None = None
    access_key_id: str | None = None
    resources: tuple[str, ...] = ()
    """ARNs, one of which it must be."""
    principal_arn: str | None = None
    username: str | None = None
    error_code: str | None = None
    failed: bool | None = None
    """Whether it was denied or failed, or not."""
    event_name: str | None = None
    read_only: bool | None = None
    event_source: str | None = None
    resource_type: str | None = None
    """One of `RESOURCE_TYPES`; no row is of another one."""
    region: str | None = None
    """That region, and what belongs to none."""


@dataclass(frozen=True, slots=True)
class Found:
    """Rows, newest first."""

    rows: list[Row]
    end: Position | None
    """Where the next page begins; None at the end of the record."""


_Conditions = tuple[sa.ColumnElement[bool], ...]


@dataclass(frozen=True, slots=True)
class _Way:
    """Rows that an index holds in the order of their times, and what must hold of them besides."""

    indexed: _Conditions
    besides: _Conditions


def find(
    tx: Transaction,
    account_id: str | None,
    filters: Filters,
    after: Position | None,
    limit: int,
    *,
    examined: int = EXAMINED,
) -> Found:
    """At most `limit` rows behind `after`: of one account, as caller or as owner, or of all if `account_id` is None."""
    if filters.event_id is not None:
        return Found(list(_by_event_id(tx, account_id, filters)) if after is None else [], None)
    found: list[Row] = []
    reached: Position | None = None
    for way in _ways(account_id, filters):
        rows, end = _walk(tx, way, filters, after, limit, examined)
        found += rows
        if end is not None and (reached is None or end > reached):
            reached = end
    found.sort(key=_position, reverse=True)
    # What one way has not looked at yet may be newer than what another one has found.
    shown = [row for row in found if reached is None or _position(row) >= reached]
    if len(shown) > limit:
        shown = shown[:limit]
        reached = _position(shown[-1])
    return Found(shown, reached)


def since(tx: Transaction, account_id: str | None, filters: Filters, after: int, limit: int) -> tuple[list[Row], int]:
    """What was recorded behind the row with the id `after` and fits, oldest first, and the id of the last row looked at.

    Rows come into the record in the order of their ids, which need not be that of their times.
    """
    window = sa.select(audit).where(audit.c.id > after).order_by(audit.c.id).limit(EXAMINED).subquery()
    last = tx.execute(sa.select(sa.func.max(window.c.id))).scalar()
    if last is None:
        return [], after
    mine = sa.true() if account_id is None else sa.or_(audit.c.account_id == account_id, audit.c.owner_account_id == account_id)
    wanted = sa.select(audit).where(audit.c.id > after, audit.c.id <= last, mine, *_conditions(filters), *_times(filters))
    rows = _rows(tx, wanted.order_by(audit.c.id).limit(limit))
    return rows, int(rows[-1]["id"]) if len(rows) == limit else int(last)


def newest_id(tx: Transaction) -> int:
    """The id of the row that was recorded last; 0 if there is none."""
    return int(tx.execute(sa.select(sa.func.coalesce(sa.func.max(audit.c.id), 0))).scalar_one())


def _rows(tx: Transaction, statement: sa.Executable) -> list[Row]:
    return [dict(row._mapping) for row in tx.all(statement)]


def _position(row: Row) -> Position:
    return row["at"], row["id"]


def _by_event_id(tx: Transaction, account_id: str | None, filters: Filters) -> Iterator[Row]:
    wanted = row_id_of(filters.event_id or "")
    if wanted is None:
        return
    conditions = (*_conditions(filters), *_times(filters))
    for row in _rows(tx, sa.select(audit).where(audit.c.id == wanted, *conditions)):
        accounts = accounts_of(row)
        shown = accounts if account_id is None else [account for account in accounts if account == account_id]
        if any(event_id(row, account) == filters.event_id for account in shown):
            yield row


def _ways(account_id: str | None, filters: Filters) -> list[_Way]:
    """The indexes that lead to the fewest rows, among them those of others on the account's resources."""
    conditions = tuple(_conditions(filters))
    own, others = audit.c.account_id == account_id, audit.c.owner_account_id == account_id
    mine = () if account_id is None else (sa.or_(own, others),)
    # These are one account's anyway; whoever names another's looks at some of its rows, and is shown none.
    for column, wanted in (
        (audit.c.request_id, [filters.request_id]),
        (audit.c.access_key_id, [filters.access_key_id]),
        (audit.c.resource, filters.resources),
    ):
        if wanted and wanted[0] is not None:
            return [_Way((column == value,), (*mine, *conditions)) for value in wanted]
    if account_id is None:
        return [_Way((), conditions)]
    name = filters.username if filters.principal_arn is None else _name(filters.principal_arn)
    if name is not None:
        first: _Conditions = (own, audit.c.username == name)
    elif filters.error_code is not None or filters.failed:
        first = (own, audit.c.error_code.is_not(None))
    elif filters.event_name is not None:
        first = (own, audit.c.event_name == filters.event_name)
    elif filters.read_only is False:
        first = (own, sa.not_(audit.c.read_only))
    else:
        first = (own,)
    return [_Way(first, conditions), _Way((others,), conditions)]


def _name(arn: str) -> str:
    return arn.rpartition("/")[2].rpartition(":")[2]


def _walk(
    tx: Transaction, way: _Way, filters: Filters, after: Position | None, limit: int, examined: int
) -> tuple[list[Row], Position | None]:
    """The first rows on the way that fit, and where to go on; None where the way ends."""
    conditions = [*way.indexed, *_times(filters)]
    if after is not None:
        at, last = after
        conditions += [audit.c.at <= at, sa.or_(audit.c.at < at, audit.c.id < last)]
    newest_first = audit.c.at.desc(), audit.c.id.desc()
    # Its own index alone tells where the rows end that are looked at.
    bound = tx.one(sa.select(audit.c.at, audit.c.id).where(*conditions).order_by(*newest_first).offset(examined - 1).limit(1))
    wanted = sa.select(audit).where(*conditions, *way.besides).order_by(*newest_first).limit(limit + 1)
    if bound is not None:
        wanted = wanted.where(audit.c.at >= bound.at, sa.or_(audit.c.at > bound.at, audit.c.id >= bound.id))
    rows = _rows(tx, wanted)
    if len(rows) > limit:
        return rows[:limit], _position(rows[limit - 1])
    return rows, None if bound is None else (bound.at, bound.id)


def _times(filters: Filters) -> Iterator[sa.ColumnElement[bool]]:
    if filters.start is not None:
        yield audit.c.at >= filters.start
    if filters.end is not None:
        yield audit.c.at <= filters.end


def _conditions(filters: Filters) -> Iterator[sa.ColumnElement[bool]]:
    for column, wanted in (
        (audit.c.request_id, filters.request_id),
        (audit.c.access_key_id, filters.access_key_id),
        (audit.c.principal_arn, filters.principal_arn),
        (audit.c.username, filters.username),
        (audit.c.error_code, filters.error_code),
        (audit.c.event_name, filters.event_name),
        (audit.c.event_source, filters.event_source),
    ):
        if wanted is not None:
            yield column == wanted
    if filters.read_only is not None:
        yield audit.c.read_only if filters.read_only else sa.not_(audit.c.read_only)
    if filters.failed is not None:
        yield audit.c.error_code.is_not(None) if filters.failed else audit.c.error_code.is_(None)
    if filters.resources:
        yield audit.c.resource.in_(filters.resources)
    if filters.region is not None:
        yield sa.or_(audit.c.region == filters.region, audit.c.event_source.in_(_GLOBAL_SOURCES))
    if filters.resource_type is not None:
        pattern = RESOURCE_TYPES.get(filters.resource_type)
        yield sa.false() if pattern is None else sa.and_(audit.c.resource.like(pattern), audit.c.resource.not_like("%*%"))
