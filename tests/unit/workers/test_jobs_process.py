"""The jobs process as a process: woken by a pipe, ended by a signal or with the one that started it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from moorage.core.clock import SystemClock
from moorage.storage.database.database import Database
from moorage.storage.database.schema.journal import jobs
from moorage.storage.database.transaction import Transaction
from tests.unit.ground import Ground

PROGRAM = Path(__file__).with_name("jobs_process.py")


class Process:
    """The program, its pipes, and a database from which jobs come."""

    def __init__(self, path: Path) -> None:
        wake, leave = os.pipe(), os.pipe()
        self.wake_fd, self.leave_fd = wake[1], leave[1]
        command = [sys.executable, "-m", "tests.unit.workers.jobs_process", str(path), str(wake[0]), str(leave[0])]
        self.process = subprocess.Popen(
            command, pass_fds=(wake[0], leave[0]), stdout=subprocess.PIPE, text=True, cwd=PROGRAM.parents[3]
        )
        os.close(wake[0])
        os.close(leave[0])
        self.database = Database(path, SystemClock())

    def line(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def enqueue(self, kind: str, payload: dict[str, Any], *, wake: bool = True, after: int = 0) -> None:
        def work(tx: Transaction) -> None:
            tx.enqueue(kind, payload, run_at=tx.now + after)

        self.database.write(work).result(10)
        if wake:
            os.write(self.wake_fd, b"\0")

    def leave(self) -> None:
        if self.leave_fd >= 0:
            os.close(self.leave_fd)
            self.leave_fd = -1


@pytest.fixture
def process(ground: Ground) -> Iterator[Process]:
    ground.database.close()
    started = Process(ground.path)
    assert started.line() == "task"
    yield started
    started.leave()
    started.process.kill()
    started.process.communicate()
    os.close(started.wake_fd)
    started.database.close()


def test_a_byte_on_the_pipe_wakes_it_at_once(process: Process) -> None:
    for number in range(3):
        begun = time.monotonic()
        process.enqueue("say", {"name": number})
        assert process.line() == f"job {number}"
        assert time.monotonic() - begun < 5


def test_it_wakes_by_itself_when_a_job_is_due(process: Process) -> None:
    begun = time.monotonic()
    process.enqueue("say", {"name": "later"}, after=700)
    assert process.line() == "job later"
    assert 0.6 < time.monotonic() - begun < 10


def test_it_does_not_poll(process: Process) -> None:
    watched = psutil.Process(process.process.pid)
    time.sleep(0.3)
    before = watched.num_ctx_switches().voluntary
    process.enqueue("say", {"name": "unseen"}, wake=False)
    time.sleep(1)
    assert watched.num_ctx_switches().voluntary - before < 10
    os.write(process.wake_fd, b"\0")
    assert process.line() == "job unseen"


@pytest.mark.parametrize("way", ["signal", "pipe"])
def test_it_ends_at_once_when_it_is_told_to(process: Process, way: str) -> None:
    if way == "signal":
        process.process.send_signal(signal.SIGTERM)
    else:
        process.leave()
    assert process.process.wait(10) == 0


def test_sigterm_lets_the_job_at_hand_finish_and_begins_no_other(process: Process) -> None:
    process.enqueue("slow", {"seconds": 0.7}, wake=False)
    process.enqueue("say", {"name": "not begun"})
    assert process.line() == "begun"
    process.process.send_signal(signal.SIGTERM)
    assert process.line() == "done"
    assert (process.process.wait(10), process.line()) == (0, "")
    left = process.database.read(lambda tx: [row.kind for row in tx.all(jobs.select())]).result(10)
    assert left == ["say"]


def test_the_terminals_interrupt_is_left_to_the_supervisor(process: Process) -> None:
    process.process.send_signal(signal.SIGINT)
    process.enqueue("say", {"name": "still here"})
    assert process.line() == "job still here"


def test_a_job_of_a_killed_process_comes_again_after_its_lease(ground: Ground, process: Process) -> None:
    process.enqueue("slow", {"seconds": 30})
    assert process.line() == "begun"
    process.process.kill()
    process.process.wait(10)
    waiting = partial(lambda tx: tx.one(jobs.select()))
    row = process.database.read(waiting).result(10)
    assert row is not None and row.attempts == 1 and row.claimed_until > SystemClock().now()
