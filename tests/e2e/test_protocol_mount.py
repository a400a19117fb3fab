"""Mounting a blob from another repository instead of sending it again (oci-and-peers 1.5)."""

import pytest

from tests.e2e.http import start_upload, upload, with_query
from tests.e2e.images import digest
from tests.e2e.registry import Registry

pytestmark = pytest.mark.ours


@pytest.fixture
def data(registry: Registry, repository: str) -> bytes:
    made = b"mount me " + repository.encode()
    upload(registry.http, repository, made)
    return made


def test_a_mounted_blob_is_there_at_once(registry: Registry, repository: str, data: bytes) -> None:
    target = registry.new()
    answer = registry.http.post(
        f"/v2/{target}/blobs/uploads/?from={repository}&mount={digest(data)}&origin=example.com",
        headers={"Content-Type": "application/json"},
    )
    assert (answer.status_code, answer.content) == (201, b"")
    assert answer.headers["Docker-Content-Digest"] == digest(data)
    assert answer.headers["Location"] == f"/v2/{target}/blobs/{digest(data)}"
    assert registry.http.get(answer.headers["Location"]).content == data


def test_without_a_source_the_blob_is_looked_for(registry: Registry, data: bytes) -> None:
    target = registry.new()
    answer = registry.http.post(f"/v2/{target}/blobs/uploads/?mount={digest(data)}")
    assert answer.status_code == 201
    assert registry.http.get(answer.headers["Location"]).content == data


@pytest.mark.parametrize("source", ["no/such/repository", "UPPER", "..", "%00", ""])
def test_a_mount_that_cannot_be_becomes_an_ordinary_upload(registry: Registry, repository: str, source: str) -> None:
    target, absent = registry.new(), b"absent " + repository.encode()
    answer = registry.http.post(f"/v2/{target}/blobs/uploads/?mount={digest(absent)}&from={source}")
    assert answer.status_code == 202
    closed = registry.http.put(with_query(answer.headers["Location"], digest=digest(absent)), data=absent)
    assert closed.status_code == 201


def test_a_blob_that_the_source_lost_is_not_mounted(registry: Registry, repository: str, data: bytes) -> None:
    registry.http.delete(f"/v2/{repository}/blobs/{digest(data)}")
    for query in (f"mount={digest(data)}&from={repository}", f"mount={digest(data)}"):
        answer = registry.http.post(f"/v2/{registry.new()}/blobs/uploads/?{query}")
        assert answer.status_code == 202


def test_a_mount_of_what_is_there_already_is_created(registry: Registry, repository: str, data: bytes) -> None:
    answer = registry.http.post(f"/v2/{repository}/blobs/uploads/?mount={digest(data)}&from={repository}")
    assert answer.status_code == 201


def test_a_malformed_digest_is_refused(registry: Registry, repository: str) -> None:
    answer = registry.http.post(f"/v2/{repository}/blobs/uploads/?mount=sha256:short&from={repository}")
    assert answer.status_code in {202, 400}
    assert start_upload(registry.http, repository)
