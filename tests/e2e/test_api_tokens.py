"""Tokens of `/api/v1/tokens` at the registry's endpoint: what they open, what they do not, and when they end."""

import time

import pytest

from tests.e2e.api import Api, password_of
from tests.e2e.http import Http, push, put_manifest, start_upload, upload
from tests.e2e.images import Content, digest, small
from tests.e2e.registry import Registry

pytestmark = pytest.mark.ours


@pytest.fixture
def api(registry: Registry) -> Api:
    return Api(registry.host)


@pytest.fixture
def image(registry: Registry, repository: str) -> Content:
    content = small("tokens of " + repository)
    push(registry.http, repository, content, "1")
    return content


def scoped(api: Api, *repositories: str, actions: list[str]) -> Http:
    return api.sign_in(api.token(repositories=list(repositories), actions=actions)["password"])


def assert_denied(answer: object, action: str, repository: str) -> None:
    assert answer.status_code == 403, answer.text  # type: ignore[attr-defined]
    if answer.request.method != "HEAD":  # type: ignore[attr-defined]
        (error,) = answer.json()["errors"]  # type: ignore[attr-defined]
        assert error["code"] == "DENIED"
        assert error["message"] == (
            f"User: arn:aws:iam::123456789012:root is not authorized to perform: {action} on resource: "
            f"arn:aws:ecr:us-east-1:123456789012:repository/{repository} because no session policy allows the {action} action"
        )


def test_a_token_without_a_scope_may_do_what_its_maker_may(registry: Registry, api: Api) -> None:
    made = api.token("whole")
    assert (made["username"], made["repositories"], made["actions"]) == ("AWS", None, None)
    assert made["endpoint"] == f"http://{registry.host}"
    session, repository = api.sign_in(made["password"]), registry.new()
    content = small("whole")
    push(session, repository, content, "1")
    assert session.get(f"/v2/{repository}/manifests/1").content == content.manifest.data
    assert repository in session.get("/v2/_catalog").json()["repositories"]
    assert session.delete(f"/v2/{repository}/manifests/{content.digest}").status_code == 202


def test_a_pull_token_pulls_from_its_repositories_only(registry: Registry, api: Api, repository: str, image: Content) -> None:
    other = registry.new("other")
    push(registry.http, other, image, "1")
    session = scoped(api, "team/*", actions=["pull"])
    blob = image.blobs[0].digest
    for _ in range(3):  # the second time and later, the server may know the answer before it parses the request
        for method in ("GET", "HEAD"):
            for path, action in (
                ("manifests/1", "ecr:BatchGetImage"),
                (f"manifests/{image.digest}", "ecr:BatchGetImage"),
                (f"blobs/{blob}", "ecr:GetDownloadUrlForLayer" if method == "GET" else "ecr:BatchCheckLayerAvailability"),
            ):
                assert session.request(method, f"/v2/{repository}/{path}").status_code == 200
                assert registry.http.request(method, f"/v2/{other}/{path}").status_code == 200
                assert_denied(session.request(method, f"/v2/{other}/{path}"), action, other)
    assert session.get(f"/v2/{repository}/tags/list").json()["tags"] == ["1"]
    assert_denied(session.get(f"/v2/{other}/tags/list"), "ecr:ListImages", other)
    assert_denied(session.get(f"/v2/{other}/referrers/{image.digest}"), "ecr:BatchGetImage", other)


def test_a_pull_token_changes_nothing(api: Api, repository: str, image: Content) -> None:
    session = scoped(api, repository, actions=["pull"])
    base = f"/v2/{repository}"
    assert_denied(session.post(f"{base}/blobs/uploads/"), "ecr:InitiateLayerUpload", repository)
    assert_denied(session.put(f"{base}/manifests/2", data=image.manifest.data), "ecr:PutImage", repository)
    assert_denied(session.delete(f"{base}/manifests/1"), "ecr:BatchDeleteImage", repository)
    assert_denied(session.delete(f"{base}/blobs/{image.blobs[0].digest}"), "ecr:BatchDeleteImage", repository)
    assert session.get(f"{base}/tags/list").json()["tags"] == ["1"]


def test_a_push_token_pushes_and_pulls_but_does_not_delete(registry: Registry, api: Api, repository: str) -> None:
    session, content = scoped(api, repository, actions=["push"]), small("pushed")
    push(session, repository, content, "1")
    assert session.get(f"/v2/{repository}/manifests/1").content == content.manifest.data
    assert_denied(session.delete(f"/v2/{repository}/manifests/1"), "ecr:BatchDeleteImage", repository)
    other = registry.new("other")
    assert_denied(session.post(f"/v2/{other}/blobs/uploads/"), "ecr:InitiateLayerUpload", other)


def test_single_actions_allow_nothing_else(api: Api, repository: str, image: Content) -> None:
    session = scoped(api, repository, actions=["ecr:GetDownloadUrlForLayer"])
    blob = f"/v2/{repository}/blobs/{image.blobs[0].digest}"
    for _ in range(2):
        assert session.head(blob).status_code == 200, "whoever may download may look"
        assert session.get(blob).status_code == 200
        assert_denied(session.get(f"/v2/{repository}/manifests/1"), "ecr:BatchGetImage", repository)


def test_a_token_for_tags_limits_the_root_too(registry: Registry, api: Api, repository: str, image: Content) -> None:
    push(registry.http, repository, image, "prod-1")
    made = api.token(tags=["dev-*"])
    assert (made["repositories"], made["actions"], made["tags"]) == (["*"], ["all"], ["dev-*"])
    session = api.sign_in(made["password"])
    push(session, repository, image, "dev-1")
    for answer in (
        put_manifest(session, repository, image, "prod-2"),
        put_manifest(session, repository, image, f"{image.digest}?tag=dev-2&tag=prod-2"),
        session.delete(f"/v2/{repository}/manifests/prod-1"),
        session.delete(f"/v2/{repository}/manifests/{image.digest}"),
    ):
        assert answer.status_code == 403
        assert "because no session policy allows the ecr:" in answer.text
    assert session.get(f"/v2/{repository}/tags/list").json()["tags"] == ["1", "dev-1", "prod-1"]
    assert session.delete(f"/v2/{repository}/manifests/dev-1").status_code == 202


def test_the_catalog_shows_what_lies_in_the_scope(registry: Registry, api: Api) -> None:
    names = sorted(registry.new("catalog-scope/a") for _ in range(5))
    registry.new("catalog-scope/b")
    session = scoped(api, "catalog-scope/a/*", actions=["all"])
    seen: list[str] = []
    following: str | None = "/v2/_catalog?n=2"
    while following:
        answer = session.get(following)
        seen += answer.json()["repositories"]
        following = answer.links["next"]["url"] if "next" in answer.links else None
    assert seen == names
    denied = scoped(api, "catalog-scope/*", actions=["pull"]).get("/v2/_catalog")
    assert_denied(denied, "ecr:DescribeRepositories", "*")


def test_a_mount_takes_nothing_from_outside_the_scope(registry: Registry, api: Api, repository: str) -> None:
    secret = b"a layer of another team " + repository.encode()
    source = registry.new("other")
    upload(registry.http, source, secret)
    session = scoped(api, repository, actions=["push"])
    for query in (f"mount={digest(secret)}&from={source}", f"mount={digest(secret)}"):
        answer = session.post(f"/v2/{repository}/blobs/uploads/?{query}")
        assert answer.status_code == 202, "as if it were not there"
    both = scoped(api, repository, source, actions=["push"])
    assert both.post(f"/v2/{repository}/blobs/uploads/?mount={digest(secret)}&from={source}").status_code == 201
    assert session.get(f"/v2/{repository}/blobs/{digest(secret)}").content == secret


def test_an_upload_of_somebody_else_is_out_of_scope(registry: Registry, api: Api) -> None:
    other = registry.new("other")
    location = start_upload(registry.http, other)
    session = scoped(api, "team/*", actions=["all"])
    for method in ("GET", "PATCH", "DELETE"):
        assert_denied(session.request(method, location), "ecr:UploadLayerPart", other)


def test_a_revoked_token_is_refused_by_every_worker_from_the_next_request_on(api: Api, repository: str, image: Content) -> None:
    made = api.token("short-lived", repositories=[repository], actions=["pull"])
    path = f"/v2/{repository}/manifests/1"
    # Each worker has learnt the client, and answers it before parsing, by the time the token is revoked.
    sessions = [api.sign_in(made["password"]) for _ in range(12)]
    for session in sessions * 3:
        assert session.get(path).content == image.manifest.data
    assert api.ask("DELETE", f"/tokens/{made['id']}").status == 204
    for session in sessions:
        assert session.get(path).status_code == 401
        assert session.get("/v2/").status_code == 401
    again = api.ask("DELETE", f"/tokens/{made['id']}")
    assert (again.status, again.code) == (404, "TokenNotFound")


def test_a_token_ends_with_the_region_of_its_signature(registry: Registry, repository: str) -> None:
    elsewhere = Api(registry.host, region="eu-west-1").token()
    session = Api(registry.host).sign_in(elsewhere["password"])
    assert elsewhere["endpoint"].startswith("http://123456789012.dkr.ecr.eu-west-1.")
    assert session.get(f"/v2/{repository}/tags/list").status_code == 401


def test_tokens_are_listed_with_scope_and_last_use_but_without_secrets(registry: Registry, api: Api) -> None:
    made = api.token("seen", repositories=["a/*", "b"], actions=["pull", "ecr:PutImage"], lifetime_seconds=900)
    session = api.sign_in(made["password"])
    assert session.get("/v2/").status_code == 200
    deadline = time.monotonic() + 10
    while True:
        (listed,) = (each for each in api.entries("/tokens", "tokens") if each["id"] == made["id"])
        if listed["last_used_at"] or time.monotonic() > deadline:
            break
        time.sleep(0.1)
    assert listed["last_used_at"] >= listed["created_at"]
    assert (listed["name"], listed["region"]) == ("seen", "us-east-1")
    assert (listed["repositories"], listed["actions"]) == (["a/*", "b"], ["pull", "ecr:PutImage"])
    assert listed["principal_arn"] == "arn:aws:iam::123456789012:root"
    assert set(listed) == {*made, "principal_arn", "access_key_id", "last_used_at"} - {"password", "username", "endpoint"}


def test_tokens_of_get_authorization_token_are_listed_and_revoked_too(registry: Registry, api: Api) -> None:
    ecr = api.ecr()
    before = {each["id"] for each in api.entries("/tokens", "tokens")}
    password, _ = password_of(ecr)
    ecr.close()
    (listed,) = (each for each in api.entries("/tokens", "tokens", limit=2) if each["id"] not in before)
    assert (listed["name"], listed["repositories"], listed["actions"]) == (None, None, None)
    session = api.sign_in(password)
    assert session.get("/v2/").status_code == 200
    assert api.ask("DELETE", f"/tokens/{listed['id']}").status == 204
    answer = session.get("/v2/")
    assert answer.status_code == 401 and answer.headers["WWW-Authenticate"].startswith("Basic ")


def test_a_token_opens_neither_the_api_nor_ecrs(registry: Registry, api: Api) -> None:
    password = api.token()["password"]
    for path in ("/api/v1/tokens", "/"):
        answer = registry.http.post(path, auth=("AWS", password), json={})
        assert answer.status_code in {400, 401}
