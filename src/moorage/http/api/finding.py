"""Images and tags that are searched for: `GET /api/v1/images` and `GET /api/v1/tags`."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from moorage.core.names import MAX_REPOSITORY_NAME
from moorage.http.api.exchange import Exchange
from moorage.http.api.values import Moment, Nothing, Page, Time, next_of, position_of, time_text, timestamp_of
from moorage.images import finding, search
from moorage.images.finding import Hit
from moorage.images.search import Order, Search
from moorage.storage.database.transaction import Transaction

_DESCRIBE = "ecr:DescribeImages"
_PATTERN = {"pattern": r"^[^*]*(\*+[^*]*){0,4}$"}
_Text = Annotated[str, Meta(min_length=1, max_length=255)]


class Filters(Page, frozen=True, kw_only=True):
    """What is looked for. Every filter that is given must hold."""

    repository: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=MAX_REPOSITORY_NAME,
                description="A name, or a pattern in which `*` stands for any run of characters; every repository if left out",
                examples=["team/*"],
                extra_json_schema=_PATTERN,
            ),
        ]
        | None
    ) = None
    tag: (
        Annotated[
            str,
            Meta(min_length=1, max_length=128, description="A tag or a pattern", examples=["v1.*"], extra_json_schema=_PATTERN),
        ]
        | None
    ) = None
    digest: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=160,
                description="The beginning of a digest",
                extra_json_schema={"pattern": "^([a-f0-9]{1,64}|[a-z0-9]{1,16}(:[a-f0-9]{0,128})?)$"},
            ),
        ]
        | None
    ) = None
    pushed_after: Moment | None = None
    """Pushed then or later."""
    pushed_before: Moment | None = None
    """Pushed earlier."""
    pulled_after: Moment | None = None
    """Last pulled then or later."""
    pulled_before: Moment | None = None
    """Last pulled earlier, or never."""
    label: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=256, pattern="^[^=]")]],
        Meta(
            max_length=search.MOST_LABELS,
            description="`key` or `key=value`, of the image's config; may be repeated, and then all must hold",
        ),
    ] = msgspec.field(default_factory=list)
    platform: (
        Annotated[
            str,
            Meta(
                max_length=200,
                description="`os[/architecture[/variant]]`, of the image or of one that the index names",
                examples=["linux/arm64/v8"],
                extra_json_schema={"pattern": "^[A-Za-z0-9_.-]{1,64}(/[A-Za-z0-9_.-]{1,64}){0,2}$"},
            ),
        ]
        | None
    ) = None
    media_type: _Text | None = None
    artifact_type: _Text | None = None
    tagged: bool | None = None
    """Whether a tag must be on the image, or none."""


class ImageSearch(Filters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A search for images."""

    sort: Literal["pushed", "pulled"] = "pushed"
    """By push, or by last pull; images that were never pulled come before all others."""
    order: Literal["asc", "desc"] = "desc"


class TagSearch(Filters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A search for tags, which come in the order of their names' bytes."""

    order: Literal["asc", "desc"] = "asc"


class Found(Struct, frozen=True, kw_only=True):
    """What every find says of its image."""

    repository: str
    digest: str
    media_type: str
    artifact_type: str | None
    size: int
    """Bytes of config and layers; of an index, of its largest member."""
    platform: str | None
    labels: dict[str, str]
    pushed_at: Time
    pushed_by: str
    last_pulled_at: Time | None
    subject: str | None
    """The digest of what it refers to."""


class FoundImage(Found, frozen=True, kw_only=True):
    """An image that was found."""

    tags: list[str]


class FoundTag(Found, frozen=True, kw_only=True):
    """A tag that was found, with the image that it is on."""

    tag: str
    moved_at: Time
    """Since when it is on this image."""


class FoundImages(Struct, frozen=True, kw_only=True):
    """A page of images. It can be short, even empty, though `next` says that there is more."""

    images: list[FoundImage]
    next: str | None
    """What continues the search, or null at its end."""


class FoundTags(Struct, frozen=True, kw_only=True):
    """A page of tags. It can be short, even empty, though `next` says that there is more."""

    tags: list[FoundTag]
    next: str | None
    """What continues the search, or null at its end."""


async def search_images(exchange: Exchange, query: ImageSearch, _body: Nothing) -> FoundImages:
    """Find images of one repository or of many.

    Only repositories are searched whose images the caller may describe. The work of a page is bounded, so a page can be short
    or empty where few images fit; `next` says whether there is more.
    """
    hits, following = await _found(exchange, query, _search(query, query.sort, query.order == "desc"))
    return FoundImages(images=[_image(hit) for hit in hits], next=following)


async def search_tags(exchange: Exchange, query: TagSearch, _body: Nothing) -> FoundTags:
    """Find tags of one repository or of many, by name and by the images that they are on.

    Only repositories are searched whose images the caller may describe. The work of a page is bounded, so a page can be short
    or empty where few tags fit; `next` says whether there is more.
    """
    hits, following = await _found(exchange, query, _search(query, "tag", query.order == "desc"))
    return FoundTags(tags=[_tag(hit) for hit in hits], next=following)


def _search(query: Filters, order: Order, descending: bool) -> Search:
    return search.parse(
        order=order,
        descending=descending,
        repository=query.repository,
        tag=query.tag,
        digest=query.digest,
        pushed=(_since(query.pushed_after), _since(query.pushed_before)),
        pulled=(_since(query.pulled_after), _since(query.pulled_before)),
        labels=query.label,
        platform=query.platform,
        media_type=query.media_type,
        artifact_type=query.artifact_type,
        tagged=query.tagged,
    )


def _since(moment: datetime | None) -> int | None:
    return None if moment is None else timestamp_of(moment)


async def _found(exchange: Exchange, query: Filters, wanted: Search) -> tuple[list[Hit], str | None]:
    call, tokens = exchange.call, exchange.parts.page_tokens
    position = position_of(tokens, call, query)
    after = (position[0], position[1]) if position else None

    judge = exchange.context.warden.judge

    def work(tx: Transaction) -> finding.Page:
        return finding.find(tx, call.registry, wanted, judge.allowed_in(tx, call, _DESCRIBE), after, query.limit)

    async with exchange.parts.searches.one(call.registry.account_id):
        page = await exchange.read(work)
    return page.hits, next_of(tokens, call, query, list(page.end)) if page.end is not None else None


def _image(hit: Hit) -> FoundImage:
    return FoundImage(**_facts(hit), tags=list(hit.tags))


def _tag(hit: Hit) -> FoundTag:
    return FoundTag(**_facts(hit), tag=hit.tags[0], moved_at=time_text(hit.moved_at or 0))


def _facts(hit: Hit) -> dict[str, Any]:
    """The members of `Found`."""
    return {
        "repository": hit.repository,
        "digest": hit.digest,
        "media_type": hit.media_type,
        "artifact_type": hit.artifact_type,
        "size": hit.size,
        "platform": hit.platform,
        "labels": dict(hit.labels),
        "pushed_at": time_text(hit.pushed_at),
        "pushed_by": hit.pushed_by,
        "last_pulled_at": _time(hit.last_pulled_at),
        "subject": hit.subject,
    }


def _time(at: int | None) -> str | None:
    return None if at is None else time_text(at)
