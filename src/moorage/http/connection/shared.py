"""What the connections of one server have in common."""

import asyncio
from typing import Protocol

from moorage.http.connection.hot import HotResponder
from moorage.http.connection.intake import IntakePool
from moorage.http.connection.limits import Limits
from moorage.http.connection.response import Clock


class Watched(Protocol):
    """Something with time limits."""

    def check(self, now: float) -> None:
        """Act on the limits that are over at `now`, in the loop's time."""
        ...


class Shared:
    """The limits, the upload threads and one timer for all connections of a server; belongs to one event loop.

    The timer and the threads exist only while there are connections, so a server that has shut down leaves nothing behind.
    """

    def __init__(self, hot: HotResponder | None, limits: Limits) -> None:
        self.hot = hot
        self.limits = limits
        self.clock = Clock()
        self.pool = IntakePool(limits)
        self._watched: set[Watched] = set()
        self._timer: asyncio.TimerHandle | None = None

    def join(self, connection: Watched, loop: asyncio.AbstractEventLoop) -> None:
        """Watch a new connection's limits."""
        self._watched.add(connection)
        if self._timer is None:
            self._timer = loop.call_later(self.limits.tick, self._tick, loop)

    def leave(self, connection: Watched) -> None:
        """Forget a connection."""
        self._watched.discard(connection)
        if not self._watched:
            self.pool.close()
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = loop.call_later(self.limits.tick, self._tick, loop)
        now = loop.time()
        for connection in tuple(self._watched):
            connection.check(now)
