"""The writer of one process: takes writes from a queue and commits them in groups.

Writers of all processes queue at a file lock around `BEGIN IMMEDIATE … COMMIT` instead of polling for SQLite's own,
since writers that poll starve.
"""

import asyncio
import fcntl
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from moorage.core.call import Call
from moorage.core.clock import Clock
from moorage.storage.database.faults import translated
from moorage.storage.database.transaction import Transaction, record

_MOST_IN_A_COMMIT = 64
_LONGEST_COMMIT_SECONDS = 0.03
"""No group goes on adding writes after this, so that the lock is held for less than 50 ms."""


@dataclass(slots=True)
class Write:
    """A piece of work, the call it serves, and where its result goes."""

    work: Callable[[Transaction], Any]
    call: Call | None
    future: Future[Any] | asyncio.Future[Any] = field(default_factory=Future)
    """An asyncio future is told on its own loop, all of a group in one step."""
    value: Any = None
    error: BaseException | None = None
    wakes_jobs: bool = False


class Writer:
    """A thread that owns the process's one writing connection."""

    def __init__(self, engine: sa.Engine, lock_path: str, clock: Clock, wake_jobs: Callable[[], None]) -> None:
        self._engine = engine
        self._lock_path = lock_path
        self._clock = clock
        self._wake_jobs = wake_jobs
        self._queue: queue.SimpleQueue[Write | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    def submit(self, write: Write) -> None:
        """Queue a write; its future resolves after the commit."""
        self._queue.put(write)

    def close(self) -> None:
        """Carry out what is queued, then end."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        lock: int | None = None
        connection: sa.Connection | None = None
        while (first := self._queue.get()) is not None:
            try:
                if lock is None:
                    lock = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                if connection is None:
                    connection = self._engine.connect()
                self._commit_group(connection, lock, first)
            except Exception as error:  # a file cannot be opened: this write fails, the next one tries again
                _settle([first], translated(error))
        if connection is not None:
            connection.close()
        if lock is not None:
            os.close(lock)

    def _commit_group(self, connection: sa.Connection, lock: int, first: Write) -> None:
        group: list[Write] = []
        failure: BaseException | None = None
        driver: Any = connection.connection.driver_connection
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            driver.execute("BEGIN IMMEDIATE")
            self._carry_out(connection, driver, first, group)
            driver.execute("COMMIT")
        except Exception as error:  # a full disk or a broken file: the whole group is undone, and told so
            failure = translated(error)
            with suppress(Exception):
                driver.execute("ROLLBACK")
        finally:
            fcntl.flock(lock, fcntl.LOCK_UN)
        try:
            if failure is None:
                self._follow_up(group)
        finally:  # what is committed is answered, whatever comes of its consequences
            _settle(group or [first], failure)

    def _carry_out(self, connection: sa.Connection, driver: Any, first: Write, group: list[Write]) -> None:
        """Carry out what waits, and record in one go what succeeded: change and audit row are in one transaction."""
        self._gather(connection, driver, first, group)
        calls = [write.call for write in group if write.call is not None and write.error is None]
        try:
            record(Transaction(connection, self._clock.now(), None), calls)
        except Exception:
            # One call's row is at fault, and must take with it no other change than its own.
            driver.execute("ROLLBACK")
            driver.execute("BEGIN IMMEDIATE")
            for write in group:
                write.error = None
                self._in_savepoint(connection, driver, write, recorded=True)

    def _gather(self, connection: sa.Connection, driver: Any, first: Write, group: list[Write]) -> None:
        deadline = time.monotonic() + _LONGEST_COMMIT_SECONDS
        write: Write | None = first
        while write is not None:
            group.append(write)
            self._in_savepoint(connection, driver, write)
            if len(group) == _MOST_IN_A_COMMIT or time.monotonic() > deadline:
                return
            try:
                write = self._queue.get_nowait()
            except queue.Empty:
                return
            if write is None:  # the sentinel of close(): put it back behind this group
                self._queue.put(None)

    def _in_savepoint(self, connection: sa.Connection, driver: Any, write: Write, *, recorded: bool = False) -> None:
        transaction = Transaction(connection, self._clock.now(), write.call)
        driver.execute("SAVEPOINT work")
        try:
            write.value = write.work(transaction)
            if recorded and write.call is not None:
                record(transaction, [write.call])
        except Exception as error:
            write.error = translated(error)
            try:
                driver.execute("ROLLBACK TO work")
            except sqlite3.Error:  # SQLite gives up the whole transaction on some faults, and with it the group
                raise error from None
        else:
            write.wakes_jobs = transaction.wakes_jobs
        driver.execute("RELEASE work")

    def _follow_up(self, group: list[Write]) -> None:
        if any(write.wakes_jobs for write in group):
            self._wake_jobs()


_Told = tuple[asyncio.Future[Any], BaseException | None, Any]


def _settle(group: list[Write], failure: BaseException | None) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[_Told]] = {}
    for write in group:
        error = write.error or failure
        if isinstance(write.future, asyncio.Future):
            by_loop.setdefault(write.future.get_loop(), []).append((write.future, error, write.value))
        elif not write.future.done() and write.future.set_running_or_notify_cancel():
            _tell(write.future, error, write.value)
    for loop, told in by_loop.items():
        with suppress(RuntimeError):  # the loop has ended, and with it everyone who waited there
            loop.call_soon_threadsafe(_tell_all, told)


def _tell_all(told: list[_Told]) -> None:
    for future, error, value in told:
        if not future.done():
            _tell(future, error, value)


def _tell(future: Future[Any] | asyncio.Future[Any], error: BaseException | None, value: Any) -> None:
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(value)
