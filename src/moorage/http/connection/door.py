"""Where TLS connections come in: they have a place among the others from the moment they are accepted.

A server that makes its connections known only after the handshake could neither count nor close those that never begin one.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress

from moorage.http.connection.protocol import Connection

_NO_DESCRIPTOR_PAUSE = 0.1


class Door:
    """Accepts connections on one listening socket, which it neither owns nor closes; belongs to one event loop."""

    def __init__(self, listener: socket.socket, context: ssl.SSLContext, make: Callable[[], Connection]) -> None:
        self._listener = listener
        self._context = context
        self._make = make
        self._guests: dict[asyncio.Task[None], _Guest] = {}
        self._accepting: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begin to accept."""
        self._listener.setblocking(False)
        self._accepting = asyncio.get_running_loop().create_task(self._accept())

    async def close(self) -> None:
        """Accept no more, and end the connections whose handshake is not over."""
        if self._accepting is not None:
            self._accepting.cancel()
            await asyncio.wait([self._accepting])
        for guest in self._guests.values():
            guest.make_way()
        if self._guests:
            await asyncio.wait(self._guests)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                stream, _address = await loop.sock_accept(self._listener)
            except OSError:
                # The client has left already, or there is no descriptor for it; others may end soon.
                await asyncio.sleep(_NO_DESCRIPTOR_PAUSE)
                continue
            guest = _Guest(stream, self._make(), loop)
            task = loop.create_task(guest.enter(self._context))
            self._guests[task] = guest
            task.add_done_callback(self._entered)

    def _entered(self, task: asyncio.Task[None]) -> None:
        del self._guests[task]
        task.result()


class _Guest:
    """A connection on its way in; it waits for its first request like any other."""

    def __init__(self, stream: socket.socket, connection: Connection, loop: asyncio.AbstractEventLoop) -> None:
        self._stream = stream
        self._connection = connection
        self._loop = loop
        self.waiting_since = loop.time()

    async def enter(self, context: ssl.SSLContext) -> None:
        """Do the handshake; the connection then goes on by itself."""
        shared = self._connection.shared
        self._connection.guest = self
        shared.join(self, self._loop)
        try:
            await self._loop.connect_accepted_socket(
                lambda: self._connection,
                self._stream,
                ssl=context,
                ssl_handshake_timeout=shared.limits.first_request_seconds,
            )
        except OSError:
            return  # not TLS, too late, or gone: there is nobody to be told
        finally:
            shared.leave(self)

    def check(self, now: float) -> None:
        """The handshake has its own time limit."""

    def make_way(self) -> None:
        """End at once: for the handshake it is as if the client had left."""
        with suppress(OSError):
            self._stream.shutdown(socket.SHUT_RDWR)

    def turn_away(self) -> None:
        """Nothing can be said before the handshake."""
        self.make_way()
