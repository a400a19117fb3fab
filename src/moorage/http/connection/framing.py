"""Where a request body ends: two pure state machines (RFC 9112 sections 6.2 and 7.1).

Both decode in place: what they are given lies in one buffer, and the body's bytes are moved together towards `out`, so that
a thread can receive, decode and hand on without a copy more than needed. Splitting the input differently never changes the
result.
"""

import re
from abc import ABC, abstractmethod
from enum import Enum, auto
from typing import NamedTuple

_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,16}+)(?:[ \t]*+;[\t\x20-\x7e\x80-\xff]*+)?\r\n")
_TRAILER_LINE = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++:[\t\x20-\x7e\x80-\xff]*+\r\n")

LARGEST_CHUNK = 2**62
EXTENSION_BYTES = 256
TRAILER_BYTES = 8 * 1024
TRAILER_LINES = 32
_SIZE_LINE_BYTES = 16 + EXTENSION_BYTES + 2


class MalformedBodyError(Exception):
    """The chunked encoding is broken; nothing after this point has a meaning, so the connection must end."""


class Decoded(NamedTuple):
    """How far one call of `decode` came."""

    out: int
    """The end of the body's bytes in the buffer."""
    consumed: int
    """The first byte not looked at; less than the given end only when the body is complete before it."""


class Body(ABC):
    """The framing of one body."""

    __slots__ = ("complete",)

    def __init__(self) -> None:
        self.complete = False

    def want(self, room: int) -> int:
        """How many bytes are worth receiving, at most `room`."""
        return room

    @abstractmethod
    def decode(self, buffer: bytearray, start: int, end: int, out: int) -> Decoded:
        """Decode buffer[start:end], moving the body's bytes to buffer[out:]; `out` must not be after `start`.

        Raises MalformedBodyError.
        """

    @abstractmethod
    def left(self) -> int | None:
        """How many bytes are still to come on the wire, where that is known."""

    def take(self, data: bytes) -> tuple[bytes, bytes]:
        """The body's bytes in `data`, and what follows the body."""
        buffer = bytearray(data)
        out, consumed = self.decode(buffer, 0, len(data), 0)
        return bytes(memoryview(buffer)[:out]), data[consumed:]


class LengthBody(Body):
    """A body of Content-Length bytes."""

    __slots__ = ("_left",)

    def __init__(self, length: int) -> None:
        super().__init__()
        self._left = length
        self.complete = length == 0

    def want(self, room: int) -> int:
        """No more than belongs to the body, so that the next request stays in the kernel."""
        return min(room, self._left)

    def left(self) -> int | None:
        """Always known."""
        return self._left

    def decode(self, buffer: bytearray, start: int, end: int, out: int) -> Decoded:
        """Never raises."""
        size = min(self._left, end - start)
        if out != start and size:
            _move(buffer, start, out, size)
        self._left -= size
        self.complete = self._left == 0
        return Decoded(out + size, start + size)

    def take(self, data: bytes) -> tuple[bytes, bytes]:
        """Without a copy where all of it is the body's."""
        size = min(self._left, len(data))
        self._left -= size
        self.complete = self._left == 0
        return (data, b"") if size == len(data) else (data[:size], data[size:])


class _Part(Enum):
    SIZE = auto()
    DATA = auto()
    DATA_END = auto()
    TRAILER = auto()


class ChunkedBody(Body):
    """A body in chunked encoding. Extensions are bounded and ignored, trailers bounded and dropped, every line must end in
    CR LF, and a chunk has at most 16 hexadecimal digits and 2**62 bytes.
    """

    __slots__ = ("_left", "_line", "_part", "_trailer_bytes", "_trailer_lines")

    def __init__(self) -> None:
        super().__init__()
        self._part = _Part.SIZE
        self._left = 0
        self._line = bytearray()
        self._trailer_bytes = 0
        self._trailer_lines = 0

    def left(self) -> int | None:
        """Unknown until the last chunk."""
        return 0 if self.complete else None

    def decode(self, buffer: bytearray, start: int, end: int, out: int) -> Decoded:
        """One pass; costs grow with the number of chunks, not of bytes."""
        while start < end and not self.complete:
            if self._part is not _Part.DATA:
                start = self._read_line(buffer, start, end)
                continue
            size = min(self._left, end - start)
            if out != start:
                _move(buffer, start, out, size)
            out += size
            start += size
            self._left -= size
            if self._left == 0:
                self._part = _Part.DATA_END
        return Decoded(out, start)

    def _read_line(self, buffer: bytearray, start: int, end: int) -> int:
        """Gather one line up to its LF, and act on it once it is whole; gives the position after what was used."""
        room = self._room() - len(self._line)
        limit = min(end, start + room)
        found = buffer.find(b"\n", start, limit)
        if found < 0:
            if limit - start == room:
                raise MalformedBodyError("A line of the chunked encoding is too long or does not end in CR LF.")
            self._line += buffer[start:end]
            return end
        line: bytes | bytearray = buffer[start : found + 1]
        if self._line:
            line = self._line + line
            self._line.clear()
        if self._part is _Part.SIZE:
            self._begin_chunk(line)
        elif self._part is _Part.DATA_END:
            if line != b"\r\n":
                raise MalformedBodyError("A chunk is longer than its size.")
            self._part = _Part.SIZE
        else:
            self._end_trailer_line(line)
        return found + 1

    def _room(self) -> int:
        """The longest line allowed at this point, its end included."""
        if self._part is _Part.DATA_END:
            return 2
        if self._part is _Part.SIZE:
            return _SIZE_LINE_BYTES
        return TRAILER_BYTES - self._trailer_bytes + 2

    def _begin_chunk(self, line: bytes | bytearray) -> None:
        match = _SIZE_LINE.fullmatch(line)
        if match is None:
            raise MalformedBodyError("A chunk size is not a hexadecimal number followed by CR LF.")
        self._left = int(match[1], 16)
        if self._left > LARGEST_CHUNK:
            raise MalformedBodyError("A chunk is too large.")
        self._part = _Part.DATA if self._left else _Part.TRAILER

    def _end_trailer_line(self, line: bytes | bytearray) -> None:
        if line == b"\r\n":
            self.complete = True
            return
        self._trailer_bytes += len(line)
        self._trailer_lines += 1
        if self._trailer_lines > TRAILER_LINES or self._trailer_bytes > TRAILER_BYTES:
            raise MalformedBodyError("The trailers are too many.")
        if _TRAILER_LINE.fullmatch(line) is None:
            raise MalformedBodyError("A trailer is not a header line.")


def _move(buffer: bytearray, start: int, out: int, size: int) -> None:
    with memoryview(buffer) as view:
        view[out : out + size] = view[start : start + size]


def body_of(length: int, chunked: bool) -> Body:
    """The framing that a judged head announces."""
    return ChunkedBody() if chunked else LengthBody(length)
