"""The push client: threads with one connection each, bodies from prepared memory, digests known before the clock starts."""

import hashlib
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

from bench.wire import Body, Target, Wire, closing, location

Way = Literal["monolithic", "patches", "chunked"]

_PATCH = 8 << 20
_CHUNK = 32 << 10
_TAIL = 32
_OCTETS = {"Content-Type": "application/octet-stream"}


@dataclass(frozen=True, slots=True)
class FreshBlob:
    """A blob that no registry has: the source's random base, then a random tail of its own."""

    base: memoryview
    tail: bytes
    digest: str
    framed: memoryview
    """The base in chunked transfer encoding."""

    @property
    def size(self) -> int:
        return len(self.base) + len(self.tail)

    def part(self, start: int, end: int) -> list[Body]:
        """The bytes from start to end, without copying the base."""
        pieces: list[Body] = [self.base[start:end]]
        return pieces if end <= len(self.base) else [*pieces, self.tail]


class BlobSource:
    """Makes fresh blobs of one size at almost no cost: only the tail of each is new, and only the tail is hashed anew."""

    def __init__(self, size: int) -> None:
        self._base = memoryview(os.urandom(size - _TAIL))
        self._hash = hashlib.sha256(self._base)
        self._framed = memoryview(b"".join(_frame(self._base[at : at + _CHUNK]) for at in range(0, len(self._base), _CHUNK)))

    def fresh(self) -> FreshBlob:
        tail = os.urandom(_TAIL)
        running = self._hash.copy()
        running.update(tail)
        return FreshBlob(self._base, tail, f"sha256:{running.hexdigest()}", self._framed)


@dataclass(frozen=True, slots=True)
class Pushed:
    """The seconds from the first request to the last answer, and each blob's own."""

    seconds: float
    each: tuple[float, ...]


def push(target: Target, repository: str, blobs: Sequence[FreshBlob], way: Way) -> Pushed:
    """Push all blobs at once, each over a connection that is open before the clock starts.

    Raises UnexpectedAnswerError when the registry refuses one, OSError when a connection breaks.
    """
    ready = threading.Barrier(len(blobs) + 1)

    def one(blob: FreshBlob) -> tuple[float, float]:
        with target.connect() as wire:
            ready.wait(30)
            began = time.perf_counter()
            _WAYS[way](wire, repository, blob)
            return began, time.perf_counter()

    with ThreadPoolExecutor(len(blobs)) as pool:
        running = [pool.submit(one, blob) for blob in blobs]
        ready.wait(30)
        times = [future.result() for future in running]
    return Pushed(max(end for _, end in times) - min(began for began, _ in times), tuple(end - began for began, end in times))


def _monolithic(wire: Wire, repository: str, blob: FreshBlob) -> None:
    address = wire.start_upload(repository)
    wire.ask("PUT", closing(address, blob.digest), 201, *blob.part(0, blob.size), headers=_OCTETS)


def _patches(wire: Wire, repository: str, blob: FreshBlob) -> None:
    address = wire.start_upload(repository)
    for start in range(0, blob.size, _PATCH):
        end = min(start + _PATCH, blob.size)
        headers = _OCTETS | {"Content-Range": f"{start}-{end - 1}"}
        address = location(wire.ask("PATCH", address, 202, *blob.part(start, end), headers=headers))
    wire.ask("PUT", closing(address, blob.digest), 201)


def _chunked(wire: Wire, repository: str, blob: FreshBlob) -> None:
    address = wire.start_upload(repository)
    headers = _OCTETS | {"Transfer-Encoding": "chunked"}
    body = (blob.framed, _frame(blob.tail) + b"0\r\n\r\n")
    address = location(wire.ask("PATCH", address, 202, *body, headers=headers))
    wire.ask("PUT", closing(address, blob.digest), 201)


def _frame(data: Body) -> bytes:
    return b"".join((b"%x\r\n" % len(data), data, b"\r\n"))


_WAYS: dict[Way, Callable[[Wire, str, FreshBlob], None]] = {
    "monolithic": _monolithic,
    "patches": _patches,
    "chunked": _chunked,
}
