"""ECR's own way of pushing layers."""

import os

import pytest

from moorage.core import clock
from moorage.core.errors import InvalidDigestError
from moorage.layers import collect
from moorage.layers.download_urls import LIFETIME, DownloadDeniedError, DownloadUrls
from moorage.layers.errors import (
    DigestMismatchError,
    EmptyUploadError,
    InvalidLayerPartError,
    LayerAlreadyExistsError,
    LayerInaccessibleError,
    LayerPartTooSmallError,
    LayersNotFoundError,
    UploadNotFoundError,
)
from moorage.layers.model import MIN_PART_BYTES, PART_SIZE
from moorage.repositories.model import Repository
from tests.unit.ground import GRACE, SECRET, Ground, digest_of

NAME = "team/app"
DATA = b"the bytes of a layer"


def begin(ground: Ground) -> str:
    answer = ground.do("InitiateLayerUpload", repositoryName=NAME)
    assert answer["partSize"] == PART_SIZE
    return str(answer["uploadId"])


def part(ground: Ground, upload_id: str, first: int, data: bytes, last: int | None = None) -> int:
    last = first + len(data) - 1 if last is None else last
    answer = ground.do(
        "UploadLayerPart", repositoryName=NAME, uploadId=upload_id, partFirstByte=first, partLastByte=last, layerPartBlob=data
    )
    return int(answer["lastByteReceived"])


def complete(ground: Ground, upload_id: str, *digests: str) -> str:
    return str(
        ground.do("CompleteLayerUpload", repositoryName=NAME, uploadId=upload_id, layerDigests=list(digests))["layerDigest"]
    )


def upload(ground: Ground, data: bytes = DATA) -> str:
    upload_id = begin(ground)
    part(ground, upload_id, 0, data)
    return complete(ground, upload_id, digest_of(data))


def test_parts_become_a_layer(ground: Ground, repository: Repository) -> None:
    data = os.urandom(MIN_PART_BYTES + 1000)
    upload_id = begin(ground)
    assert part(ground, upload_id, 0, data[:MIN_PART_BYTES]) == MIN_PART_BYTES - 1
    assert part(ground, upload_id, MIN_PART_BYTES, data[MIN_PART_BYTES:]) == len(data) - 1
    assert complete(ground, upload_id, digest_of(data)) == digest_of(data)
    assert ground.blob(repository, digest_of(data)) == data


@pytest.mark.parametrize(("first", "data", "last"), [(1, b"x", None), (0, b"xy", 5), (0, b"xy", 0)])
def test_a_part_that_does_not_continue_the_upload_says_where_to_go_on(
    ground: Ground, repository: Repository, first: int, data: bytes, last: int | None
) -> None:
    upload_id = begin(ground)
    with pytest.raises(InvalidLayerPartError) as refused:
        part(ground, upload_id, first, data, last)
    assert refused.value.members()["lastValidByteReceived"] == -1
    assert part(ground, upload_id, 0, b"abc") == 2
    with pytest.raises(InvalidLayerPartError) as refused:
        part(ground, upload_id, 0, b"abc")
    assert refused.value.members()["lastValidByteReceived"] == 2


def test_only_the_last_part_may_be_short(ground: Ground, repository: Repository) -> None:
    upload_id = begin(ground)
    part(ground, upload_id, 0, b"short")
    part(ground, upload_id, 5, b"also short")
    with pytest.raises(LayerPartTooSmallError):
        complete(ground, upload_id, digest_of(b"shortalso short"))


def test_an_upload_without_parts_is_empty(ground: Ground, repository: Repository) -> None:
    with pytest.raises(EmptyUploadError):
        complete(ground, begin(ground), digest_of(b""))


def test_the_digest_must_be_one_of_those_named(ground: Ground, repository: Repository) -> None:
    upload_id = begin(ground)
    part(ground, upload_id, 0, DATA)
    with pytest.raises(DigestMismatchError):
        complete(ground, upload_id, digest_of(b"other"))
    assert complete(ground, upload_id, digest_of(b"other"), digest_of(DATA)) == digest_of(DATA)


def test_a_layer_that_is_here_already_ends_the_upload(ground: Ground, repository: Repository) -> None:
    upload(ground)
    upload_id = begin(ground)
    part(ground, upload_id, 0, DATA)
    with pytest.raises(LayerAlreadyExistsError):
        complete(ground, upload_id, digest_of(DATA))
    with pytest.raises(UploadNotFoundError):
        part(ground, upload_id, len(DATA), b"more")
    collect.reap_uploads(ground.database, ground.blobs)
    layer = ground.layer(repository, digest_of(DATA))
    assert layer and ground.memory.keys() == {layer.key}


def test_a_finished_upload_takes_nothing_more(ground: Ground, repository: Repository) -> None:
    upload_id = begin(ground)
    part(ground, upload_id, 0, DATA)
    complete(ground, upload_id, digest_of(DATA))
    for attempt in (lambda: part(ground, upload_id, 0, b"x"), lambda: complete(ground, upload_id, digest_of(DATA))):
        with pytest.raises(UploadNotFoundError):
            attempt()


def test_an_upload_that_nobody_began_is_not_found(ground: Ground, repository: Repository) -> None:
    with pytest.raises(UploadNotFoundError):
        part(ground, "b3a8f2c0-0000-4000-8000-000000000000", 0, b"x")


def check(ground: Ground, *digests: str) -> dict[str, str]:
    answer = ground.do("BatchCheckLayerAvailability", repositoryName=NAME, layerDigests=list(digests))
    return {
        **{entry["layerDigest"]: entry["layerAvailability"] for entry in answer["layers"]},
        **{entry["layerDigest"]: entry["failureCode"] for entry in answer["failures"]},
    }


def test_availability_is_told_for_each_digest(ground: Ground, repository: Repository) -> None:
    upload(ground)
    absent, foreign = digest_of(b"absent"), "sha999:abc"
    assert check(ground, digest_of(DATA), absent, foreign, "nonsense", digest_of(DATA)) == {
        digest_of(DATA): "AVAILABLE",
        absent: "UNAVAILABLE",
        foreign: "UNAVAILABLE",
        "nonsense": "InvalidLayerDigest",
    }


def test_who_is_told_that_a_layer_is_there_may_rely_on_it(ground: Ground, repository: Repository) -> None:
    upload(ground)
    for _ in range(4):
        ground.clock.advance(GRACE // 2 + 1)
        assert check(ground, digest_of(DATA)) == {digest_of(DATA): "AVAILABLE"}
        collect.collect(ground.database, ground.blobs, GRACE)
    assert ground.blob(repository, digest_of(DATA)) == DATA


def test_a_download_url_needs_an_image_that_refers_to_the_layer(ground: Ground, repository: Repository) -> None:
    def ask(digest: str) -> str:
        return str(ground.do("GetDownloadUrlForLayer", repositoryName=NAME, layerDigest=digest)["downloadUrl"])

    with pytest.raises(LayersNotFoundError):
        ask(digest_of(DATA))
    upload(ground)
    with pytest.raises(LayerInaccessibleError):
        ask(digest_of(DATA))
    body = ground.push(repository, "app", layers=[DATA])
    path, _, query = ask(digest_of(DATA)).partition("?")
    values = dict(pair.split("=") for pair in query.split("&"))
    ground.urls.check(path, values["expires"], values["mac"], ground.clock.now())
    ground.remove(repository, body)
    with pytest.raises(LayersNotFoundError):
        ask(digest_of(DATA))
    with pytest.raises((InvalidDigestError, LayersNotFoundError)):
        ask("sha256:" + "A" * 64)


def test_a_download_url_ends_after_fifteen_minutes_and_no_part_of_it_can_be_changed() -> None:
    urls, now = DownloadUrls(SECRET), 1_000_000
    path, _, query = urls.make("http://host", 7, digest_of(DATA), now).removeprefix("http://host").partition("?")
    values = dict(pair.split("=") for pair in query.split("&"))
    expires, mac = values["expires"], values["mac"]
    assert int(expires) - now == LIFETIME == 15 * clock.MINUTE
    urls.check(path, expires, mac, now + LIFETIME - 1)
    attempts = (
        (path, expires, mac, now + LIFETIME),
        (path.replace("/7/", "/8/"), expires, mac, now),
        (path.replace("sha256", "sha512"), expires, mac, now),
        (path, str(int(expires) + 1), mac, now),
        (path, f"0{expires}", mac[:-1], now),
        (path, expires, "", now),
        (path, expires, "\u00e4", now),
        (path, "", mac, now),
        (path, "\uff11", mac, now),
        (path, "9" * 30, mac, now),
        (path, "-1", mac, now),
    )
    for attempt in attempts:
        with pytest.raises(DownloadDeniedError):
            urls.check(*attempt)
    with pytest.raises(DownloadDeniedError):
        DownloadUrls(b"another installation").check(path, expires, mac, now)
