"""Authorization tokens: the passwords of the data plane (AWS: ECR API reference, GetAuthorizationToken)."""

import hashlib
import secrets
import sqlite3
from dataclasses import dataclass
from typing import ClassVar

import sqlalchemy as sa

from moorage.core import clock
from moorage.core.call import Principal
from moorage.core.clock import Timestamp
from moorage.core.errors import MoorageError
from moorage.storage.database.prepared import Prepared
from moorage.storage.database.schema import tokens
from moorage.storage.database.transaction import Transaction

LIFETIME = 12 * clock.HOUR
KEPT_AFTER_EXPIRY = 7 * clock.DAY
"""An expired token is still known this long, so that its bearer reads that it expired instead of that it is wrong."""


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
    """An authorization token as it is stored; the password itself is not."""

    id: int
    principal: Principal
    region: str
    expires_at: Timestamp


_ISSUE = Prepared(sa.insert(tokens), "hash", "access_key_id", "region", "created_at", "expires_at")


def issue(tx: Transaction, principal: Principal, region: str) -> tuple[str, Timestamp]:
    """A new password for `AWS`, good for 12 hours, and when it expires. It has neither colons nor `~`, `>`, `?`."""
    password = secrets.token_urlsafe(96)
    expires_at = Timestamp(tx.now + LIFETIME)
    tx.run(
        _ISSUE,
        hash=hash_of(password),
        access_key_id=principal.access_key_id,
        region=region,
        created_at=tx.now,
        expires_at=expires_at,
    )
    return password, expires_at


def hash_of(password: str) -> bytes:
    """What is stored of a password. It has 768 random bits, so one fast hash protects it."""
    return hashlib.sha256(password.encode("utf-8", "surrogateescape")).digest()


_FIND = """
SELECT t.id, t.region, t.expires_at, k.id, k.account_id, k.principal_arn, k.principal_kind
FROM tokens t JOIN access_keys k ON k.id = t.access_key_id
WHERE t.hash = ? AND k.active
"""


def find_token(points: sqlite3.Connection, password_hash: bytes) -> Token | None:
    """The token with that hash whose access key is active, expired or not; one point read."""
    row = points.execute(_FIND, (password_hash,)).fetchone()
    if row is None:
        return None
    token_id, region, expires_at, key_id, account_id, arn, kind = row
    return Token(token_id, Principal(account_id, arn, kind, key_id), region, Timestamp(expires_at))


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
