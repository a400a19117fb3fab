"""Small requests: manifests by tag and by digest, HEAD, a missing tag, each among ten thousand while pushes go on."""

from collections.abc import Callable, Sequence

from bench.content import ACCEPT, Content
from bench.items.item import Item, Run, Stage, a_push_a_second, measured, request_figures
from bench.load import Method, Plan
from bench.measure import Figures
from bench.servers import Server

_CONNECTIONS = (1, 16, 64)


def items() -> list[Item]:
    made = [
        Item(f"{name}-{connections}", "Manifests", "rate", "req/s", _run(paths, connections, method, status))
        for name, paths, method, status in _kinds()
        for connections in _CONNECTIONS
    ]
    return [*made, Item("one-tag-16", "Manifests", "rate", "req/s", _run(_one_tag, 16, "GET", 200))]


def _kinds() -> list[tuple[str, Callable[[Content], Sequence[str]], Method, int]]:
    return [
        ("tag", Content.tag_paths, "GET", 200),
        ("digest", Content.digest_paths, "GET", 200),
        ("head", Content.tag_paths, "HEAD", 200),
        ("missing", Content.missing_paths, "GET", 404),
    ]


def _one_tag(content: Content) -> Sequence[str]:
    return content.tag_paths()[:1]


def _run(paths: Callable[[Content], Sequence[str]], connections: int, method: Method, status: int) -> Run:
    def run(stage: Stage, server: Server, seconds: float) -> Figures:
        plan = Plan(paths(stage.content), connections, seconds, method, status, ACCEPT)
        with a_push_a_second(stage, server):
            return request_figures(*measured(server, lambda: stage.load(server, plan)))

    return run
