"""The port to where the bytes of blobs lie. Two worlds stand behind it: objects that grow, and objects that are published.

A key is chosen at random when an upload begins and never used again, so collecting an old object can never remove a new
one. The store knows no digests and no names: those are rows in the database, and publication is the commit of such a row.
"""

import os
import secrets
from collections.abc import Iterator
from typing import Protocol, runtime_checkable

from moorage.core.errors import MoorageError


class BlobMissingError(MoorageError):
    """No object lies under this key, or not the whole of it. Never shown to clients as such."""

    oci_code = "BLOB_UNKNOWN"
    oci_status = 404


class OffsetConflictError(MoorageError):
    """A write that does not begin where the object ends, or that comes while another writer is at work."""

    def __init__(self, size: int) -> None:
        super().__init__(f"the object has {size} bytes")
        self.size = size
        """Bytes that the growing object has now."""


class Appender(Protocol):
    """The one writer of a growing object. Closing it lets the next writer in."""

    offset: int
    """Bytes that the object has so far."""

    def write(self, data: bytes | memoryview) -> None:
        """Append; raises StorageFullError when there is no room, and keeps what was written before."""
        ...

    def rewind(self, offset: int) -> None:
        """Drop everything behind `offset`."""
        ...

    def close(self) -> None:
        """Let go of the object."""
        ...


@runtime_checkable
class Reader(Protocol):
    """A published object, open for reading. What is open can be read to its end, whatever happens to the key."""

    size: int

    def fileno(self) -> int:
        """A descriptor that the kernel can send from; raises OSError where there is none."""
        ...

    def read_at(self, offset: int, count: int) -> bytes:
        """At most `count` bytes from `offset`; fewer only at the end."""
        ...

    def close(self) -> None:
        """Let go of the object."""
        ...


class BlobStore(Protocol):
    """Where bytes lie. Every method blocks and may be called from any thread."""

    def create(self, key: str) -> None:
        """Begin an empty growing object."""
        ...

    def append_to(self, key: str) -> Appender:
        """Become the only writer of a growing object, in this process or any other.

        Raises OffsetConflictError while there is another writer, BlobMissingError when there is no such object.
        """
        ...

    def grown(self, key: str) -> int:
        """Bytes that a growing object has; raises BlobMissingError."""
        ...

    def read_grown(self, key: str, start: int, stop: int) -> Iterator[bytes]:
        """The bytes of a growing object from `start` to before `stop`."""
        ...

    def publish(self, key: str) -> None:
        """Make a growing object durable and readable: synced, renamed, the folder synced. Idempotent."""
        ...

    def withdraw(self, key: str) -> None:
        """Undo a publication whose row could not be committed: the object grows again. Idempotent."""
        ...

    def open(self, key: str, size: int) -> Reader:
        """Open a published object that must have this size; raises BlobMissingError when it is absent or torn."""
        ...

    def discard(self, key: str) -> int:
        """Remove an object, growing or published; returns the bytes freed. Idempotent."""
        ...

    def check(self) -> None:
        """Raise an error unless objects can be written now."""
        ...


def new_key() -> str:
    """A key that was never used: 160 random bits."""
    return secrets.token_hex(20)


def is_key(text: str) -> bool:
    """Whether a text has the form of a key; anything else must not come near a path."""
    return len(text) == 40 and not set(text) - set("0123456789abcdef") and os.sep not in text
