"""Pulls of blobs of three sizes."""

from bench.items.item import Item, Run, Stage, byte_figures, measured, request_figures
from bench.load import Plan
from bench.measure import Figures
from bench.servers import Server

_CONNECTIONS = (1, 8, 32)


def items() -> list[Item]:
    return [
        Item(f"blob-{size}-{connections}", "Blobs", "rate", unit, _run(size, connections))
        for size, unit in (("1KiB", "req/s"), ("1MiB", "MB/s"), ("256MiB", "MB/s"))
        for connections in _CONNECTIONS
    ]


def _run(size: str, connections: int) -> Run:
    def run(stage: Stage, server: Server, seconds: float) -> Figures:
        plan = Plan(stage.content.blob_paths(size), connections, seconds)
        load, cpu = measured(server, lambda: stage.load(server, plan))
        return request_figures(load, cpu) if size == "1KiB" else byte_figures(load, cpu)

    return run
