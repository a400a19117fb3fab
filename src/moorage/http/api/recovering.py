"""What was: the history of tags and rollback, removed images, undelete and purge."""

from collections.abc import Sequence
from functools import partial
from typing import Annotated

from msgspec import Meta, Struct

from moorage.core.call import Call, Registry
from moorage.core.digest import Digest
from moorage.core.errors import InvalidParameterError, InvalidTagError
from moorage.core.names import TagName
from moorage.http.api.exchange import Exchange, Parts
from moorage.http.api.values import Moment, Nothing, Page, Repository, Time, next_of, position_of, time_text, timestamp_of
from moorage.images import history, removed, subjects
from moorage.images.history import Move, Point
from moorage.images.removed import MOST_PURGED, Removed
from moorage.images.subjects import Subject
from moorage.repositories import store as repositories
from moorage.storage.database.transaction import Transaction

Tag = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=128,
        examples=["prod"],
        extra_json_schema={"pattern": "^[a-zA-Z0-9_][a-zA-Z0-9._-]*$"},  # refused in ECR's words
    ),
]
DigestText = Annotated[
    str,
    Meta(
        max_length=135,
        pattern="^sha(256:[a-f0-9]{64}|512:[a-f0-9]{128})$",
        examples=["sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
    ),
]


class HistoryPage(Page, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which tag's moves."""

    repository: Repository
    tag: Tag


class TagMove(Struct, frozen=True, kw_only=True):
    """A move of a tag."""

    id: str
    at: Time
    by: str
    """The ARN of who moved it."""
    from_digest: str | None
    """Null: it was on nothing."""
    to_digest: str | None
    """Null: it was taken off."""
    state: str | None
    """What has become of the image that it was put on: `live`, `removed` (it can be brought back) or `gone`."""
    kept_until: Time | None
    """Of a removed image: until when it can be brought back."""


class TagMoves(Struct, frozen=True, kw_only=True):
    """A page of moves, newest first."""

    moves: list[TagMove]
    next: str | None
    """What continues the history, or null at its end."""


class Rollback(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which tag is to go back, and to where: at most one of the last three; without, to the image before the present one."""

    repository: Repository
    tag: Tag
    to_digest: DigestText | None = None
    """An image that the tag was on."""
    to_time: Moment | None = None
    """Where the tag was at that time."""
    to_move: Annotated[str, Meta(pattern="^[0-9]{1,18}$")] | None = None
    """Where the move of this id put it."""


class RolledBackTag(Struct, frozen=True, kw_only=True):
    """Where the tag is now."""

    repository: str
    tag: str
    digest: str
    from_digest: str | None
    """Where it was; null: on nothing; the same as `digest`: there was nothing to do."""
    brought_back: list[str]
    """Removed images that came back for it."""


class RemovedPage(Page, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of which repository."""

    repository: Repository


class RemovedImage(Struct, frozen=True, kw_only=True):
    """A removed image that can be brought back."""

    digest: str
    tags: list[str]
    """The tags that it had when it was removed."""
    media_type: str
    artifact_type: str | None
    size: int
    pushed_at: Time
    pushed_by: str
    removed_at: Time
    removed_by: str
    kept_until: Time


class RemovedImages(Struct, frozen=True, kw_only=True):
    """A page of removed images, the last removed first."""

    images: list[RemovedImage]
    next: str | None
    """What continues the listing, or null at its end."""


class Undelete(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which image is to come back."""

    repository: Repository
    digest: DigestText


class TagElsewhere(Struct, frozen=True, kw_only=True):
    """A tag that was not put back, and the image that it is on by now."""

    tag: str
    digest: str


class UndeletedImage(Struct, frozen=True, kw_only=True):
    """An image that is back."""

    digest: str
    tags: list[str]
    """Tags that it has again."""
    tags_elsewhere: list[TagElsewhere]


class UndeletedImages(Struct, frozen=True, kw_only=True):
    """The images that are back: those that an index names first, the one that was asked for last."""

    repository: str
    images: list[UndeletedImage]


class Purge(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which removed images are to go for good."""

    repository: Repository
    digests: Annotated[list[DigestText], Meta(min_length=1, max_length=400)] | None = None
    """All removed images of the repository when left out."""


class Purged(Struct, frozen=True, kw_only=True):
    """How many images are gone."""

    repository: str
    purged: int
    more: bool
    """Whether there may be further ones, for another request: one purges 1,000 images at most."""


async def tag_history(exchange: Exchange, query: HistoryPage, _body: Nothing) -> TagMoves:
    """Every move of a tag, newest first."""
    call, tokens, retention = exchange.call, exchange.parts.page_tokens, exchange.parts.recovery.retention
    tag, before = _tag(query.tag), position_of(tokens, call, query)

    def work(tx: Transaction) -> list[Move]:
        repository = repositories.get(tx, call.registry, query.repository)
        return history.page(tx, call.registry, repository, tag, before, query.limit + 1, retention=retention)

    found = await exchange.read(work)
    shown = found[: query.limit]
    return TagMoves(
        moves=[_move(each) for each in shown],
        next=next_of(tokens, call, query, shown[-1].id) if len(found) > len(shown) else None,
    )


async def roll_back_tag(exchange: Exchange, _query: Nothing, body: Rollback) -> RolledBackTag:
    """Put a tag back where it was at an earlier point.

    This is a push of that image with that tag, by the caller, at this time: immutable tags and quotas hold, and a removed image
    that is still kept comes back, with what it names. Without a point it goes to the last image other than the present one, so
    that a second rollback undoes the first.
    """
    given = {"to_digest": body.to_digest, "to_time": body.to_time, "to_move": body.to_move}
    if sum(value is not None for value in given.values()) > 1:
        raise InvalidParameterError.at("to_digest", "must not be combined with to_time or to_move, nor those with each other")
    tag = _tag(body.tag)
    roll_back = partial(exchange.parts.recovery.roll_back, name=body.repository, tag=tag, to=_point(body))
    point = {name: str(value) for name, value in given.items() if value is not None}
    done = await exchange.in_steps(roll_back, tag=tag, **point)
    return RolledBackTag(
        repository=body.repository,
        tag=done.tag,
        digest=done.digest,
        from_digest=done.from_digest,
        brought_back=list(done.brought_back),
    )


def rolled_back(parts: Parts, tx: Transaction, registry: Registry, body: Rollback) -> Sequence[Subject]:
    """What a rollback acts on, for conditions on images."""
    return subjects.of_rollback(tx, registry, body.repository, body.tag, _point(body), parts.recovery.retention)


def undeleted(parts: Parts, tx: Transaction, registry: Registry, body: Undelete) -> Sequence[Subject]:
    """What an undelete acts on, for conditions on images."""
    return subjects.of_undelete(tx, registry, body.repository, body.digest, parts.recovery.retention)


async def list_removed(exchange: Exchange, query: RemovedPage, _body: Nothing) -> RemovedImages:
    """The removed images of a repository that can still be brought back, the last removed first."""
    call, tokens, retention = exchange.call, exchange.parts.page_tokens, exchange.parts.recovery.retention
    position = position_of(tokens, call, query)
    after = (int(position[0]), int(position[1])) if position else None

    def work(tx: Transaction) -> list[Removed]:
        repository = repositories.get(tx, call.registry, query.repository)
        return removed.page(tx, repository.id, after, query.limit + 1, retention=retention)

    found = await exchange.read(work)
    shown = found[: query.limit]
    following = [shown[-1].removed_at, shown[-1].id] if len(found) > len(shown) else None
    return RemovedImages(
        images=[_removed(each) for each in shown],
        next=next_of(tokens, call, query, following) if following else None,
    )


async def undelete_image(exchange: Exchange, _query: Nothing, body: Undelete) -> UndeletedImages:
    """Bring a removed image back, with the removed images that it names.

    Each is as it was, also in when and by whom it was pushed, and has the tags that it had when it was removed, unless they are
    on something else by now.
    """
    undelete = partial(exchange.parts.recovery.undelete, name=body.repository, digest=Digest.parse(body.digest))
    done = await exchange.in_steps(undelete, digest=body.digest)
    images = [
        UndeletedImage(
            digest=each.digest,
            tags=list(each.tags),
            tags_elsewhere=[TagElsewhere(tag=tag, digest=digest) for tag, digest in each.tags_elsewhere.items()],
        )
        for each in done
    ]
    return UndeletedImages(repository=body.repository, images=images)


async def purge_images(exchange: Exchange, _query: Nothing, body: Purge) -> Purged:
    """End the retention of removed images now.

    They cannot be brought back any more. Layers that nothing else needs are collected once their grace period is over.
    """
    digests = [Digest.parse(digest) for digest in body.digests or ()]

    def work(call: Call) -> int:
        return removed.purge(exchange.context.database, call, body.repository, digests)

    given = {} if body.digests is None else {"count": str(len(digests))}
    purged = await exchange.in_steps(work, **given)
    return Purged(repository=body.repository, purged=purged, more=purged >= MOST_PURGED)


def _point(body: Rollback) -> Point:
    at = timestamp_of(body.to_time) if body.to_time is not None else None
    return Point(digest=body.to_digest, at=at, entry=int(body.to_move) if body.to_move is not None else None)


def _tag(text: str) -> TagName:
    try:
        return TagName.parse(text)
    except InvalidTagError as error:
        raise InvalidParameterError(error.message.replace("imageTag", "tag")) from None


def _move(move: Move) -> TagMove:
    return TagMove(
        id=str(move.id),
        at=time_text(move.at),
        by=move.by,
        from_digest=move.from_digest,
        to_digest=move.to_digest,
        state=move.state,
        kept_until=None if move.kept_until is None else time_text(move.kept_until),
    )


def _removed(image: Removed) -> RemovedImage:
    return RemovedImage(
        digest=image.digest,
        tags=list(image.tags),
        media_type=image.media_type,
        artifact_type=image.artifact_type,
        size=image.size,
        pushed_at=time_text(image.pushed_at),
        pushed_by=image.pushed_by,
        removed_at=time_text(image.removed_at),
        removed_by=image.removed_by,
        kept_until=time_text(image.kept_until),
    )
