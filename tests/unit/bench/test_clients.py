"""The pure pieces of the clients: content, fresh blobs, the load generator's report."""

import hashlib
import json
from pathlib import Path

import pytest

from bench.content import Content, Scale
from bench.load import LoadError, Plan, parse_report, request_file
from bench.push import BlobSource
from bench.signing import signed_requests
from bench.wire import Target, closing
from moorage.aws import sigv4
from moorage.aws.canonical import SignedRequest
from tests.unit.aws.once import verify


def _report(**changes: object) -> str:
    usual = {"seconds": 0.8, "requests": 3, "bytes": 30, "faults": 0, "unexpected": 0, "statuses": {"200": 3}}
    return json.dumps(usual | {"histogram": [[100.0, 2], [900.0, 1]]} | changes)


def test_a_report_of_the_load_generator_is_read() -> None:
    load = parse_report(_report())
    assert (load.requests, load.bytes, load.p50, load.p99) == (3, 30, 0.1, 0.9)


@pytest.mark.parametrize("fault", ["faults", "unexpected"])
def test_a_load_with_other_answers_is_not_a_measurement(fault: str) -> None:
    with pytest.raises(LoadError, match="200"):
        parse_report(_report(**{fault: 1}))


def test_a_request_file_has_the_headers_then_one_request_a_line(tmp_path: Path) -> None:
    plan = Plan(["/v2/a", "/v2/b"], 1, 0.8, "HEAD", accept="text/plain")
    path = request_file(tmp_path, Target(5000, "Basic eA=="), plan)
    assert path.read_text() == "Authorization: Basic eA==\nAccept: text/plain\n\nHEAD /v2/a\nHEAD /v2/b\n"
    assert path.stat().st_mode & 0o077 == 0


def test_fresh_blobs_differ_and_their_digests_are_true() -> None:
    source = BlobSource(100_000)
    one, other = source.fresh(), source.fresh()
    assert one.digest != other.digest
    whole = b"".join(one.part(0, one.size))
    assert len(whole) == one.size == 100_000
    assert one.digest == f"sha256:{hashlib.sha256(whole).hexdigest()}"


def test_the_parts_of_a_blob_make_the_blob() -> None:
    blob = BlobSource(1000).fresh()
    parts = [part for start in range(0, 1000, 300) for part in blob.part(start, min(start + 300, 1000))]
    assert b"".join(parts) == b"".join(blob.part(0, 1000))


def test_a_framed_blob_is_the_base_in_chunks_of_32_kib() -> None:
    blob = BlobSource(70_032).fresh()
    sizes = [32768, 32768, 70_000 - 65536]
    framed, expected, at = bytes(blob.framed), b"", 0
    for size in sizes:
        expected += b"%x\r\n%b\r\n" % (size, bytes(blob.base[at : at + size]))
        at += size
    assert framed == expected


def test_the_scale_counts_tags() -> None:
    content = Content(Scale(3, 2, 4), {})
    paths = content.tag_paths()
    assert len(set(paths)) == content.scale.tags == 24
    assert len(set(content.digest_paths())) == 6
    assert paths == Content(Scale(3, 2, 4), {}).tag_paths(), "the mixed order is the same in every run"


@pytest.mark.parametrize(
    ("address", "closed"),
    [("/v2/a/uploads/1", "/v2/a/uploads/1?digest=sha256:x"), ("/u?_state=y", "/u?_state=y&digest=sha256:x")],
)
def test_the_digest_is_added_to_the_address_of_an_upload(address: str, closed: str) -> None:
    assert closing(address, "sha256:x") == closed


def test_a_signed_request_is_one_that_the_server_accepts() -> None:
    keys = ("AKIAIOSFODNN7EXAMPLE", "a secret")
    request, other = signed_requests(5000, keys, "CreateRepository", [{"repositoryName": "ab"}, {"repositoryName": "cd"}])
    assert request != other
    head, _, body = request.partition(b"\r\n\r\n")
    lines = [line.split(": ", 1) for line in head.decode().split("\r\n")[1:]]
    signed = SignedRequest("POST", "/", "", [(name.lower(), value) for name, value in lines])
    credential = sigv4.parse(signed)
    verify(
        signed,
        credential,
        keys[1],
        now_ms=credential.time,
        services=("ecr",),
        body_sha256=hashlib.sha256(body).hexdigest(),
    )
