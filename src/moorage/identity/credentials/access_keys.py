"""Access keys: what signs requests to the AWS door."""

import base64
import secrets
import sqlite3
import string
from collections import OrderedDict
from dataclasses import dataclass

import sqlalchemy as sa

from moorage.core.call import Principal
from moorage.core.clock import Timestamp
from moorage.identity import callers
from moorage.identity.credentials.sealing import Sealer
from moorage.storage.database.schema.iam import iam_resources
from moorage.storage.database.schema.identity import access_keys
from moorage.storage.database.transaction import Transaction

_RANDOM_BITS = 39
_SECRET_ALPHABET = string.ascii_letters + string.digits + "+/"


@dataclass(frozen=True, slots=True)
class AccessKey:
    """An access key with its opened secret."""

    principal: Principal
    secret: str
    active: bool
    token_hash: bytes | None = None
    """Of a temporary key: SHA-256 of the session token that has to come with it; None for a long-term key."""
    expires_at: Timestamp | None = None
    """When a temporary key ends; None for a long-term key."""

    def __repr__(self) -> str:
        return f"AccessKey({self.principal.access_key_id})"


@dataclass(frozen=True, slots=True)
class RootKey:
    """An account's root key."""

    id: str
    secret: str
    is_new: bool
    """Whether it was made just now."""

    def __repr__(self) -> str:
        return f"RootKey({self.id})"


def new_key_id(account_id: str) -> str:
    """A new access key id in the form of AWS's long-term keys, whose number tells the account: one bit that is set, forty of
    the account, 39 that are random.
    """
    number = (1 << 79) | (int(account_id) << _RANDOM_BITS) | secrets.randbits(_RANDOM_BITS)
    return "AKIA" + base64.b32encode(number.to_bytes(10)).decode()


def new_secret() -> str:
    """A new secret: 40 characters, 240 bits."""
    return "".join(secrets.choice(_SECRET_ALPHABET) for _ in range(40))


def find_access_key(tx: Transaction, sealer: Sealer, key_id: str) -> AccessKey | None:
    """The key with that id, active or not, or None."""
    query = sa.select(access_keys, iam_resources.c.name, iam_resources.c.path)
    whose = access_keys.c.user_id == iam_resources.c.id
    row = tx.one(query.outerjoin(iam_resources, whose).where(access_keys.c.id == key_id))
    if row is None:
        return None
    principal = callers.of_key(row.account_id, callers.identity(row.user_id, row.name, row.path), row.id)
    return AccessKey(principal, sealer.open(row.sealed_secret, row.id), row.active)


_FIND = """
SELECT k.account_id, k.sealed_secret, k.active, u.id, u.name, u.path
FROM access_keys k LEFT JOIN iam_resources u ON u.id = k.user_id
WHERE k.id = ?
"""
_FIND_SESSION = """
SELECT s.account_id, s.sealed_secret, k.id IS NULL OR k.active, s.kind, s.name, s.token_hash, s.expires_at,
       u.id, u.name, u.path, r.id, r.name, r.path
FROM sessions s
LEFT JOIN access_keys k ON k.id = s.access_key_id
LEFT JOIN iam_resources u ON u.id = s.user_id
LEFT JOIN iam_resources r ON r.id = s.role_id
WHERE s.id = ?
"""
_MOST_OPENED = 1000


class KeyRing:
    """The access keys of the installation, looked up on the event loop: one point read each.

    Remembered is only what cannot change: what a sealed secret opens to. Whether the key is there, whose it is and whether
    it is active is read anew each time, so that a key that was changed or removed anywhere counts as such at once.
    """

    def __init__(self, points: sqlite3.Connection, sealer: Sealer) -> None:
        self._points = points
        self._sealer = sealer
        self._opened: OrderedDict[tuple[str, bytes], str] = OrderedDict()

    def find(self, key_id: str) -> AccessKey | None:
        """The key with that id, long-term or temporary, active or not, expired or not; or None."""
        if key_id.startswith("ASIA"):
            return self._find_session(key_id)
        row = self._points.execute(_FIND, (key_id,)).fetchone()
        if row is None:
            return None
        account_id, sealed, active, *user = row
        principal = callers.of_key(account_id, callers.identity(*user), key_id)
        return AccessKey(principal, self._open(key_id, sealed), bool(active))

    def _find_session(self, key_id: str) -> AccessKey | None:
        row = self._points.execute(_FIND_SESSION, (key_id,)).fetchone()
        if row is None:
            return None
        account_id, sealed, active, kind, name, token_hash, expires_at = row[:7]
        user, role = callers.identity(*row[7:10]), callers.identity(*row[10:])
        principal = callers.of_session(account_id, kind, name, key_id, user=user, role=role)
        return AccessKey(principal, self._open(key_id, sealed), bool(active), token_hash, Timestamp(expires_at))

    def _open(self, key_id: str, sealed: bytes) -> str:
        secret = self._opened.get((key_id, sealed))
        if secret is None:
            secret = self._opened[key_id, sealed] = self._sealer.open(sealed, key_id)
            if len(self._opened) > _MOST_OPENED:
                self._opened.popitem(last=False)
        return secret


def root_keys(tx: Transaction, account_id: str) -> list[str]:
    """The ids of the account's active root keys, oldest first."""
    query = (
        sa.select(access_keys.c.id)
        .where(access_keys.c.account_id == account_id, access_keys.c.user_id.is_(None), access_keys.c.active)
        .order_by(access_keys.c.created_at)
    )
    return [row.id for row in tx.all(query)]


def ensure_root_key(tx: Transaction, sealer: Sealer, account_id: str) -> RootKey:
    """The account's root key and its secret, made on the first start and kept from then on."""
    existing = root_keys(tx, account_id)
    if existing:
        found = find_access_key(tx, sealer, existing[0])
        if found:
            return RootKey(existing[0], found.secret, is_new=False)
    key_id, secret = new_key_id(account_id), new_secret()
    set_root_key(tx, sealer, account_id, key_id, secret)
    return RootKey(key_id, secret, is_new=True)


def set_root_key(tx: Transaction, sealer: Sealer, account_id: str, key_id: str, secret: str) -> None:
    """Make this the account's only root key; a root key of another id is removed, and its tokens with it.

    A key that stays the same is left untouched, so that a restart changes nothing and ends no token.
    """
    found = find_access_key(tx, sealer, key_id)
    if found and (found.principal.account_id != account_id or found.principal.kind != "Root"):
        raise ValueError(f"the access key {key_id} belongs to somebody else")
    if not found or found.secret != secret or not found.active:
        tx.execute(sa.delete(access_keys).where(access_keys.c.id == key_id))
        tx.execute(
            sa.insert(access_keys).values(
                id=key_id,
                account_id=account_id,
                sealed_secret=sealer.seal(secret, key_id),
                active=True,
                created_at=tx.now,
            )
        )
    others = access_keys.c.account_id == account_id, access_keys.c.user_id.is_(None), access_keys.c.id != key_id
    tx.execute(sa.delete(access_keys).where(*others))
