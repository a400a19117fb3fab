"""Groups and their members through boto3."""

from typing import Any

from tests.contract.aws.door import ACCOUNT
from tests.contract.aws.iam import failed, fresh


def _group(iam: Any, **members: Any) -> str:
    name = fresh("group")
    iam.create_group(GroupName=name, **members)
    return name


def test_a_group_is_shown_as_it_was_made(iam: Any) -> None:
    name = fresh("group")
    made = iam.create_group(GroupName=name, Path="/teams/")["Group"]
    assert made["Arn"] == f"arn:aws:iam::{ACCOUNT}:group/teams/{name}"
    assert (made["GroupName"], made["Path"], made["GroupId"][:4]) == (name, "/teams/", "AGPA")
    found = iam.get_group(GroupName=name)
    assert (found["Group"], found["Users"], found["IsTruncated"]) == (made, [], False)


def test_members_are_listed_from_both_sides_page_by_page(iam: Any) -> None:
    suffix = fresh("")
    group = _group(iam)
    for name in ("b", "a", "c"):
        iam.create_user(UserName=f"{name}{suffix}")
        iam.add_user_to_group(GroupName=group, UserName=f"{name}{suffix}")
    iam.add_user_to_group(GroupName=group, UserName=f"a{suffix}")  # once more is no fault
    pages = list(iam.get_paginator("get_group").paginate(GroupName=group, PaginationConfig={"PageSize": 2}))
    assert [[user["UserName"][0] for user in page["Users"]] for page in pages] == [["a", "b"], ["c"]]
    groups = [group, _group(iam)]
    iam.add_user_to_group(GroupName=groups[1], UserName=f"a{suffix}")
    ask = iam.get_paginator("list_groups_for_user").paginate(UserName=f"a{suffix}", PaginationConfig={"PageSize": 1})
    assert [page["Groups"][0]["GroupName"] for page in ask] == sorted(groups)


def test_a_member_that_left_is_no_longer_one_and_may_leave_again(iam: Any, user: str) -> None:
    group = _group(iam)
    iam.add_user_to_group(GroupName=group, UserName=user)
    for _ in range(2):
        iam.remove_user_from_group(GroupName=group, UserName=user)
    assert iam.list_groups_for_user(UserName=user)["Groups"] == iam.get_group(GroupName=group)["Users"] == []


def test_a_renamed_group_keeps_its_members(iam: Any, user: str) -> None:
    group = _group(iam)
    iam.add_user_to_group(GroupName=group, UserName=user)
    iam.update_group(GroupName=group, NewGroupName=f"{group}-2", NewPath="/moved/")
    found = iam.get_group(GroupName=f"{group}-2")
    assert (found["Group"]["Path"], [each["UserName"] for each in found["Users"]]) == ("/moved/", [user])
    with failed("NoSuchEntity", f"The group with name {group} cannot be found.", 404):
        iam.get_group(GroupName=group)


def test_groups_are_listed_by_path(iam: Any) -> None:
    path = f"/{fresh('')}/"
    names = sorted(_group(iam, Path=path) for _ in range(3))
    pages = list(iam.get_paginator("list_groups").paginate(PathPrefix=path, PaginationConfig={"PageSize": 2}))
    assert [[group["GroupName"] for group in page["Groups"]] for page in pages] == [names[:2], names[2:]]


def test_an_empty_group_can_be_deleted(iam: Any, user: str) -> None:
    group = _group(iam)
    iam.add_user_to_group(GroupName=group, UserName=user)
    with failed("DeleteConflict", "Cannot delete entity, must remove users from group first.", 409):
        iam.delete_group(GroupName=group)
    iam.remove_user_from_group(GroupName=group, UserName=user)
    iam.delete_group(GroupName=group)
    with failed("NoSuchEntity", f"The group with name {group} cannot be found.", 404):
        iam.get_group(GroupName=group)


def test_groups_of_another_account_take_no_users_and_show_none(iam: Any, other_iam: Any, user: str) -> None:
    group = _group(iam)
    for ask in (other_iam.add_user_to_group, other_iam.remove_user_from_group):
        with failed("NoSuchEntity", f"The group with name {group} cannot be found.", 404):
            ask(GroupName=group, UserName=user)
    other_iam.create_group(GroupName=group)
    with failed("NoSuchEntity", f"The user with name {user} cannot be found.", 404):
        other_iam.add_user_to_group(GroupName=group, UserName=user)
    assert iam.get_group(GroupName=group)["Users"] == []
