"""`/api/v1/audit`: the record of calls, as CloudTrail writes it."""

from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta, Struct

from moorage.audit import lookup
from moorage.audit.lookup import Filters, Found
from moorage.audit.record import Row, accounts_of, record_of
from moorage.core.call import Call
from moorage.core.errors import InvalidParameterError
from moorage.http.api.accounts import AccountId
from moorage.http.api.exchange import Exchange
from moorage.http.api.values import Moment, Nothing, Page, next_of, position_of, timestamp_of
from moorage.storage.database.transaction import Transaction

_Name = Annotated[str, Meta(min_length=1, max_length=256)]
_Arn = Annotated[str, Meta(min_length=1, max_length=2048, pattern="^arn:", examples=["arn:aws:iam::123456789012:user/ci"])]


class EventSearch(Page, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which calls. Every filter that is given must hold."""

    after: Moment | None = None
    """Made then or later."""
    before: Moment | None = None
    """Made earlier."""
    event_name: Annotated[_Name, Meta(examples=["PutImage"])] | None = None
    event_source: Annotated[_Name, Meta(examples=["ecr.amazonaws.com"])] | None = None
    principal: _Arn | None = None
    """The caller's ARN."""
    username: Annotated[_Name, Meta(description="A user's name, a session's name, or root")] | None = None
    access_key_id: _Name | None = None
    resource: _Arn | None = None
    """The ARN of what it was about."""
    error_code: Annotated[_Name, Meta(examples=["AccessDeniedException"])] | None = None
    failed: bool | None = None
    """Whether it was denied or failed, or not."""
    read_only: bool | None = None
    request_id: _Name | None = None
    follow: Annotated[str, Meta(max_length=1024)] | None = None
    """`follow` of an answer before: what was recorded since, oldest first; goes without `next`."""


class AnyEventSearch(EventSearch, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which calls, of which account."""

    account: AccountId | None = None
    """Every account if left out, and what could be attributed to none."""


class Events(Struct, frozen=True, kw_only=True):
    """A page of the record. It can be short, even empty, though `next` says that there is more."""

    events: list[dict[str, Any]]
    """CloudTrail records, newest first."""
    next: str | None
    """What continues the listing, or null at its end."""
    follow: str
    """What asks later for what was recorded after this answer."""


async def list_events(exchange: Exchange, query: EventSearch, _body: Nothing) -> Events:
    """List the account's calls, and those of others on its resources.

    The work of a page is bounded, so a page can be short or empty where few calls fit; `next` says whether there is more.
    """
    return await _found(exchange, query, exchange.call.principal.account_id)


async def list_all_events(exchange: Exchange, query: AnyEventSearch, _body: Nothing) -> Events:
    """List the calls of every account, or of one, and failed logins that could be attributed to none."""
    return await _found(exchange, query, query.account)


async def _found(exchange: Exchange, query: EventSearch, account_id: str | None) -> Events:
    tokens, call, filters = exchange.parts.page_tokens, exchange.call, _filters(query)
    if query.follow is not None:
        return await _followed(exchange, query, account_id)
    after = position_of(tokens, call, query)
    position = (after[0], after[1]) if after else None

    def work(tx: Transaction) -> tuple[Found, int]:
        return lookup.find(tx, account_id, filters, position, query.limit), lookup.newest_id(tx)

    async with exchange.parts.searches.one(call.registry.account_id):
        page, newest = await exchange.read(work)
    following = next_of(tokens, call, query, list(page.end)) if page.end is not None else None
    return Events(events=_records(page.rows, account_id), next=following, follow=tokens.seal(_scope(call), newest))


async def _followed(exchange: Exchange, query: EventSearch, account_id: str | None) -> Events:
    tokens, scope, filters = exchange.parts.page_tokens, _scope(exchange.call), _filters(query)
    if query.next is not None:
        raise InvalidParameterError.at("follow", "must not be given together with next")
    try:
        last = tokens.open(scope, query.follow or "")
    except InvalidParameterError:
        raise InvalidParameterError.at("follow", "Invalid token") from None
    rows, reached = await exchange.read(lambda tx: lookup.since(tx, account_id, filters, last, query.limit))
    return Events(events=_records(rows, account_id), next=None, follow=tokens.seal(scope, reached))


def _scope(call: Call) -> str:
    return f"api follow {call.registry.account_id} {call.event_name}"


def _records(rows: list[Row], account_id: str | None) -> list[dict[str, Any]]:
    """The records that the account has of them; for the operator of all accounts, the caller's."""
    return [record_of(row, accounts_of(row)[0] if account_id is None else account_id) for row in rows]


def _filters(query: EventSearch) -> Filters:
    return Filters(
        start=_timestamp(query.after),
        end=None if query.before is None else timestamp_of(query.before) - 1,
        request_id=query.request_id,
        access_key_id=query.access_key_id,
        resources=(query.resource,) if query.resource is not None else (),
        principal_arn=query.principal,
        username=query.username,
        error_code=query.error_code,
        failed=query.failed,
        event_name=query.event_name,
        read_only=query.read_only,
        event_source=query.event_source,
    )


def _timestamp(moment: datetime | None) -> int | None:
    return None if moment is None else timestamp_of(moment)
