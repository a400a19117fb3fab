"""Uploads: the bytes of a request body go from the socket into a sink in threads, past the event loop.

A thread receives into a large reusable buffer, decodes in place and hands over as much as possible at once. It never waits
for a silent socket: a slow upload goes back to the loop, which asks for a thread again when there is something to read.
"""

import asyncio
import select
import socket
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from enum import Enum, auto
from typing import Protocol, TypeVar

from moorage.http.connection.framing import Body
from moorage.http.connection.limits import KIB, Limits

T = TypeVar("T")

_WORTH_WAITING_FOR = 64 * KIB
"""A socket that brings this much has earned another `upload_silence` of waiting."""


class Sink(Protocol):
    """Where a request body goes."""

    def write(self, data: memoryview, /) -> object:
        """Take the next bytes. Called from a worker thread, never twice at once; may block, may raise.

        The memory is used again afterwards: `data` must not be kept.
        """
        ...


class ClientDisconnectedError(Exception):
    """The connection ended, or had to be ended, before the request body did."""


class IntakePool:
    """Threads and buffers for uploads, at most `upload_threads` of each; both exist only while they are needed.

    Lives on one event loop. Who finds no thread free waits for one in the order of asking.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._executor: ThreadPoolExecutor | None = None
        self._buffers: list[bytearray] = []
        self._free = limits.upload_threads
        self._queue: deque[asyncio.Future[None]] = deque()

    @property
    def contended(self) -> bool:
        """Whether somebody waits for a thread; may be asked from any thread."""
        return bool(self._queue)

    async def run(self, job: Callable[[bytearray], T], stop: Callable[[], None]) -> T:
        """Run `job(buffer)` in a thread.

        When the caller is cancelled, `stop` is called and the job's end awaited first, so that nothing goes on behind the
        caller's back.
        """
        await self._acquire()
        buffer = self._buffers.pop() if self._buffers else bytearray(self._limits.upload_buffer)
        try:
            if self._executor is None:
                self._executor = ThreadPoolExecutor(self._limits.upload_threads, "moorage-upload")
            future = asyncio.get_running_loop().run_in_executor(self._executor, job, buffer)
            try:
                return await asyncio.shield(future)
            except asyncio.CancelledError:
                stop()
                await _ended(future)
                raise
        finally:
            self._buffers.append(buffer)
            self._release()

    def close(self) -> None:
        """Let idle threads and buffers go; jobs under way finish. The next job starts afresh."""
        if self._executor is not None:
            self._executor.shutdown(wait=False)
            self._executor = None
        self._buffers.clear()

    async def _acquire(self) -> None:
        if self._free:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._release()
            raise

    def _release(self) -> None:
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


async def _ended(future: "asyncio.Future[T]") -> None:
    """Wait for the end of a job however often the wait is cancelled, and look at its error, which nobody else will."""
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError:
            continue
    if not future.cancelled():
        future.exception()


class Outcome(Enum):
    """How one turn of an intake ended."""

    COMPLETE = auto()
    """The body is complete and handed over."""
    HUNGRY = auto()
    """There was nothing more to read for a while."""
    TURN_OVER = auto()
    """Others wait for a thread."""
    CLOSED = auto()
    """The client ended the connection."""
    STOPPED = auto()
    """Somebody called `stop`."""


class Intake:
    """Moves one body into one sink, in turns; each turn runs in a thread, with a buffer that it owns meanwhile."""

    def __init__(self, body: Body, sink: Sink, raw: socket.socket | None, pool: IntakePool, limits: Limits) -> None:
        self._body = body
        self._sink = sink
        self._raw = raw
        self._pool = pool
        self._limits = limits
        self._stopped = False
        self._out = 0
        """Where the decoded bytes in the buffer end."""
        self.early: deque[bytes] = deque()
        """Bytes that the loop had received, to be used before the socket is read. Only touched between turns."""
        self.rest = b""
        """What was received beyond the end of the body."""
        self.received = 0
        """Bytes read from the socket in the last turn."""
        self.waited = 0.0
        """Seconds the last turn waited for the socket."""
        self.patient = True
        """Whether the next turn may wait for the socket at all."""

    def stop(self) -> None:
        """End the turn under way soon; from any thread."""
        self._stopped = True

    def turn(self, buffer: bytearray) -> Outcome:
        """Read, decode and hand over until the body is complete or there is a reason to pause.

        Raises what the sink raises, and MalformedBodyError.
        """
        self.received, self.waited, self._out = 0, 0.0, 0
        self._use_early(buffer)
        if self._body.complete:
            outcome = Outcome.COMPLETE
        elif self._raw is None:
            outcome = Outcome.HUNGRY
        else:
            outcome = self._receive(buffer, self._raw)
        if self._out:
            self._hand_over(buffer)
        return outcome

    def _use_early(self, buffer: bytearray) -> None:
        while self.early and not self._body.complete:
            if self._out == len(buffer):
                self._hand_over(buffer)
            piece = self.early.popleft()
            room = len(buffer) - self._out
            if len(piece) > room:
                self.early.appendleft(piece[room:])
                piece = piece[:room]
            with memoryview(buffer) as view:
                view[self._out : self._out + len(piece)] = piece
            self._decode(buffer, len(piece))
        if self._body.complete and self.early:
            self.rest += b"".join(self.early)
            self.early.clear()

    def _receive(self, buffer: bytearray, raw: socket.socket) -> Outcome:
        started = time.monotonic()
        patience = self._limits.upload_silence if self.patient else 0.0
        full = len(buffer) - min(_WORTH_WAITING_FOR, len(buffer) // 2)
        earned = 0
        while not self._body.complete:
            if self._stopped:
                return Outcome.STOPPED
            if self._out >= full:
                self._hand_over(buffer)
                if self._pool.contended and time.monotonic() - started > self._limits.upload_turn:
                    return Outcome.TURN_OVER
            size = self._receive_some(buffer, raw)
            if size == 0:
                return Outcome.CLOSED
            if size > 0:
                earned += size
                if earned >= _WORTH_WAITING_FOR:
                    earned, patience, self.patient = 0, self._limits.upload_silence, True
            elif self._out >= len(buffer) // 4:
                # The socket is empty, and there is something useful to do until it is not.
                self._hand_over(buffer)
            else:
                ready, waited = _wait_readable(raw, patience)
                self.waited += waited
                patience -= waited
                if not ready:
                    self.patient = False
                    return Outcome.HUNGRY
        return Outcome.COMPLETE

    def _receive_some(self, buffer: bytearray, raw: socket.socket) -> int:
        """Receive once and decode; how many bytes came, 0 at the end of the connection, -1 when there is nothing to read."""
        with memoryview(buffer) as view, view[self._out :] as room:
            try:
                size = raw.recv_into(room, self._body.want(len(room)))
            except (BlockingIOError, InterruptedError):
                return -1
            except OSError:
                return 0
        self.received += size
        self._decode(buffer, size)
        return size

    def _decode(self, buffer: bytearray, size: int) -> None:
        """Decode the `size` bytes that follow the decoded ones."""
        end = self._out + size
        self._out, consumed = self._body.decode(buffer, self._out, end, self._out)
        if consumed < end:
            self.rest += bytes(buffer[consumed:end])

    def _hand_over(self, buffer: bytearray) -> None:
        out, self._out = self._out, 0
        with memoryview(buffer) as view, view[:out] as piece:
            self._sink.write(piece)


def _wait_readable(raw: socket.socket, patience: float) -> tuple[bool, float]:
    """Wait at most `patience` seconds; whether there is something to read, and how long that took."""
    if patience <= 0:
        return False, 0.0
    started = time.monotonic()
    poll = select.poll()
    poll.register(raw.fileno(), select.POLLIN)
    ready = bool(poll.poll(max(1, int(patience * 1000))))
    return ready, time.monotonic() - started
