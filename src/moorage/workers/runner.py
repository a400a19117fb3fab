"""Runs jobs, one at a time, in a process of its own. It sleeps until a job is due or somebody wakes it."""

import logging
import os
import select
import signal
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from types import FrameType
from typing import Any

from moorage.core import clock
from moorage.storage.database import jobs
from moorage.storage.database.database import Database
from moorage.storage.database.jobs import Job

_log = logging.getLogger(__name__)

Handler = Callable[[Mapping[str, Any]], None]
"""Does a job's work, given its payload; it may be called again with the same payload."""

_LONGEST_SLEEP = 5 * clock.MINUTE


@dataclass(frozen=True, slots=True)
class Task:
    """What a scheduled task does, and how often (milliseconds)."""

    interval: int
    handler: Handler


class Runner:
    """Claims and carries out jobs; scheduled tasks are jobs that come by themselves."""

    def __init__(self, database: Database, tasks: Mapping[str, Task], handlers: Mapping[str, Handler] | None = None) -> None:
        self._database = database
        self._intervals = {name: task.interval for name, task in tasks.items()}
        self._handlers = {**(handlers or {}), **{name: task.handler for name, task in tasks.items()}}
        self._host = f"{socket.gethostname()}:"
        self._name = f"{self._host}{os.getpid()}"
        self._stopping = False

    def run(self, wake_fd: int, leave_fd: int) -> int:
        """Work until SIGTERM or until `leave_fd` reaches its end; returns 0. A byte on `wake_fd` ends a sleep."""
        self._recover()
        own_read, own_write = os.pipe()
        os.set_blocking(own_write, False)
        signal.signal(signal.SIGTERM, partial(self._stop, own_write))
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        while not self._stopping:
            # A signal that came meanwhile has written to our own pipe, so the sleep ends at once.
            ready, _, _ = select.select([wake_fd, leave_fd, own_read], [], [], self._work_off())
            if leave_fd in ready and not os.read(leave_fd, 4096):
                break
            if wake_fd in ready:
                with suppress(BlockingIOError):
                    os.read(wake_fd, 65536)
        return 0

    def _recover(self) -> None:
        """One jobs process serves an installation on a host at a time, so whoever else has claims from here is dead."""
        try:
            self._database.write(partial(jobs.recover, workers=self._host)).result()
        except Exception:
            _log.exception("claims of earlier workers cannot be taken back; they end by themselves")

    def run_due(self) -> int:
        """Carry out everything that is due now; returns how many jobs ran."""
        self._database.write(partial(jobs.enqueue_due, intervals=self._intervals)).result()
        ran = 0
        while not self._stopping and self._one():
            ran += 1
        return ran

    def _work_off(self) -> float:
        """Run what is due; returns the seconds until something else is."""
        try:
            self.run_due()
            due = self._database.read(jobs.next_due).result()
        except Exception:
            # A full disk or a locked database passes; the jobs are still there.
            _log.exception("jobs cannot be read")
            return 5.0
        now = self._database.clock.now()
        return min(max((due - now) if due is not None else _LONGEST_SLEEP, 20), _LONGEST_SLEEP) / clock.SECOND

    def _one(self) -> bool:
        job = self._database.write(partial(jobs.claim, worker=self._name)).result()
        if job is None:
            return False
        try:
            self._handlers[job.kind](job.payload)
        except Exception as error:
            _log.exception("a job failed", extra={"job": job.kind, "attempt": job.attempts})
            self._failed(job, f"{type(error).__name__}: {error}")
        else:
            self._database.write(partial(jobs.complete, job=job)).result()
        return True

    def _failed(self, job: Job, reason: str) -> None:
        if self._database.write(partial(jobs.fail, job=job, error=reason)).result():
            _log.error("a job failed too often and is given up", extra={"job": job.kind, "id": job.id})

    def _stop(self, own_write: int, _signal: int, _frame: FrameType | None) -> None:
        self._stopping = True
        with suppress(BlockingIOError):
            os.write(own_write, b"\0")
