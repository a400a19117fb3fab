"""Tokens: the passwords of the data plane, from GetAuthorizationToken (AWS: ECR API reference) or made by name."""

import hashlib
import secrets
import sqlite3
from dataclasses import dataclass
from typing import Any, ClassVar

import sqlalchemy as sa

from moorage.aws.signature_errors import InvalidSecurityTokenError
from moorage.core import clock
from moorage.core.call import Principal
from moorage.core.clock import Timestamp
from moorage.core.errors import MoorageError
from moorage.identity import callers
from moorage.identity.credentials.scope import Scope
from moorage.identity.errors import TokenNotFoundError
from moorage.identity.quotas import make_room
from moorage.identity.resources import Kind
from moorage.storage.database.prepared import Prepared
from moorage.storage.database.schema.iam import iam_resources
from moorage.storage.database.schema.identity import access_keys, sessions, tokens
from moorage.storage.database.transaction import Transaction

LIFETIME = 12 * clock.HOUR
SHORTEST_LIFETIME = 15 * clock.MINUTE
LONGEST_LIFETIME = 365 * clock.DAY
KEPT_AFTER_EXPIRY = 7 * clock.DAY
"""An expired token is still known this long, so that its bearer reads that it expired instead of that it is wrong."""

MOST = 20_000
"""Tokens at a time of one access key, temporary credentials or robot."""

_ID_BITS = 62


class NotAuthorizedError(MoorageError):
    """No credentials, or credentials that nobody has (ECR: 401 with a Basic challenge)."""

    aws_code: ClassVar[str] = "UnrecognizedClientException"
    oci_code: ClassVar[str] = "UNAUTHORIZED"
    oci_status: ClassVar[int] = 401

    def __init__(self) -> None:
        super().__init__("Not Authorized")


class TokenExpiredError(MoorageError):
    """The token was good once (ECR: 403 without a challenge)."""

    aws_code: ClassVar[str] = "ExpiredTokenException"
    oci_code: ClassVar[str] = "DENIED"
    oci_status: ClassVar[int] = 403

    def __init__(self) -> None:
        super().__init__("Your authorization token has expired. Reauthenticate and try again.")


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it is stored; the password itself is not."""

    id: int
    principal: Principal
    region: str
    expires_at: Timestamp
    scope: Scope | None = None
    """What it is restricted to; None: all that its principal may do."""
    permission_version: int = 0
    """Of its principal's account, when it was found."""


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token that was made just now, with its password, which nobody can read later."""

    id: int
    password: str
    """It has neither colons nor `~`, `>`, `?`."""
    created_at: Timestamp
    expires_at: Timestamp

    def __repr__(self) -> str:
        return f"NewToken({self.id})"


_INSERT = Prepared(
    sa.insert(tokens),
    "id",
    "hash",
    "access_key_id",
    "session_id",
    "user_id",
    "region",
    "created_at",
    "expires_at",
    "name",
    "scope",
)


def issue(tx: Transaction, principal: Principal, region: str) -> tuple[str, Timestamp]:
    """A new password for `AWS`, good for 12 hours and for all that the principal may do, and when it expires."""
    made = make(tx, principal, region, LIFETIME)
    return made.password, made.expires_at


def make(
    tx: Transaction,
    principal: Principal,
    region: str,
    lifetime: int,
    *,
    name: str | None = None,
    scope: Scope | None = None,
) -> NewToken:
    """A new token. `lifetime` in milliseconds.

    It ends with the access key that asked for it, and where that is a temporary one, when that expires at the latest. Raises
    InvalidSecurityTokenError where that has ended already, and TooManyCredentialsError.
    """
    if not principal.session_id:
        key = tx.one(sa.select(access_keys.c.id).where(access_keys.c.id == principal.access_key_id, access_keys.c.active))
        if key is None:
            raise InvalidSecurityTokenError  # it was removed while this request was on its way
        return _make(tx, region, Timestamp(tx.now + lifetime), name, scope, access_key_id=principal.access_key_id)
    session = tx.one(sa.select(sessions.c.expires_at).where(sessions.c.id == principal.session_id))
    if session is None:
        raise InvalidSecurityTokenError
    expires_at = Timestamp(min(tx.now + lifetime, session.expires_at))
    return _make(tx, region, expires_at, name, scope, session_id=principal.session_id)


def make_for_user(
    tx: Transaction, user_id: str, region: str, lifetime: int, *, name: str | None = None, scope: Scope | None = None
) -> NewToken:
    """A new token that hangs on no key, for a user who signs nothing (a robot). `lifetime` in milliseconds.

    Raises TooManyCredentialsError.
    """
    return _make(tx, region, Timestamp(tx.now + lifetime), name, scope, user_id=user_id)


def _make(
    tx: Transaction,
    region: str,
    expires_at: Timestamp,
    name: str | None,
    scope: Scope | None,
    *,
    access_key_id: str | None = None,
    session_id: str | None = None,
    user_id: str | None = None,
) -> NewToken:
    if access_key_id is not None:
        make_room(tx, tokens.c.access_key_id, access_key_id, MOST, "tokens of this access key")
    elif session_id is not None:
        make_room(tx, tokens.c.session_id, session_id, MOST, "tokens of these temporary credentials")
    elif user_id is not None:
        make_room(tx, tokens.c.user_id, user_id, MOST, "tokens of this robot")
    # Random, not counted: the ids that an account sees tell nothing about how many tokens others make.
    made = NewToken(secrets.randbits(_ID_BITS), secrets.token_urlsafe(96), tx.now, expires_at)
    tx.run(
        _INSERT,
        id=made.id,
        hash=hash_of(made.password),
        access_key_id=access_key_id,
        session_id=session_id,
        user_id=user_id,
        region=region,
        created_at=made.created_at,
        expires_at=made.expires_at,
        name=name,
        scope=scope.dump() if scope else None,
    )
    return made


def hash_of(password: str) -> bytes:
    """What is stored of a password. It has 768 random bits, so one fast hash protects it."""
    return hashlib.sha256(password.encode("utf-8", "surrogateescape")).digest()


_HANGS_ON = """
LEFT JOIN sessions s ON s.id = t.session_id
LEFT JOIN access_keys k ON k.id = coalesce(t.access_key_id, s.access_key_id)
LEFT JOIN iam_resources u ON u.id = coalesce(t.user_id, s.user_id, k.user_id)
JOIN accounts a ON a.id = coalesce(s.account_id, k.account_id, u.account_id)
"""
_FIND = f"""
SELECT t.id, t.region, min(t.expires_at, coalesce(s.expires_at, t.expires_at)), t.scope, coalesce(t.access_key_id, ''),
       a.id, a.permission_version,
       s.id, s.kind, s.name, u.id, u.name, u.path, r.id, r.name, r.path
FROM tokens t {_HANGS_ON} LEFT JOIN iam_resources r ON r.id = s.role_id
WHERE t.hash = ? AND (k.id IS NULL OR k.active)
"""  # noqa: S608 - two constants


def find_token(points: sqlite3.Connection, password_hash: bytes) -> Token | None:
    """The token with that hash, expired or not, unless what it hangs on has ended or is inactive; one point read."""
    row = points.execute(_FIND, (password_hash,)).fetchone()
    if row is None:
        return None
    token_id, region, expires_at, scope, key_id, account_id, version, session_id, kind, session_name = row[:10]
    user, role = callers.identity(*row[10:13]), callers.identity(*row[13:])
    if session_id is not None:
        principal = callers.of_session(account_id, kind, session_name, session_id, user=user, role=role)
    else:
        principal = callers.of_key(account_id, user, key_id)
    loaded = Scope.load(scope) if scope is not None else None
    return Token(token_id, principal, region, Timestamp(expires_at), loaded, version)


STILL_GOOD = f"""
SELECT a.permission_version FROM tokens t {_HANGS_ON}
WHERE t.id = :token AND t.expires_at > :now AND (k.id IS NULL OR k.active) AND (s.id IS NULL OR s.expires_at > :now)
"""  # noqa: S608 - a constant
"""The permission version of its principal's account, while a token is there, its time is not over (milliseconds), and what it
hangs on lives: its access key is active, its session has not expired, its user is there."""


def permission_version(points: sqlite3.Connection, token_id: int, now: int) -> int | None:
    """That of the account of the token's principal, or None when the token is no longer good; one point read.

    What was found of the token before is still true while the version is the one that it was found with.
    """
    row = points.execute(STILL_GOOD, {"token": token_id, "now": now}).fetchone()
    return int(row[0]) if row is not None else None


def note_use(tx: Transaction, used: dict[int, int]) -> None:
    """Record when tokens were last used, by id; in batches, since nobody waits for it."""
    statement = sa.update(tokens).where(tokens.c.id == sa.bindparam("token")).values(last_used_at=sa.bindparam("at"))
    tx.execute(statement, [{"token": token, "at": at} for token, at in used.items()])


def purge(tx: Transaction, limit: int = 1000) -> int:
    """Forget tokens that expired long ago; returns how many."""
    old = sa.select(tokens.c.id).where(tokens.c.expires_at < tx.now - KEPT_AFTER_EXPIRY).limit(limit)
    return tx.execute(sa.delete(tokens).where(tokens.c.id.in_(old))).rowcount


@dataclass(frozen=True, slots=True)
class LiveToken:
    """A token that is good now, as its account sees it; nothing of the password is known."""

    id: int
    name: str | None
    """None for a token of GetAuthorizationToken."""
    principal: Principal
    region: str
    scope: Scope | None
    created_at: Timestamp
    expires_at: Timestamp
    last_used_at: Timestamp | None


_users = iam_resources.alias("user")
_roles = iam_resources.alias("role")


def live(tx: Transaction, account_id: str, after: tuple[int, int] | None, limit: int) -> list[LiveToken]:
    """The account's tokens that are good now, oldest first, behind (created at, id)."""
    query = (
        sa.select(
            tokens,
            sessions.c.kind,
            sessions.c.name.label("session_name"),
            _users.c.id.label("of_user_id"),
            _users.c.name.label("user_name"),
            _users.c.path.label("user_path"),
            _roles.c.id.label("role_id"),
            _roles.c.name.label("role_name"),
            _roles.c.path.label("role_path"),
        )
        .select_from(_HANGING.join(_roles, _roles.c.id == sessions.c.role_id, isouter=True))
        .where(*_is_live(tx, account_id))
        .order_by(tokens.c.created_at, tokens.c.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(sa.tuple_(tokens.c.created_at, tokens.c.id) > sa.tuple_(*after))
    return [_live(row, account_id) for row in tx.all(query)]


def revoke(tx: Transaction, account_id: str, token_id: int) -> None:
    """End a live token of the account now; raises TokenNotFoundError, also for another account's."""
    found = sa.select(tokens.c.id).select_from(_HANGING).where(tokens.c.id == token_id, *_is_live(tx, account_id))
    if tx.one(found) is None:
        raise TokenNotFoundError
    tx.execute(sa.delete(tokens).where(tokens.c.id == token_id))


_HANGING = (
    sa.join(tokens, sessions, sessions.c.id == tokens.c.session_id, isouter=True)
    .join(access_keys, access_keys.c.id == sa.func.coalesce(tokens.c.access_key_id, sessions.c.access_key_id), isouter=True)
    .join(_users, _users.c.id == sa.func.coalesce(tokens.c.user_id, sessions.c.user_id, access_keys.c.user_id), isouter=True)
)


def _is_live(tx: Transaction, account_id: str) -> tuple[sa.ColumnElement[bool], ...]:
    # Each of the three by an index, where a comparison of the account that they lead to would read every token there is.
    keys = sa.select(access_keys.c.id).where(access_keys.c.account_id == account_id)
    opened = sa.select(sessions.c.id).where(sessions.c.account_id == account_id, sessions.c.expires_at > tx.now)
    owners = sa.select(iam_resources.c.id).where(iam_resources.c.account_id == account_id, iam_resources.c.kind == Kind.USER)
    return (
        sa.or_(tokens.c.access_key_id.in_(keys), tokens.c.session_id.in_(opened), tokens.c.user_id.in_(owners)),
        sa.or_(access_keys.c.id.is_(None), access_keys.c.active),
        tokens.c.expires_at > tx.now,
    )


def _live(row: sa.Row[Any], account_id: str) -> LiveToken:
    user = callers.identity(row.of_user_id, row.user_name, row.user_path)
    if row.session_id is not None:
        role = callers.identity(row.role_id, row.role_name, row.role_path)
        principal = callers.of_session(account_id, row.kind, row.session_name, row.session_id, user=user, role=role)
    else:
        principal = callers.of_key(account_id, user, row.access_key_id or "")
    return LiveToken(
        id=row.id,
        name=row.name,
        principal=principal,
        region=row.region,
        scope=Scope.load(row.scope) if row.scope is not None else None,
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
    )
