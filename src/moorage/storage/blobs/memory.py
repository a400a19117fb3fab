"""Blobs in memory: the simulator that tests of higher floors stand on, held to the same suite as the real ones."""

import threading
from collections.abc import Iterator

from moorage.core.errors import StorageFullError
from moorage.storage.blobs.port import BlobMissingError, OffsetConflictError


class MemoryBlobs:
    """A BlobStore in this process's memory, with an optional bound in bytes."""

    def __init__(self, capacity: int | None = None) -> None:
        self.capacity = capacity
        self._growing: dict[str, bytearray] = {}
        self._published: dict[str, bytes] = {}
        self._writers: set[str] = set()
        self._lock = threading.RLock()

    def create(self, key: str) -> None:
        """Begin an empty growing object."""
        with self._lock:
            self._growing[key] = bytearray()

    def append_to(self, key: str) -> "MemoryAppender":
        """Become the only writer of a growing object."""
        with self._lock:
            if key not in self._growing:
                raise BlobMissingError("no such object")
            if key in self._writers:
                raise OffsetConflictError(len(self._growing[key]))
            self._writers.add(key)
            return MemoryAppender(self, key)

    def grown(self, key: str) -> int:
        """Bytes that a growing object has."""
        with self._lock:
            if key not in self._growing:
                raise BlobMissingError("no such object")
            return len(self._growing[key])

    def read_grown(self, key: str, start: int, stop: int) -> Iterator[bytes]:
        """The bytes of a growing object from `start` to before `stop`."""
        self.grown(key)
        yield bytes(self._growing[key][start:stop])

    def publish(self, key: str) -> None:
        """Make a growing object readable."""
        with self._lock:
            if key in self._published:
                return
            if key not in self._growing:
                raise BlobMissingError("no such object")
            self._published[key] = bytes(self._growing.pop(key))

    def withdraw(self, key: str) -> None:
        """Make a published object grow again."""
        with self._lock:
            if key in self._published:
                self._growing[key] = bytearray(self._published.pop(key))

    def open(self, key: str, size: int) -> "MemoryReader":
        """Open a published object that must have this size."""
        with self._lock:
            data = self._published.get(key)
            if data is None or len(data) != size:
                raise BlobMissingError("no such object, or a torn one")
            return MemoryReader(data)

    def discard(self, key: str) -> int:
        """Remove the object in either state."""
        with self._lock:
            return len(self._growing.pop(key, b"")) + len(self._published.pop(key, b""))

    def check(self) -> None:
        """Memory can always be written."""

    def tear(self, key: str, size: int) -> None:
        """Cut a published object short, as a lying disk does."""
        with self._lock:
            self._published[key] = self._published[key][:size]

    def keys(self) -> set[str]:
        """Every key in use."""
        with self._lock:
            return {*self._growing, *self._published}

    def _append(self, key: str, data: bytes | memoryview) -> None:
        with self._lock:
            used = sum(map(len, self._growing.values())) + sum(map(len, self._published.values()))
            if self.capacity is not None and used + len(data) > self.capacity:
                raise StorageFullError
            if key not in self._growing:
                raise BlobMissingError("no such object")
            self._growing[key] += data

    def _cut(self, key: str, offset: int) -> None:
        with self._lock:
            if key in self._growing:  # like a file that was unlinked while it is open
                del self._growing[key][offset:]

    def _leave(self, key: str) -> None:
        with self._lock:
            self._writers.discard(key)


class MemoryAppender:
    """The one writer of an object in memory."""

    def __init__(self, store: MemoryBlobs, key: str) -> None:
        self._store = store
        self._key = key
        self.offset = store.grown(key)

    def write(self, data: bytes | memoryview) -> None:
        """Append."""
        self._store._append(self._key, data)  # noqa: SLF001 - two halves of one module
        self.offset += len(data)

    def rewind(self, offset: int) -> None:
        """Cut the object."""
        self._store._cut(self._key, offset)  # noqa: SLF001 - two halves of one module
        self.offset = offset

    def close(self) -> None:
        """Let the next writer in."""
        self._store._leave(self._key)  # noqa: SLF001 - two halves of one module


class MemoryReader:
    """A published object in memory."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)

    def fileno(self) -> int:
        """Memory has no descriptor."""
        raise OSError("no descriptor")

    def read_at(self, offset: int, count: int) -> bytes:
        """At most `count` bytes from `offset`."""
        return self._data[offset : offset + count]

    def close(self) -> None:
        """Nothing to let go of."""
