"""Fixtures of the contract tests: one server for the AWS door of each xdist worker, and fresh places in it."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.aws.door import Door
from tests.e2e.server import Server


@pytest.fixture(scope="session")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """The AWS door of a running server that the tests of a worker share; it must stop cleanly at the end."""
    server = Server(tmp_path_factory.mktemp("aws-door") / "data", "fast", settings={"MOORAGE_WORKERS": "1"})
    try:
        server.start()
    except BaseException:
        server.kill()
        raise
    opened = Door(server)
    yield opened
    opened.close()
    server.stop()


@pytest.fixture(scope="session")
def iam(door: Door) -> Any:
    """IAM's API as the root of the default account sees it."""
    return door.client(service="iam")


@pytest.fixture
def repository(door: Door) -> str:
    """A fresh repository of the default registry."""
    return door.new_repository()


@pytest.fixture
def region() -> str:
    """A region that no other test uses, and with it a registry without repositories."""
    return f"xx-test-{uuid.uuid4().hex[:8]}"
