"""Upload sessions in the database (OCI distribution-spec, "Pushing blobs"; ECR: InitiateLayerUpload)."""

import sqlite3
import uuid
from collections.abc import Sequence
from dataclasses import replace

import sqlalchemy as sa

from moorage.layers import garbage
from moorage.layers.errors import TooManyUploadsError
from moorage.layers.model import DONE_IS_REMEMBERED, MIN_PART_BYTES, Upload
from moorage.storage.blobs.port import new_key
from moorage.storage.database.schema import blobs, uploads
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
    """Begin the session's time anew."""
    tx.execute(sa.update(uploads).where(uploads.c.id == upload_id).values(expires_at=tx.now + expiry))


def rekey(tx: Transaction, upload: Upload) -> Upload:
    """Give the session a new object; the old one is garbage."""
    renewed = replace(upload, key=new_key())
    tx.execute(sa.update(uploads).where(uploads.c.id == upload.id).values(key=renewed.key))
    garbage.add(tx, [upload.key])
    return renewed


def count_part(tx: Transaction, upload_id: str, size: int) -> None:
    """Note a part of the API's multipart upload."""
    short = uploads.c.short_parts + (1 if size < MIN_PART_BYTES else 0)
    values = {"parts": uploads.c.parts + 1, "short_parts": short, "last_part": size}
    tx.execute(sa.update(uploads).where(uploads.c.id == upload_id).values(values))


def finish(tx: Transaction, upload: Upload, digest: str, blob_id: int) -> Upload:
    """Close the session as done; it is remembered for an hour, so that a lost answer can be asked for again."""
    values = {"digest": digest, "blob_id": blob_id, "expires_at": tx.now + DONE_IS_REMEMBERED}
    tx.execute(sa.update(uploads).where(uploads.c.id == upload.id).values(values))
    return replace(upload, digest=digest, expires_at=tx.now + DONE_IS_REMEMBERED)


def cancel(tx: Transaction, upload_id: str) -> bool:
    """End an open session; returns whether there was one. Its row stays until the reaper has seen that its object is gone."""
    where = uploads.c.id == upload_id, uploads.c.digest.is_(None), uploads.c.expires_at > tx.now
    return tx.execute(sa.update(uploads).where(*where).values(expires_at=0)).rowcount == 1


def expired(tx: Transaction, limit: int) -> list[tuple[str, str, bool]]:
    """Sessions whose time is over, as (id, key, whether a blob's bytes lie under that key)."""
    used = sa.exists(sa.select(blobs.c.id).where(blobs.c.key == uploads.c.key))
    query = sa.select(uploads.c.id, uploads.c.key, used.label("used")).where(uploads.c.expires_at <= tx.now)
    rows = tx.execute(query.order_by(uploads.c.expires_at).limit(limit))
    return [(row.id, row.key, row.used) for row in rows]


def forget(tx: Transaction, upload_ids: Sequence[str]) -> None:
    """Remove the rows of sessions whose objects are seen to."""
    tx.execute(sa.delete(uploads).where(uploads.c.id.in_(upload_ids)))
