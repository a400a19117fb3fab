"""Who gets in: Basic credentials as ECR takes them, and the exact words for everyone else (AWS; oci-and-peers 1.10)."""

import re

import pytest

from tests.e2e.http import Http, raw
from tests.e2e.images import digest
from tests.e2e.registry import Registry

pytestmark = pytest.mark.ours

_CHALLENGE = re.compile(r'Basic realm="https?://[^"]+/",service="ecr\.amazonaws\.com"')


def test_without_credentials_the_answer_is_ecrs_own(registry: Registry) -> None:
    answer = Http(registry.http.base, "", "").get("/v2/", auth=lambda request: request)
    assert answer.status_code == 401
    assert answer.content == b"Not Authorized\n"
    assert _CHALLENGE.fullmatch(answer.headers["WWW-Authenticate"]), answer.headers
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"
    assert answer.headers["Content-Length"] == "15"


@pytest.mark.parametrize(
    "authorization", ["Basic", "Basic !!!", "Basic QVdT", "Bearer abc", "Basic QVdTOg==", "basic QVdTOng=", "x"]
)
def test_garbage_credentials_are_refused_like_none(registry: Registry, authorization: str) -> None:
    answer = raw(registry.http, "GET", "/v2/", {"Authorization": authorization})
    assert (answer.status, answer.body) == (401, b"Not Authorized\n")
    assert _CHALLENGE.fullmatch(answer.headers["WWW-Authenticate"])


def test_only_the_user_aws_may_bring_a_token(registry: Registry) -> None:
    for user in ("root", "aws", "", "AWS2"):
        assert registry.http.get("/v2/", auth=(user, registry.password)).status_code == 401
    altered = registry.password[:-2] + ("AA" if registry.password[-2:] != "AA" else "BB")
    assert registry.http.get("/v2/", auth=("AWS", altered)).status_code == 401


@pytest.mark.parametrize("path", ["/v2", "/v2/"])
def test_a_token_opens_the_door(registry: Registry, path: str) -> None:
    answer = raw(registry.http, "GET", path)
    assert answer.status == 200
    assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v2/_catalog"),
        ("GET", "/v2/{name}/tags/list"),
        ("GET", "/v2/{name}/manifests/1"),
        ("HEAD", "/v2/{name}/manifests/1"),
        ("PUT", "/v2/{name}/manifests/1"),
        ("DELETE", "/v2/{name}/manifests/1"),
        ("GET", "/v2/{name}/blobs/{digest}"),
        ("HEAD", "/v2/{name}/blobs/{digest}"),
        ("DELETE", "/v2/{name}/blobs/{digest}"),
        ("POST", "/v2/{name}/blobs/uploads/"),
        ("PATCH", "/v2/{name}/blobs/uploads/00000000-0000-0000-0000-000000000000"),
        ("PUT", "/v2/{name}/blobs/uploads/00000000-0000-0000-0000-000000000000?digest={digest}"),
        ("GET", "/v2/{name}/referrers/{digest}"),
        ("GET", "/v2/nothing/here/tags/list"),
        ("GET", "/v2/%2e%2e/x"),
        ("GET", "/v2/no-route-at-all"),
    ],
)
def test_nothing_below_v2_is_anonymous(registry: Registry, repository: str, method: str, path: str) -> None:
    target = path.format(name=repository, digest=digest(b""))
    answer = raw(registry.http, method, target, {"Authorization": ""})
    assert answer.status == 401
    assert answer.body == (b"" if method == "HEAD" else b"Not Authorized\n")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_missing_repository_is_named_in_ecrs_words(registry: Registry) -> None:
    answer = registry.http.get("/v2/no/such/repository/manifests/1")
    assert answer.status_code == 404
    (error,) = answer.json()["errors"]
    assert error["code"] == "NAME_UNKNOWN"
    assert error["message"].startswith("The repository with name 'no/such/repository' does not exist in the registry with id '")


def test_a_missing_image_is_named_in_ecrs_words(registry: Registry, repository: str) -> None:
    answer = registry.http.get(f"/v2/{repository}/manifests/absent")
    assert answer.status_code == 404
    assert [(error["code"], error["message"]) for error in answer.json()["errors"]] == [
        ("MANIFEST_UNKNOWN", "Requested image not found")
    ]
