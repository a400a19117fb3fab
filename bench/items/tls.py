"""The same over TLS, every server with the same certificate. wrk decrypts on the same cores: read the CPU figures too."""

from collections.abc import Callable, Sequence

from bench.content import ACCEPT, Content
from bench.items.item import Item, Run, Stage, byte_figures, measured, request_figures
from bench.items.pushes import pushing
from bench.load import LoadError, Plan, wrk
from bench.measure import Figures
from bench.servers import Server


def items() -> list[Item]:
    return [
        _item("tls-tag-16", "req/s", _run(Content.tag_paths, 16)),
        _item("tls-blob-256MiB-1", "MB/s", _run(_large, 1), warm=False),
        _item("tls-blob-256MiB-8", "MB/s", _run(_large, 8), warm=False),
        _item("tls-push-monolithic-8", "MB/s", pushing("monolithic", 8), warm=False),
    ]


def _item(name: str, unit: str, run: Run, *, warm: bool = True) -> Item:
    return Item(name, "TLS", "rate", unit, run, phase="tls", warm=warm)


def _large(content: Content) -> Sequence[str]:
    return content.blob_paths("256MiB")


def _run(paths: Callable[[Content], Sequence[str]], connections: int) -> Run:
    def run(stage: Stage, server: Server, seconds: float) -> Figures:
        if stage.wrk is None:
            raise LoadError("the TLS items need wrk")
        program = stage.wrk
        chosen = paths(stage.content)
        small = len(chosen) > 1
        plan = Plan(chosen, connections, seconds, accept=ACCEPT if small else None)
        load, cpu = measured(server, lambda: wrk(program, server.target, plan, stage.scratch))
        return request_figures(load, cpu) if small else byte_figures(load, cpu)

    return run
