"""Manifests that lie, overflow, nest or repeat, and those that are only unusual (oci-and-peers 1.6)."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.e2e.http import assert_holds, codes, push, put_manifest, upload
from tests.e2e.images import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST, Blob, Content, attested, digest, image, layer, manifest, small
from tests.e2e.registry import Registry

pytestmark = pytest.mark.ours

_LIMIT = 4 * 1024 * 1024
_CONFIG = Blob(OCI_CONFIG, b'{"architecture":"amd64","os":"linux"}')


@pytest.fixture
def ready(registry: Registry, repository: str) -> str:
    """A repository that holds a config."""
    upload(registry.http, repository, _CONFIG.data)
    return repository


def _put(registry: Registry, name: str, body: bytes, content_type: str | None = OCI_MANIFEST) -> requests.Response:
    headers = {"Content-Type": content_type} if content_type else {}
    return registry.http.put(f"/v2/{name}/manifests/1", data=body, headers=headers)


def _document(**members: Any) -> dict[str, Any]:
    return {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": _CONFIG.descriptor(), "layers": [], **members}


def _body(**members: Any) -> bytes:
    return json.dumps(_document(**members)).encode()


_DESCRIPTOR = f'{{"mediaType":"{OCI_CONFIG}","digest":"{_CONFIG.digest}","size":{len(_CONFIG.data)}}}'
_BAD_BODIES = {
    "nothing": b"",
    "no JSON": b"hello",
    "a list": b"[]",
    "a number": b"1",
    "null": b"null",
    "a byte order mark": b"\xef\xbb\xbf" + _body(),
    "UTF-16": _body().decode().encode("utf-16"),
    "a raw surrogate": _body(annotations={"a": "X"}).replace(b"X", b"\xed\xa0\x80"),
    "a repeated key": _body()[:-1] + b',"schemaVersion":2}',
    "a repeated config": f'{{"schemaVersion":2,"config":{_DESCRIPTOR},"config":{_DESCRIPTOR},"layers":[]}}'.encode(),
    "NaN": _body(x=1).replace(b'"x": 1', b'"x": NaN'),
    "Infinity": _body(x=1).replace(b'"x": 1', b'"x": -Infinity'),
    "deep lists": _body(x=1).replace(b'"x": 1', b'"x": ' + b"[" * 100_000 + b"]" * 100_000),
    "deep objects": _body(x=1).replace(b'"x": 1', b'"x": ' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000),
    "a long number": _body(x=1).replace(b'"x": 1', b'"x": ' + b"9" * 100_000),
    "trailing bytes": _body() + b"{}",
    "two minds": _body(manifests=[]),
    "no config": json.dumps({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "layers": []}).encode(),
    "layers that are no list": _body(layers={}),
    "a layer that is no descriptor": _body(layers=["x"]),
    "annotations that are no text": _body(annotations={"a": 1}),
    "another schema": _body(schemaVersion=1),
    "a subject that is no descriptor": _body(subject="x"),
}


@pytest.mark.parametrize("fault", _BAD_BODIES)
def test_a_broken_manifest_is_refused_and_not_stored(registry: Registry, ready: str, fault: str) -> None:
    answer = _put(registry, ready, _BAD_BODIES[fault])
    assert (answer.status_code, codes(answer)) == (400, ["MANIFEST_INVALID"]), answer.text
    assert registry.http.get(f"/v2/{ready}/manifests/1").status_code == 404


@pytest.mark.parametrize("size", ["-1", "1.5", '"37"', "1e400", "true", "null", str(2**63), "9" * 30])
def test_a_size_that_is_no_size_is_refused(registry: Registry, ready: str, size: str) -> None:
    descriptor = _DESCRIPTOR.replace(f'"size":{len(_CONFIG.data)}', f'"size":{size}')
    answer = _put(registry, ready, f'{{"schemaVersion":2,"config":{descriptor},"layers":[]}}'.encode())
    assert (answer.status_code, codes(answer)) == (400, ["MANIFEST_INVALID"]), answer.text


def test_a_size_that_the_blob_does_not_have_is_refused(registry: Registry, ready: str) -> None:
    answer = _put(registry, ready, _body(config=_CONFIG.descriptor(size=len(_CONFIG.data) + 1)))
    assert answer.status_code == 400
    assert codes(answer)[0] in {"MANIFEST_INVALID", "SIZE_INVALID"}


@pytest.mark.parametrize("bad", ["sha256:../../../../etc/passwd", "sha256:", "md5", "", "SHA256:" + "a" * 64, "sha256:a b"])
def test_a_digest_outside_the_grammar_is_refused(registry: Registry, ready: str, bad: str) -> None:
    answer = _put(registry, ready, _body(layers=[{"mediaType": "application/x", "digest": bad, "size": 1}]))
    assert answer.status_code == 400


def test_a_foreign_digest_names_a_blob_that_is_not_here(registry: Registry, ready: str) -> None:
    answer = _put(registry, ready, _body(layers=[{"mediaType": "application/x", "digest": "blake3:" + "a" * 64, "size": 1}]))
    assert (answer.status_code, codes(answer)) == (400, ["MANIFEST_BLOB_UNKNOWN"])


def test_every_missing_blob_is_named(registry: Registry, ready: str) -> None:
    absent = [Blob("application/x", bytes([number])) for number in range(3)]
    answer = put_manifest(registry.http, ready, manifest(_CONFIG, *absent))
    assert answer.status_code == 400
    errors = answer.json()["errors"]
    assert [error["code"] for error in errors] == ["MANIFEST_BLOB_UNKNOWN"] * 3
    assert all(blob.digest in json.dumps(error["detail"]) for blob, error in zip(absent, errors, strict=True))


def test_every_missing_child_of_an_index_is_named(registry: Registry, ready: str) -> None:
    children = [small("missing one").manifest, small("missing two").manifest]
    body = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [child.descriptor() for child in children]}
    answer = _put(registry, ready, json.dumps(body).encode(), OCI_INDEX)
    assert answer.status_code == 400
    assert codes(answer) == ["MANIFEST_BLOB_UNKNOWN"] * 2


@pytest.mark.parametrize(
    "stated", [OCI_INDEX, "application/vnd.docker.distribution.manifest.v2+json", "text/html", "application/json"]
)
def test_a_content_type_that_contradicts_the_body_is_refused(registry: Registry, ready: str, stated: str) -> None:
    answer = _put(registry, ready, _body(), stated)
    assert (answer.status_code, codes(answer)) == (400, ["MANIFEST_INVALID"])


def test_an_image_that_poses_as_an_index_is_refused(registry: Registry, ready: str) -> None:
    body = {"schemaVersion": 2, "config": _CONFIG.descriptor(), "layers": []}
    assert _put(registry, ready, json.dumps(body).encode(), OCI_INDEX).status_code == 400


@pytest.mark.parametrize("stated", ["text/html", "image/svg+xml", "application/vnd.docker.distribution.manifest.v1+prettyjws"])
def test_types_that_a_browser_would_run_or_nobody_reads_are_refused(registry: Registry, ready: str, stated: str) -> None:
    body = {"schemaVersion": 2, "config": _CONFIG.descriptor(), "layers": []}
    assert _put(registry, ready, json.dumps(body).encode(), stated).status_code == 400


def test_the_type_comes_from_the_body_where_no_header_states_one(registry: Registry, ready: str) -> None:
    assert _put(registry, ready, _body(), None).status_code == 201
    assert registry.http.get(f"/v2/{ready}/manifests/1").headers["Content-Type"] == OCI_MANIFEST
    untyped = {"schemaVersion": 2, "config": _CONFIG.descriptor(), "layers": []}
    assert _put(registry, ready, json.dumps(untyped).encode(), None).status_code == 400


def test_parameters_of_the_content_type_are_not_kept(registry: Registry, ready: str) -> None:
    assert _put(registry, ready, _body(), f"{OCI_MANIFEST}; charset=utf-8").status_code == 201
    assert registry.http.get(f"/v2/{ready}/manifests/1").headers["Content-Type"] == OCI_MANIFEST


def test_an_escaped_lone_surrogate_does_no_harm(registry: Registry, ready: str) -> None:
    body = _body(annotations={"a": "X"}).replace(b"X", b"\\ud800")
    answer = _put(registry, ready, body)
    assert answer.status_code in {201, 400}
    if answer.status_code == 201:
        assert registry.http.get(f"/v2/{ready}/manifests/1").content == body


def test_the_largest_manifest_fits_and_one_byte_more_does_not(registry: Registry, ready: str) -> None:
    def padded(size: int) -> bytes:
        return _body(annotations={"pad": "x" * (size - len(_body(annotations={"pad": ""})))})

    largest = padded(_LIMIT)
    assert len(largest) == _LIMIT
    assert _put(registry, ready, largest).status_code == 201
    assert registry.http.get(f"/v2/{ready}/manifests/1").content == largest
    over = _put(registry, ready, padded(_LIMIT + 1))
    assert over.status_code == 413
    assert registry.http.get(f"/v2/{ready}/manifests/1").content == largest


def test_a_manifest_without_a_length_is_cut_off_at_the_limit(registry: Registry, ready: str) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(80):
            yield b" " * 65536

    try:
        answer = registry.http.put(f"/v2/{ready}/manifests/1", data=endless(), headers={"Content-Type": OCI_MANIFEST})
    except requests.ConnectionError:
        return  # refused while it was still being sent: the client may learn of it only as a closed connection
    assert answer.status_code == 413


def test_a_digest_that_the_body_does_not_have_is_refused(registry: Registry, ready: str) -> None:
    content = manifest(_CONFIG)
    for wrong, code in ((digest(b"other"), 400), ("sha256:baddigeststring", 400), (digest(b"other", "sha512"), 400)):
        answer = put_manifest(registry.http, ready, content, wrong)
        assert (answer.status_code, codes(answer)) == (code, ["DIGEST_INVALID"])
    assert registry.http.get(f"/v2/{ready}/manifests/sha256:baddigeststring").status_code in {400, 404}


@pytest.mark.parametrize("tag", ["-dash", ".dot", "a" * 129, "a+b", "a%20b", "%C3%A9", "a%00"])
def test_a_tag_outside_the_grammar_is_refused(registry: Registry, ready: str, tag: str) -> None:
    answer = put_manifest(registry.http, ready, manifest(_CONFIG), tag)
    assert answer.status_code == 400
    assert registry.http.get(f"/v2/{ready}/manifests/{tag}").status_code in {400, 404}


def _unusual() -> dict[str, Content]:
    blob = layer({"a": b"a"})[0]
    odd = Blob("application/x.something+json", b'{"odd": true}')
    foreign = {
        "mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "digest": digest(b"absent"),
        "size": 6,
        "urls": ["https://example.com/layer"],
    }
    windows = {**foreign, "mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"}
    extra: dict[str, Any] = {"org.example": [1, {"a": None}], "extra": "ünïcödé"}
    embedded = base64.b64encode(_CONFIG.data).decode()
    descriptors = [blob.descriptor(), foreign, windows]
    return {
        "unknown media types": manifest(odd, odd),
        "no layers": manifest(_CONFIG),
        "one layer twice": manifest(_CONFIG, blob, blob),
        "fields of its own": manifest(_CONFIG, blob, **extra),
        "embedded data": Content(Blob(OCI_MANIFEST, _body(config=_CONFIG.descriptor(data=embedded))), (_CONFIG,)),
        "an empty note": manifest(_CONFIG, annotations={"": ""}),
        "layers from elsewhere": Content(Blob(OCI_MANIFEST, _body(layers=descriptors)), (_CONFIG, blob)),
        "a missing subject": manifest(_CONFIG, subject=small("never pushed").manifest.descriptor()),
        "an opaque document": Content(Blob("application/vnd.example.thing+json", b'{"schemaVersion": 2, "thing": 1}')),
        "an attestation": attested("attested"),
        "an empty index": Content(Blob(OCI_INDEX, b'{"schemaVersion":2,"mediaType":"%s","manifests":[]}' % OCI_INDEX.encode())),
        "white space": Content(Blob(OCI_MANIFEST, b"\n  " + _body() + b"\n\n"), (_CONFIG,)),
        "an empty layer": manifest(_CONFIG, Blob("application/vnd.oci.image.layer.v1.tar", b"")),
    }


@pytest.mark.parametrize("kind", list(_unusual()))
def test_the_unusual_is_stored_byte_for_byte(registry: Registry, repository: str, kind: str) -> None:
    content = _unusual()[kind]
    push(registry.http, repository, content, "unusual")
    assert_holds(registry.http, repository, content, "unusual")


def test_the_same_bytes_are_never_served_with_two_types(registry: Registry, ready: str) -> None:
    body = json.dumps({"schemaVersion": 2, "config": _CONFIG.descriptor(), "layers": []}).encode()
    assert _put(registry, ready, body).status_code == 201
    other = _put(registry, ready, body, "application/vnd.docker.distribution.manifest.v2+json")
    served = registry.http.get(f"/v2/{ready}/manifests/{digest(body)}").headers["Content-Type"]
    assert (other.status_code == 400 and served == OCI_MANIFEST) or registry.http.get(f"/v2/{ready}/manifests/1").headers[
        "Content-Type"
    ] == served


def test_pushing_the_same_tag_and_digest_again_is_created_again(registry: Registry, repository: str) -> None:
    content = small("again")
    push(registry.http, repository, content, "1")
    answer = put_manifest(registry.http, repository, content, "1")
    assert answer.status_code == 201
    assert answer.headers["Location"].endswith(f"/v2/{repository}/manifests/{content.digest}")


def test_an_image_is_removed_by_digest_and_a_tag_by_name(registry: Registry, repository: str) -> None:
    content = image(layer({"a": b"delete"}))
    push(registry.http, repository, content, "one", "two")
    path = f"/v2/{repository}/manifests"
    assert registry.http.delete(f"{path}/one").status_code == 202
    assert registry.http.get(f"{path}/two").status_code == 200
    assert registry.http.delete(f"{path}/two").status_code == 202
    assert registry.http.get(f"{path}/{content.digest}").status_code == 200
    put_manifest(registry.http, repository, content, "three")
    assert registry.http.delete(f"{path}/{content.digest}").status_code == 202
    for reference in ("one", "three", content.digest):
        assert registry.http.get(f"{path}/{reference}").status_code == 404
        again = registry.http.delete(f"{path}/{reference}")
        assert (again.status_code, codes(again)) == (404, ["MANIFEST_UNKNOWN"])
    push(registry.http, repository, content, "back")
    assert_holds(registry.http, repository, content, "back")
