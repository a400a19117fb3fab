"""Many clients at once, and much of everything in one repository."""

import json
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.e2e.http import Http, pages, push, put_manifest, upload
from tests.e2e.images import OCI_MANIFEST, Blob, Content, digest, manifest, small
from tests.e2e.registry import Registry

pytestmark = pytest.mark.ours


def _session(registry: Registry) -> Http:
    return Http(registry.http.base, registry.username, registry.password)


def test_a_tag_that_many_move_is_always_whole(registry: Registry, repository: str) -> None:
    contents = [small(f"mover {number}") for number in range(8)]
    for content in contents:
        push(registry.http, repository, content)
    push(registry.http, repository, contents[0], "moving")
    known = {content.digest: content.manifest.data for content in contents}
    finished = threading.Event()

    def write(content: Content) -> list[int]:
        session = _session(registry)
        return [put_manifest(session, repository, content, "moving").status_code for _ in range(15)]

    def read() -> int:
        session, seen = _session(registry), 0
        while not finished.is_set():
            answer = session.get(f"/v2/{repository}/manifests/moving")
            assert answer.status_code == 200
            assert answer.content == known[answer.headers["Docker-Content-Digest"]]
            seen += 1
        return seen

    with ThreadPoolExecutor(12) as pool:
        readers = [pool.submit(read) for _ in range(4)]
        statuses = [status for result in pool.map(write, contents) for status in result]
        finished.set()
        assert all(reader.result(60) for reader in readers)
    assert set(statuses) == {201}


def test_what_was_written_is_read_at_once_on_every_worker(registry: Registry, repository: str) -> None:
    contents = [small(f"fresh {number}") for number in range(20)]
    for content in contents:
        push(registry.http, repository, content)
    for content in contents:
        put_manifest(registry.http, repository, content, "latest")
        for _ in range(4):
            with _session(registry) as other:
                answer = other.head(f"/v2/{repository}/manifests/latest")
                assert answer.headers["Docker-Content-Digest"] == content.digest
    registry.http.delete(f"/v2/{repository}/manifests/latest")
    for _ in range(8):
        with _session(registry) as other:
            assert other.get(f"/v2/{repository}/manifests/latest").status_code == 404


def test_one_of_many_that_create_a_tag_wins(registry: Registry, repository: str) -> None:
    contents = [small(f"rival {number}") for number in range(8)]
    for content in contents:
        push(registry.http, repository, content)

    def attempt(content: Content) -> int:
        return put_manifest(_session(registry), repository, content, "first", If_None_Match="*").status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(attempt, contents))
    assert statuses == [201] + [412] * 7


@pytest.mark.timeout(900)
def test_a_great_many_tags_list_quickly(registry: Registry, repository: str, soak: float) -> None:
    wanted, batch = round(5_000 * soak), 100
    content = small("tags without end")
    for first in range(0, wanted, batch):
        if first % 1000 == 0:  # an image may have no more
            content = small(f"tags from {first}")
            push(registry.http, repository, content)
        query = "&".join(f"tag=t{number:07}" for number in range(first, first + batch))
        assert put_manifest(registry.http, repository, content, f"{content.digest}?{query}").status_code == 201
    listed, slowest, started = 0, 0.0, time.monotonic()
    for page in pages(registry.http, f"/v2/{repository}/tags/list?n=1000", "tags"):
        slowest, started = max(slowest, time.monotonic() - started), time.monotonic()
        listed += len(page)
    assert (listed, slowest < 1) == (wanted, True), slowest


@pytest.mark.timeout(2400)
def test_a_great_many_images_do_not_slow_a_pull(registry: Registry, repository: str, soak: float) -> None:
    config = Blob("application/vnd.oci.image.config.v1+json", b"{}")
    upload(registry.http, repository, config.data)
    upload(registry.http, other := registry.new(), config.data)
    alone = manifest(config, annotations={"number": "alone"})
    put_manifest(registry.http, other, alone, "alone")

    def fill(worker: int) -> None:
        session = _session(registry)
        for number in range(worker, 500 if soak <= 1 else 50_000, 8):
            content = manifest(config, annotations={"number": str(number)})
            assert put_manifest(session, repository, content, f"t{number}").status_code == 201

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(fill, range(8)))

    def pull(name: str, tag: str) -> float:
        started = time.perf_counter()
        assert registry.http.get(f"/v2/{name}/manifests/{tag}").status_code == 200
        return time.perf_counter() - started

    rounds = [(pull(other, "alone"), pull(repository, f"t{number}")) for number in range(200)]
    few, many = (statistics.median(times) for times in zip(*rounds, strict=True))
    assert many < few * 2 + 0.001


def test_repositories_made_at_once_are_made_once(registry: Registry) -> None:
    name = "race/" + digest(registry.host.encode())[7:19]

    def attempt(_: int) -> bool:
        try:
            registry.ecr.create_repository(repositoryName=name)
        except registry.ecr.exceptions.RepositoryAlreadyExistsException:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(8))) == 1


def test_deleting_while_pulling_gives_the_whole_or_nothing(registry: Registry, repository: str) -> None:
    data = bytes(range(256)) * 40_000
    config = Blob("application/vnd.oci.image.config.v1+json", json.dumps({"big": data[:10].hex()}).encode())
    content = manifest(config, Blob("application/vnd.oci.image.layer.v1.tar", data))
    push(registry.http, repository, content, "1")
    path = f"/v2/{repository}/blobs/{digest(data)}"

    def pull(_: int) -> bytes | None:
        try:
            answer = _session(registry).get(path)
        except requests.RequestException:
            return None
        return answer.content if answer.status_code == 200 else None

    with ThreadPoolExecutor(4) as pool:
        pulls = [pool.submit(pull, number) for number in range(8)]
        registry.http.delete(f"/v2/{repository}/manifests/{content.digest}")
        assert {each.result(60) for each in pulls} <= {data, None}
    assert registry.http.get(f"/v2/{repository}/manifests/1", headers={"Accept": OCI_MANIFEST}).status_code == 404
