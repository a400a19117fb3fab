"""Tokens: the passwords of the data plane, from GetAuthorizationToken (AWS: ECR API reference) or made by name."""

import hashlib
import secrets
import sqlite3
from dataclasses import dataclass
from typing import Any, ClassVar

import sqlalchemy as sa

from moorage.core import clock
from moorage.core.arn import root_arn
from moorage.core.call import Principal
from moorage.core.clock import Timestamp
from moorage.core.errors import MoorageError
from moorage.identity.errors import TokenNotFoundError
from moorage.identity.scope import Scope
from moorage.storage.database.prepared import Prepared
from moorage.storage.database.schema.identity import access_keys, tokens
from moorage.storage.database.transaction import Transaction

LIFETIME = 12 * clock.HOUR
SHORTEST_LIFETIME = 15 * clock.MINUTE
LONGEST_LIFETIME = 365 * clock.DAY
KEPT_AFTER_EXPIRY = 7 * clock.DAY
"""An expired token is still known this long, so that its bearer reads that it expired instead of that it is wrong."""


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


_INSERT = Prepared(sa.insert(tokens), "id", "hash", "access_key_id", "region", "created_at", "expires_at", "name", "scope")


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
    """A new token. `lifetime` in milliseconds; it ends earlier when the principal's access key ends."""
    # Random, not counted: the ids that an account sees tell nothing about how many tokens others make.
    made = NewToken(secrets.randbits(_ID_BITS), secrets.token_urlsafe(96), tx.now, Timestamp(tx.now + lifetime))
    tx.run(
        _INSERT,
        id=made.id,
        hash=hash_of(made.password),
        access_key_id=principal.access_key_id,
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


_FIND = """
SELECT t.id, t.region, t.expires_at, t.scope, k.id, k.account_id
FROM tokens t JOIN access_keys k ON k.id = t.access_key_id
WHERE t.hash = ? AND k.active
"""


def find_token(points: sqlite3.Connection, password_hash: bytes) -> Token | None:
    """The token with that hash whose access key is active, expired or not; one point read."""
    row = points.execute(_FIND, (password_hash,)).fetchone()
    if row is None:
        return None
    token_id, region, expires_at, scope, key_id, account_id = row
    return Token(
        token_id,
        Principal.root(account_id, key_id),
        region,
        Timestamp(expires_at),
        Scope.load(scope) if scope is not None else None,
    )


STILL_GOOD = """
SELECT 1 FROM tokens t JOIN access_keys k ON k.id = t.access_key_id
WHERE t.id = :token AND t.expires_at > :now AND k.active
"""
"""Has a row while a token is there, its key is active and its time is not over (milliseconds)."""


def still_good(points: sqlite3.Connection, token_id: int, now: int) -> bool:
    """Whether a token that was found before is still good; one point read."""
    return points.execute(STILL_GOOD, {"token": token_id, "now": now}).fetchone() is not None


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
    principal_arn: str
    access_key_id: str
    region: str
    scope: Scope | None
    created_at: Timestamp
    expires_at: Timestamp
    last_used_at: Timestamp | None


def live(tx: Transaction, account_id: str, after: tuple[int, int] | None, limit: int) -> list[LiveToken]:
    """The account's tokens that are good now, oldest first, behind (created at, id)."""
    query = (
        sa.select(tokens, access_keys.c.account_id)
        .join(access_keys)
        .where(access_keys.c.account_id == account_id, access_keys.c.active, tokens.c.expires_at > tx.now)
        .order_by(tokens.c.created_at, tokens.c.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(sa.tuple_(tokens.c.created_at, tokens.c.id) > sa.tuple_(*after))
    return [_live(row) for row in tx.all(query)]


def revoke(tx: Transaction, account_id: str, token_id: int) -> None:
    """End a live token of the account now; raises TokenNotFoundError, also for another account's."""
    keys = sa.select(access_keys.c.id).where(access_keys.c.account_id == account_id, access_keys.c.active)
    found = tokens.c.id == token_id, tokens.c.access_key_id.in_(keys), tokens.c.expires_at > tx.now
    if not tx.execute(sa.delete(tokens).where(*found)).rowcount:
        raise TokenNotFoundError


def _live(row: sa.Row[Any]) -> LiveToken:
    return LiveToken(
        id=row.id,
        name=row.name,
        principal_arn=root_arn(row.account_id),
        access_key_id=row.access_key_id,
        region=row.region,
        scope=Scope.load(row.scope) if row.scope is not None else None,
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
    )
