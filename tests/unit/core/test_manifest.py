import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.core import media_types
from moorage.core.descriptor import InvalidManifestError
from moorage.core.errors import InvalidParameterError, MoorageError
from moorage.core.manifest import MAX_DESCRIPTORS, Manifest, parse_manifest

DIGEST = "sha256:" + "a" * 64
DESCRIPTOR = {"mediaType": "application/x", "digest": DIGEST, "size": 3}
IMAGE = {"schemaVersion": 2, "mediaType": media_types.OCI_MANIFEST, "config": DESCRIPTOR, "layers": [DESCRIPTOR]}
INDEX = {"schemaVersion": 2, "mediaType": media_types.OCI_INDEX, "manifests": [DESCRIPTOR]}


def parse(document: Any, content_type: str | None = None) -> Manifest:
    return parse_manifest(json.dumps(document).encode(), content_type)


def test_an_image_says_what_it_refers_to() -> None:
    manifest = parse({**IMAGE, "annotations": {"a": "b"}, "subject": DESCRIPTOR, "artifactType": "application/y"})
    assert [blob.digest for blob in manifest.blobs] == [DIGEST, DIGEST]
    assert manifest.config and manifest.config.size == 3 and manifest.subject and manifest.subject.digest == DIGEST
    assert (manifest.annotations, manifest.effective_artifact_type, manifest.is_index) == ({"a": "b"}, "application/y", False)


def test_without_an_artifact_type_the_configs_media_type_counts() -> None:
    assert parse(IMAGE).effective_artifact_type == "application/x"
    assert parse(INDEX).effective_artifact_type is None
    assert parse({**IMAGE, "artifactType": ""}).effective_artifact_type == "application/x"


def test_an_index_says_what_it_names() -> None:
    manifest = parse(INDEX)
    assert manifest.is_index and manifest.blobs == () and [child.digest for child in manifest.manifests] == [DIGEST]


def test_the_withdrawn_artifact_manifest_calls_its_layers_blobs() -> None:
    document = {
        "mediaType": "application/vnd.oci.artifact.manifest.v1+json",
        "artifactType": "application/y",
        "blobs": [DESCRIPTOR],
    }
    assert len(parse(document).layers) == 1


@pytest.mark.parametrize("own", [media_types.OCI_MANIFEST, None])
@pytest.mark.parametrize("stated", [media_types.OCI_MANIFEST, f"{media_types.OCI_MANIFEST.upper()} ; charset=utf-8", None])
def test_the_media_type_is_the_stated_one_else_the_bodys(own: str | None, stated: str | None) -> None:
    document = {**IMAGE, "mediaType": own}
    if own is None and stated is None:
        with pytest.raises(InvalidManifestError):
            parse(document, stated)
    else:
        assert parse(document, stated).media_type == media_types.OCI_MANIFEST


@pytest.mark.parametrize(
    "media_type",
    [
        "text/html",
        "image/svg+xml",
        "application/",
        "application/x y",
        "application/x\r\nset-cookie: a=b",
        "application/\u00e4",
        "application/" + "x" * 200,
        "application/json",
        media_types.DOCKER_SCHEMA1,
        media_types.DOCKER_SCHEMA1_SIGNED,
    ],
)
def test_a_media_type_that_cannot_be_a_header_or_is_no_manifests_is_refused(media_type: str) -> None:
    for document, stated in (({**IMAGE, "mediaType": media_type}, None), ({**IMAGE, "mediaType": None}, media_type)):
        with pytest.raises(InvalidManifestError):
            parse(document, stated)


@pytest.mark.parametrize(
    "changes",
    [
        {"config": None},
        {"config": []},
        {"config": {**DESCRIPTOR, "digest": "nope"}},
        {"config": {**DESCRIPTOR, "size": -1}},
        {"config": {**DESCRIPTOR, "size": True}},
        {"config": {**DESCRIPTOR, "size": 1.0}},
        {"config": {**DESCRIPTOR, "size": 2**63}},
        {"config": {**DESCRIPTOR, "platform": "linux"}},
        {"config": {**DESCRIPTOR, "urls": "http://x"}},
        {"config": {**DESCRIPTOR, "mediaType": 1}},
        {"layers": {}},
        {"layers": [1]},
        {"layers": [DESCRIPTOR] * (MAX_DESCRIPTORS + 1)},
        {"manifests": []},
        {"schemaVersion": 1},
        {"schemaVersion": "2"},
        {"annotations": {"a": 1}},
        {"annotations": []},
        {"artifactType": 1},
        {"mediaType": 1},
        {"subject": {}},
        {"mediaType": media_types.OCI_INDEX},
        {"mediaType": media_types.DOCKER_MANIFEST, "manifests": [DESCRIPTOR]},
    ],
)
def test_an_image_that_is_not_what_it_must_be_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidManifestError) as refused:
        parse({**IMAGE, **changes})
    assert refused.value.oci_code == "MANIFEST_INVALID"


@pytest.mark.parametrize("extra", [{"config": DESCRIPTOR}, {"layers": []}, {"blobs": []}])
@pytest.mark.parametrize("media_type", [media_types.OCI_INDEX, media_types.DOCKER_INDEX, "application/vnd.other+json"])
def test_no_document_is_an_image_to_one_client_and_an_index_to_another(media_type: str, extra: dict[str, Any]) -> None:
    with pytest.raises(InvalidManifestError):
        parse({**INDEX, "mediaType": media_type, **extra})


def test_the_stated_type_must_be_the_bodys() -> None:
    with pytest.raises(InvalidManifestError):
        parse(IMAGE, media_types.DOCKER_MANIFEST)


NO_JSON = (
    b"",
    b"null",
    b"[]",
    b'"text"',
    b"{",
    b"{} {}",
    b"\xef\xbb\xbf{}",
    b"\xff\xfe{}",
    b'{"a": NaN}',
    b'{"a": Infinity}',
    b'{"a": 1, "a": 2}',
    b'{"a": {"b": 1, "b": 2}}',
    b'{"mediaType": "\\ud800"}',
    b'{"a": ' + b"[" * 101 + b"]" * 101 + b"}",
    b'{"a": ' + b"[" * 200_000,
    b'{"a": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001,
    b'{"size": ' + b"9" * 5000 + b"}",
    b'{"a": "\x00"}',
)


@pytest.mark.parametrize("body", NO_JSON, ids=range(len(NO_JSON)))
def test_bytes_that_are_no_strict_json_object_are_refused_in_ecrs_words(body: bytes) -> None:
    with pytest.raises(InvalidParameterError) as refused:
        parse_manifest(body, media_types.OCI_MANIFEST)
    assert "Invalid JSON syntax" in refused.value.message and refused.value.oci_code == "MANIFEST_INVALID"


def test_a_pair_of_surrogates_is_text() -> None:
    assert parse({**IMAGE, "annotations": {"a": "\U0001f600"}}).annotations == {"a": "\U0001f600"}


@pytest.mark.parametrize("layer", [{**DESCRIPTOR, "urls": ["https://x"]}, {**DESCRIPTOR, "mediaType": "a.foreign.b"}])
def test_a_foreign_layer_may_be_absent(layer: dict[str, Any]) -> None:
    assert parse({**IMAGE, "layers": [layer]}).layers[0].may_be_absent


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.just(DESCRIPTOR)
    | st.just([DESCRIPTOR]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*IMAGE, *DESCRIPTOR]) | st.text(), inner),
    max_leaves=8,
)
TYPES = st.none() | st.sampled_from([media_types.OCI_MANIFEST, media_types.OCI_INDEX, "application/x"]) | st.text(max_size=30)
MEMBERS = st.sampled_from([*IMAGE, "manifests", "blobs", "subject", "annotations", "artifactType", "signatures"])


@given(st.sampled_from([IMAGE, INDEX, {}]), st.dictionaries(MEMBERS, JSON, max_size=4), TYPES)
def test_whatever_a_manifest_holds_it_is_read_or_refused(
    base: dict[str, Any], changes: dict[str, Any], stated: str | None
) -> None:
    with suppress(MoorageError):
        manifest = parse_manifest(json.dumps({**base, **changes}).encode("utf-8", "surrogatepass"), stated)
        assert manifest.media_type.startswith("application/") and manifest.media_type.isascii()
        assert not (manifest.blobs and manifest.manifests)
        json.dumps(dict(manifest.annotations), ensure_ascii=False).encode()


@given(st.binary(max_size=100), TYPES)
def test_whatever_bytes_come_they_are_read_or_refused(body: bytes, stated: str | None) -> None:
    with pytest.raises(MoorageError):
        parse_manifest(body, stated)
