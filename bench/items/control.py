"""The AWS API: tokens, descriptions and creations of repositories. Every request is another one, signed ahead of time."""

import itertools
import secrets
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bench.items.item import Item, Run, Stage, measured, request_figures
from bench.load import Plan
from bench.measure import Figures
from bench.servers import Server
from bench.signing import signed_requests

_CONNECTIONS = (1, 16, 64)
_REPOSITORIES = 100
_MOST_A_SECOND = 15_000
"""So many requests are signed for each second of a slice; a server that answers more would end it early."""

Bodies = Callable[[], Iterator[Mapping[str, Any]]]


def items() -> list[Item]:
    """Creations come last: what they leave behind would make the others' registries different."""
    kinds: list[tuple[str, str, Bodies]] = [
        ("token", "GetAuthorizationToken", lambda: itertools.repeat({})),
        ("describe", "DescribeRepositories", _one_each),
        ("page", "DescribeRepositories", lambda: itertools.repeat({})),
        ("create", "CreateRepository", _fresh),
    ]
    return [
        Item(f"api-{name}-{connections}", "The AWS API", "rate", "req/s", _run(operation, bodies, connections), phase="control")
        for name, operation, bodies in kinds
        for connections in (_CONNECTIONS if name != "page" else (16,))
    ]


def prepare(server: Server) -> None:
    """The repositories that are described."""
    assert server.keys is not None
    names = [{"repositoryName": _name(number)} for number in range(_REPOSITORIES)]
    with server.target.connect() as wire:
        for request in signed_requests(server.target.port, server.keys, "CreateRepository", names):
            head, _, body = request.partition(b"\r\n\r\n")
            lines = [line.split(": ", 1) for line in head.decode().split("\r\n")[1:]]
            headers = {name: value for name, value in lines if name not in {"Host", "Content-Length"}}
            wire.ask("POST", "/", 200, body, headers=headers)


def _name(number: int) -> str:
    return f"bench/api-{number:03d}"


def _one_each() -> Iterator[Mapping[str, Any]]:
    return ({"repositoryNames": [_name(number % _REPOSITORIES)]} for number in itertools.count())


def _fresh() -> Iterator[Mapping[str, Any]]:
    slice_ = secrets.token_hex(6)
    return ({"repositoryName": f"bench/new-{slice_}/{number}"} for number in itertools.count())


def _run(operation: str, bodies: Bodies, connections: int) -> Run:
    def run(stage: Stage, server: Server, seconds: float) -> Figures:
        assert server.keys is not None
        wanted = itertools.islice(bodies(), int(seconds * _MOST_A_SECOND) + connections)
        requests = signed_requests(server.target.port, server.keys, operation, wanted)
        plan = Plan((), connections, seconds, whole=requests)
        return request_figures(*measured(server, lambda: stage.load(server, plan)))

    return run
