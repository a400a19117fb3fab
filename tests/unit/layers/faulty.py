"""A BlobStore that fails where a test says, as a process does that dies between two steps."""

from collections.abc import Iterator

from moorage.storage.blobs.port import Appender, BlobStore, Reader


class CrashError(Exception):
    """The process ends here."""


class FaultyBlobs:
    """Passes everything on to another store, and crashes before or after the steps that are named."""

    def __init__(self, inner: BlobStore) -> None:
        self.inner = inner
        self.before: set[str] = set()
        self.after: set[str] = set()

    def create(self, key: str) -> None:
        self._crash("create", self.before)
        self.inner.create(key)
        self._crash("create", self.after)

    def append_to(self, key: str) -> Appender:
        self._crash("append_to", self.before)
        return self.inner.append_to(key)

    def grown(self, key: str) -> int:
        return self.inner.grown(key)

    def read_grown(self, key: str, start: int, stop: int) -> Iterator[bytes]:
        self._crash("read_grown", self.before)
        return self.inner.read_grown(key, start, stop)

    def publish(self, key: str) -> None:
        self._crash("publish", self.before)
        self.inner.publish(key)
        self._crash("publish", self.after)

    def withdraw(self, key: str) -> None:
        self._crash("withdraw", self.before)
        self.inner.withdraw(key)

    def open(self, key: str, size: int) -> Reader:
        return self.inner.open(key, size)

    def discard(self, key: str) -> int:
        self._crash("discard", self.before)
        freed = self.inner.discard(key)
        self._crash("discard", self.after)
        return freed

    def check(self) -> None:
        self.inner.check()

    def _crash(self, step: str, steps: set[str]) -> None:
        if step in steps:
            raise CrashError(step)
