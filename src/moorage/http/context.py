"""What every handler needs, built once in each process by the composition root."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import TypeVar

from moorage.access.authorize import Warden
from moorage.audit.recorder import Recorder
from moorage.core.addresses import Addresses
from moorage.core.call import Call, Registry
from moorage.core.clock import Clock
from moorage.core.errors import UnavailableError
from moorage.http.peer import Network
from moorage.http.request_ids import RequestIds
from moorage.identity import accounts
from moorage.layers.service import UploadService
from moorage.storage.blobs.port import BlobStore
from moorage.storage.database.database import Database
from moorage.storage.database.transaction import Transaction

T = TypeVar("T")

_MOST_REMEMBERED = 10_000
"""Registries whose ids are remembered."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Settings that handlers decide by."""

    grace: int
    """Milliseconds that an unreferenced layer is kept."""
    sparse_indexes: bool
    trusted_proxies: Sequence[Network] = ()


@dataclass(frozen=True, slots=True)
class Context:
    """The parts of one process."""

    database: Database
    points: sqlite3.Connection
    """For the event loop only."""
    blobs: BlobStore
    uploads: UploadService
    recorder: Recorder
    addresses: Addresses
    clock: Clock
    threads: Executor
    closers: Executor
    """For closing uploads, which can take long."""
    ids: RequestIds
    policy: Policy
    warden: Warden
    """Decides who may do what."""
    registries: dict[tuple[str, str], Registry] = field(default_factory=dict)

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` on a snapshot."""
        return await asyncio.wrap_future(self.database.read(work))

    async def read_briefly(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` on a snapshot on the loop itself, or in a thread where that would have to wait."""
        try:
            return self.database.read_here(work)
        except UnavailableError:
            return await self.read(work)

    async def write(self, work: Callable[[Transaction], T], call: Call) -> T:
        """Run `work` in a transaction with the call's audit row; returns after the commit."""
        return await self.database.write_from_loop(work, call)

    async def in_thread(self, work: Callable[..., T], *args: object) -> T:
        """Run what blocks in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, work, *args)

    async def registry(self, account_id: str, region: str, *, read_only: bool) -> Registry:
        """The private registry of an account and region; the account must exist.

        Every region has one, and most are never used: its row is made by the first change. Until then, what only reads gets one
        with the id 0, in which nothing can be found.
        """
        known = self.registries.get((account_id, region))
        if known is not None:
            return known
        if read_only:
            found = await self.read(lambda tx: accounts.find_registry(tx, "private", account_id, region))
            if found is None:
                return Registry(0, "private", account_id, region)
        else:
            work = self.database.write(lambda tx: accounts.ensure_registry(tx, "private", account_id, region))
            found = await asyncio.wrap_future(work)
        # Never dropped and never changed, so it may be remembered.
        if len(self.registries) >= _MOST_REMEMBERED:
            self.registries.clear()
        self.registries[account_id, region] = found
        return found
