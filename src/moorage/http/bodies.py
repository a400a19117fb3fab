"""Reading whole bodies of requests whose caller is not proven yet, without letting anybody fill the memory with them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from moorage.http.budget import Hold, SharedBudget
from moorage.http.messages import BodyTooLargeError, Request

FREE = 64 * 1024
"""Bytes of a body that count against no budget: connections have bounds of their own."""

_TOTAL = 128 * 1024 * 1024
"""Bytes of larger bodies in one worker; what would go beyond it waits, and then is refused."""

_MOST_WAITING = 64
_PATIENCE = 10.0


class Bodies:
    """The bodies that one worker has in memory; for its event loop only."""

    def __init__(self, total: int = _TOTAL, *, patience: float = _PATIENCE) -> None:
        """`total` in bytes, `patience` in seconds."""
        self._budget = SharedBudget(total, most_waiting=_MOST_WAITING, patience=patience)

    @asynccontextmanager
    async def whole(self, request: Request, most: int, address: str) -> AsyncIterator[bytes]:
        """The body, and while the block runs, the memory for it.

        Raises BodyTooLargeError beyond `most` bytes, DisconnectedError when it breaks off, UnavailableError when there is no
        room for it, or while others wait and it does not come.
        """
        announced = request.content_length
        if announced is not None and (announced <= FREE or announced > most):
            yield await request.body(most)
            return
        async with AsyncExitStack() as held:
            yield await self._read(request, most, address, held)

    async def _read(self, request: Request, most: int, address: str, held: AsyncExitStack) -> bytes:
        body = bytearray()
        stream = request.stream()
        if request.content_length is None:
            # Unannounced bytes cost nobody anything before there are many of them.
            async for piece in stream:
                body += piece
                if len(body) > FREE:
                    break
            else:
                return bytes(body)
        hold: Hold = await held.enter_async_context(self._budget.hold(request.content_length or most, address))
        hold.received = len(body)
        async with hold.reading():
            async for piece in stream:
                body += piece
                hold.received = len(body)
                if len(body) > most:
                    break
        if len(body) > most:
            raise BodyTooLargeError(f"The body must have at most {most} bytes.")
        return bytes(body)
