"""Blobs in the database: which object holds the bytes of which digests."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import sqlalchemy as sa

from moorage.core.digest import Digest
from moorage.layers import garbage
from moorage.storage.database.schema.layers import blob_digests, blobs
from moorage.storage.database.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Blob:
    """Stored bytes."""

    id: int
    key: str
    size: int


def find(tx: Transaction, digest: Digest) -> Blob | None:
    """The blob with that digest, whoever holds it."""
    query = (
        sa.select(blobs.c.id, blobs.c.key, blobs.c.size)
        .join(blob_digests, blob_digests.c.blob_id == blobs.c.id)
        .where(blob_digests.c.digest == str(digest))
    )
    row = tx.one(query)
    return Blob(*tuple(row)) if row else None


def insert(tx: Transaction, key: str, size: int, digests: Sequence[Digest]) -> int:
    """Publish an object: the commit of this row makes it visible. Returns the blob's id."""
    blob_id = tx.insert(blobs, key=key, size=size, created_at=tx.now)
    add_digests(tx, blob_id, digests)
    return blob_id


def add_digests(tx: Transaction, blob_id: int, digests: Sequence[Digest]) -> None:
    """Let the blob be found under these digests too."""
    known = {row.digest for row in tx.all(sa.select(blob_digests.c.digest).where(blob_digests.c.blob_id == blob_id))}
    rows = [{"digest": str(digest), "blob_id": blob_id} for digest in digests if str(digest) not in known]
    if rows:
        tx.execute(sa.insert(blob_digests), rows)


def replace_object(tx: Transaction, blob: Blob, key: str) -> Blob:
    """Let the blob's bytes be those of another object, since the old one is torn or gone."""
    tx.execute(sa.update(blobs).where(blobs.c.id == blob.id).values(key=key))
    garbage.add(tx, [blob.key])
    return replace(blob, key=key)
