"""Paths that confuse, names that are like words of the protocol, and methods that do not belong (oci-and-peers 1.1)."""

import json

import pytest

from tests.e2e.http import CODES, assert_holds, push, raw
from tests.e2e.images import small
from tests.e2e.registry import Registry

pytestmark = pytest.mark.ours


@pytest.mark.parametrize(
    "name",
    [
        "team/manifests/app",
        "team/blobs/uploads",
        "manifests",
        "blobs",
        "a/tags/list",
        "referrers/x",
        "v2",
        "uploads/blobs/manifests",
    ],
)
def test_words_of_the_protocol_are_good_names(registry: Registry, name: str, connection: str) -> None:
    content = small(name)
    if name not in registry.http.get("/v2/_catalog").json()["repositories"]:
        registry.create(name)
    push(registry.http, name, content, "1")
    assert_holds(registry.http, name, content, "1")
    assert registry.http.get(f"/v2/{name}/tags/list").json() == {"name": name, "tags": ["1"]}


@pytest.mark.parametrize(
    "name",
    [
        "UPPER",
        "a//b",
        "-a",
        "a-",
        "a_-b",
        "a/_b",
        "a" * 257,
        "b%C3%A9",
        "a%20b",
        "a%00b",
        "a%0d%0ab",
        "a..b",
        "%2e%2e/a",
        "a%2fb/..",
        ".",
    ],
)
@pytest.mark.parametrize("rest", ["tags/list", "manifests/1", "blobs/uploads/"])
def test_names_outside_the_grammar_are_refused(registry: Registry, name: str, rest: str) -> None:
    method = "POST" if rest.endswith("/") else "GET"
    answer = raw(registry.http, method, f"/v2/{name}/{rest}")
    assert answer.status in {400, 404}, answer
    errors = json.loads(answer.body)["errors"]
    assert {error["code"] for error in errors} <= CODES
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


_TARGETS = [
    "/v2/../../etc/passwd",
    "/v2/%2e%2e/%2e%2e/etc/passwd",
    "/v2/..%2f..%2fetc%2fpasswd",
    "/v2/a/manifests/..%2f..%2fx",
    "/v2/a/manifests/1%2f2",
    "/v2/a/blobs/..",
    "/v2/a/blobs/sha256:..%2f..%2fx",
    "/v2//manifests/1",
    "/v2/a//manifests/1",
    "/v2/a/manifests/",
    "/v2/a/manifests",
    "/v2/a/tags",
    "/v2/a/tags/list/",
    "/v2/a/blobs/",
    "/v2/%00/tags/list",
    "/v2/a/manifests/%00",
    "/v2/a;x=1/tags/list",
    "/v2/a/..;/tags/list",
    "/v2/%",
    "/v2/%zz/tags/list",
    "/v2/%c0%ae/tags/list",
    "/v2/%ff%fe/tags/list",
    "/v2/" + "a/" * 3000 + "tags/list",
    "/v2/_catalog/",
    "/v2/x",
    "/v2//",
]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE"])
def test_no_path_confuses_the_server(registry: Registry, method: str) -> None:
    for target in _TARGETS:
        answer = raw(registry.http, method, target, {"Content-Length": "0"})
        assert 400 <= answer.status < 500, (method, target, answer)
        assert answer.headers["X-Content-Type-Options"] == "nosniff", (target, answer)
        assert method != "HEAD" or answer.body == b""
        assert b"Traceback" not in answer.body
        assert b"/site-packages" not in answer.body


@pytest.mark.parametrize("method", ["POST", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "get"])
def test_methods_that_do_not_belong_are_refused(registry: Registry, repository: str, method: str) -> None:
    answer = raw(registry.http, method, f"/v2/{repository}/tags/list", {"Content-Length": "0"})
    assert answer.status in {400, 404, 405, 501}


def test_a_target_without_end_is_too_long(registry: Registry, repository: str, connection: str) -> None:
    answer = raw(registry.http, "GET", f"/v2/{repository}/tags/list?x=" + "a" * 200_000)
    # Plain ASGI leaves this to the server below, which knows only that it cannot read such a request.
    assert answer.status in ({414, 431} if connection == "fast" else {400, 414, 431})


def test_an_error_never_tells_a_path_of_the_server(registry: Registry, repository: str) -> None:
    for target in (*_TARGETS, f"/v2/{repository}/manifests/absent", f"/v2/{repository}/blobs/uploads/absent"):
        body = raw(registry.http, "GET", target).body
        assert b"/tmp/" not in body
        assert b"moorage-data" not in body
