"""Blobs as files in a folder.

    staging/<key>           growing; its length is the upload's offset, an advisory lock its one writer
    objects/<2 of key>/<key>   published; never written again

A published object is durable before its row is committed: fsync(file), rename, fsync(folder).
"""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from moorage.core.errors import StorageFullError, UnavailableError
from moorage.storage.blobs.port import BlobMissingError, OffsetConflictError, is_key

_READ_BYTES = 1024 * 1024
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class FilesystemBlobs:
    """A BlobStore on a local folder."""

    def __init__(self, root: Path) -> None:
        self._staging = root / "staging"
        self._objects = root / "objects"

    def prepare(self) -> None:
        """Make the folders; needed once per installation, before the first upload."""
        for folder in (self._staging, self._objects, *(self._objects / f"{number:02x}" for number in range(256))):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for folder in (self._objects, self._objects.parent):
            _sync_folder(folder)

    def create(self, key: str) -> None:
        """Begin an empty growing object."""
        with _faults():
            os.close(os.open(self._growing(key), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))

    def append_to(self, key: str) -> "FileAppender":
        """Become the only writer of a growing object."""
        with _faults():
            descriptor = os.open(self._growing(key), os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                size = os.fstat(descriptor).st_size
                os.close(descriptor)
                raise OffsetConflictError(size) from None
            # Between the opening and the lock the object may have been published; nobody may write into it then.
            if not _is_at(descriptor, self._growing(key)):
                os.close(descriptor)
                raise BlobMissingError("no such object")
            return FileAppender(descriptor)

    def grown(self, key: str) -> int:
        """Bytes that a growing object has."""
        with _faults():
            return self._growing(key).stat().st_size

    def read_grown(self, key: str, start: int, stop: int) -> Iterator[bytes]:
        """The bytes of a growing object from `start` to before `stop`."""
        with _faults(), self._growing(key).open("rb", buffering=0) as file:
            file.seek(start)
            while start < stop and (piece := file.read(min(_READ_BYTES, stop - start))):
                start += len(piece)
                yield piece

    def publish(self, key: str) -> None:
        """Sync the file, rename it, sync the folder; a key that is published already is left as it is."""
        source, target = self._growing(key), self._published(key)
        with _faults():
            try:
                descriptor = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                if not target.exists():
                    raise
                _sync_folder(target.parent)  # whoever renamed it may have died before this
                return
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            source.rename(target)
            _sync_folder(target.parent)

    def withdraw(self, key: str) -> None:
        """Move a published object back; what is not published is left as it is."""
        with _faults(), suppress(FileNotFoundError):
            self._published(key).rename(self._growing(key))

    def open(self, key: str, size: int) -> "FileReader":
        """Open a published object that must have this size."""
        with _faults():
            descriptor = os.open(self._published(key), os.O_RDONLY | os.O_CLOEXEC)
            if os.fstat(descriptor).st_size != size:
                os.close(descriptor)
                raise BlobMissingError("the object is torn")
            return FileReader(descriptor, size)

    def discard(self, key: str) -> int:
        """Remove the object in either state."""
        freed = 0
        with _faults():
            for path in (self._growing(key), self._published(key)):
                with suppress(FileNotFoundError):
                    size = path.stat().st_size
                    path.unlink()
                    freed += size
        return freed

    def check(self) -> None:
        """Raise unless the folder is there and can be written."""
        if not os.access(self._staging, os.W_OK | os.X_OK):
            raise UnavailableError("The blob store cannot be written.")

    def _growing(self, key: str) -> Path:
        return self._staging / _checked(key)

    def _published(self, key: str) -> Path:
        return self._objects / key[:2] / _checked(key)


class FileAppender:
    """The locked, open staging file."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.offset = os.fstat(descriptor).st_size

    def write(self, data: bytes | memoryview) -> None:
        """Append all of it, or as much as fits."""
        view = memoryview(data)
        with _faults():
            while view:
                written = os.write(self._descriptor, view)
                self.offset += written
                view = view[written:]

    def rewind(self, offset: int) -> None:
        """Cut the file."""
        with _faults():
            os.ftruncate(self._descriptor, offset)
            self.offset = offset

    def close(self) -> None:
        """Close the file, and with it the lock."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class FileReader:
    """An open published file."""

    def __init__(self, descriptor: int, size: int) -> None:
        self._descriptor = descriptor
        self.size = size

    def fileno(self) -> int:
        """The file's descriptor."""
        return self._descriptor

    def read_at(self, offset: int, count: int) -> bytes:
        """At most `count` bytes from `offset`."""
        return os.pread(self._descriptor, count, offset)

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __del__(self) -> None:
        self.close()


class _faults:  # noqa: N801 - reads as the statement it is
    """Turns the operating system's errors into the port's, without any path."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, FileNotFoundError):
            raise BlobMissingError("no such object") from error
        if isinstance(error, OSError):
            raise (StorageFullError() if error.errno in _FULL else UnavailableError()) from error


def _checked(key: str) -> str:
    if not is_key(key):
        raise BlobMissingError("no such object")
    return key


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
