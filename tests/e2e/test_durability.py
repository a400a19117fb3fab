"""What was acknowledged survives kill -9, of one worker and of the whole server."""

import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import pytest
import requests

from tests.e2e.http import Http, assert_holds, push, start_upload, with_query
from tests.e2e.images import digest, runnable, small
from tests.e2e.registry import Registry, open_registry
from tests.e2e.server import Server

pytestmark = [pytest.mark.ours, pytest.mark.requires_client("boto3")]

_CHUNK = 300_000
_DATA = uuid.UUID(int=7).bytes * (_CHUNK // 4)
MakeServer = Callable[..., Server]


def _again(server: Server) -> Registry:
    server.kill()
    server.start()
    return open_registry(server.host)


def _chunk(session: Http, location: str, first: int) -> requests.Response:
    part = _DATA[first : first + _CHUNK]
    span = f"{first}-{first + len(part) - 1}"
    return session.patch(location, data=part, headers={"Content-Range": span, "Content-Type": "application/octet-stream"})


def _offset(session: Http, location: str) -> int:
    answer = session.get(location)
    assert answer.status_code == 204, answer.text
    last = int(answer.headers["Range"].partition("-")[2])
    return last + 1 if last else 0


def test_an_upload_goes_on_after_the_whole_server_was_killed(own_server: MakeServer) -> None:
    server = own_server()
    registry = open_registry(server.host)
    name = registry.new()
    location = start_upload(registry.http, name)
    first = 0
    while first < len(_DATA):
        answer = _chunk(registry.http, location, first)
        assert answer.status_code == 202, answer.text
        first = min(first + _CHUNK, len(_DATA))
        registry = _again(server)
        assert _offset(registry.http, location) == first
    done = registry.http.put(with_query(location, digest=digest(_DATA)))
    assert done.status_code == 201
    assert registry.http.get(done.headers["Location"]).content == _DATA


def test_an_upload_goes_on_after_a_worker_was_killed(own_server: MakeServer) -> None:
    server = own_server()
    registry = open_registry(server.host)
    location = start_upload(registry.http, registry.new())
    assert _chunk(registry.http, location, 0).status_code == 202
    before = {worker.pid for worker in server.workers()}
    for worker in server.workers():
        worker.kill()
    deadline = time.monotonic() + 30
    while not {worker.pid for worker in server.workers()} - before:
        assert time.monotonic() < deadline, server.said()
        time.sleep(0.05)
    _wait_until_it_answers(registry)
    registry = open_registry(server.host)
    for first in range(_CHUNK, len(_DATA), _CHUNK):
        assert _offset(registry.http, location) == first
        assert _chunk(registry.http, location, first).status_code == 202
    assert registry.http.put(with_query(location, digest=digest(_DATA))).status_code == 201


def _wait_until_it_answers(registry: Registry) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            assert requests.get(registry.http.url("/livez"), timeout=5).status_code == 200
            return
        except requests.ConnectionError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_whatever_was_created_is_there_after_kill(own_server: MakeServer) -> None:
    server = own_server()
    registry = open_registry(server.host)
    name, kept = registry.new(), []
    for number in range(5):
        content = runnable() if number == 4 else small(f"kept {number}")
        push(registry.http, name, content, f"t{number}")
        kept.append(content)
        registry = _again(server)
        for index, each in enumerate(kept):
            assert_holds(registry.http, name, each, f"t{index}")
    moved = small("moved")
    push(registry.http, name, moved, "t0")
    registry.http.delete(f"/v2/{name}/manifests/t1")
    registry = _again(server)
    assert_holds(registry.http, name, moved, "t0")
    assert registry.http.get(f"/v2/{name}/tags/list").json()["tags"] == ["t0", "t2", "t3", "t4"]


def test_a_deleted_repository_stays_deleted_and_its_rows_go_after_kill(own_server: MakeServer) -> None:
    server = own_server()
    registry = open_registry(server.host)
    name = registry.new()
    for number in range(3):
        push(registry.http, name, small(f"deleted {number}"), f"t{number}")
    with _database(server) as database:  # far more images than one step takes, without pushing them
        database.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)"
            " INSERT INTO images (repository_id, manifest_id, digest, media_type, size, image_size, pushed_at, pushed_by)"
            " SELECT repository_id, manifest_id, 'sha256:' || n.i, media_type, 1, 1, 0, '' FROM n,"
            " (SELECT * FROM images LIMIT 1)"
        )
    registry.ecr.delete_repository(repositoryName=name, force=True)
    registry = _again(server)
    assert registry.http.get(f"/v2/{name}/tags/list").status_code == 404
    registry.ecr.create_repository(repositoryName=name)
    kept = small("kept")
    push(registry.http, name, kept, "t0")
    server.kill()
    with _database(server) as database:  # the lease of the killed job is over
        assert database.execute("SELECT count(*) FROM images").fetchone()[0] > 1
        database.execute("UPDATE jobs SET claimed_until = 0")
    server.start()
    registry = open_registry(server.host)
    deadline = time.monotonic() + 60
    with _database(server) as database:
        while database.execute("SELECT count(*) FROM images").fetchone()[0] > 1:
            assert time.monotonic() < deadline, server.said()
            time.sleep(0.1)
    assert_holds(registry.http, name, kept, "t0")


@contextmanager
def _database(server: Server) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(server.data / "moorage.db", timeout=30)) as connection, connection:
        yield connection


def test_a_token_and_its_keys_survive_a_restart(own_server: MakeServer) -> None:
    server = own_server()
    before = open_registry(server.host)
    before.new()
    server.stop()
    server.start()
    assert before.http.get("/v2/").status_code == 200
    assert len(before.ecr.describe_repositories()["repositories"]) == 1


def test_killed_in_the_midst_of_pushes_nothing_acknowledged_is_lost(own_server: MakeServer) -> None:
    server = own_server()
    registry = open_registry(server.host)
    name = registry.new()
    acknowledged: list[int] = []

    def pusher(worker: int) -> None:
        session = Http(registry.http.base, registry.username, registry.password)
        for number in range(worker, 1000, 4):
            try:
                push(session, name, small(f"{name} {number}"), f"t{number}")
            except requests.RequestException:
                return
            acknowledged.append(number)

    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(pusher, worker) for worker in range(4)]
        while len(acknowledged) < 20 and not any(each.done() for each in running):
            time.sleep(0.05)
        server.kill()
        for each in running:
            each.result(60)
    assert len(acknowledged) >= 20
    server.start()
    registry = open_registry(server.host)
    for number in acknowledged:
        assert_holds(registry.http, name, small(f"{name} {number}"), f"t{number}")
    for tag in registry.http.get(f"/v2/{name}/tags/list").json()["tags"]:
        assert_holds(registry.http, name, small(f"{name} {tag[1:]}"), tag)


def test_chunks_of_one_upload_may_reach_any_worker(registry: Registry, repository: str) -> None:
    location = start_upload(registry.http, repository)
    for first in range(0, len(_DATA), _CHUNK):
        # A connection of its own for every chunk, so that both workers get some.
        session = Http(registry.http.base, registry.username, registry.password)
        answer = _chunk(session, location, first)
        assert answer.status_code == 202, answer.text
        location = answer.headers["Location"]
        session.close()
    done = registry.http.put(with_query(location, digest=digest(_DATA)))
    assert done.status_code == 201
    assert registry.http.get(done.headers["Location"]).content == _DATA
