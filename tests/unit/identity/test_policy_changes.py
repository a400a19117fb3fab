"""Whatever changes who may do what says so, and tells conditions what it is about."""

from collections.abc import Callable
from typing import Any

import pytest

from moorage.identity.policies import service_control
from tests.unit.ground import ACCOUNT, Ground
from tests.unit.identity.iam_api import ADMINISTRATOR, READ_ONLY, IamApi, allow

ARN = f"arn:aws:iam::{ACCOUNT}:policy/reader"
USER, GROUP, ROLE = {"UserName": "alice"}, {"GroupName": "team"}, {"RoleName": "builder"}
INLINE = {"PolicyName": "own", "PolicyDocument": allow("ecr:*")}

CHANGES: dict[str, dict[str, Any]] = {
    "CreatePolicy": {"PolicyName": "new", "PolicyDocument": allow("ecr:*")},
    "CreatePolicyVersion": {"PolicyArn": ARN, "PolicyDocument": allow("ecr:Put*"), "SetAsDefault": True},
    "SetDefaultPolicyVersion": {"PolicyArn": ARN, "VersionId": "v2"},
    "DeletePolicyVersion": {"PolicyArn": ARN, "VersionId": "v2"},
    "DeletePolicy": {"PolicyArn": f"arn:aws:iam::{ACCOUNT}:policy/idle"},
    "TagPolicy": {"PolicyArn": ARN, "Tags": [{"Key": "k", "Value": "v"}]},
    "UntagPolicy": {"PolicyArn": ARN, "TagKeys": ["team"]},
    "AttachUserPolicy": {**USER, "PolicyArn": ADMINISTRATOR},
    "AttachGroupPolicy": {**GROUP, "PolicyArn": ADMINISTRATOR},
    "AttachRolePolicy": {**ROLE, "PolicyArn": ADMINISTRATOR},
    "DetachUserPolicy": {**USER, "PolicyArn": READ_ONLY},
    "DetachGroupPolicy": {**GROUP, "PolicyArn": READ_ONLY},
    "DetachRolePolicy": {**ROLE, "PolicyArn": READ_ONLY},
    "PutUserPolicy": {**USER, **INLINE},
    "PutGroupPolicy": {**GROUP, **INLINE},
    "PutRolePolicy": {**ROLE, **INLINE},
    "DeleteUserPolicy": {**USER, "PolicyName": "own"},
    "DeleteGroupPolicy": {**GROUP, "PolicyName": "own"},
    "DeleteRolePolicy": {**ROLE, "PolicyName": "own"},
    "PutUserPermissionsBoundary": {**USER, "PermissionsBoundary": READ_ONLY},
    "PutRolePermissionsBoundary": {**ROLE, "PermissionsBoundary": READ_ONLY},
    "DeleteUserPermissionsBoundary": USER,
    "DeleteRolePermissionsBoundary": ROLE,
}


@pytest.fixture
def api(ground: Ground) -> IamApi:
    """An account in which every one of these changes something."""
    api = IamApi(ground)
    api.user(), api.group(), api.role()
    api.policy("reader", Tags=[{"Key": "team", "Value": "core"}]), api.policy("idle")
    api.do("CreatePolicyVersion", PolicyArn=ARN, PolicyDocument=allow("ecr:List*"))
    for word, named in (("User", USER), ("Group", GROUP), ("Role", ROLE)):
        api.do(f"Put{word}Policy", **named, **INLINE)
        api.do(f"Attach{word}Policy", **named, PolicyArn=READ_ONLY)
        if word != "Group":
            api.do(f"Put{word}PermissionsBoundary", **named, PermissionsBoundary=ARN)
    return api


@pytest.mark.parametrize("operation", CHANGES)
def test_a_change_raises_the_accounts_permission_version(api: IamApi, operation: str) -> None:
    before = api.version()
    api.do(operation, **CHANGES[operation])
    assert api.version() > before


def test_every_operation_that_changes_something_is_among_these(api: IamApi) -> None:
    changing = {name for name in api.dispatcher.names() if api.dispatcher.find(name).mode == "write"}
    assert changing == CHANGES.keys()


@pytest.mark.parametrize(
    "change",
    [
        lambda tx: service_control.put(tx, ACCOUNT, "limit", allow("ecr:*")),
        lambda tx: service_control.delete(tx, ACCOUNT, "limit"),
    ],
)
def test_a_service_control_policy_counts_at_once(api: IamApi, change: Callable[..., object]) -> None:
    for name in ("one", "limit"):
        api.ground.write(lambda tx, name=name: service_control.put(tx, ACCOUNT, name, allow("*")))  # type: ignore[misc]
    before = api.version()
    api.ground.write(change)
    assert api.version() > before


@pytest.mark.parametrize("word", ["User", "Role"])
def test_conditions_see_the_boundary_of_who_is_acted_upon(api: IamApi, word: str) -> None:
    named = USER if word == "User" else ROLE
    held = {"iam:permissionsboundary": (ARN,)}
    about = {"iam:policyarn": (ADMINISTRATOR,)}
    assert api.filled(f"Attach{word}Policy", **named, PolicyArn=ADMINISTRATOR) == {**held, **about}
    assert api.filled(f"Detach{word}Policy", **named, PolicyArn=ADMINISTRATOR) == {**held, **about}
    assert api.filled(f"Put{word}Policy", **named, **INLINE) == held
    assert api.filled(f"Delete{word}Policy", **named, PolicyName="own") == held
    assert api.filled(f"Delete{word}PermissionsBoundary", **named) == held
    api.do(f"Delete{word}PermissionsBoundary", **named)
    assert api.filled(f"Put{word}Policy", **named, **INLINE) == {}
    assert api.filled(f"Put{word}Policy", **{f"{word}Name": "absent"}, **INLINE) == {}


@pytest.mark.parametrize("word", ["User", "Role"])
def test_conditions_see_the_boundary_that_is_asked_for(api: IamApi, word: str) -> None:
    named = USER if word == "User" else ROLE
    keys = api.filled(f"Put{word}PermissionsBoundary", **named, PermissionsBoundary=READ_ONLY)
    assert keys == {"iam:permissionsboundary": (READ_ONLY,)}


def test_conditions_see_the_policy_and_the_tags_of_a_request(api: IamApi) -> None:
    assert api.filled("AttachGroupPolicy", **GROUP, PolicyArn=READ_ONLY) == {"iam:policyarn": (READ_ONLY,)}
    tags = [{"Key": "Team", "Value": "Core"}, {"Key": "env", "Value": "dev"}]
    asked = {"aws:requesttag/team": ("Core",), "aws:requesttag/env": ("dev",), "aws:tagkeys": ("Team", "env")}
    assert api.filled("TagPolicy", PolicyArn=ARN, Tags=tags) == asked
    assert api.filled("CreatePolicy", PolicyName="n", PolicyDocument=allow("ecr:*"), Tags=tags) == asked
    assert api.filled("UntagPolicy", PolicyArn=ARN, TagKeys=["a", "b"]) == {"aws:tagkeys": ("a", "b")}
