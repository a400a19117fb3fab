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

    def _give_back(self, size: int) -> None:
        self._free += size
        self._serve()

    def _serve(self) -> None:
        while self._waiting and (self._waiting[0][1].cancelled() or self._waiting[0][0] <= self._free):
            size, turn = self._waiting.popleft()
            if not turn.cancelled():
                self._free -= size
                turn.set_result(None)
