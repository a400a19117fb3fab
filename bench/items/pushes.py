"""Pushes of fresh blobs of 64 MiB: in one body, in patches of 8 MiB, in one patch with chunked transfer encoding."""

from typing import get_args

from bench.content import PUSHED
from bench.items.item import Item, Run, Stage, byte_figures, measured
from bench.load import Load
from bench.measure import Figures, percentile
from bench.push import Way, push
from bench.servers import Server


def items() -> list[Item]:
    ways: tuple[Way, ...] = get_args(Way)
    return [
        Item(f"push-{way}-{clients}", "Pushes", "rate", "MB/s", pushing(way, clients), warm=False)
        for clients in (8, 1)
        for way in ways
    ]


def pushing(way: Way, clients: int) -> Run:
    """One push of so many blobs at once, however long it takes."""

    def run(stage: Stage, server: Server, seconds: float) -> Figures:  # noqa: ARG001  (the work is fixed, not the time)
        blobs = [stage.source.fresh() for _ in range(clients)]

        def work() -> Load:
            done = push(server.target, PUSHED, blobs, way)
            each = [took * 1000 for took in done.each]
            size = sum(blob.size for blob in blobs)
            return Load(clients, size, done.seconds, p50=percentile(each, 50), p99=percentile(each, 99))

        return byte_figures(*measured(server, work))

    return run
