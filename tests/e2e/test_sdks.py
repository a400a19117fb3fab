"""What the AWS SDKs for Go and Java make of the answers: errors by their types, times, pages."""

import json
import time
import uuid
from datetime import datetime
from pathlib import Path

import pytest

from tests.clients.go_programs import SDK_GO
from tests.clients.runtimes import ASKS, SDK_JAVA
from tests.clients.tool import Sandbox
from tests.e2e.registry import Registry
from tests.e2e.server import ACCESS_KEY_ID, SECRET_ACCESS_KEY

ACCOUNT = "123456789012"
INVALID = "Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must satisfy regular expression"
HOURS_12 = 12 * 3600


def environment(registry: Registry, region: str) -> dict[str, str]:
    keys = {"AWS_ACCESS_KEY_ID": ACCESS_KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY}
    return {**keys, "AWS_REGION": region, "AWS_ENDPOINT_URL": f"http://{registry.host}"}


@pytest.fixture
def region() -> str:
    """A region, and so a registry, that no other test uses."""
    return f"xx-sdk-{uuid.uuid4().hex[:8]}"


@pytest.mark.requires_client("sdk-go")
def test_go(registry: Registry, box: Sandbox, region: str) -> None:
    seen = json.loads(box.run(SDK_GO.path(), "team/go", env=environment(registry, region)).out)
    assert abs(datetime.fromisoformat(seen["Created"]).timestamp() - time.time()) < 60
    assert abs(datetime.fromisoformat(seen["Expires"]).timestamp() - time.time() - HOURS_12) < 60
    assert seen["Uri"] == f"{ACCOUNT}.dkr.ecr.{region}.{registry.host}/team/go/c"
    registry_id = f"in the registry with id '{ACCOUNT}'"
    assert seen["AlreadyExists"] == f"The repository with name 'team/go/a' already exists {registry_id}"
    assert seen["NotFound"] == f"The repository with name 'none/there' does not exist {registry_id}"
    assert seen["Invalid"].startswith(INVALID)
    assert seen["Pages"] == [["team/go/a", "team/go/b"], ["team/go/c"]]


@pytest.mark.requires_client("java", "sdk-java")
def test_java(registry: Registry, box: Sandbox, region: str) -> None:
    class_path = Path(SDK_JAVA.path()).read_text().strip()
    words = ("java", "-cp", class_path, ASKS, "team/java")
    lines = [line.partition("=") for line in box.run(*words, env=environment(registry, region)).out.splitlines()]
    seen = {name: value for name, _, value in lines}
    assert abs(int(seen["created"]) - time.time()) < 60
    assert abs(int(seen["expires"]) - time.time() - HOURS_12) < 60
    assert seen["uri"] == f"{ACCOUNT}.dkr.ecr.{region}.{registry.host}/team/java/c"
    assert seen["exists"] == f"The repository with name 'team/java/a' already exists in the registry with id '{ACCOUNT}'"
    assert seen["absent"] == f"The repository with name 'none/there' does not exist in the registry with id '{ACCOUNT}'"
    assert seen["invalid"].startswith(INVALID)
    assert str(uuid.UUID(seen["requestId"])) == seen["requestId"]
    assert (seen["pages"], seen["tags"]) == ("[2, 1]", "0")
