"""The values that requests and answers of `/api/v1` share: empty ones, times, pages."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any

from msgspec import Meta, Struct

from moorage.core.call import Call
from moorage.core.clock import SECOND, Timestamp
from moorage.core.errors import InvalidParameterError
from moorage.core.names import MAX_REPOSITORY_NAME, MIN_REPOSITORY_NAME, REPOSITORY_PATTERN
from moorage.core.page import PageTokens


def whole(expression: str) -> str:
    """A pattern that the whole text must match, for this server and for JSON Schema's readers.

    A bare `$` would let Python take a line feed at the end, which JavaScript's regular expressions do not.
    """
    return rf"^{expression}$(?!\n)"


Time = Annotated[str, Meta(description="ISO 8601, UTC, with milliseconds", extra_json_schema={"format": "date-time"})]
"""A time in an answer; made by `time_text`."""

Moment = Annotated[datetime, Meta(tz=True)]
"""A time in a request, with its zone (RFC 3339); `timestamp_of` makes milliseconds of it."""

Repository = Annotated[
    str,
    Meta(
        min_length=MIN_REPOSITORY_NAME,
        max_length=MAX_REPOSITORY_NAME,
        description="A repository's name",
        # For readers of the document; here `RepositoryName.parse` decides, which no name can make slow.
        extra_json_schema={"pattern": f"^{REPOSITORY_PATTERN}$"},
        examples=["team/app"],
    ),
]
"""A repository's name in a request; a member of this type and the name `repository` is what a requirement decides upon."""


class Nothing(Struct, frozen=True, forbid_unknown_fields=True):
    """A query without parameters, a request without a body, an answer without content."""


class Page(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which page of a listing; queries of listings build on it."""

    limit: Annotated[int, Meta(ge=1, le=1000, description="Most entries in the answer")] = 100
    next: Annotated[str, Meta(max_length=1024)] | None = None
    """`next` of the answer before; the other parameters must be as they were then."""


def listed(values: Iterable[str] | None) -> list[str] | None:
    """Texts as answers have them."""
    return list(values) if values is not None else None


def time_text(at: int) -> str:
    """A time in milliseconds as answers show it: `2026-11-26T18:00:00.000Z`."""
    moment = datetime.fromtimestamp(at // SECOND, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at % SECOND:03d}Z"


def timestamp_of(moment: datetime) -> Timestamp:
    """Milliseconds since the epoch."""
    whole = int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * SECOND)
    return Timestamp(whole)


def position_of(tokens: PageTokens, call: Call, page: Page) -> Any:
    """Where the page begins, as `next_of` was told, or None at the start.

    Raises InvalidParameterError for a token that was not made for this caller's account, listing and filters.
    """
    if page.next is None:
        return None
    try:
        return tokens.open(_listing(call, page), page.next)
    except InvalidParameterError:
        raise InvalidParameterError.at("next", "Invalid token") from None


def next_of(tokens: PageTokens, call: Call, page: Page, position: Any) -> str:
    """The token that continues the listing behind `position` (JSON)."""
    return tokens.seal(_listing(call, page), position)


def _listing(call: Call, page: Page) -> str:
    filters = [(name, str(getattr(page, name))) for name in page.__struct_fields__ if name not in {"limit", "next"}]
    return f"api {call.event_name} {call.registry.account_id} {call.registry.region} {filters}"
