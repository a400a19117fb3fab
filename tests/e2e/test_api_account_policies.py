"""Service control policies: what the operator allows whole accounts, on every door, with the next request."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.e2e.api import Api, Key, password_of
from tests.e2e.http import Http, codes, push
from tests.e2e.images import small
from tests.e2e.server import Server

pytestmark = pytest.mark.ours

DEFAULT = "123456789012"
OTHER = "210987654321"
BASE = f"/accounts/{OTHER}/policies"


def policy(effect: str, *actions: str) -> dict[str, str]:
    """The body that sets a policy about everything."""
    statement = {"Effect": effect, "Action": [*actions], "Resource": "*"}
    return {"document": json.dumps({"Version": "2012-10-17", "Statement": [statement]})}


@pytest.fixture(scope="module")
def server(connection: str) -> Iterator[Server]:
    """A server whose address is a name, so that every registry has one."""
    root = Path(tempfile.mkdtemp(prefix="mo-"))
    server = Server(root / "data", connection).named("localhost")
    server.start()
    yield server
    server.stop()
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(scope="module")
def api(server: Server) -> Api:
    return Api(server.host)


@pytest.fixture(scope="module")
def other(api: Api) -> Api:
    """The root of a second account."""
    key = api.ask("POST", "/accounts", {"name": "second", "account_id": OTHER}).document["root_key"]
    return replace(api, key=Key(key["access_key_id"], key["secret_access_key"]))


@pytest.fixture(autouse=True)
def unlimited(api: Api, other: Api) -> None:
    """The second account begins as every account does."""
    assert api.ask("PUT", f"{BASE}/FullAWSAccess", policy("Allow", "*")).status == 200
    for each in list(api.entries(BASE, "policies")):
        if each["name"] != "FullAWSAccess":
            assert api.ask("DELETE", f"{BASE}/{each['name']}").status == 204


def test_a_policy_is_set_replaced_shown_listed_and_removed(api: Api) -> None:
    first = api.ask("PUT", f"{BASE}/limit", policy("Allow", "ecr:*"))
    assert (first.status, first.document["name"]) == (200, "limit")
    second = api.ask("PUT", f"{BASE}/limit", policy("Allow", "*"))
    assert api.ask("GET", f"{BASE}/limit").document == second.document
    assert second.document["document"] == policy("Allow", "*")["document"]
    api.ask("PUT", f"{BASE}/also", policy("Allow", "*"))
    assert [each["name"] for each in api.entries(BASE, "policies", limit=1)] == ["FullAWSAccess", "also", "limit"]
    assert api.ask("DELETE", f"{BASE}/limit").status == 204
    for method in ("GET", "DELETE"):
        answer = api.ask(method, f"{BASE}/limit")
        assert (answer.status, answer.code) == (404, "AccountPolicyNotFound")


def test_what_is_refused(api: Api) -> None:
    allowed = policy("Allow", "*")
    for path, body, status, code in (
        ("/accounts/999999999999/policies/x", allowed, 404, "AccountNotFound"),
        (f"/accounts/{DEFAULT}/policies/x", allowed, 409, "DefaultAccountPolicy"),
        (f"{BASE}/a%20b", allowed, 400, "InvalidParameter"),
        (f"{BASE}/{'x' * 129}", allowed, 400, "InvalidParameter"),
        (f"{BASE}/x", {"document": "{"}, 400, "MalformedPolicy"),
        (f"{BASE}/x", {"document": ""}, 400, "InvalidParameter"),
        (f"{BASE}/x", {"document": allowed["document"].replace("Allow", "Perhaps")}, 400, "MalformedPolicy"),
        (f"{BASE}/x", policy("Allow", f"ecr:{'x' * 10_240}"), 409, "PolicyTooLarge"),
    ):
        answer = api.ask("PUT", path, body)
        assert (answer.status, answer.code) == (status, code), answer.body
    for number in range(9):
        assert api.ask("PUT", f"{BASE}/p{number}", allowed).status == 200
    answer = api.ask("PUT", f"{BASE}/one-more", allowed)
    assert (answer.status, answer.code) == (409, "QuotaExceeded")


def test_the_last_policy_stays(api: Api) -> None:
    answer = api.ask("DELETE", f"{BASE}/FullAWSAccess")
    assert (answer.status, answer.code) == (409, "LastAccountPolicy")
    assert [each["name"] for each in api.entries(BASE, "policies")] == ["FullAWSAccess"]


def test_an_account_does_not_limit_itself_and_sees_no_limits(other: Api) -> None:
    for method, path, action, body in (
        ("PUT", f"{BASE}/x", "PutAccountPolicy", policy("Allow", "*")),
        ("GET", BASE, "ListAccountPolicies", None),
        ("GET", f"{BASE}/x", "GetAccountPolicy", None),
        ("DELETE", f"{BASE}/x", "DeleteAccountPolicy", None),
    ):
        answer = other.ask(method, path, body)
        assert (answer.status, answer.code) == (403, "AccessDenied")
        assert f"not authorized to perform: moorage:{action} on resource: *" in answer.document["message"]


def test_a_limit_holds_on_every_door_with_the_next_request(server: Server, api: Api, other: Api) -> None:
    ecr, iam = other.ecr(), iam_of(other)
    password, _ = password_of(ecr)
    registry = Http(f"http://{server.host}/", "AWS", password)
    registry.headers["Host"] = f"{OTHER}.dkr.ecr.us-east-1.localhost:{server.port}"
    ecr.create_repository(repositoryName="team/app")
    push(registry, "team/app", small("limited"), "1")
    manifest, root = "/v2/team/app/manifests/1", f"arn:aws:iam::{OTHER}:root"
    assert registry.get(manifest).status_code == 200

    api.ask("PUT", f"{BASE}/keep", policy("Deny", "ecr:DeleteRepository"))
    assert registry.get(manifest).status_code == 200 and other.ask("GET", "/tokens").status == 200
    with pytest.raises(ClientError, match="with an explicit deny in a service control policy"):
        ecr.delete_repository(repositoryName="team/app", force=True)

    api.ask("PUT", f"{BASE}/read", policy("Allow", "ecr:Describe*", "ecr:GetAuthorizationToken"))
    assert registry.get(manifest).status_code == 200
    assert api.ask("DELETE", f"{BASE}/FullAWSAccess").status == 204
    resource = f"arn:aws:ecr:us-east-1:{OTHER}:repository/team/app"
    said = "because no service control policy allows the {0} action"
    refused = registry.get(manifest)
    assert (refused.status_code, codes(refused)) == (403, ["DENIED"])
    assert refused.json()["errors"][0]["message"] == (
        f"User: {root} is not authorized to perform: ecr:BatchGetImage on resource: {resource} {said.format('ecr:BatchGetImage')}"
    )
    assert ecr.describe_repositories()["repositories"]
    with pytest.raises(ClientError, match="no service control policy allows the ecr:ListImages action"):
        ecr.list_images(repositoryName="team/app")
    with pytest.raises(ClientError, match="no service control policy allows the iam:CreateUser action"):
        iam.create_user(UserName="new")
    assert other.ask("GET", "/tokens").status == 403

    api.ask("PUT", f"{BASE}/all", policy("Allow", "*"))
    assert registry.get(manifest).status_code == 200
    api.ask("PUT", f"{BASE}/no-pull", policy("Deny", "ecr:BatchGetImage"))
    assert "with an explicit deny in a service control policy" in registry.get(manifest).json()["errors"][0]["message"]
    for name in ("read", "keep", "no-pull"):
        api.ask("DELETE", f"{BASE}/{name}")
    assert registry.get(manifest).status_code == 200 and other.ask("GET", "/tokens").status == 200
    for client in (ecr, iam):
        client.close()


def iam_of(api: Api) -> Any:
    """IAM's API with an account's root key; to be closed."""
    return boto3.client(
        "iam",
        endpoint_url=f"http://{api.host}",
        region_name="us-east-1",
        aws_access_key_id=api.key.id,
        aws_secret_access_key=api.key.secret,
    )
