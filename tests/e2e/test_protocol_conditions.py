"""Negotiation, conditions and headers: what is answered is what is stored (oci-and-peers 1.2, 1.7, 1.10)."""

import http.client

import pytest
import requests

from tests.e2e.http import push, put_manifest, raw
from tests.e2e.images import DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, Content, runnable, small
from tests.e2e.registry import Registry

pytestmark = pytest.mark.ours


@pytest.fixture
def content(registry: Registry, repository: str) -> Content:
    made = small(repository)
    push(registry.http, repository, made, "1")
    return made


_ACCEPTS = [
    None,
    "*/*",
    "application/*",
    "application/json",
    OCI_MANIFEST,
    f"{DOCKER_MANIFEST}, {OCI_MANIFEST};q=0.5",
    f"{OCI_INDEX},{OCI_MANIFEST}",
    f"text/html, {OCI_MANIFEST.upper()};q=0.1",
    DOCKER_MANIFEST,
    "text/html",
    ";;,,;q",
    "",
]


@pytest.mark.parametrize("accept", _ACCEPTS)
@pytest.mark.parametrize("by", ["tag", "digest"])
def test_a_manifest_is_never_converted_whatever_the_client_accepts(
    registry: Registry, repository: str, content: Content, accept: str | None, by: str
) -> None:
    reference = "1" if by == "tag" else content.digest
    headers = {"Accept": accept} if accept is not None else {}
    answer = raw(registry.http, "GET", f"/v2/{repository}/manifests/{reference}", headers)
    assert (answer.status, answer.body) == (200, content.manifest.data)
    assert answer.headers["Content-Type"] == OCI_MANIFEST


def test_a_client_that_knows_no_index_gets_the_index_or_its_first_image_as_stored(registry: Registry, repository: str) -> None:
    stored = runnable()
    push(registry.http, repository, stored, "multi")
    answer = registry.http.get(f"/v2/{repository}/manifests/multi", headers={"Accept": OCI_MANIFEST})
    known = {each.digest: each.manifest.data for each in (stored, stored.children[0])}
    assert answer.content == known[answer.headers["Docker-Content-Digest"]]


def test_several_accept_headers_count_as_one(registry: Registry, repository: str) -> None:
    push(registry.http, repository, runnable(), "multi")
    connection = http.client.HTTPConnection(registry.host, timeout=30)
    connection.putrequest("GET", f"/v2/{repository}/manifests/multi")
    prepared = registry.http.prepare_request(requests.Request("GET", registry.http.base))
    connection.putheader("Authorization", str(prepared.headers["Authorization"]))
    for accept in (DOCKER_MANIFEST, OCI_INDEX):
        connection.putheader("Accept", accept)
    connection.endheaders()
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Content-Type"]) == (200, OCI_INDEX)
    connection.close()


def _paths(repository: str, content: Content) -> list[str]:
    manifests = [f"/v2/{repository}/manifests/{reference}" for reference in ("1", content.digest)]
    return [*manifests, f"/v2/{repository}/blobs/{content.blobs[1].digest}"]


def test_head_says_exactly_what_get_says(registry: Registry, repository: str, content: Content) -> None:
    paths = [
        *_paths(repository, content),
        "/v2/",
        f"/v2/{repository}/tags/list",
        f"/v2/{repository}/referrers/{content.digest}",
        f"/v2/{repository}/manifests/absent",
        f"/v2/{repository}/blobs/sha256:{'0' * 64}",
    ]
    for path in paths:
        get, head = registry.http.get(path), registry.http.head(path)
        changing = {"date", "x-request-id", "x-amzn-requestid", "docker-upload-uuid", "connection", "keep-alive"}
        first, second = (
            {name.lower(): text for name, text in answer.headers.items() if name.lower() not in changing}
            for answer in (get, head)
        )
        if head.status_code == 405:  # the specification knows HEAD for manifests and blobs only
            assert "/manifests/" not in path
            assert "/blobs/" not in path
            continue
        assert (head.status_code, second) == (get.status_code, first), path
        assert head.content == b""


def test_what_was_seen_before_is_not_sent_again(registry: Registry, repository: str, content: Content) -> None:
    for path in _paths(repository, content):
        etag = registry.http.get(path).headers["ETag"]
        for condition in (etag, "*", f'"other", {etag}', f"W/{etag}"):
            for method in ("GET", "HEAD"):
                answer = registry.http.request(method, path, headers={"If-None-Match": condition})
                assert (answer.status_code, answer.content) == (304, b""), (path, condition)
                assert answer.headers["ETag"] == etag
        assert registry.http.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_tag_is_moved_only_from_where_the_client_saw_it(registry: Registry, repository: str, content: Content) -> None:
    other = small("moved")
    push(registry.http, repository, other)
    stale = put_manifest(registry.http, repository, other, "1", If_Match=f'"{other.digest}"')
    assert stale.status_code == 412
    assert registry.http.head(f"/v2/{repository}/manifests/1").headers["Docker-Content-Digest"] == content.digest
    seen = registry.http.head(f"/v2/{repository}/manifests/1").headers["ETag"]
    assert put_manifest(registry.http, repository, other, "1", If_Match=seen).status_code == 201
    assert registry.http.head(f"/v2/{repository}/manifests/1").headers["Docker-Content-Digest"] == other.digest
    assert put_manifest(registry.http, repository, other, "absent", If_Match="*").status_code == 412


def test_a_tag_is_made_only_if_nobody_was_faster(registry: Registry, repository: str, content: Content) -> None:
    assert put_manifest(registry.http, repository, content, "new", If_None_Match="*").status_code == 201
    assert put_manifest(registry.http, repository, content, "new", If_None_Match="*").status_code == 412


def test_a_blob_may_be_kept_for_ever(registry: Registry, repository: str, content: Content) -> None:
    blob = content.blobs[1]
    answer = registry.http.get(f"/v2/{repository}/blobs/{blob.digest}")
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["ETag"] == f'"{blob.digest}"'
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Docker-Content-Digest"] == blob.digest
    assert "immutable" in answer.headers["Cache-Control"]
    assert "Content-Encoding" not in answer.headers


def test_odd_accept_headers_on_blobs_are_ignored(registry: Registry, repository: str, content: Content) -> None:
    path = f"/v2/{repository}/blobs/{content.blobs[1].digest}"
    for accept in ("application/vnd.oci.image.layer.v1.tar+gzip, */*", "text/html", ""):
        assert registry.http.head(path, headers={"Accept": accept}).status_code == 200


def test_the_mirror_parameter_is_accepted(registry: Registry, repository: str, content: Content) -> None:
    assert registry.http.get(f"/v2/{repository}/manifests/1?ns=docker.io").content == content.manifest.data


def test_nothing_is_compressed_on_the_way(registry: Registry, repository: str, content: Content) -> None:
    for path in _paths(repository, content):
        answer = registry.http.get(path, headers={"Accept-Encoding": "gzip, deflate, br"})
        assert "Content-Encoding" not in answer.headers
        assert int(answer.headers["Content-Length"]) == len(answer.content)
