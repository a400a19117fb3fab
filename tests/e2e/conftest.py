"""Fixtures of the end-to-end tests: one server per variant of the connection, a sandbox per test."""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from tests.clients import distribution
from tests.clients.tool import Sandbox
from tests.e2e.dropin import DropIn, drop_in
from tests.e2e.http import Http
from tests.e2e.namespace import InsideSandbox
from tests.e2e.registry import Registry, open_registry
from tests.e2e.server import Server, free_port

PEER = os.environ.get("MOORAGE_TEST_PEER") == "docker-registry"
"""Run against Debian's docker-registry instead: shows which scenarios hold for a registry that others trust."""


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker of tests that a peer cannot pass."""
    config.addinivalue_line("markers", "ours: asks for what only this server has, not a peer")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Against a peer, leave out what it has not."""
    for item in items:
        if PEER and item.get_closest_marker("ours"):
            item.add_marker(pytest.mark.skip(reason="asks for more than a peer has"))


@pytest.fixture(scope="session", params=["peer"] if PEER else ["fast", "plain"])
def connection(request: pytest.FixtureRequest) -> str:
    """The variant of the connection: our own protocol class, or plain ASGI."""
    return str(request.param)


@pytest.fixture(scope="session")
def registry(connection: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A running registry that the tests of one variant share; it must stop cleanly at the end."""
    root = tmp_path_factory.mktemp(f"server-{connection}")
    if connection == "peer":
        yield from _peer(root)
        return
    server = Server(root / "data", connection)
    server.start()
    try:
        yield open_registry(server.host)
    finally:
        server.stop()
    shutil.rmtree(root, ignore_errors=True)


def _peer(root: Path) -> Iterator[Registry]:
    host = f"127.0.0.1:{free_port()}"
    daemon = distribution.start_distribution(root, host)
    while daemon.process.poll() is None:
        try:
            requests.get(f"http://{host}/v2/", timeout=5)
            break
        except requests.ConnectionError:
            time.sleep(0.05)
    yield Registry(host, "AWS", distribution.PASSWORD, Http(f"http://{host}/", "AWS", distribution.PASSWORD, strict=False))
    daemon.stop()


@pytest.fixture
def box(registry: Registry) -> Iterator[Sandbox]:
    """A sandbox whose clients are signed in. Its path is short, since sockets stand in it."""
    root = Path(tempfile.mkdtemp(prefix="mo-"))
    sandbox = Sandbox(root)
    sandbox.sign_in(registry.host, registry.username, registry.password)
    yield sandbox
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(scope="session")
def dropin() -> Iterator[DropIn]:
    """The server under Amazon's names, shared by the tests of one worker; skips where there can be no namespace."""
    yield from drop_in()


@pytest.fixture
def inside(dropin: DropIn) -> Iterator[InsideSandbox]:
    """A sandbox in whose programs' eyes this server is Amazon's. Its path is short, since sockets stand in it."""
    root = Path(tempfile.mkdtemp(prefix="mo-"))
    yield dropin.box(root)
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def repository(registry: Registry) -> str:
    """A fresh repository."""
    return registry.new()


@pytest.fixture
def own_server(connection: str) -> Iterator[Callable[..., Server]]:
    """Makes servers that one test has for itself, to kill and to start again."""
    root = Path(tempfile.mkdtemp(prefix="mo-"))
    servers: list[Server] = []

    def make(**settings: str) -> Server:
        server = Server(root / f"data{len(servers)}", connection, settings=settings)
        servers.append(server)
        server.start()
        return server

    yield make
    for server in servers:
        server.stop()
    shutil.rmtree(root, ignore_errors=True)
