"""Manifests while blobs are pulled, and memory: idle, and while 32 clients pull."""

import time

from bench.content import ACCEPT
from bench.items.item import Item, Stage, byte_figures, measured
from bench.load import Load, Plan
from bench.measure import Figures
from bench.processes import MemoryPeak, cpu_seconds, proportional_bytes, tree
from bench.servers import Server

_LEAD = 0.2
"""Seconds that the pulls run alone before and after the manifests are measured."""


def items() -> list[Item]:
    return [
        Item("memory-idle", "Memory", "memory", "MB", _idle, "lower", warm=False, rounds=1),
        Item("manifests-during-pulls", "Manifests while 8 clients pull 256 MiB blobs", "p99", "ms", _during_pulls, "lower"),
        Item("memory-32-pulls", "Memory", "memory", "MB", _peak, "lower"),
    ]


def _during_pulls(stage: Stage, server: Server, seconds: float) -> Figures:
    pulls = Plan(stage.content.blob_paths("256MiB"), 8, seconds + 2 * _LEAD)
    manifests = Plan(stage.content.tag_paths(), 4, seconds, accept=ACCEPT)
    before = cpu_seconds(server.pid)
    pulling = stage.start_load(server, pulls)
    time.sleep(_LEAD)
    asked = stage.load(server, manifests)
    pulled = pulling.result()
    cpu = cpu_seconds(server.pid) - before
    return {
        "p99": asked.p99,
        "p50": asked.p50,
        "rate": asked.requests / asked.seconds,
        "pulled": pulled.bytes / pulled.seconds / 1e6,
        "cpu_total": cpu,
    }


def _idle(stage: Stage, server: Server, seconds: float) -> Figures:
    """Idle after a few requests over connections of their own, so that what loads at first use is loaded in every worker."""
    for path in stage.content.tag_paths()[:16]:
        with server.target.connect() as wire:
            wire.ask("GET", path, 200, headers={"Accept": ACCEPT})
    time.sleep(seconds)
    return {"memory": proportional_bytes(server.pid) / 1e6, "processes": float(len(tree(server.pid)))}


def _peak(stage: Stage, server: Server, seconds: float) -> Figures:
    plan = Plan(stage.content.blob_paths("256MiB"), 32, seconds)
    with MemoryPeak(server.pid) as peak:

        def work() -> Load:
            return stage.load(server, plan)

        figures = byte_figures(*measured(server, work))
    return {"memory": peak.bytes / 1e6, **figures}
