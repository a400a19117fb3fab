"""What users may do about their own credentials and nobody else's, where a policy says so with `${aws:username}`."""

import json
from typing import Any

import pytest

from tests.contract.aws.door import ACCOUNT, Door
from tests.contract.aws.iam import failed, fresh

_OWN = f"arn:aws:iam::{ACCOUNT}:user/${{aws:username}}"
_PASSWORD, _OTHER = "Corr3ct-horse", "An0ther-horse"


@pytest.fixture
def own(door: Door, iam: Any, user: str) -> Any:
    """IAM's API as a user sees it who may do all that concerns itself."""
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:*", "Resource": _OWN}]}
    iam.put_user_policy(UserName=user, PolicyName="own", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName=user)["AccessKey"]
    return door.client(key_id=key["AccessKeyId"], secret=key["SecretAccessKey"], service="iam")


def _denied(user: str, action: str, resource: str) -> Any:
    text = (
        f"User: arn:aws:iam::{ACCOUNT}:user/{user} is not authorized to perform: iam:{action} on resource: {resource} "
        f"because no identity-based policy allows the iam:{action} action"
    )
    return failed("AccessDenied", text, 403)


def test_a_user_that_names_nobody_means_itself(own: Any, user: str) -> None:
    assert own.get_user()["User"]["UserName"] == user
    made = own.create_access_key()["AccessKey"]
    assert made["UserName"] == user
    assert [key["UserName"] for key in own.list_access_keys()["AccessKeyMetadata"]] == [user, user]
    own.update_access_key(AccessKeyId=made["AccessKeyId"], Status="Inactive")
    own.delete_access_key(AccessKeyId=made["AccessKeyId"])
    own.create_login_profile(Password=_PASSWORD)
    assert own.get_login_profile()["LoginProfile"]["UserName"] == user
    own.delete_login_profile()
    assert own.list_mfa_devices()["MFADevices"] == []


def test_a_user_changes_its_password_if_it_knows_the_old_one(own: Any, iam: Any, user: str) -> None:
    iam.create_login_profile(UserName=user, Password=_PASSWORD, PasswordResetRequired=True)
    with failed("AccessDenied", "The old password is not correct.", 403):
        own.change_password(OldPassword=_OTHER, NewPassword=_OTHER)
    own.change_password(OldPassword=_PASSWORD, NewPassword=_OTHER)
    assert iam.get_login_profile(UserName=user)["LoginProfile"]["PasswordResetRequired"] is False
    with failed("AccessDenied", "The old password is not correct.", 403):
        own.change_password(OldPassword=_PASSWORD, NewPassword=_PASSWORD)


def test_nobody_else_is_within_reach(own: Any, iam: Any, user: str) -> None:
    other = fresh()
    iam.create_user(UserName=other)
    key = iam.create_access_key(UserName=other)["AccessKey"]["AccessKeyId"]
    theirs = f"arn:aws:iam::{ACCOUNT}:user/{other}"
    with _denied(user, "CreateAccessKey", theirs):
        own.create_access_key(UserName=other)
    with _denied(user, "CreateLoginProfile", theirs):
        own.create_login_profile(UserName=other, Password=_PASSWORD)
    with _denied(user, "DeleteUser", theirs):
        own.delete_user(UserName=other)
    with _denied(user, "ListUsers", "*"):
        own.list_users()
    with _denied(user, "GetAccessKeyLastUsed", theirs):
        own.get_access_key_last_used(AccessKeyId=key)
    mine = iam.list_access_keys(UserName=user)["AccessKeyMetadata"][0]["AccessKeyId"]
    assert own.get_access_key_last_used(AccessKeyId=mine)["UserName"] == user
    with _denied(user, "GetAccessKeyLastUsed", "*"):
        own.get_access_key_last_used(AccessKeyId="AKIANOBODY0000000000")


def test_a_user_that_loses_its_rights_or_its_key_loses_them_at_the_next_request(own: Any, iam: Any, user: str) -> None:
    own.get_user()
    group = fresh("group")
    iam.create_group(GroupName=group)
    iam.attach_group_policy(GroupName=group, PolicyArn="arn:aws:iam::aws:policy/IAMReadOnlyAccess")
    iam.add_user_to_group(GroupName=group, UserName=user)
    own.list_users(MaxItems=1)
    iam.remove_user_from_group(GroupName=group, UserName=user)
    with _denied(user, "ListUsers", "*"):
        own.list_users()
    iam.delete_user_policy(UserName=user, PolicyName="own")
    with _denied(user, "GetUser", f"arn:aws:iam::{ACCOUNT}:user/{user}"):
        own.get_user()


def test_tags_of_a_request_can_be_asked_for(own: Any, iam: Any, user: str) -> None:
    allowed = {
        "Effect": "Allow",
        "Action": ["iam:CreateUser", "iam:TagUser", "iam:UntagUser"],
        "Resource": "*",
        "Condition": {
            "StringEquals": {"aws:RequestTag/team": "a"},
            "ForAllValues:StringEquals": {"aws:TagKeys": ["team"]},
        },
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_user_policy(UserName=user, PolicyName="tags", PolicyDocument=policy)
    name, theirs = fresh(), {"team": "b"}
    arn = f"arn:aws:iam::{ACCOUNT}:user/{name}"
    for tags in ({}, theirs, {"team": "a", "x": "y"}):
        with _denied(user, "CreateUser", arn):
            own.create_user(UserName=name, Tags=[{"Key": key, "Value": value} for key, value in tags.items()])
    own.create_user(UserName=name, Tags=[{"Key": "team", "Value": "a"}])


def test_a_boundary_can_be_asked_for(own: Any, iam: Any, user: str) -> None:
    boundary = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"
    allowed = {
        "Effect": "Allow",
        "Action": "iam:CreateUser",
        "Resource": "*",
        "Condition": {"StringEquals": {"iam:PermissionsBoundary": boundary}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_user_policy(UserName=user, PolicyName="bound", PolicyDocument=policy)
    name = fresh()
    with _denied(user, "CreateUser", f"arn:aws:iam::{ACCOUNT}:user/people/{name}"):
        own.create_user(UserName=name, Path="/people/")
    own.create_user(UserName=name, Path="/people/", PermissionsBoundary=boundary)
