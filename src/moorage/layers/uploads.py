"""Upload sessions in the database (OCI distribution-spec, "Pushing blobs"; ECR: InitiateLayerUpload)."""

import sqlite3
import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from moorage.core import clock
from moorage.layers import garbage
from moorage.layers.errors import TooManyUploadsError
from moorage.layers.model import DONE_IS_REMEMBERED, MIN_PART_BYTES, Upload
from moorage.repositories.store import is_shown
from moorage.storage.blobs.port import new_key
from moorage.storage.database.schema.layers import blobs, uploads
from moorage.storage.database.transaction import Transaction

_COLUMNS = "id, repository_id, key, algorithm, expires_at, parts, short_parts, last_part, digest"
_FIND = f"SELECT {_COLUMNS} FROM uploads WHERE id = ? AND repository_id = ? AND expires_at > ?"  # noqa: S608 - constants


def begin(tx: Transaction, repository_id: int, principal_arn: str, *, algorithm: str, expiry: int, limit: int) -> Upload:
    """Open a session for `expiry` milliseconds; raises TooManyUploadsError beyond `limit` open ones of the principal."""
    mine = uploads.c.principal_arn == principal_arn, uploads.c.digest.is_(None), uploads.c.expires_at > tx.now
    open_ones = sa.select(sa.func.count()).select_from(uploads).where(*mine)
    if int(tx.execute(open_ones).scalar_one()) >= limit:
        raise TooManyUploadsError(limit)
    upload = Upload(str(uuid.uuid4()), repository_id, new_key(), algorithm, tx.now + expiry)
    tx.execute(
        sa.insert(uploads).values(
            id=upload.id,
            repository_id=repository_id,
            principal_arn=principal_arn,
            key=upload.key,
            algorithm=algorithm,
            created_at=tx.now,
            expires_at=upload.expires_at,
        )
    )
    return upload


def find_now(points: sqlite3.Connection, repository_id: int, upload_id: str, now: int) -> Upload | None:
    """The session, open or done, if it belongs to this repository and has not expired; one point read."""
    row = points.execute(_FIND, (upload_id, repository_id, now)).fetchone()
    return Upload(*row) if row else None


def find(tx: Transaction, repository_id: int, upload_id: str) -> Upload | None:
    """The session, open or done, if it belongs to this repository and has not expired."""
    row = tx.connection.exec_driver_sql(_FIND, (upload_id, repository_id, tx.now)).first()
    return Upload(*tuple(row)) if row else None


def prolong(tx: Transaction, upload_id: str, expiry: int) -> None:
    """Begin an open session's time anew; one that is done, cancelled or expired stays so."""
    tx.execute(sa.update(uploads).where(*_is_open(tx, upload_id)).values(expires_at=tx.now + expiry))


def rekey(tx: Transaction, upload: Upload) -> Upload:
    """Give the session a new object; the old one is garbage."""
    renewed = replace(upload, key=new_key())
    tx.execute(sa.update(uploads).where(uploads.c.id == upload.id).values(key=renewed.key))
    garbage.add(tx, [upload.key], keep=clock.HOUR)  # its bytes are copied first
    return renewed


def count_part(tx: Transaction, upload_id: str, size: int) -> None:
    """Note a part of the API's multipart upload."""
    short = uploads.c.short_parts + (1 if size < MIN_PART_BYTES else 0)
    values = {"parts": uploads.c.parts + 1, "short_parts": short, "last_part": size}
    tx.execute(sa.update(uploads).where(uploads.c.id == upload_id).values(values))


def is_open(tx: Transaction, upload_id: str) -> bool:
    """Whether the session may still go on: it was neither finished, cancelled nor reaped meanwhile."""
    return tx.one(sa.select(uploads.c.id).where(*_is_open(tx, upload_id))) is not None


def finish(tx: Transaction, upload: Upload, digest: str, blob_id: int) -> None:
    """Close the session as done; it is remembered for an hour, so that a lost answer can be asked for again."""
    values = {"digest": digest, "blob_id": blob_id, "expires_at": tx.now + DONE_IS_REMEMBERED}
    tx.execute(sa.update(uploads).where(uploads.c.id == upload.id).values(values))


def cancel(tx: Transaction, upload_id: str) -> bool:
    """End an open session; returns whether there was one. Its row stays until the reaper has seen that its object is gone."""
    return tx.execute(sa.update(uploads).where(*_is_open(tx, upload_id)).values(expires_at=0)).rowcount == 1


def reap(tx: Transaction, limit: int) -> int:
    """Remove the rows of at most `limit` sessions whose time is over; their objects are garbage. Returns how many."""
    rows = tx.all(_with_use().where(uploads.c.expires_at <= tx.now).order_by(uploads.c.expires_at).limit(limit))
    _remove(tx, rows)
    return len(rows)


def drop_some(tx: Transaction, repository_id: int, limit: int) -> int:
    """Remove at most `limit` sessions of a deleted repository; their objects are garbage. Returns how many."""
    rows = tx.all(_with_use().where(uploads.c.repository_id == repository_id).limit(limit))
    _remove(tx, rows)
    return len(rows)


def _is_open(tx: Transaction, upload_id: str) -> tuple[sa.ColumnElement[bool], ...]:
    """A session ends with its repository, whose rows may still be there."""
    shown = is_shown(uploads.c.repository_id)
    return uploads.c.id == upload_id, uploads.c.digest.is_(None), uploads.c.expires_at > tx.now, shown


def _with_use() -> sa.Select[Any]:
    """Sessions, and whether a blob's bytes lie under their key."""
    used = sa.exists(sa.select(blobs.c.id).where(blobs.c.key == uploads.c.key))
    return sa.select(uploads.c.id, uploads.c.key, used.label("used"))


def _remove(tx: Transaction, rows: Sequence[sa.Row[Any]]) -> None:
    garbage.add(tx, [row.key for row in rows if not row.used])
    for start in range(0, len(rows), 500):
        tx.execute(sa.delete(uploads).where(uploads.c.id.in_([row.id for row in rows[start : start + 500]])))
