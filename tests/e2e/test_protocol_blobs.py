"""Blobs: ranges, sha512, who may see them and how they go (oci-and-peers 1.4)."""

from collections.abc import Callable

import pytest
import requests

from tests.e2e.http import codes, push, start_upload, upload, with_query
from tests.e2e.images import Blob, digest, manifest, small
from tests.e2e.registry import Registry

pytestmark = pytest.mark.ours

_DATA = bytes(range(256)) * 400
_SIZE = len(_DATA)


@pytest.fixture
def path(registry: Registry, repository: str) -> str:
    return f"/v2/{repository}/blobs/{upload(registry.http, repository, _DATA)}"


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("0-9", 0, 9),
        ("0-0", 0, 0),
        ("100-199", 100, 199),
        ("100000-", 100_000, _SIZE - 1),
        ("-5", _SIZE - 5, _SIZE - 1),
        (f"-{_SIZE * 2}", 0, _SIZE - 1),
        ("0-", 0, _SIZE - 1),
        (f"{_SIZE - 1}-", _SIZE - 1, _SIZE - 1),
        (f"10-{_SIZE + 1000}", 10, _SIZE - 1),
        ("10-" + "9" * 15, 10, _SIZE - 1),
    ],
)
def test_a_range_is_answered_exactly(registry: Registry, path: str, asked: str, first: int, last: int) -> None:
    answer = registry.http.get(path, headers={"Range": f"bytes={asked}"})
    assert answer.status_code == 206
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{_SIZE}"
    assert answer.content == _DATA[first : last + 1]
    assert answer.headers["Docker-Content-Digest"] == digest(_DATA)


@pytest.mark.parametrize("asked", [f"{_SIZE}-", f"{_SIZE + 10}-{_SIZE + 20}", "500-0", "-0", "9" * 15 + "-"])
def test_a_range_that_cannot_be_met_is_refused(registry: Registry, path: str, asked: str) -> None:
    answer = registry.http.get(path, headers={"Range": f"bytes={asked}"})
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{_SIZE}"
    assert _DATA not in answer.content


@pytest.mark.parametrize(
    "asked",
    [
        "lines=0-9",
        "bytes",
        "bytes=",
        "bytes=a-b",
        "bytes=--5",
        "bytes=1-2-3",
        "0-9",
        "bytes=\u00b2-",
        "bytes=0-" + "9" * 40,
        "bytes=" + "9" * 40 + "-",
    ],
)
def test_what_is_no_range_is_ignored_or_refused_but_never_half_answered(registry: Registry, path: str, asked: str) -> None:
    answer = registry.http.get(path, headers={"Range": asked.encode("latin-1")})
    assert answer.status_code in {200, 400, 416}
    assert answer.status_code != 200 or answer.content == _DATA


def test_many_ranges_are_answered_in_full_or_in_parts(registry: Registry, path: str) -> None:
    answer = registry.http.get(path, headers={"Range": "bytes=0-9, 20-29"})
    if answer.status_code == 200:
        assert answer.content == _DATA
    else:
        assert (answer.status_code, answer.headers["Content-Type"][:20]) == (206, "multipart/byteranges")
    flood = registry.http.get(path, headers={"Range": "bytes=" + ",".join(["0-"] * 1000)})
    assert flood.status_code in {200, 400, 416, 431}
    assert len(flood.content) <= _SIZE


def test_head_ignores_a_range(registry: Registry, path: str) -> None:
    answer = registry.http.head(path, headers={"Range": "bytes=0-9"})
    assert (answer.status_code, answer.headers["Content-Length"]) == (200, str(_SIZE))


def test_a_range_holds_only_for_the_bytes_the_client_knows(registry: Registry, path: str) -> None:
    etag = registry.http.head(path).headers["ETag"]
    same = registry.http.get(path, headers={"Range": "bytes=0-9", "If-Range": etag})
    assert same.status_code == 206
    other = registry.http.get(path, headers={"Range": "bytes=0-9", "If-Range": '"other"'})
    assert (other.status_code, other.content) == (200, _DATA)


def test_the_empty_blob_goes_up_every_way_and_comes_down(registry: Registry) -> None:
    name = registry.new()
    for data in (b"", b"{}"):
        name = registry.new()
        single = registry.http.post(f"/v2/{name}/blobs/uploads/?digest={digest(data)}", data=data)
        assert single.status_code == 201
        name = registry.new()
        upload(registry.http, name, data)
        location = start_upload(registry.http, name)
        patched = registry.http.patch(location, data=data, headers={"Content-Type": "application/octet-stream"})
        assert patched.status_code == 202
        closed = registry.http.put(with_query(patched.headers["Location"], digest=digest(data)))
        assert closed.status_code == 201
        answer = registry.http.get(f"/v2/{name}/blobs/{digest(data)}")
        assert (answer.content, answer.headers["Content-Length"]) == (data, str(len(data)))
        head = registry.http.head(f"/v2/{name}/blobs/{digest(data)}")
        assert head.headers["Content-Length"] == str(len(data))
    assert registry.http.get(f"/v2/{name}/blobs/{digest(b'{}')}", headers={"Range": "bytes=5-"}).status_code == 416


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_every_way_speaks_the_digest_that_the_client_chose(registry: Registry, algorithm: str) -> None:
    http, data = registry.http, b"spoken in " + algorithm.encode() * 1000
    wanted = digest(data, algorithm)
    source, target = registry.new(), registry.new()
    ways: dict[str, Callable[[str], requests.Response]] = {
        "single": lambda name: http.post(f"/v2/{name}/blobs/uploads/?digest={wanted}", data=data),
        "closing": lambda name: http.put(with_query(start_upload(http, name), digest=wanted), data=data),
        "told before": lambda name: http.put(
            with_query(start_upload(http, name, **{"digest-algorithm": algorithm}), digest=wanted), data=data
        ),
        "mounted": lambda name: http.post(f"/v2/{name}/blobs/uploads/?mount={wanted}&from={source}"),
    }
    http.post(f"/v2/{source}/blobs/uploads/?digest={wanted}", data=data)
    for way, send in ways.items():
        answer = send(target)
        assert (answer.status_code, answer.headers["Docker-Content-Digest"]) == (201, wanted), way
        assert answer.headers["Location"].endswith(f"/v2/{target}/blobs/{wanted}")
        got = http.get(answer.headers["Location"])
        assert (got.content, got.headers["Docker-Content-Digest"], got.headers["ETag"]) == (data, wanted, f'"{wanted}"')
        part = http.get(answer.headers["Location"], headers={"Range": "bytes=1-3"})
        assert (part.status_code, part.content, part.headers["Docker-Content-Digest"]) == (206, data[1:4], wanted)
        assert http.head(answer.headers["Location"]).headers["Docker-Content-Digest"] == wanted
        assert http.delete(answer.headers["Location"]).status_code == 202
        assert http.get(answer.headers["Location"]).status_code == 404


def test_manifests_are_found_by_both_digests(registry: Registry, repository: str) -> None:
    content = small("sha512 manifest")
    push(registry.http, repository, content)
    wanted = digest(content.manifest.data, "sha512")
    answer = registry.http.put(
        f"/v2/{repository}/manifests/{wanted}",
        data=content.manifest.data,
        headers={"Content-Type": content.manifest.media_type},
    )
    assert (answer.status_code, answer.headers["Docker-Content-Digest"]) == (201, wanted)
    for reference in (wanted, content.digest):
        got = registry.http.get(f"/v2/{repository}/manifests/{reference}")
        assert (got.content, got.headers["Docker-Content-Digest"]) == (content.manifest.data, reference)


@pytest.mark.parametrize(
    "bad",
    ["sha256:" + "A" * 64, "sha256:" + "a" * 63, "sha256:" + "a" * 65, "md5:" + "a" * 32, "sha256:", ":", "sha512:" + "a" * 64],
)
def test_a_digest_that_is_none_is_refused(registry: Registry, repository: str, bad: str) -> None:
    for method in ("GET", "DELETE"):
        answer = registry.http.request(method, f"/v2/{repository}/blobs/{bad}")
        assert (answer.status_code, codes(answer)) == (400, ["DIGEST_INVALID"])
    answer = registry.http.put(with_query(start_upload(registry.http, repository), digest=bad), data=b"x")
    assert (answer.status_code, codes(answer)) == (400, ["DIGEST_INVALID"])


def test_a_blob_is_seen_only_where_it_was_pushed(registry: Registry, repository: str) -> None:
    data = b"seen only here" + repository.encode()
    upload(registry.http, repository, data)
    other = registry.new()
    for method in ("GET", "HEAD", "DELETE"):
        answer = registry.http.request(method, f"/v2/{other}/blobs/{digest(data)}")
        assert answer.status_code == 404
    config = Blob("application/vnd.oci.image.config.v1+json", data)
    refused = registry.http.put(
        f"/v2/{other}/manifests/1",
        data=manifest(config).manifest.data,
        headers={"Content-Type": manifest(config).manifest.media_type},
    )
    assert (refused.status_code, codes(refused)) == (400, ["MANIFEST_BLOB_UNKNOWN"])


def test_a_deleted_blob_stays_deleted_though_another_repository_reads_it(registry: Registry, repository: str) -> None:
    data, other = b"deleted here, kept there" + repository.encode(), registry.new()
    for name in (repository, other):
        upload(registry.http, name, data)
    assert registry.http.delete(f"/v2/{repository}/blobs/{digest(data)}").status_code == 202
    assert registry.http.get(f"/v2/{other}/blobs/{digest(data)}").content == data
    gone = registry.http.get(f"/v2/{repository}/blobs/{digest(data)}")
    assert (gone.status_code, codes(gone)) == (404, ["BLOB_UNKNOWN"])
    assert registry.http.delete(f"/v2/{repository}/blobs/{digest(data)}").status_code == 404


def test_a_blob_that_an_image_needs_is_not_deleted(registry: Registry, repository: str) -> None:
    content = small("needed" + repository)
    push(registry.http, repository, content, "1")
    for blob in content.blobs:
        answer = registry.http.delete(f"/v2/{repository}/blobs/{blob.digest}")
        assert answer.status_code in {400, 405, 409}
        assert registry.http.get(f"/v2/{repository}/blobs/{blob.digest}").content == blob.data
