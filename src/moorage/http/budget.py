"""How many bytes of request bodies one worker keeps in memory at a time, on the doors that must have a body whole.

Whoever knows a key's id can begin requests in its name, and whose they are is only seen once their bodies are whole. So bytes
are lent before they come, first come, first served; no network has more than half; and while others wait, a body that does
not come at a steady pace loses what it was lent.
"""

import asyncio
import ipaddress
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from moorage.core.errors import UnavailableError

_BEGINNING = 1.0
"""Seconds in which nobody's pace is judged."""

_WHOLE = 30.0
"""Seconds in which a body that others wait for has to come, at an even pace."""

_LOOK_AGAIN = 0.25
"""Seconds between two looks of those who wait at the pace of the others."""


class Hold:
    """Bytes that are lent to one body; for the task that reads it."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.received = 0
        """Bytes that have come."""
        self._since = 0.0
        self._limit: asyncio.Timeout | None = None

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[None]:
        """While the block reads the body. Raises UnavailableError, and ends the block, when the bytes are taken back."""
        self._since = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(None) as self._limit:
                yield
        except TimeoutError:
            raise UnavailableError from None
        finally:
            self._limit = None

    def give_up_if_behind(self, now: float) -> None:
        """End the block that reads, if its bytes do not come at the pace that others may expect."""
        age = now - self._since
        if self._limit is not None and age > _BEGINNING and self.received < self.size * age / _WHOLE:
            self._limit.reschedule(now)


class ByteBudget:
    """Bytes that are lent, first come, first served; for the event loop only."""

    def __init__(self, total: int, *, most_waiting: int, patience: float) -> None:
        """At most `most_waiting` requests wait for their turn, each for at most `patience` seconds."""
        self._total = total
        self._free = total
        self._most_waiting = most_waiting
        self._patience = patience
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._holds: set[Hold] = set()

    @property
    def free(self) -> int:
        """The bytes that nobody has."""
        return self._free

    @property
    def is_idle(self) -> bool:
        """Whether nobody has anything of it or waits for it."""
        return self._free == self._total and not self._waiting

    @asynccontextmanager
    async def lend(self, hold: Hold) -> AsyncIterator[None]:
        """While the block runs, so many bytes are taken; no more than there are in all. Raises UnavailableError."""
        size = min(hold.size, self._total)
        await self._take(size)
        self._holds.add(hold)
        try:
            yield
        finally:
            self._holds.discard(hold)
            self._give_back(size)

    async def _take(self, size: int) -> None:
        if not self._waiting and size <= self._free:
            self._free -= size
            return
        if len(self._waiting) >= self._most_waiting:
            raise UnavailableError
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((size, turn))
        try:
            await self._wait(turn)
        except BaseException:
            if turn.done() and not turn.cancelled():
                self._give_back(size)  # it came in the moment in which it was given up
            else:
                turn.cancel()
                self._serve()
            raise

    async def _wait(self, turn: "asyncio.Future[None]") -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._patience
        while not turn.done():
            now = loop.time()
            if now >= deadline:
                raise UnavailableError
            for hold in self._holds:
                hold.give_up_if_behind(now)
            await asyncio.wait([turn], timeout=min(_LOOK_AGAIN, deadline - now))

    def _give_back(self, size: int) -> None:
        self._free += size
        self._serve()

    def _serve(self) -> None:
        while self._waiting and (self._waiting[0][1].cancelled() or self._waiting[0][0] <= self._free):
            size, turn = self._waiting.popleft()
            if not turn.cancelled():
                self._free -= size
                turn.set_result(None)


class SharedBudget:
    """One budget for everybody, of which no network has more than half, so that none can take it from the others."""

    def __init__(self, total: int, *, most_waiting: int, patience: float) -> None:
        """As for `ByteBudget`."""
        self._half = total // 2
        self._most_waiting = most_waiting
        self._patience = patience
        self._all = ByteBudget(total, most_waiting=most_waiting, patience=patience)
        self._by_network: dict[str, ByteBudget] = {}

    @property
    def free(self) -> int:
        """The bytes that nobody has."""
        return self._all.free

    @asynccontextmanager
    async def hold(self, size: int, address: str) -> AsyncIterator[Hold]:
        """While the block runs, so many bytes are lent to a client at this address. Raises UnavailableError."""
        network = network_of(address)
        own = self._by_network.get(network)
        if own is None:
            own = self._by_network[network] = ByteBudget(self._half, most_waiting=self._most_waiting, patience=self._patience)
        try:
            hold = Hold(size)
            async with own.lend(hold), self._all.lend(hold):
                yield hold
        finally:
            if own.is_idle:
                self._by_network.pop(network, None)


def network_of(address: str) -> str:
    """Whom an address belongs to, as far as can be told: an IPv6 host has a whole /64 to itself."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return address
    return str(parsed.ipv4_mapped or ipaddress.IPv6Network((parsed, 64), strict=False))
