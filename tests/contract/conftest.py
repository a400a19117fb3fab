"""Fixtures of the contract tests: one server for the AWS door of each xdist worker, and fresh places in it."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.aws.door import Door
from tests.contract.aws.iam import fresh
from tests.contract.aws.web_place import Place, opened
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


@pytest.fixture(scope="session")
def other_iam(door: Door, iam: Any) -> Any:
    """IAM's API as the root of another account sees it. The server's address has no name, so the API makes no account."""
    iam.create_user(UserName="other")
    key = iam.create_access_key(UserName="other")["AccessKey"]
    door.prepare("INSERT OR IGNORE INTO accounts (id, name, created_at) VALUES ('210987654321', 'other', 0)")
    door.prepare("UPDATE access_keys SET account_id = '210987654321', user_id = NULL WHERE id = ?", key["AccessKeyId"])
    iam.delete_user(UserName="other")
    return door.client(key_id=key["AccessKeyId"], secret=key["SecretAccessKey"], service="iam")


@pytest.fixture
def user(iam: Any) -> str:
    """A fresh user of the default account, who may nothing."""
    name = fresh()
    iam.create_user(UserName=name)
    return name


@pytest.fixture
def repository(door: Door) -> str:
    """A fresh repository of the default registry."""
    return door.new_repository()


@pytest.fixture
def region() -> str:
    """A region that no other test uses, and with it a registry without repositories."""
    return f"xx-test-{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A server and a token issuer that it knows."""
    with opened(tmp_path_factory.mktemp("web-identity")) as made:
        yield made
