"""A disk that is full, and files that are not what they were."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.e2e.http import push, start_upload, upload, with_query
from tests.e2e.images import digest, small
from tests.e2e.registry import open_registry
from tests.e2e.server import Server

pytestmark = pytest.mark.ours

_MIB = 1024 * 1024


def _may_mount() -> bool:
    done = subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False) if shutil.which("unshare") else None
    return os.geteuid() == 0 and done is not None and done.returncode == 0


@pytest.fixture
def small_disk(connection: str) -> Iterator[Server]:
    """A server whose data lies on a disk of 24 MiB, mounted where only its own processes see it."""
    if not _may_mount():
        pytest.skip("mounting a small disk needs root and unshare")
    root = Path(tempfile.mkdtemp(prefix="mo-"))
    (root / "data").mkdir()
    mount = f'mount -t tmpfs -o size=24m tmpfs "{root}/data" && exec "$@"'
    server = Server(root / "data", connection, wrapper=("unshare", "-m", "sh", "-c", mount, "sh"))
    server.start()
    yield server
    server.stop()
    shutil.rmtree(root, ignore_errors=True)


def test_a_full_disk_is_said_loses_nothing_and_is_freed_by_cancelling(small_disk: Server) -> None:
    registry = open_registry(small_disk.host)
    name = registry.new()
    content = small("before the disk was full")
    push(registry.http, name, content, "1")
    location = start_upload(registry.http, name)
    assert registry.http.patch(location, data=b"a" * _MIB).status_code == 202
    stored, answer = 1, None
    while stored < 64:
        answer = registry.http.patch(location, data=b"a" * 2 * _MIB)
        if answer.status_code != 202:
            break
        stored += 2
    assert answer is not None
    assert answer.status_code in {503, 507}, answer.status_code
    assert answer.json()["errors"]
    assert str(small_disk.data) not in answer.text
    assert "/tmp" not in answer.text
    status = registry.http.get(location)
    assert status.status_code == 204
    assert int(status.headers["Range"].partition("-")[2]) + 1 >= stored * _MIB
    assert registry.http.get(f"/v2/{name}/manifests/1").content == content.manifest.data
    assert registry.http.delete(location).status_code == 204
    data = b"room again" * 100_000
    assert upload(registry.http, name, data) == digest(data)


def test_a_blob_that_does_not_fit_in_one_request_is_refused_without_a_trace(small_disk: Server) -> None:
    registry = open_registry(small_disk.host)
    name, data = registry.new(), b"b" * 40 * _MIB
    location = start_upload(registry.http, name)
    try:
        answer = registry.http.put(with_query(location, digest=digest(data)), data=data)
    except requests.ConnectionError:
        pass  # answered and closed while the client was still sending
    else:
        assert answer.status_code in {503, 507}, answer.status_code
        assert "/tmp" not in answer.text
    assert registry.http.head(f"/v2/{name}/blobs/{digest(data)}").status_code == 404
    registry.http.delete(location)
    assert upload(registry.http, name, b"small")


def _objects(data: Path) -> list[Path]:
    return [path for path in (data / "blobs/objects").rglob("*") if path.is_file()]


@pytest.fixture
def server(connection: str) -> Iterator[Server]:
    root = Path(tempfile.mkdtemp(prefix="mo-"))
    made = Server(root / "data", connection)
    made.start()
    yield made
    made.stop()
    shutil.rmtree(root, ignore_errors=True)


@pytest.mark.parametrize("damage", ["truncated", "emptied", "removed", "lengthened"])
def test_a_torn_blob_is_never_served_as_if_whole(server: Server, damage: str) -> None:
    registry = open_registry(server.host)
    name, data = registry.new(), os.urandom(600_000)
    upload(registry.http, name, data)
    (file,) = [path for path in _objects(server.data) if path.stat().st_size == len(data)]
    file.chmod(0o600)
    if damage == "removed":
        file.unlink()
    else:
        os.truncate(file, {"truncated": 123_456, "emptied": 0, "lengthened": len(data) + 10}[damage])
    path = f"/v2/{name}/blobs/{digest(data)}"
    for headers in ({}, {"Range": "bytes=0-99"}, {"Range": "bytes=500000-"}):
        try:
            answer = registry.http.get(path, headers=headers)
        except requests.RequestException:
            continue  # cut off: the client knows that it has not everything
        assert answer.status_code >= 400 or (answer.status_code == 206 and answer.content == data[_span(answer)]), answer
    assert b"/tmp" not in registry.http.get("/v2/").content


def _span(answer: requests.Response) -> slice:
    first, _, last = answer.headers["Content-Range"].removeprefix("bytes ").partition("/")[0].partition("-")
    return slice(int(first), int(last) + 1)


def test_a_torn_blob_is_mended_by_pushing_it_again(server: Server) -> None:
    registry = open_registry(server.host)
    name, data = registry.new(), os.urandom(300_000)
    upload(registry.http, name, data)
    (file,) = [path for path in _objects(server.data) if path.stat().st_size == len(data)]
    file.chmod(0o600)
    os.truncate(file, 1000)
    registry.http.get(f"/v2/{name}/blobs/{digest(data)}")
    upload(registry.http, name, data)
    assert registry.http.get(f"/v2/{name}/blobs/{digest(data)}").content == data
