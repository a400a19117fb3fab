"""What an item is, what it may use, and the slices that most items are made of."""

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from bench.content import Content, put_manifest
from bench.load import Load, Plan, Running
from bench.measure import Better, Figures
from bench.processes import cpu_seconds
from bench.push import BlobSource
from bench.servers import Server

Phase = Literal["plain", "stopped", "tls", "control"]
"""Whether an item needs all registries started, all stopped, or all started with TLS; or the servers of the AWS API."""

_SETTLE = 0.08


@dataclass(frozen=True)
class Stage:
    """What the items of a run share."""

    content: Content
    source: BlobSource
    generator: Path
    wrk: Path | None
    scratch: Path
    slice: float
    """Seconds of one slice of load."""
    copies: bool
    """Whether the client of plain HTTP copies the bodies out."""

    def start_load(self, server: Server, plan: Plan) -> Running:
        """Begin a slice of plain HTTP load."""
        return Running(self.generator, server.target, replace(plan, copies=self.copies), self.scratch)

    def load(self, server: Server, plan: Plan) -> Load:
        """One slice of plain HTTP load; raises LoadError."""
        return self.start_load(server, plan).result()


Run = Callable[[Stage, Server, float], Figures]
"""Measures one slice on one server, for about so many seconds."""


@dataclass(frozen=True)
class Item:
    """One line of the table."""

    name: str
    group: str
    headline: str
    """The figure that ratios are taken of."""
    unit: str
    run: Run
    better: Better = "higher"
    phase: Phase = "plain"
    warm: bool = True
    """Whether a short slice that does not count goes before the first round."""
    rounds: int | None = None
    """Another number of rounds than the run's."""


def measured(server: Server, work: Callable[[], Load]) -> tuple[Load, float]:
    """The load and the CPU seconds of the server's processes, including what they still do just after it."""
    before = cpu_seconds(server.pid)
    load = work()
    time.sleep(_SETTLE)
    return load, cpu_seconds(server.pid) - before


def request_figures(load: Load, cpu: float) -> Figures:
    """Requests a second, microseconds of CPU per request, latencies in milliseconds."""
    done = load.requests
    return {"rate": done / load.seconds, "cpu": cpu / done * 1e6 if done else math.nan, "p50": load.p50, "p99": load.p99}


def byte_figures(load: Load, cpu: float) -> Figures:
    """Megabytes (10^6) a second, CPU seconds per GB (10^9), latencies in milliseconds."""
    done = load.bytes
    return {
        "rate": done / load.seconds / 1e6,
        "cpu": cpu / (done / 1e9) if done else math.nan,
        "p50": load.p50,
        "p99": load.p99,
    }


@contextmanager
def a_push_a_second(stage: Stage, server: Server) -> Iterator[None]:
    """While the block runs, one new manifest goes up under one new tag each second, the first soon after the start.

    An error of the push is raised at the end of the block.
    """
    done = threading.Event()
    failures: list[Exception] = []

    def work() -> None:
        try:
            _push_until(done, stage, server)
        except Exception as error:
            failures.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
    if failures:
        raise failures[0]


def _push_until(done: threading.Event, stage: Stage, server: Server) -> None:
    repositories: Sequence[str] = stage.content.repositories
    wait = 0.2
    with server.target.connect() as wire:
        while not done.wait(wait):
            manifest = stage.content.new_manifest()
            repository = repositories[int(manifest.digest[-6:], 16) % len(repositories)]
            put_manifest(wire, repository, f"new-{manifest.digest[-12:]}", manifest)
            wait = 1.0
