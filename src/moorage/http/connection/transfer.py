"""Zero-copy sending: bytes of a file go to the socket without passing through this process.

Sent in slices from the event loop, so that what one large download takes from the others is bounded by one slice.
"""

import asyncio
import os
import socket

from moorage.http.connection.channel import Channel

_MORE = getattr(socket, "MSG_MORE", 0)


class ShortFileError(Exception):
    """The file ends before the range that was promised; the response cannot be completed."""


def read_range(descriptor: int, offset: int, count: int) -> bytes:
    """Exactly `count` bytes at `offset`. Raises ShortFileError."""
    data = os.pread(descriptor, count, offset)
    while len(data) < count:
        more = os.pread(descriptor, count - len(data), offset + len(data))
        if not more:
            raise ShortFileError
        data += more
    return data


class Transfer:
    """Sends some bytes and then a range of a file over a socket; nothing else may write to the connection meanwhile."""

    __slots__ = ("_channel", "_count", "_descriptor", "_done", "_offset", "_prefix", "_socket")

    def __init__(self, channel: Channel, prefix: bytes, descriptor: int, offset: int, count: int) -> None:
        self._channel = channel
        self._socket: socket.socket
        self._prefix = memoryview(prefix)
        self._descriptor = descriptor
        self._offset = offset
        self._count = count
        self._done: asyncio.Future[None]

    async def run(self) -> None:
        """Send everything. Raises ShortFileError, or OSError when the connection is gone."""
        channel = self._channel
        await channel.flushed()
        if channel.lost:
            raise ConnectionResetError
        self._socket = channel.open_raw()
        try:
            if self._send_slice():
                return
            await self._send_when_writable()
        finally:
            channel.close_raw()

    async def _send_when_writable(self) -> None:
        channel = self._channel
        self._done = channel.loop.create_future()
        channel.sending = True
        channel.loop.add_writer(self._socket.fileno(), self._on_writable)
        channel.on_lost(self._on_lost)
        try:
            await self._done
        finally:
            channel.sending = False
            channel.on_lost(None)
            channel.loop.remove_writer(self._socket.fileno())

    def _on_lost(self) -> None:
        if not self._done.done():
            self._done.set_exception(ConnectionResetError())

    def _on_writable(self) -> None:
        if self._done.done():
            return
        try:
            if self._send_slice():
                self._done.set_result(None)
        except (OSError, ShortFileError) as error:
            self._done.set_exception(error)

    def _send_slice(self) -> bool:
        """Send what the socket takes of the next slice; True when all is sent."""
        try:
            if self._prefix:
                taken = self._socket.send(self._prefix, _MORE)
                self._prefix = self._prefix[taken:]
                self._channel.written += taken
                if self._prefix:
                    return False
            size = min(self._count, self._channel.limits.slice_bytes)
            sent = os.sendfile(self._socket.fileno(), self._descriptor, self._offset, size) if size else 0
        except (BlockingIOError, InterruptedError):
            return False
        if size and not sent:
            raise ShortFileError
        self._offset += sent
        self._count -= sent
        self._channel.written += sent
        return self._count == 0
