"""One connection's transport: when it may be read, when it may be written, and when its file descriptor may be used past it.

Everything here runs on the event loop.
"""

import asyncio
import fcntl
import os
import socket
import struct
import termios
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from uvicorn.protocols.utils import get_local_addr, get_remote_addr

from moorage.http.connection.limits import Limits

_INT = struct.Struct("i")


@dataclass(slots=True)
class _Progress:
    """What a client has taken, and when, since bytes began to wait for it."""

    taken: int
    taken_at: float
    before: int
    """What it had taken when the span began over which the rate is averaged."""
    since: float

    def too_slow(self, taken: int, now: float, limits: Limits) -> bool:
        if taken != self.taken:
            self.taken, self.taken_at = taken, now
        elif now - self.taken_at > limits.write_stall_seconds:
            return True
        span = now - self.since
        if span < limits.write_rate_over:
            return False
        least = self.before + span * limits.write_rate
        self.before, self.since = taken, now
        return taken < least


class Channel:
    """A transport with flow control in both directions, and the socket below it where that may be used directly."""

    __slots__ = (
        "_on_lost",
        "_progress",
        "_raw",
        "_raw_users",
        "_reading",
        "_waiters",
        "_write_paused",
        "client",
        "direct",
        "ended",
        "limits",
        "loop",
        "lost",
        "secure",
        "sending",
        "server",
        "transport",
        "written",
    )

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, limits: Limits) -> None:
        self.transport = transport
        self.loop = loop
        self.limits = limits
        self.server = get_local_addr(transport)
        self.client = get_remote_addr(transport)
        self.secure = transport.get_extra_info("sslcontext") is not None
        below = transport.get_extra_info("socket")
        self.direct = not self.secure and below is not None and below.family in (socket.AF_INET, socket.AF_INET6)
        """Whether the bytes on the socket are the bytes of HTTP: plaintext TCP."""
        self.lost = False
        self.ended = False
        """The peer will send nothing more."""
        self.sending = False
        """Something waits for the socket to take more bytes, past the transport."""
        self.written = 0
        """Bytes given to the transport, or to the socket past it."""
        self._reading = True
        self._write_paused = False
        self._waiters: list[asyncio.Future[None]] = []
        self._raw: socket.socket | None = None
        self._raw_users = 0
        self._on_lost: Callable[[], None] | None = None
        self._progress: _Progress | None = None

    # Reading

    def pause_reading(self) -> None:
        """Let further bytes wait in the kernel."""
        if self._reading and not self.lost:
            self._reading = False
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Have bytes delivered again, unless none can come."""
        if not self._reading and not self.lost and not self.ended and not self.transport.is_closing():
            self._reading = True
            self.transport.resume_reading()

    # Writing

    def write(self, data: bytes) -> None:
        """Send these bytes after those before."""
        self.written += len(data)
        self.transport.write(data)

    def write_lines(self, parts: list[bytes]) -> None:
        """Send these bytes after those before, without joining them."""
        self.written += sum(map(len, parts))
        self.transport.writelines(parts)

    @property
    def write_paused(self) -> bool:
        """Whether the transport holds more than its high-water mark."""
        return self._write_paused

    def pause_writing(self) -> None:
        """Called when the transport holds too much."""
        self._write_paused = True

    def resume_writing(self) -> None:
        """Called when the transport has got rid of it."""
        self._write_paused = False
        self._wake()

    async def drained(self) -> None:
        """Wait until the transport wants more bytes, or the connection is lost."""
        while self._write_paused and not self.lost:
            waiter: asyncio.Future[None] = self.loop.create_future()
            self._waiters.append(waiter)
            await waiter

    async def flushed(self) -> None:
        """Wait until the transport holds nothing, so that the socket may be written directly and the order is kept."""
        if self.lost or not self.transport.get_write_buffer_size():
            return
        self.transport.set_write_buffer_limits(0)
        try:
            await self.drained()
        finally:
            if not self.lost:
                self.transport.set_write_buffer_limits()

    def stalled(self, now: float) -> bool:
        """Whether the client takes nothing, or too little, of what waits for it; to be asked at every tick."""
        size = self.transport.get_write_buffer_size()
        if not size and not self.sending:
            self._progress = None
            return False
        taken = self.written - size - (self._unacknowledged() or 0)
        if self._progress is None:
            self._progress = _Progress(taken, now, taken, now)
            return False
        return self._progress.too_slow(taken, now, self.limits)

    def _unacknowledged(self) -> int | None:
        """How many bytes the kernel holds for the client, where it tells.

        It makes room in steps of up to a megabyte, so without them a slow client would seem to take nothing for long.
        """
        below = self.transport.get_extra_info("socket")
        try:
            (held,) = _INT.unpack(fcntl.ioctl(below.fileno(), termios.TIOCOUTQ, bytes(_INT.size)))
        except (AttributeError, OSError):
            return None
        return int(held)

    # The socket itself

    def open_raw(self) -> socket.socket:
        """The socket, for use past the transport until `close_raw`; only if `direct`, and never to be closed by the user.

        It is a duplicate, since the loop refuses a transport's own descriptor.
        """
        if self._raw is None:
            below: socket.socket = self.transport.get_extra_info("socket")
            self._raw = socket.socket(below.family, below.type, below.proto, fileno=os.dup(below.fileno()))
            self._raw.setblocking(False)
        self._raw_users += 1
        return self._raw

    def close_raw(self) -> None:
        """End one use. The duplicate is closed with the connection, by its last user."""
        self._raw_users -= 1
        self._drop_raw()

    def _drop_raw(self) -> None:
        if self.lost and not self._raw_users and self._raw is not None:
            self._raw.close()
            self._raw = None

    # The end

    @property
    def said_goodbye(self) -> bool:
        """Whether the client has received everything, the end included, and only its own goodbye over TLS is missing."""
        if not self.secure or not self.transport.is_closing() or self.transport.get_write_buffer_size():
            return False
        return self._unacknowledged() == 0

    def abort(self) -> None:
        """End the connection at once; what was not sent is not sent."""
        if self._raw is not None:
            # The duplicate would keep the connection open after the transport has closed its own descriptor.
            with suppress(OSError):
                self._raw.shutdown(socket.SHUT_RDWR)
        self.transport.abort()

    def close(self) -> None:
        """End the connection once everything written is sent."""
        self.transport.close()

    def on_lost(self, callback: Callable[[], None] | None) -> None:
        """What to call when the connection is lost; the last one given counts."""
        self._on_lost = callback

    def connection_lost(self) -> None:
        """Wake whoever waits; nothing is read or written any more."""
        self.lost = True
        if self._raw is not None:
            with suppress(OSError):
                self._raw.shutdown(socket.SHUT_RDWR)
        self._drop_raw()
        self._wake()
        if self._on_lost is not None:
            self._on_lost()

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
