"""The record as a file: JSON lines, appended to by one process, rotated, compressed, and dropped when they are old.

The file knows by itself how far it goes: the id of its last record names the row that it was made from. So there is no
position that could be written apart from the record, and a crash between the two neither loses nor repeats one.
"""

import gzip
import json
import logging
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from moorage.audit.record import Row, accounts_of, event_id, record_of, row_id_of
from moorage.core.clock import SECOND
from moorage.storage.private_file import write_private

_log = logging.getLogger(__name__)

LARGEST = 64 * 1024 * 1024
"""Bytes of the file that is written to; the next batch begins a new one."""

_BATCH = 1024 * 1024
"""Bytes that are written before they are seen to be on the disk, but for a record that begins within them."""

_TAIL = 4 * _BATCH
"""Bytes at the end that are looked through after a crash; what lies before is on the disk for certain."""

_FIRST = 256 * 1024
"""Bytes within which the first record ends."""

_ROTATED = re.compile(r"\.(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})\.(?P<last>[0-9-]+)\.jsonl(?P<packed>\.gz)?")


@dataclass(frozen=True, slots=True)
class Last:
    """The last record of the file."""

    row_id: int
    at: int
    """Milliseconds, to the second."""
    event_id: str
    """Empty where only the row's id is known, after a rotation."""


class AuditFile:
    """The newest records in `path`, older ones beside it in `NAME.DAY.LAST.jsonl.gz`, LAST being the last row's id."""

    def __init__(self, path: Path, *, retention: int, largest: int = LARGEST) -> None:
        """`retention` in milliseconds."""
        self._path = path
        self._retention = retention
        self._largest = largest
        self._name = path.name.removesuffix(".jsonl")
        self._position_path = path.with_name(f"{self._name}.position")
        self._last: Last | None = None
        self._descriptor: int | None = None
        self._day = ""
        self._size = 0

    def last(self) -> Last | None:
        """What was written last, by this process or an earlier one; None for a record that begins here. Raises OSError."""
        self._opened()
        return self._last

    def append(self, rows: Sequence[Row]) -> None:
        """Write the records of rows, in the order of their ids, and see them on the disk. Rows that are there are passed over.

        Raises OSError, as on a full disk; then a beginning is written or nothing, and the same rows may be given again.
        """
        last = self.last()
        data, reached = bytearray(), last
        for row in rows:
            if last is not None and row["id"] < last.row_id:
                continue
            for account, line in self._lines(row, last):
                if not data:
                    self._make_room(_day(row["at"]))
                data += line
                reached = Last(row["id"], row["at"], event_id(row, account))
                if len(data) >= _BATCH:
                    self._write(data, reached)
                    data.clear()
        if data and reached is not None:
            self._write(data, reached)

    def restart(self, after: int, at: int) -> None:
        """Go on behind the row with the id `after`, whatever was written: the database is not the one that it was written from.

        Raises OSError.
        """
        self.last()
        if self._size:
            self._rotate()
        self._note(Last(after, at, ""))

    def tidy(self, now: int) -> None:
        """Compress what was rotated, and remove what is older than the retention. Raises OSError."""
        self._opened()
        if self._size and _day(now) > self._day:
            self._rotate()
        oldest = _day(now - self._retention)
        for path, day, packed in self._rotated():
            if day < oldest:
                path.unlink(missing_ok=True)
            elif not packed:
                _pack(path)

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _lines(self, row: Row, last: Last | None) -> Iterator[tuple[str | None, bytes]]:
        """One line for each account that has a record of it, but for those that were written before a crash."""
        accounts = accounts_of(row)
        if last is not None and row["id"] == last.row_id:
            ids = [event_id(row, account) for account in accounts]
            accounts = accounts[ids.index(last.event_id) + 1 :] if last.event_id in ids else []
        for account in accounts:
            yield account, json.dumps(record_of(row, account), ensure_ascii=False, separators=(",", ":")).encode() + b"\n"

    def _make_room(self, day: str) -> None:
        """See to it that a record of this day may be appended."""
        if self._size and (self._size >= self._largest or day > self._day):
            self._rotate()
        if not self._size:
            self._day = day

    def _write(self, data: bytearray, reached: Last) -> None:
        descriptor = self._opened()
        try:
            with memoryview(data) as view:
                written = 0
                while written < len(view):
                    written += os.write(descriptor, view[written:])
            os.fsync(descriptor)
        except OSError:
            # Where the disk was full, half a line may be there; the next attempt begins where whole lines end.
            self.close()
            raise
        self._size += len(data)
        self._last = reached

    def _opened(self) -> int:
        if self._descriptor is None:
            self._descriptor = self._open()
        return self._descriptor

    def _open(self) -> int:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            self._size, found = _mended(descriptor)
            self._day = _first_day(descriptor, found) if found else ""
            self._last = found or self._noted()
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def _noted(self) -> Last | None:
        """Where the file before this one ended."""
        with suppress(FileNotFoundError, ValueError, KeyError, TypeError):
            noted = json.loads(self._position_path.read_text("utf-8"))
            return Last(int(noted["row_id"]), int(noted["at"]), str(noted["event_id"]))
        return None

    def _note(self, last: Last) -> None:
        noted = {"row_id": last.row_id, "at": last.at, "event_id": last.event_id}
        write_private(self._position_path, json.dumps(noted).encode() + b"\n")
        self._last = last

    def _rotate(self) -> None:
        last = self._last or Last(0, 0, "")
        # First, so that a crash leaves at worst a note of what the file says itself.
        self._note(last)
        self._path.replace(self._free(f"{self._name}.{self._day}.{last.row_id}"))
        self.close()
        self._opened()

    def _free(self, stem: str) -> Path:
        """A name that no file has: two may end with the records of one row."""
        number, target = 0, self._path.with_name(f"{stem}.jsonl")
        while target.exists() or target.with_name(f"{target.name}.gz").exists():
            number += 1
            target = self._path.with_name(f"{stem}-{number}.jsonl")
        return target

    def _rotated(self) -> list[tuple[Path, str, bool]]:
        """What was rotated: file, day, whether it is compressed."""
        found = []
        for path in self._path.parent.iterdir():
            match = _ROTATED.fullmatch(path.name.removeprefix(self._name))
            if path.name.startswith(self._name) and match is not None:
                found.append((path, match["day"], bool(match["packed"])))
        return found


def _mended(descriptor: int) -> tuple[int, Last | None]:
    """Cut off what a crash left behind the last whole record; the file's size then, and that record."""
    size = os.fstat(descriptor).st_size
    begin = max(0, size - _TAIL)
    tail = os.pread(descriptor, size - begin, begin)
    kept = 0 if begin == 0 else tail.find(b"\n") + 1
    last: Last | None = None
    while (end := tail.find(b"\n", kept)) >= 0:
        found = _read(tail[kept:end])
        if found is None:
            break
        last, kept = found, end + 1
    whole = begin + kept
    if whole < size:
        _log.warning("the audit file ended in a broken record, which is written again", extra={"bytes": size - whole})
        os.ftruncate(descriptor, whole)
        os.fsync(descriptor)
    return whole, last


def _read(line: bytes) -> Last | None:
    try:
        record = json.loads(line)
        row_id = row_id_of(record["eventID"])
        at = int(datetime.fromisoformat(record["eventTime"]).timestamp()) * SECOND
    except (ValueError, KeyError, TypeError):
        return None
    return None if row_id is None else Last(row_id, at, record["eventID"])


def _first_day(descriptor: int, last: Last) -> str:
    """The day of the first record, which names the file when it is rotated."""
    first = _read(os.pread(descriptor, _FIRST, 0).split(b"\n", 1)[0])
    return _day((first or last).at)


def _day(at: int) -> str:
    return f"{datetime.fromtimestamp(at // SECOND, UTC):%Y-%m-%d}"


def _pack(path: Path) -> None:
    """Replace a file by its compressed form; a crash in between leaves the one or the other, or both alike."""
    target, temporary = path.with_name(f"{path.name}.gz"), path.with_name(f".{path.name}.gz")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with (
        os.fdopen(descriptor, "wb") as raw,
        gzip.GzipFile(fileobj=raw, mode="wb", mtime=0) as packed,
        path.open("rb") as source,
    ):
        shutil.copyfileobj(source, packed, 1024 * 1024)
    with temporary.open("rb") as written:
        os.fsync(written.fileno())
    temporary.replace(target)
    path.unlink()
