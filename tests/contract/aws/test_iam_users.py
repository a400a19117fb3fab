"""Users, their tags and their boundaries through boto3."""

import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.contract.aws.door import ACCOUNT, ROOT
from tests.contract.aws.iam import failed, fresh

_READ_ONLY = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"


def test_a_user_is_shown_as_it_was_made(iam: Any) -> None:
    name = fresh()
    tags = [{"Key": "Cost Center", "Value": ""}, {"Key": "team", "Value": "core"}]
    made = iam.create_user(UserName=name, Path="/people/", Tags=tags, PermissionsBoundary=_READ_ONLY)["User"]
    assert made["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/people/{name}"
    assert (made["UserName"], made["Path"], made["Tags"], made["UserId"][:4]) == (name, "/people/", tags, "AIDA")
    assert made["PermissionsBoundary"]["PermissionsBoundaryArn"] == _READ_ONLY
    assert iam.get_user(UserName=name)["User"] == made
    assert iam.get_user(UserName=name.upper())["User"] == made


def test_the_root_user_has_a_name_that_no_user_can_have(iam: Any) -> None:
    root = iam.get_user()["User"]
    assert (root["UserId"], root["Arn"], root["UserName"]) == (ACCOUNT, ROOT, "<root_account>")


def test_the_waiter_sees_a_new_user_and_no_other(iam: Any, user: str) -> None:
    iam.get_waiter("user_exists").wait(UserName=user)
    with failed("NoSuchEntity", "The user with name nobody cannot be found.", 404):
        iam.get_user(UserName="nobody")


def test_a_renamed_user_keeps_its_id_and_what_it_has(iam: Any, user: str) -> None:
    before = iam.get_user(UserName=user)["User"]
    key = iam.create_access_key(UserName=user)["AccessKey"]["AccessKeyId"]
    iam.update_user(UserName=user, NewUserName=f"{user}-2", NewPath="/moved/")
    after = iam.get_user(UserName=f"{user}-2")["User"]
    assert (after["UserId"], after["Arn"]) == (before["UserId"], f"arn:aws:iam::{ACCOUNT}:user/moved/{user}-2")
    (kept,) = iam.list_access_keys(UserName=f"{user}-2")["AccessKeyMetadata"]
    assert (kept["AccessKeyId"], kept["UserName"]) == (key, f"{user}-2")
    iam.update_user(UserName=f"{user}-2", NewUserName=f"{user}-2".upper())  # another spelling of its own name is free
    assert iam.get_user(UserName=f"{user}-2")["User"]["UserName"] == f"{user}-2".upper()


def test_users_are_listed_by_path_in_the_order_of_their_names_page_by_page(iam: Any) -> None:
    path = f"/{uuid.uuid4().hex}/"
    for name in ("b", "C", "a"):
        iam.create_user(UserName=f"{name}-{path[1:9]}", Path=f"{path}deep/")
    pages = list(iam.get_paginator("list_users").paginate(PathPrefix=path, PaginationConfig={"PageSize": 2}))
    assert [[user["UserName"][0] for user in page["Users"]] for page in pages] == [["a", "b"], ["C"]]
    assert [page["IsTruncated"] for page in pages] == [True, False]
    assert not iam.list_users(PathPrefix=f"{path}deeper/")["Users"]
    assert not {"Tags", "PermissionsBoundary"} & iam.list_users(PathPrefix=path)["Users"][0].keys()


def test_a_marker_of_another_listing_is_refused(iam: Any) -> None:
    for name in (fresh(), fresh()):
        iam.create_user(UserName=name)
    marker = iam.list_users(MaxItems=1)["Marker"]
    for ask in (iam.list_groups, iam.list_virtual_mfa_devices):
        with failed("ValidationError", "The specified value for marker is invalid."):
            ask(Marker=marker)
    for forged in (marker[:-2], "x"):
        with failed("ValidationError", "The specified value for marker is invalid."):
            iam.list_users(Marker=forged)


def test_tags_come_go_and_change_whatever_the_case_of_their_keys(iam: Any, user: str) -> None:
    iam.tag_user(UserName=user, Tags=[{"Key": "Team", "Value": "a"}, {"Key": "stage", "Value": "dev"}])
    iam.tag_user(UserName=user, Tags=[{"Key": "team", "Value": "b"}])
    assert iam.list_user_tags(UserName=user)["Tags"] == [{"Key": "stage", "Value": "dev"}, {"Key": "team", "Value": "b"}]
    first = iam.list_user_tags(UserName=user, MaxItems=1)
    assert (first["IsTruncated"], [tag["Key"] for tag in first["Tags"]]) == (True, ["stage"])
    second = iam.list_user_tags(UserName=user, MaxItems=1, Marker=first["Marker"])
    assert (second["IsTruncated"], [tag["Key"] for tag in second["Tags"]]) == (False, ["team"])
    iam.untag_user(UserName=user, TagKeys=["TEAM", "absent"])
    assert iam.list_user_tags(UserName=user)["Tags"] == [{"Key": "stage", "Value": "dev"}]


def test_a_user_with_nothing_left_can_be_deleted_and_another_may_take_its_name(iam: Any, user: str) -> None:
    before = iam.get_user(UserName=user)["User"]["UserId"]
    iam.tag_user(UserName=user, Tags=[{"Key": "a", "Value": "b"}])
    iam.delete_user(UserName=user)
    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam.get_user(UserName=user)
    made = iam.create_user(UserName=user)["User"]
    assert made["UserId"] != before and "Tags" not in made


def test_the_users_of_another_account_are_neither_seen_nor_touched(iam: Any, other_iam: Any, user: str) -> None:
    theirs = other_iam
    assert user not in {each["UserName"] for each in theirs.list_users()["Users"]}
    for ask in (theirs.get_user, theirs.delete_user, theirs.list_access_keys, theirs.create_access_key):
        with failed("NoSuchEntity", f"The user with name {user} cannot be found.", 404):
            ask(UserName=user)
    key = iam.create_access_key(UserName=user)["AccessKey"]["AccessKeyId"]
    with failed("NoSuchEntity", f"The Access Key with id {key} cannot be found.", 404):
        theirs.get_access_key_last_used(AccessKeyId=key)
    for ask in (theirs.delete_access_key, lambda **of: theirs.update_access_key(Status="Inactive", **of)):
        with failed("NoSuchEntity", f"The Access Key with id {key} cannot be found.", 404):
            ask(AccessKeyId=key)
    theirs.create_user(UserName=user)  # each account has names of its own
    assert iam.list_access_keys(UserName=user)["AccessKeyMetadata"][0]["Status"] == "Active"
