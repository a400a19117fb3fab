"""The database of one process: reads on snapshots in a pool of threads, writes on one writer thread."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa

from moorage.core.call import Call
from moorage.core.clock import Clock
from moorage.storage.database import engine
from moorage.storage.database.faults import translated
from moorage.storage.database.transaction import Transaction
from moorage.storage.database.writer import Write, Writer

T = TypeVar("T")


class Database:
    """Metadata on SQLite. Made after the process has forked; it starts its threads when they are first needed."""

    def __init__(self, path: Path, clock: Clock, *, wake_jobs: Callable[[], None] = lambda: None, readers: int = 4) -> None:
        self.path = path
        self.clock = clock
        self._wake_jobs = wake_jobs
        self._engine = engine.sqlite_engine(path)
        self._readers = ThreadPoolExecutor(readers, thread_name_prefix="reader")
        self._local = threading.local()
        self._connections: list[sa.Connection] = []
        self._lock = threading.Lock()
        self._writer: Writer | None = None
        self._closed = False

    def read(self, work: Callable[[Transaction], T]) -> Future[T]:
        """Run `work` on a snapshot, in a pool thread. It does no I/O but SQL, and cannot write."""
        return self._readers.submit(self._read, work)

    def read_here(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` on a snapshot, in the thread that calls, which must always be the same: the event loop's.

        For queries that find a handful of rows by an index: a thread would cost more than they do. Raises UnavailableError
        rather than waiting for a lock.
        """
        return self._on_snapshot(self._connection(engine.LOOP_BUSY_MILLISECONDS), work)

    def write(self, work: Callable[[Transaction], T], call: Call | None = None) -> Future[T]:
        """Run `work` in a savepoint of its own; the future resolves after the commit is on the disk.

        `work` does no I/O but SQL and may be run again. An exception undoes this work only. The audit row of `call` is
        part of the change: neither exists without the other.
        """
        future: Future[T] = Future()
        self._submit(Write(work, call, future))
        return future

    def write_from_loop(self, work: Callable[[Transaction], T], call: Call | None = None) -> asyncio.Future[T]:
        """`write` for a caller on an event loop, which it costs less."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._submit(Write(work, call, future))
        return future

    def _submit(self, write: Write) -> None:
        with self._lock:  # until it is queued, so that close() cannot come between
            self._the_writer().submit(write)

    def point_reader(self) -> sqlite3.Connection:
        """A connection of one's own, for prepared point reads on the loop."""
        return engine.point_reader(self.path)

    def close(self) -> None:
        """Carry out the writes that were accepted, then let go of every connection."""
        with self._lock:
            self._closed = True
            writer = self._writer
        if writer is not None:
            writer.close()
        self._readers.shutdown(wait=True)
        for connection in self._connections:
            connection.close()
        self._engine.dispose()

    def _the_writer(self) -> Writer:
        if self._closed:
            raise RuntimeError("the database is closed")
        if self._writer is None:
            self._writer = Writer(self._engine, f"{self.path}.write-lock", self.clock, self._wake_jobs)
        return self._writer

    def _read(self, work: Callable[[Transaction], T]) -> T:
        return self._on_snapshot(self._connection(), work)

    def _on_snapshot(self, connection: sa.Connection, work: Callable[[Transaction], T]) -> T:
        driver: Any = connection.connection.driver_connection
        try:
            driver.execute("BEGIN")
            try:
                return work(Transaction(connection, self.clock.now(), None))
            finally:
                driver.execute("ROLLBACK")
        except Exception as error:
            raise translated(error) from error.__cause__

    def _connection(self, busy_milliseconds: int | None = None) -> sa.Connection:
        """The reading connection of this thread."""
        found: sa.Connection | None = getattr(self._local, "connection", None)
        if found is None:
            try:
                found = self._engine.connect()
            except Exception as error:
                raise translated(error) from error.__cause__
            found.exec_driver_sql("PRAGMA query_only=ON")
            if busy_milliseconds is not None:
                found.exec_driver_sql(f"PRAGMA busy_timeout={busy_milliseconds}")
            self._local.connection = found
            with self._lock:
                self._connections.append(found)
        return found


def run_once(path: Path, clock: Clock, work: Callable[[Transaction], T]) -> T:
    """Run one writing transaction without starting a thread, as must be before a process forks."""
    connections = engine.sqlite_engine(path)
    try:
        with connections.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            try:
                result = work(Transaction(connection, clock.now(), None))
            except BaseException:
                connection.exec_driver_sql("ROLLBACK")
                raise
            connection.exec_driver_sql("COMMIT")
            return result
    finally:
        connections.dispose()
