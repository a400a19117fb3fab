"""How many bytes of request bodies one worker keeps in memory at a time, on the doors that must have a body whole."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from moorage.core.errors import UnavailableError


class ByteBudget:
    """Bytes that are lent, first come, first served; for the event loop only."""

    def __init__(self, total: int, *, most_waiting: int, patience: float) -> None:
        """At most `most_waiting` requests wait for their turn, each for at most `patience` seconds."""
        self._total = total
        self._free = total
        self._most_waiting = most_waiting
        self._patience = patience
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @property
    def free(self) -> int:
        """The bytes that nobody has."""
        return self._free

    @asynccontextmanager
    async def hold(self, size: int) -> AsyncIterator[None]:
        """While the block runs, so many bytes are taken; no more than there are in all. Raises UnavailableError."""
        size = min(size, self._total)
        await self._take(size)
        try:
            yield
        finally:
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
            await asyncio.wait_for(asyncio.shield(turn), self._patience)
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self._give_back(size)  # it came in the moment in which it was given up
            else:
                turn.cancel()
                self._serve()
            if isinstance(error, TimeoutError):
                raise UnavailableError from None
            raise

    @property
    def is_idle(self) -> bool:
        """Whether nobody has anything of it or waits for it."""
        return self._free == self._total and not self._waiting

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
    """One budget for everybody, of which no address has more than half, so that none can take it from the others."""

    def __init__(self, total: int, *, most_waiting: int, patience: float) -> None:
        """As for `ByteBudget`."""
        self._half = total // 2
        self._most_waiting = most_waiting
        self._patience = patience
        self._all = ByteBudget(total, most_waiting=most_waiting, patience=patience)
        self._by_address: dict[str, ByteBudget] = {}

    @property
    def free(self) -> int:
        """The bytes that nobody has."""
        return self._all.free

    @asynccontextmanager
    async def hold(self, size: int, address: str) -> AsyncIterator[None]:
        """As `ByteBudget.hold`, for a client at this address."""
        own = self._by_address.get(address)
        if own is None:
            own = self._by_address[address] = ByteBudget(self._half, most_waiting=self._most_waiting, patience=self._patience)
        try:
            async with own.hold(size), self._all.hold(size):
                yield
        finally:
            if own.is_idle:
                self._by_address.pop(address, None)
