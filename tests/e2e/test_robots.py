"""Robots through `/api/v1/robots` and `moorage iam robot`: what their passwords open, and what ends them."""

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.e2e.api import Api, Key
from tests.e2e.http import push, put_manifest
from tests.e2e.images import index, small
from tests.e2e.registry import Registry
from tests.e2e.server import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from tests.e2e.test_api_commands import run

pytestmark = pytest.mark.ours

ACCOUNT = "123456789012"


@pytest.fixture
def api(registry: Registry) -> Api:
    return Api(registry.host)


def made(api: Api, name: str, *actions: str, repositories: str = "team/*", **members: Any) -> dict[str, Any]:
    answer = api.ask("POST", "/robots", {"name": name, "repositories": [repositories], "actions": [*actions], **members})
    assert answer.status == 201, answer.body
    return answer.document


def test_a_robot_may_do_what_its_scope_says_and_nothing_else(registry: Registry, api: Api, repository: str) -> None:
    content = small("robots")
    push(registry.http, repository, content, "1")
    robot = made(api, "puller", "pull", repositories=repository)
    assert (robot["arn"], robot["username"]) == (f"arn:aws:iam::{ACCOUNT}:user/robot/puller", "AWS")
    session = api.sign_in(robot["password"])
    assert session.get("/v2/").status_code == 200
    for _ in range(2):  # the second answer comes from what is known of the first
        assert session.get(f"/v2/{repository}/manifests/1").content == content.manifest.data
    assert session.get(f"/v2/{repository}/tags/list").json()["tags"] == ["1"]
    denied = session.post(f"/v2/{repository}/blobs/uploads/")
    assert denied.status_code == 403
    assert denied.json()["errors"][0]["message"].startswith(
        f"User: arn:aws:iam::{ACCOUNT}:user/robot/puller is not authorized to perform: ecr:InitiateLayerUpload on resource: "
    )
    other = registry.new("other")
    push(registry.http, other, content, "1")
    assert session.get(f"/v2/{other}/manifests/1").status_code == 403
    pusher = api.sign_in(made(api, "pusher", "push", repositories="other*")["password"])
    push(pusher, other, small("pushed"), "2")
    assert pusher.delete(f"/v2/{other}/manifests/2").status_code == 403


def test_a_robots_rights_are_its_policies_at_every_request(registry: Registry, api: Api, repository: str) -> None:
    content = small("policies")
    push(registry.http, repository, content, "1")
    session = api.sign_in(made(api, "changed", "pull", repositories=repository)["password"])
    assert session.get(f"/v2/{repository}/manifests/1").status_code == 200
    iam = api.client("iam")
    iam.delete_user_policy(UserName="changed", PolicyName="robot")
    assert session.get(f"/v2/{repository}/manifests/1").status_code == 403
    iam.attach_user_policy(UserName="changed", PolicyArn="arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryFullAccess")
    assert session.get(f"/v2/{repository}/manifests/1").status_code == 200
    assert session.post(f"/v2/{repository}/blobs/uploads/").status_code == 403, "the password is still one to pull with"
    (shown,) = (each for each in api.entries("/robots", "robots") if each["name"] == "changed")
    assert (shown["repositories"], shown["actions"]) == (None, None)
    iam.close()


def test_what_everybody_may_do_a_robot_may_within_its_scope(registry: Registry, api: Api, repository: str) -> None:
    content, other = small("shared"), registry.new("shared")
    for name in (repository, other):
        push(registry.http, name, content, "1")
        statement = {"Effect": "Allow", "Principal": "*", "Action": "ecr:*"}
        text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        registry.ecr.set_repository_policy(repositoryName=name, policyText=text)
    robot = made(api, "scoped", "push", repositories=repository, tags=["dev-*"])
    session = api.sign_in(robot["password"])
    push(session, repository, small("mine"), "dev-1")
    refused = session.delete(f"/v2/{repository}/manifests/1")
    assert refused.status_code == 403
    assert refused.json()["errors"][0]["message"].endswith("because no session policy allows the ecr:BatchDeleteImage action")
    assert session.get(f"/v2/{other}/manifests/1").status_code == 403
    assert put_manifest(session, repository, content, "prod-1").status_code == 403
    (token,) = (each for each in api.entries("/tokens", "tokens") if each["name"] == "scoped")
    assert (token["repositories"], token["actions"], token["tags"]) == ([repository], ["push"], ["dev-*"])


def test_a_robot_pushes_images_of_several_platforms_with_its_tags_only(registry: Registry, api: Api, repository: str) -> None:
    robot = made(api, "tagger", "all", repositories=repository, tags=["dev-*"])
    assert robot["tags"] == ["dev-*"]
    session = api.sign_in(robot["password"])
    both = index(small("amd64"), small("arm64", architecture="arm64"))
    push(session, repository, both, "dev-1", "dev-2")
    refused = put_manifest(session, repository, both, "prod-1")
    assert refused.status_code == 403
    assert refused.json()["errors"][0]["message"].endswith(
        f"is not authorized to perform: ecr:PutImage on resource: arn:aws:ecr:us-east-1:{ACCOUNT}:repository/{repository}"
        " because no identity-based policy allows the ecr:PutImage action"
    )
    assert put_manifest(session, repository, both, f"{both.digest}?tag=dev-3&tag=prod-1").status_code == 403
    assert session.get(f"/v2/{repository}/tags/list").json()["tags"] == ["dev-1", "dev-2"]
    assert put_manifest(registry.http, repository, both, "prod-1").status_code == 201
    assert session.get(f"/v2/{repository}/manifests/prod-1").status_code == 200, "tags limit no pull"
    assert session.delete(f"/v2/{repository}/manifests/prod-1").status_code == 403
    assert session.delete(f"/v2/{repository}/manifests/{both.digest}").status_code == 403, "which would take prod-1 away"
    assert session.delete(f"/v2/{repository}/manifests/dev-2").status_code == 202


def test_tags_are_for_robots_that_push_or_delete(api: Api) -> None:
    body = {"name": "vain", "repositories": ["*"], "actions": ["pull"], "tags": ["dev-*"]}
    answer = api.ask("POST", "/robots", body)
    assert (answer.status, answer.code) == (400, "InvalidParameter")
    assert "Invalid parameter at 'tags'" in answer.document["message"]


def test_more_than_at_first_takes_another_password(registry: Registry, api: Api, repository: str) -> None:
    robot = made(api, "widened", "pull", repositories=repository)
    session, iam = api.sign_in(robot["password"]), api.client("iam")
    text = iam.get_user_policy(UserName="widened", PolicyName="robot")["PolicyDocument"]
    text["Statement"][0]["Action"].append("ecr:InitiateLayerUpload")
    iam.put_user_policy(UserName="widened", PolicyName="robot", PolicyDocument=json.dumps(text))
    assert session.post(f"/v2/{repository}/blobs/uploads/").status_code == 403
    answer = api.ask("POST", "/robots/rotate", {"name": "widened"})
    assert "ecr:InitiateLayerUpload" in answer.document["actions"]
    assert api.sign_in(answer.document["password"]).post(f"/v2/{repository}/blobs/uploads/").status_code == 202
    iam.close()


def test_a_rotated_password_ends_the_one_before(api: Api) -> None:
    first = made(api, "rotated", "pull", lifetime_seconds=900)
    answer = api.ask("POST", "/robots/rotate", {"name": "rotated", "lifetime_seconds": 1800})
    assert answer.status == 200, answer.body
    second = answer.document
    assert (second["repositories"], second["actions"]) == (["team/*"], ["pull"])
    assert second["expires_at"] > first["expires_at"]
    assert api.sign_in(first["password"]).get("/v2/").status_code == 401
    assert api.sign_in(second["password"]).get("/v2/").status_code == 200


def test_a_deleted_robot_is_gone_at_once_with_all_that_it_had(api: Api) -> None:
    session = api.sign_in(made(api, "deleted", "all")["password"])
    assert session.get("/v2/").status_code == 200
    iam = api.client("iam")
    iam.attach_user_policy(UserName="deleted", PolicyArn="arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly")
    assert api.ask("DELETE", "/robots?name=deleted").status == 204
    assert session.get("/v2/").status_code == 401
    assert "deleted" not in {user["UserName"] for user in iam.list_users()["Users"]}
    assert api.ask("DELETE", "/robots?name=deleted").code == "NoSuchEntity"
    iam.close()


def test_a_user_that_is_no_robot_is_not_treated_as_one(api: Api) -> None:
    iam = api.client("iam")
    iam.create_user(UserName="person")
    answer = api.ask("POST", "/robots", {"name": "Person", "repositories": ["*"], "actions": ["pull"]})
    assert (answer.status, answer.code) == (409, "EntityAlreadyExists")
    for answer in (api.ask("DELETE", "/robots?name=person"), api.ask("POST", "/robots/rotate", {"name": "person"})):
        assert (answer.status, answer.code) == (404, "NoSuchEntity")
        assert answer.document["message"] == "The robot with name person cannot be found."
    assert iam.get_user(UserName="person")
    iam.close()


def test_whoever_could_not_make_such_a_user_makes_no_robot(api: Api) -> None:
    iam = api.client("iam")
    iam.create_user(UserName="maker")
    key = iam.create_access_key(UserName="maker")["AccessKey"]
    maker = replace(api, key=Key(key["AccessKeyId"], key["SecretAccessKey"]))
    arn = f"arn:aws:iam::{ACCOUNT}:user/robot/escalated"
    needed = ["moorage:CreateRobot", "iam:CreateUser", "iam:PutUserPolicy"]
    for lacking in needed:
        granted = [action for action in needed if action != lacking]
        statement = {"Effect": "Allow", "Action": granted, "Resource": arn}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_user_policy(UserName="maker", PolicyName="p", PolicyDocument=document)
        answer = maker.ask("POST", "/robots", {"name": "escalated", "repositories": ["*"], "actions": ["all"]})
        assert (answer.status, answer.code) == (403, "AccessDenied")
        assert f"is not authorized to perform: {lacking} on resource: {arn} " in answer.document["message"]
    statement = {"Effect": "Allow", "Action": needed, "Resource": arn}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="maker", PolicyName="p", PolicyDocument=document)
    assert maker.ask("POST", "/robots", {"name": "escalated", "repositories": ["*"], "actions": ["all"]}).status == 201
    assert maker.ask("POST", "/robots/rotate", {"name": "escalated"}).code == "AccessDenied"
    assert maker.ask("DELETE", "/robots?name=escalated").code == "AccessDenied"
    iam.close()


def test_robots_on_the_command_line(registry: Registry, api: Api) -> None:
    env = {
        "AWS_ENDPOINT_URL": f"http://{registry.host}",
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "AWS_REGION": "us-east-1",
    }
    said = run(
        *"iam robot create on-line --repositories team/* --actions push --tags dev-* --expires 30d".split(), env=env
    ).stdout
    facts = {name: value.strip() for name, _, value in (line.partition(":") for line in said.splitlines())}
    assert (facts["username"], facts["repositories"], facts["actions"], facts["tags"]) == ("AWS", "team/*", "push", "dev-*")
    assert f"docker login --username AWS --password-stdin {registry.host}" in said
    session = api.sign_in(facts["password"])
    assert session.get("/v2/").status_code == 200
    listed = run("iam", "robot", "list", env=env).stdout
    (line,) = (line for line in listed.splitlines() if line.startswith("on-line"))
    assert line.split()[1:4] == ["team/*", "push", "dev-*"] and facts["password"] not in listed
    again = json.loads(run("iam", "robot", "rotate", "on-line", "--json", env=env).stdout)
    assert session.get("/v2/").status_code == 401
    assert api.sign_in(again["password"]).get("/v2/").status_code == 200
    assert run("iam", "robot", "delete", "on-line", env=env).stdout == ""
    refused = run("iam", "robot", "delete", "on-line", env=env, code=1).stderr
    assert refused == "moorage: The robot with name on-line cannot be found. (NoSuchEntity)\n"
    refused = run(*"iam robot create x --repositories a --actions pull --expires soon".split(), env=env, code=1).stderr
    assert refused == "moorage: --expires must be a time such as 15m, 12h or 30d, not 'soon'.\n"
