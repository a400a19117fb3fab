"""What the connections of one server have in common."""

import asyncio
from operator import itemgetter
from typing import Protocol

from moorage.http.connection.hot import HotResponder
from moorage.http.connection.intake import IntakePool
from moorage.http.connection.limits import Limits
from moorage.http.connection.response import Clock

_WORTH_LOOKING = 64
"""To look at all connections for those that wait pays if one in so many does; otherwise once a tick is enough."""


class Watched(Protocol):
    """A connection, as far as its limits are concerned."""

    @property
    def waiting_since(self) -> float | None:
        """Since when it has waited for a request, in the loop's time; None while something is under way."""
        ...

    def check(self, now: float) -> None:
        """Act on the limits that are over at `now`, in the loop's time."""
        ...

    def make_way(self) -> None:
        """End at once, without a word."""
        ...

    def turn_away(self) -> None:
        """Say that there is no place, and end."""
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
        self._waiting: list[tuple[float, Watched]] = []
        """The connections that wait for a request, as they were found; the one that has waited longest comes last."""
        self._look_again = 0.0

    def join(self, connection: Watched, loop: asyncio.AbstractEventLoop) -> None:
        """Watch a new connection's limits. When there are too many, make room for it or turn it away."""
        if self._timer is None:
            self._timer = loop.call_later(self.limits.tick, self._tick, loop)
        excess = len(self._watched) + 1 - self.limits.connections
        roomy = excess <= 0 or self._make_room(loop.time())
        self._watched.add(connection)
        if not roomy:
            if excess <= max(1, self.limits.connections // 8):
                connection.turn_away()
            else:
                # Even those that are being turned away are too many.
                connection.make_way()

    def leave(self, connection: Watched) -> None:
        """Forget a connection."""
        self._watched.discard(connection)
        if not self._watched:
            self.pool.close()
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    def _make_room(self, now: float) -> bool:
        """Close the connection that has waited longest for a request; False when none is known to wait."""
        if not self._waiting and now >= self._look_again:
            self._find_waiting(now)
        while self._waiting:
            since, connection = self._waiting.pop()
            if connection in self._watched and connection.waiting_since == since:
                self._watched.discard(connection)
                connection.make_way()
                return True
        return False

    def _find_waiting(self, now: float) -> None:
        found = [(since, connection) for connection in self._watched if (since := connection.waiting_since) is not None]
        self._waiting = sorted(found, key=itemgetter(0), reverse=True)
        rare = len(found) <= len(self._watched) // _WORTH_LOOKING
        self._look_again = now + self.limits.tick if rare else now

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = loop.call_later(self.limits.tick, self._tick, loop)
        self._waiting.clear()
        now = loop.time()
        for connection in tuple(self._watched):
            connection.check(now)
