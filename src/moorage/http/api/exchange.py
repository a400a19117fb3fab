"""What a handler of `/api/v1` is given, and how it reaches the database."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from moorage.core.call import Call
from moorage.core.page import PageTokens
from moorage.http.api.turns import Turns
from moorage.http.context import Context
from moorage.identity.credentials.sealing import Sealer
from moorage.images.recovery import Recovery
from moorage.storage.database.transaction import Transaction

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Parts:
    """What handlers of the API need besides the context."""

    sealer: Sealer
    page_tokens: PageTokens
    recovery: Recovery
    searches: Turns = field(default_factory=lambda: Turns(at_once=2, patience=5))
    """Of a worker's reading threads, of which there are four, searches take two at most."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One authenticated and authorized request to `/api/v1`."""

    context: Context
    parts: Parts
    call: Call
    path: Mapping[str, str]
    """The parts of the path, by the names in the route's template; not parsed yet."""

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` on a snapshot. It does no I/O but SQL."""
        return await self.context.read(work)

    async def in_steps(self, work: Callable[[Call], T], **parameters: str) -> T:
        """Run `work` in a thread: it opens transactions of its own, for the call that it is given.

        `parameters` are what the audit row of each keeps of the request; never a secret.
        """
        return await self.context.in_thread(work, replace(self.call, parameters=parameters))

    async def write(self, work: Callable[[Transaction], T], **parameters: str) -> T:
        """Run `work` in a transaction that holds the call's audit row too; returns after the commit.

        `parameters` are what the audit row keeps of the request; never a secret.
        """
        return await self.context.write(work, replace(self.call, parameters=parameters))
