"""`/api/v1/sessions`: temporary credentials that are good now, and their end."""

from msgspec import Struct

from moorage.http.api.exchange import Exchange
from moorage.http.api.values import Nothing, Page, Time, next_of, position_of, time_text
from moorage.identity.credentials import sessions


class Session(Struct, frozen=True, kw_only=True):
    """Temporary credentials that are good now; nothing of them is secret."""

    access_key_id: str
    kind: str
    """`AssumedRole`, `FederatedUser`, or `SessionToken` of a user or root for itself."""
    principal_arn: str
    """Who speaks with them."""
    opened_by: str | None
    """The access key that asked for them, and with which they end; the ARN of who took the role, for a role's; null where an
    identity provider's token was shown.
    """
    provider: str | None
    """The ARN of the identity provider whose token was shown for the role, if one was."""
    source_identity: str | None
    tags: dict[str, str]
    created_at: Time
    expires_at: Time


class Sessions(Struct, frozen=True, kw_only=True):
    """A page of sessions, oldest first."""

    sessions: list[Session]
    next: str | None
    """What continues the listing, or null at its end."""


async def list_sessions(exchange: Exchange, query: Page, _body: Nothing) -> Sessions:
    """The account's temporary credentials that are good now: of its roles, and of its users and root."""
    page_tokens, call = exchange.parts.page_tokens, exchange.call
    position = position_of(page_tokens, call, query)
    after = (int(position[0]), str(position[1])) if position else None
    found = await exchange.read(lambda tx: sessions.live(tx, call.principal.account_id, after, query.limit + 1))
    shown = found[: query.limit]
    following = [shown[-1].created_at, shown[-1].id] if len(found) > len(shown) else None
    return Sessions(
        sessions=[_shown(each) for each in shown],
        next=next_of(page_tokens, call, query, following) if following else None,
    )


async def delete_session(exchange: Exchange, _query: Nothing, _body: Nothing) -> Nothing:
    """Revoke temporary credentials of the account, by their access key; from the next request on they are unknown, and so are
    the tokens that were made with them. Sessions that they opened go on.
    """
    key_id, account_id = exchange.path["id"], exchange.call.principal.account_id
    await exchange.write(lambda tx: sessions.revoke(tx, account_id, key_id), id=key_id[:128])
    return Nothing()


def _shown(session: sessions.Session) -> Session:
    return Session(
        access_key_id=session.id,
        kind=session.kind,
        principal_arn=session.principal.arn,
        opened_by=session.access_key_id or session.terms.opened_by,
        provider=session.terms.provider,
        source_identity=session.terms.source_identity,
        tags=dict(session.terms.tags),
        created_at=time_text(session.created_at),
        expires_at=time_text(session.expires_at),
    )
