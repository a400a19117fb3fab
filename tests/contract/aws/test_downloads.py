"""GetDownloadUrlForLayer: what the URL gives, to whom, and for how long."""

import hashlib
import hmac
import time
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from tests.contract.aws.door import ACCOUNT, Door, refused
from tests.e2e.images import Blob, digest, manifest, small

_DATA = bytes(range(256)) * 20_000


@pytest.fixture(scope="module")
def url(door: Door) -> str:
    """A URL of a layer of five megabytes."""
    repository = door.new_repository()
    door.push(repository, manifest(Blob("application/vnd.oci.empty.v1+json", b"{}"), Blob("application/x", _DATA)), "1")
    answer = door.call("GetDownloadUrlForLayer", repositoryName=repository, layerDigest=digest(_DATA))
    assert answer.keys() == {"downloadUrl", "layerDigest"} and answer["layerDigest"] == digest(_DATA)
    return str(answer["downloadUrl"])


def _get(url: str, **headers: str) -> requests.Response:
    return requests.get(url, headers=headers, timeout=30)


def _assert_denied(url: str, message: str = "The download URL is not valid.") -> None:
    answer = _get(url)
    assert answer.status_code == 403
    assert answer.json()["errors"] == [{"code": "DENIED", "message": message}]


def test_the_url_gives_the_layer_byte_for_byte_without_credentials(door: Door, url: str) -> None:
    assert url.startswith(f"http://{door.host}/")
    answer = _get(url)
    assert (answer.status_code, answer.content) == (200, _DATA)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "sandbox"
    assert requests.head(url, timeout=30).headers["content-length"] == str(len(_DATA))


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [("bytes=0-9", 0, 10), ("bytes=5000000-", 5_000_000, None), ("bytes=-7", -7, None), ("bytes=100-99999999", 100, None)],
)
def test_a_range_gives_just_that(url: str, asked: str, start: int, stop: int | None) -> None:
    answer = _get(url, Range=asked)
    assert (answer.status_code, answer.content) == (206, _DATA[start:stop])
    first = start % len(_DATA)
    assert answer.headers["content-range"] == f"bytes {first}-{first + len(answer.content) - 1}/{len(_DATA)}"


def test_a_range_behind_the_end_cannot_be_satisfied(url: str) -> None:
    answer = _get(url, Range=f"bytes={len(_DATA)}-")
    assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{len(_DATA)}")


def test_the_url_lives_for_a_quarter_of_an_hour_at_most(url: str) -> None:
    (expires,) = parse_qs(urlsplit(url).query)["expires"]
    assert 14 * 60 < int(expires) / 1000 - time.time() <= 15 * 60


def test_a_url_that_was_tampered_with_is_refused(url: str) -> None:
    parts = urlsplit(url)
    (expires,), (mac,) = parse_qs(parts.query)["expires"], parse_qs(parts.query)["mac"]
    base = f"{parts.scheme}://{parts.netloc}"
    repository, found = parts.path.rsplit("/", 2)[-2:]
    for forged in (
        f"{base}{parts.path}",
        f"{base}{parts.path}?expires={expires}",
        f"{base}{parts.path}?expires={int(expires) + 1}&mac={mac}",
        f"{base}{parts.path}?expires={expires}&mac={mac[:-1]}{'0' if mac[-1] != '0' else '1'}",
        f"{base}{parts.path}?expires={expires}&mac={mac.upper()}" if mac.upper() != mac else f"{base}{parts.path}",
        f"{base}{parts.path}?expires=%2B{expires}&mac={mac}",
        f"{base}{parts.path}?expires={expires}&mac=%F0%9F%90%8B",
        f"{base}/downloads/{int(repository) + 1}/{found}?expires={expires}&mac={mac}",
        f"{base}/downloads/{repository}/{digest(b'another')}?expires={expires}&mac={mac}",
        f"{base}/downloads/{repository}/../{repository}/x?expires={expires}&mac={mac}",
        f"{base}/downloads/?expires={expires}&mac={mac}",
    ):
        _assert_denied(forged)


def test_a_url_made_with_another_secret_is_refused(url: str) -> None:
    path, expires = urlsplit(url).path, int(time.time() * 1000) + 60_000
    for key in (b"", b"secret", hashlib.sha256(b"moorage download urls\0").digest()):
        mac = hmac.new(key, f"{path}\0{expires}".encode(), hashlib.sha256).hexdigest()
        _assert_denied(f"{url.partition('?')[0]}?expires={expires}&mac={mac}")


def test_an_expired_url_is_refused(door: Door, url: str) -> None:
    secrets = [path for path in door.server.data.iterdir() if path.is_file() and path.name.startswith("secret")]
    assert len(secrets) == 1
    key = hashlib.sha256(b"moorage download urls\0" + secrets[0].read_bytes()).digest()
    path, expires = urlsplit(url).path, int(time.time() * 1000) - 1
    mac = hmac.new(key, f"{path}\0{expires}".encode(), hashlib.sha256).hexdigest()
    _assert_denied(f"{url.partition('?')[0]}?expires={expires}&mac={mac}", "The download URL has expired.")


def test_only_reading_is_possible(url: str) -> None:
    for method in ("PUT", "POST", "DELETE", "PATCH"):
        assert requests.request(method, url, timeout=30).status_code == 403


def test_a_layer_that_no_manifest_refers_to_is_inaccessible(door: Door, repository: str) -> None:
    content = small("accessible")
    found = [door.upload(repository, blob.data) for blob in content.blobs]
    for each in found:
        text = (
            f"The layer with digest '{each}' in the repository with name '{repository}' in the registry with id "
            f"'{ACCOUNT}' is not accessible: it is not associated with an image."
        )
        with refused("LayerInaccessibleException", text):
            door.call("GetDownloadUrlForLayer", repositoryName=repository, layerDigest=each)
    door.put(repository, content, "1")
    for each, blob in zip(found, content.blobs, strict=True):
        answer = door.call("GetDownloadUrlForLayer", repositoryName=repository, layerDigest=each)
        assert _get(answer["downloadUrl"]).content == blob.data


@pytest.mark.parametrize("given", ["md5:00", "sha256:00", digest(b"x").upper()])
def test_a_digest_that_nobody_can_have_is_not_found(door: Door, repository: str, given: str) -> None:
    text = (
        f"The layer with digest '{given}' does not exist within the repository with name '{repository}' "
        f"in the registry with id '{ACCOUNT}'"
    )
    with refused("LayersNotFoundException", text):
        door.call("GetDownloadUrlForLayer", repositoryName=repository, layerDigest=given)


def test_a_url_ends_with_its_layer(door: Door, repository: str) -> None:
    content = small("ends")
    door.push(repository, content, "1")
    layer = content.blobs[1].digest
    found = door.call("GetDownloadUrlForLayer", repositoryName=repository, layerDigest=layer)["downloadUrl"]
    door.call("BatchDeleteImage", repositoryName=repository, imageIds=[{"imageTag": "1"}])
    _assert_denied(found, "The layer is no longer available.")
    door.call("DeleteRepository", repositoryName=repository)
    door.push(door.new_repository(), content, "1")
    _assert_denied(found, "The layer is no longer available.")
