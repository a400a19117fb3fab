"""`/api/v1/tokens`: passwords of the data plane that live longer or may do less than GetAuthorizationToken's."""

import re
from typing import Annotated

from msgspec import Meta, Struct

from moorage.core.clock import HOUR, SECOND
from moorage.http.api.exchange import Exchange
from moorage.http.api.values import Nothing, Page, Time, listed, next_of, position_of, time_text, whole
from moorage.identity.credentials import tokens
from moorage.identity.credentials.scope import ACTIONS, MOST_ACTIONS, MOST_PATTERNS, WORDS, Scope
from moorage.identity.credentials.tokens import LONGEST_LIFETIME, SHORTEST_LIFETIME, LiveToken
from moorage.identity.errors import TokenNotFoundError
from moorage.identity.operations import USERNAME
from moorage.storage.database.transaction import Transaction

_ID = re.compile(r"[0-3][0-9a-f]{15}")
"""How ids of 62 bits are written."""

TokenName = Annotated[
    str,
    Meta(
        pattern=whole(r"[A-Za-z0-9][A-Za-z0-9 ._@/-]*"),
        min_length=1,
        max_length=128,
        description="For people; need not be unique",
        examples=["ci"],
    ),
]
Lifetime = Annotated[
    int,
    Meta(
        ge=SHORTEST_LIFETIME // SECOND,
        le=LONGEST_LIFETIME // SECOND,
        description="From 15 minutes to 365 days, in seconds",
        examples=[2592000],
    ),
]
Patterns = Annotated[
    list[Annotated[str, Meta(pattern=whole(r"[a-z0-9._/*-]+"), min_length=1, max_length=256)]],
    Meta(
        min_length=1,
        max_length=MOST_PATTERNS,
        description="Names of repositories, in which `*` stands for any run of characters, slashes too",
        examples=[["team/*"]],
    ),
]
Actions = Annotated[
    list[Annotated[str, Meta(extra_json_schema={"enum": [*WORDS, *sorted(ACTIONS)]})]],
    Meta(
        min_length=1,
        max_length=MOST_ACTIONS,
        description="Actions such as `ecr:BatchGetImage`, or `pull`, `push` (which pulls too) and `all`",
        examples=[["pull"]],
    ),
]

Tags = Annotated[
    list[Annotated[str, Meta(pattern=whole(r"[A-Za-z0-9_.*-]+"), min_length=1, max_length=128)]],
    Meta(
        min_length=1,
        max_length=MOST_PATTERNS,
        description="Tags that may be pushed and deleted, in which `*` stands for any run of characters; manifests without a"
        " tag, such as the parts of a multi-platform image, may be too",
        examples=[["dev-*"]],
    ),
]


class NewToken(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A token to be made. Where neither repositories nor actions nor tags are given, it may do all that its maker may do."""

    name: TokenName
    lifetime_seconds: Lifetime = 12 * HOUR // SECOND
    repositories: Patterns | None = None
    """All repositories when left out."""
    actions: Actions | None = None
    """`all` when left out."""
    tags: Tags | None = None
    """All tags when left out."""


class CreatedToken(Struct, frozen=True, kw_only=True):
    """A token that was made, and where it is good. The password is shown this once."""

    id: str
    name: str
    username: str
    password: str
    endpoint: str
    """URL of the registry."""
    region: str
    repositories: list[str] | None
    actions: list[str] | None
    """As they were asked for; both null where the token is not restricted."""
    tags: list[str] | None
    """Null where all may be pushed and deleted, so far as the rest allows it."""
    created_at: Time
    expires_at: Time


class Token(Struct, frozen=True, kw_only=True):
    """A token that is good now."""

    id: str
    name: str | None
    """Null for a token of GetAuthorizationToken."""
    principal_arn: str
    access_key_id: str | None
    """The key, long-term or temporary, that made it; it ends with this key at the latest. Null for a robot's."""
    region: str
    repositories: list[str] | None
    actions: list[str] | None
    tags: list[str] | None
    created_at: Time
    expires_at: Time
    last_used_at: Time | None


class Tokens(Struct, frozen=True, kw_only=True):
    """A page of tokens, oldest first."""

    tokens: list[Token]
    next: str | None
    """What continues the listing, or null at its end."""


async def create_token(exchange: Exchange, _query: Nothing, body: NewToken) -> CreatedToken:
    """Make a token for `/v2/`.

    It signs container clients in, as user `AWS`, at the caller's registry of the signature's region. It may do what its
    maker may do at that time and its scope allows, and ends with its lifetime, with the access key that made it, or when it
    is revoked. The password is in this answer and nowhere else.
    """
    call = exchange.call
    scope = None
    if (body.repositories, body.actions, body.tags) != (None, None, None):
        repositories = ["*"] if body.repositories is None else body.repositories
        scope = Scope.parse(repositories, ["all"] if body.actions is None else body.actions, body.tags)
    endpoint = exchange.context.addresses.endpoint(
        call.principal.account_id, call.registry.region, call.authority.partition("://")[0]
    )

    def work(tx: Transaction) -> CreatedToken:
        lifetime = body.lifetime_seconds * SECOND
        made = tokens.make(tx, call.principal, call.registry.region, lifetime, name=body.name, scope=scope)
        return CreatedToken(
            id=_id_text(made.id),
            name=body.name,
            username=USERNAME,
            password=made.password,
            endpoint=endpoint,
            region=call.registry.region,
            repositories=listed(scope.repositories if scope else None),
            actions=listed(scope.actions if scope else None),
            tags=listed(scope.tags if scope else None),
            created_at=time_text(made.created_at),
            expires_at=time_text(made.expires_at),
        )

    return await exchange.write(
        work, name=body.name, lifetime_seconds=str(body.lifetime_seconds), scope=scope.dump() if scope else ""
    )


async def list_tokens(exchange: Exchange, query: Page, _body: Nothing) -> Tokens:
    """The account's tokens that are good now, those of GetAuthorizationToken too, in every region."""
    page_tokens, call = exchange.parts.page_tokens, exchange.call
    position = position_of(page_tokens, call, query)
    after = (int(position[0]), int(position[1])) if position else None
    found = await exchange.read(lambda tx: tokens.live(tx, call.principal.account_id, after, query.limit + 1))
    shown = found[: query.limit]
    following = [shown[-1].created_at, shown[-1].id] if len(found) > len(shown) else None
    return Tokens(
        tokens=[_shown(each) for each in shown],
        next=next_of(page_tokens, call, query, following) if following else None,
    )


async def delete_token(exchange: Exchange, _query: Nothing, _body: Nothing) -> Nothing:
    """Revoke a token of the account; from the next request on nobody is signed in by it."""
    text = exchange.path["id"]
    if not _ID.fullmatch(text):
        raise TokenNotFoundError
    await exchange.write(lambda tx: tokens.revoke(tx, exchange.call.principal.account_id, int(text, 16)), id=text)
    return Nothing()


def _shown(token: LiveToken) -> Token:
    return Token(
        id=_id_text(token.id),
        name=token.name,
        principal_arn=token.principal.arn,
        access_key_id=token.principal.access_key_id or None,
        region=token.region,
        repositories=listed(token.scope.repositories if token.scope else None),
        actions=listed(token.scope.actions if token.scope else None),
        tags=listed(token.scope.tags if token.scope else None),
        created_at=time_text(token.created_at),
        expires_at=time_text(token.expires_at),
        last_used_at=time_text(token.last_used_at) if token.last_used_at is not None else None,
    )


def _id_text(token_id: int) -> str:
    return f"{token_id:016x}"
