"""Passwords of users: their rules, how they are kept, and whether one is right. The registry's own passwords are `tokens`.

People choose these, so what is kept is made by a slow function that also takes memory: scrypt with 16 MiB in five lanes, one
of the settings that OWASP's "Password Storage Cheat Sheet" holds equal. It takes about a fifth of a second and lets go of the
interpreter's lock meanwhile; sixteen at once, as many as there are threads for such work, take 256 MiB.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable

import sqlalchemy as sa

from moorage.core.clock import Timestamp
from moorage.identity import resources
from moorage.identity.iam_errors import PasswordPolicyViolationError
from moorage.identity.resources import Kind
from moorage.identity.users.users import User, get, with_passwords
from moorage.storage.database.database import Database
from moorage.storage.database.schema.iam import users
from moorage.storage.database.transaction import Transaction

_SHORTEST, _LONGEST = 8, 128
_KINDS_NEEDED = 3
_LOG_COST, _BLOCK, _LANES = 14, 8, 5
_MOST_MEMORY = 64 * 1024 * 1024
_SYMBOLS = frozenset("!@#$%^&*()_+-=[]{}|'")

Derive = Callable[[str, bytes, int, int, int], bytes]
"""Of a password, a salt, and scrypt's three settings."""


def check(password: str, user_name: str) -> None:
    """Raise PasswordPolicyViolationError unless it keeps IAM's default rules (IAM user guide, "Default password policy").

    8 to 128 characters, three of the four kinds of them, and not the user's own name.
    """
    if not _SHORTEST <= len(password) <= _LONGEST:
        raise PasswordPolicyViolationError(f"Password should have a minimum length of {_SHORTEST}")
    kinds = (str.isupper, str.islower, str.isdigit, _SYMBOLS.__contains__)
    if sum(any(map(kind, password)) for kind in kinds) < _KINDS_NEEDED:
        raise PasswordPolicyViolationError(
            "Password should have at least three of: an uppercase letter, a lowercase letter, a number, "
            "a symbol of ! @ # $ % ^ & * ( ) _ + - = [ ] { } | '"
        )
    if password.lower() == user_name.lower():
        raise PasswordPolicyViolationError("Password should not be the name of the user")


def _derive(password: str, salt: bytes, log_cost: int, block: int, lanes: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=1 << log_cost, r=block, p=lanes, maxmem=_MOST_MEMORY, dklen=32)


def hashed(password: str) -> str:
    """What is kept of a password; slow, so never inside a transaction or on the event loop."""
    salt = secrets.token_bytes(16)
    made = _derive(password, salt, _LOG_COST, _BLOCK, _LANES)
    return f"scrypt${_LOG_COST}${_BLOCK}${_LANES}${_text(salt)}${_text(made)}"


def matches(password: str, kept: str | None, derive: Derive = _derive) -> bool:
    """Whether it is the password that this was made of; as slow where nothing is kept, so that the time tells nothing.

    `derive` is what takes the time; a test may count it.
    """
    _, cost, block, lanes, salt, wanted = (kept or _NOBODYS).split("$")
    found = derive(password, base64.b64decode(salt), int(cost), int(block), int(lanes))
    return hmac.compare_digest(found, base64.b64decode(wanted)) and kept is not None


def verify(database: Database, account_id: str, user_name: str, password: str) -> User | None:
    """The user of that name if this is its password, or None: of an unknown user, of one without a password, of a wrong one.

    All three take the same time. Slow and blocking: for a thread. A success is noted as the password's last use.
    """
    kept = database.read(lambda tx: _kept(tx, account_id, user_name)).result()
    if not matches(password, kept):
        return None
    return database.write(lambda tx: _note_use(tx, account_id, user_name, kept)).result()


def set_password(tx: Transaction, user: User, kept: str | None, *, reset_required: bool, created_at: Timestamp | None) -> None:
    """Give a user a login profile, another password, or (None) no longer any."""
    tx.execute(
        sa.update(users)
        .where(users.c.id == user.resource.id)
        .values(password_hash=kept, password_reset_required=reset_required, password_set_at=created_at)
    )


def require_reset(tx: Transaction, user: User, *, required: bool) -> None:
    """Say whether the user must choose another password at the next sign-in."""
    found = sa.update(users).where(users.c.id == user.resource.id)
    tx.execute(found.values(password_reset_required=required))


def kept_of(tx: Transaction, user: User) -> str | None:
    """What is kept of a user's password."""
    row = tx.one(sa.select(users.c.password_hash).where(users.c.id == user.resource.id))
    return row.password_hash if row is not None else None


def _kept(tx: Transaction, account_id: str, user_name: str) -> str | None:
    found = resources.find(tx, account_id, Kind.USER, user_name)
    return kept_of(tx, with_passwords(tx, [found])[0]) if found is not None else None


def _note_use(tx: Transaction, account_id: str, user_name: str, kept: str | None) -> User | None:
    found = resources.find(tx, account_id, Kind.USER, user_name)
    if found is None or _kept(tx, account_id, user_name) != kept:
        return None  # removed or changed while it was being checked
    tx.execute(sa.update(users).where(users.c.id == found.id).values(password_last_used_at=tx.now))
    return get(tx, account_id, user_name)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


_NOBODYS = f"scrypt${_LOG_COST}${_BLOCK}${_LANES}${_text(bytes(16))}${_text(bytes(32))}"
