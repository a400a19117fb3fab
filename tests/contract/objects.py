"""Objects of a BlobStore, made and read in one go."""

from moorage.storage.blobs.port import BlobStore, new_key


def grow(store: BlobStore, *pieces: bytes) -> str:
    """A growing object of these pieces; returns its key."""
    key = new_key()
    store.create(key)
    for piece in pieces:
        append(store, key, piece)
    return key


def append(store: BlobStore, key: str, data: bytes) -> None:
    """Append as one writer."""
    appender = store.append_to(key)
    try:
        appender.write(data)
    finally:
        appender.close()


def contents(store: BlobStore, key: str, size: int) -> bytes:
    """All of a published object."""
    reader = store.open(key, size)
    try:
        return reader.read_at(0, size)
    finally:
        reader.close()
