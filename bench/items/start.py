"""From exec to the first authenticated 200 of /v2/, on a data directory that holds all the content."""

from bench.items.item import Item, Stage
from bench.measure import Figures
from bench.servers import Server


def items() -> list[Item]:
    return [Item("start", "Start", "ms", "ms", _start, "lower", phase="stopped", warm=False, rounds=5)]


def _start(stage: Stage, server: Server, seconds: float) -> Figures:  # noqa: ARG001  (the work is fixed, not the time)
    try:
        return {"ms": server.start(ready="/v2/") * 1000}
    finally:
        server.stop()
