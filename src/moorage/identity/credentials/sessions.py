"""Temporary credentials: an access key of its own, good with its session token only, for a time (STS API reference).

A session ends when its time is over, when it is revoked, and with what it was made from: its role, or the user or key that
asked for it.
"""

import hashlib
import hmac
import json
import secrets
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from moorage.aws.signature_errors import InvalidSecurityTokenError
from moorage.core import clock
from moorage.core.call import Principal
from moorage.core.clock import Timestamp
from moorage.identity import callers
from moorage.identity.credentials.access_keys import new_secret
from moorage.identity.credentials.sealing import Sealer
from moorage.identity.errors import SessionNotFoundError
from moorage.identity.quotas import make_room
from moorage.storage.database.schema.iam import iam_resources
from moorage.storage.database.schema.identity import access_keys, sessions
from moorage.storage.database.transaction import Transaction

KEPT_AFTER_EXPIRY = 7 * clock.DAY
"""An expired session is still known this long, so that its bearer reads that it expired instead of that it is wrong."""

MOST_OF_ROLE = 10_000
MOST_OF_USER = 5000
"""Temporary credentials at a time of one user, or of one key of an account's root."""

PREFIX = "ASIA"
_ID_ALPHABET = string.ascii_uppercase + "234567"
_TOKEN_BYTES = 192


class SessionKind(StrEnum):
    """What temporary credentials are of."""

    ASSUMED_ROLE = "AssumedRole"
    FEDERATED_USER = "FederatedUser"
    SESSION_TOKEN = "SessionToken"  # noqa: S105 - a word, no secret


@dataclass(frozen=True, slots=True)
class SessionTerms:
    """What a session was given besides its identity, and keeps."""

    policies: tuple[str, ...] | None = None
    """What restricts it: documents, and ARNs of managed policies. None: nothing was given."""
    tags: Mapping[str, str] = field(default_factory=dict)
    transitive_tag_keys: tuple[str, ...] = ()
    """Of its tags, those that the sessions which it opens inherit."""
    source_identity: str | None = None
    provider: str | None = None
    """The ARN of the OpenID Connect provider, where a web identity took the role."""
    opened_by: str | None = None
    """The ARN of who took the role; None where a web identity did, and for what is of no role."""
    chained: bool = False
    """Whether a role's session took the role."""


@dataclass(frozen=True, slots=True)
class NewSession:
    """Credentials that were made just now; secret and token are readable this once."""

    access_key_id: str
    secret: str
    session_token: str
    expires_at: Timestamp

    def __repr__(self) -> str:
        return f"NewSession({self.access_key_id})"


@dataclass(frozen=True, slots=True)
class Session:
    """Temporary credentials as they are stored, without what is secret."""

    id: str
    """Its access key, `ASIA…`."""
    principal: Principal
    kind: SessionKind
    name: str
    terms: SessionTerms
    access_key_id: str | None
    """The key that asked for it, unless it is of a role."""
    created_at: Timestamp
    expires_at: Timestamp


def make(
    tx: Transaction,
    sealer: Sealer,
    account_id: str,
    kind: SessionKind,
    *,
    lifetime: int,
    name: str = "",
    role_id: str | None = None,
    user_id: str | None = None,
    access_key_id: str | None = None,
    terms: SessionTerms | None = None,
) -> NewSession:
    """New temporary credentials. `lifetime` in milliseconds; a role's have `role_id`, the others the key that asked.

    Raises InvalidSecurityTokenError where that key was removed while its request was on the way, and TooManyCredentialsError.
    """
    if access_key_id is not None:
        key = tx.one(sa.select(access_keys.c.id).where(access_keys.c.id == access_key_id, access_keys.c.active))
        if key is None:
            raise InvalidSecurityTokenError
    if role_id is not None:
        make_room(tx, sessions.c.role_id, role_id, MOST_OF_ROLE, "sessions of this role")
    elif user_id is not None:
        make_room(tx, sessions.c.user_id, user_id, MOST_OF_USER, "temporary credentials of this user")
    elif access_key_id is not None:
        make_room(tx, sessions.c.access_key_id, access_key_id, MOST_OF_USER, "temporary credentials of this access key")
    terms = terms or SessionTerms()
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    key_id = PREFIX + "".join(secrets.choice(_ID_ALPHABET) for _ in range(16))
    made = NewSession(key_id, new_secret(), token, Timestamp(tx.now + lifetime))
    tx.execute(
        sa.insert(sessions).values(
            id=key_id,
            account_id=account_id,
            kind=kind,
            role_id=role_id,
            user_id=user_id,
            access_key_id=access_key_id,
            name=name,
            sealed_secret=sealer.seal(made.secret, key_id),
            token_hash=hash_of(token),
            policies=json.dumps(terms.policies) if terms.policies is not None else None,
            tags=json.dumps(dict(terms.tags)),
            transitive_tag_keys=json.dumps(terms.transitive_tag_keys),
            source_identity=terms.source_identity,
            provider=terms.provider,
            opened_by=terms.opened_by,
            chained=terms.chained,
            created_at=tx.now,
            expires_at=made.expires_at,
        )
    )
    return made


def hash_of(session_token: str) -> bytes:
    """What is stored of a session token. It has 1536 random bits, so one fast hash protects it."""
    return hashlib.sha256(session_token.encode("utf-8", "surrogateescape")).digest()


def fits(token_hash: bytes | None, session_token: str | None) -> bool:
    """Whether a request with this session token, or without one, may use the key: both or neither."""
    if token_hash is None or session_token is None:
        return token_hash is None and session_token is None
    return hmac.compare_digest(token_hash, hash_of(session_token))


def find(tx: Transaction, session_id: str) -> Session | None:
    """The session of that access key, expired or not, or None."""
    row = tx.one(_select().where(sessions.c.id == session_id))
    return _read(row) if row is not None else None


def live(tx: Transaction, account_id: str, after: tuple[int, str] | None, limit: int) -> list[Session]:
    """The account's sessions that are good now, oldest first, behind (created at, id)."""
    query = _select().where(sessions.c.account_id == account_id, *_is_live(tx))
    if after is not None:
        query = query.where(sa.tuple_(sessions.c.created_at, sessions.c.id) > sa.tuple_(*after))
    return [_read(row) for row in tx.all(query.order_by(sessions.c.created_at, sessions.c.id).limit(limit))]


def revoke(tx: Transaction, account_id: str, session_id: str) -> None:
    """End a live session of the account now, and its tokens; raises SessionNotFoundError, also for another account's."""
    found = sa.select(sessions.c.id).select_from(_joined()).where(sessions.c.id == session_id, *_is_live(tx))
    if tx.one(found.where(sessions.c.account_id == account_id)) is None:
        raise SessionNotFoundError
    tx.execute(sa.delete(sessions).where(sessions.c.id == session_id))


def purge(tx: Transaction, limit: int = 1000) -> int:
    """Forget sessions that expired long ago; returns how many."""
    old = sa.select(sessions.c.id).where(sessions.c.expires_at < tx.now - KEPT_AFTER_EXPIRY).limit(limit)
    return tx.execute(sa.delete(sessions).where(sessions.c.id.in_(old))).rowcount


_roles = iam_resources.alias("role")
_users = iam_resources.alias("user")


def _joined() -> sa.Join:
    return (
        sa.join(sessions, _roles, _roles.c.id == sessions.c.role_id, isouter=True)
        .join(_users, _users.c.id == sessions.c.user_id, isouter=True)
        .join(access_keys, access_keys.c.id == sessions.c.access_key_id, isouter=True)
    )


def _is_live(tx: Transaction) -> tuple[sa.ColumnElement[bool], ...]:
    return sessions.c.expires_at > tx.now, sa.or_(sessions.c.access_key_id.is_(None), access_keys.c.active)


def _select() -> sa.Select[Any]:
    return sa.select(
        sessions,
        _roles.c.name.label("role_name"),
        _roles.c.path.label("role_path"),
        _users.c.name.label("user_name"),
        _users.c.path.label("user_path"),
    ).select_from(_joined())


def _read(row: sa.Row[Any]) -> Session:
    policies: Sequence[str] | None = json.loads(row.policies) if row.policies is not None else None
    terms = SessionTerms(
        policies=tuple(policies) if policies is not None else None,
        tags=json.loads(row.tags),
        transitive_tag_keys=tuple(json.loads(row.transitive_tag_keys)),
        source_identity=row.source_identity,
        provider=row.provider,
        opened_by=row.opened_by,
        chained=row.chained,
    )
    principal = callers.of_session(
        row.account_id,
        row.kind,
        row.name,
        row.id,
        user=callers.identity(row.user_id, row.user_name, row.user_path),
        role=callers.identity(row.role_id, row.role_name, row.role_path),
    )
    return Session(
        id=row.id,
        principal=principal,
        kind=SessionKind(row.kind),
        name=row.name,
        terms=terms,
        access_key_id=row.access_key_id,
        created_at=Timestamp(row.created_at),
        expires_at=Timestamp(row.expires_at),
    )
