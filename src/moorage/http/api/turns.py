"""Turns at work that takes long: few at a time, and no account more than one, so that others find threads free."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from weakref import WeakValueDictionary

from moorage.core.errors import RateExceededError


class Turns:
    """Turns of one worker process. Whoever waits too long for one is refused."""

    def __init__(self, at_once: int, patience: float) -> None:
        """`at_once` turns are had in all; `patience` is in seconds."""
        self._all = asyncio.Semaphore(at_once)
        self._accounts: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._patience = patience

    @asynccontextmanager
    async def one(self, account_id: str) -> AsyncIterator[None]:
        """A turn for the account, in the order of asking; raises RateExceededError after the patience."""
        own = self._accounts.get(account_id)  # it is there while anybody has it or waits for it
        if own is None:
            own = self._accounts[account_id] = asyncio.Semaphore(1)
        async with AsyncExitStack() as held:
            try:
                async with asyncio.timeout(self._patience):
                    await held.enter_async_context(own)
                    await held.enter_async_context(self._all)
            except TimeoutError:
                raise RateExceededError from None
            yield
