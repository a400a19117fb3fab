"""Managed policies: what they are, which versions they have, who holds them."""

from typing import Any
from urllib.parse import unquote

import pytest

from moorage.core.errors import AccessDeniedError, MoorageError
from moorage.iam.errors import MalformedPolicyError, PolicyTooLargeError
from moorage.iam.managed import MANAGED
from moorage.identity.iam_errors import (
    DeleteConflictError,
    EntityAlreadyExistsError,
    InvalidInputError,
    NoSuchEntityError,
    QuotaExceededError,
)
from moorage.identity.policies.policy_errors import PolicyLimitError, PolicyNotAttachableError
from tests.unit.ground import ACCOUNT, ROOT, Ground
from tests.unit.identity.iam_api import ADMINISTRATOR, READ_ONLY, IamApi, allow

READER = f"arn:aws:iam::{ACCOUNT}:policy/team/reader"
OF_SERVICE = "arn:aws:iam::aws:policy/aws-service-role/ECRReplicationServiceRolePolicy"
ABSENT = f"arn:aws:iam::{ACCOUNT}:policy/absent"


@pytest.fixture
def api(ground: Ground) -> IamApi:
    """IAM's API on an installation of one account."""
    return IamApi(ground)


def refused(error: type[MoorageError], text: str, api: IamApi, operation: str, **params: Any) -> None:
    """The operation must raise this error with this text, and change nothing that counts."""
    before = api.version()
    with pytest.raises(error) as caught:
        api.do(operation, **params)
    assert caught.value.message == text
    assert api.version() == before


def test_a_policy_is_shown_as_it_was_made(api: IamApi) -> None:
    tags = [{"Key": "team", "Value": "core"}]
    made = api.do(
        "CreatePolicy", PolicyName="reader", Path="/team/", PolicyDocument=allow("ecr:Get*"), Description="Reads", Tags=tags
    )["Policy"]
    assert made["PolicyId"].startswith("ANPA")
    assert made["Tags"] == tags
    found = api.do("GetPolicy", PolicyArn=READER)["Policy"]
    assert found == {**made, "Description": "Reads"}
    assert (found["DefaultVersionId"], found["AttachmentCount"], found["IsAttachable"]) == ("v1", 0, True)
    assert found["CreateDate"] == found["UpdateDate"] == api.ground.clock.now()


def test_a_document_is_answered_percent_encoded_and_otherwise_as_it_was_given(api: IamApi) -> None:
    statement = '{"Effect":"Allow","Action":"ecr:*","Resource":"arn:aws:ecr:*:*:repository/a~b+é"}'
    text = f'{{ "Version": "2012-10-17",\n\t"Statement": {statement}}}'
    api.do("CreatePolicy", PolicyName="reader", Path="/team/", PolicyDocument=text)
    shown = api.do("GetPolicyVersion", PolicyArn=READER, VersionId="v1")["PolicyVersion"]["Document"]
    assert unquote(shown) == text
    assert shown.startswith("%7B%20%22Version%22%3A%20%222012-10-17%22%2C%0A%09")
    assert "a~b%2B%C3%A9" in shown


def test_a_new_version_counts_only_if_it_is_asked_to(api: IamApi) -> None:
    arn = api.policy()
    api.do("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=allow("ecr:Put*"))
    assert api.do("GetPolicy", PolicyArn=arn)["Policy"]["DefaultVersionId"] == "v1"
    made = api.do("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=allow("ecr:List*"), SetAsDefault=True)["PolicyVersion"]
    assert (made["VersionId"], made["IsDefaultVersion"], "Document" in made) == ("v3", True, False)
    listed = api.do("ListPolicyVersions", PolicyArn=arn)["Versions"]
    assert [(each["VersionId"], each["IsDefaultVersion"]) for each in listed] == [("v3", True), ("v2", False), ("v1", False)]
    api.do("SetDefaultPolicyVersion", PolicyArn=arn, VersionId="v2")
    assert api.do("GetPolicy", PolicyArn=arn)["Policy"]["DefaultVersionId"] == "v2"


def test_a_policy_tells_when_its_newest_version_was_made(api: IamApi) -> None:
    arn, made = api.policy(), api.ground.clock.now()
    api.ground.clock.advance(60_000)
    api.do("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=allow("ecr:Put*"))
    api.ground.clock.advance(60_000)
    api.do("SetDefaultPolicyVersion", PolicyArn=arn, VersionId="v2")
    found = api.do("GetPolicy", PolicyArn=arn)["Policy"]
    assert (found["CreateDate"], found["UpdateDate"]) == (made, made + 60_000)


def test_a_version_number_is_never_used_again(api: IamApi) -> None:
    arn = api.policy()
    api.do("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=allow("ecr:Put*"))
    api.do("DeletePolicyVersion", PolicyArn=arn, VersionId="v2")
    made = api.do("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=allow("ecr:Put*"))["PolicyVersion"]
    assert made["VersionId"] == "v3"


def test_a_sixth_version_is_refused(api: IamApi) -> None:
    arn = api.policy()
    for _ in range(4):
        api.do("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=allow("ecr:Put*"))
    text = "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version."
    refused(PolicyLimitError, text, api, "CreatePolicyVersion", PolicyArn=arn, PolicyDocument=allow("ecr:Put*"))


def test_the_version_that_counts_stays(api: IamApi) -> None:
    text = "Cannot delete the default version of a policy."
    refused(DeleteConflictError, text, api, "DeletePolicyVersion", PolicyArn=api.policy(), VersionId="v1")


def test_a_name_is_taken_in_whatever_case_and_path(api: IamApi) -> None:
    api.policy("reader", Path="/team/")
    text = "A policy called READER already exists. Duplicate names are not allowed."
    refused(EntityAlreadyExistsError, text, api, "CreatePolicy", PolicyName="READER", PolicyDocument=allow("ecr:*"))


def test_a_policy_with_more_characters_than_6144_is_refused_without_counting_white_space(api: IamApi) -> None:
    size = len("".join(allow("ecr:*").split()))
    fits = allow("ecr:*", pad=6144 - size).replace(" ", " \n  ")
    api.do("CreatePolicy", PolicyName="large", PolicyDocument=fits)
    text = "Cannot exceed quota for PolicySize: 6144"
    refused(
        PolicyTooLargeError,
        text,
        api,
        "CreatePolicy",
        PolicyName="larger",
        PolicyDocument=allow("ecr:*", pad=6145 - size),
    )


def test_a_text_that_is_no_policy_is_refused(api: IamApi) -> None:
    arn = api.policy()
    refused(MalformedPolicyError, "Syntax errors in policy.", api, "CreatePolicy", PolicyName="bad", PolicyDocument="{")
    refused(MalformedPolicyError, "Syntax errors in policy.", api, "CreatePolicyVersion", PolicyArn=arn, PolicyDocument="[]")


def test_a_policy_goes_only_when_nothing_holds_it_and_one_version_is_left(api: IamApi) -> None:
    arn, user = api.policy(), api.user()
    api.do("AttachUserPolicy", UserName=user.name, PolicyArn=arn)
    attached = "Cannot delete a policy attached to entities."
    refused(DeleteConflictError, attached, api, "DeletePolicy", PolicyArn=arn)
    api.do("DetachUserPolicy", UserName=user.name, PolicyArn=arn)
    api.do("PutUserPermissionsBoundary", UserName=user.name, PermissionsBoundary=arn)
    refused(DeleteConflictError, attached, api, "DeletePolicy", PolicyArn=arn)
    api.do("DeleteUserPermissionsBoundary", UserName=user.name)
    api.do("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=allow("ecr:*"))
    with pytest.raises(DeleteConflictError, match="more than one version"):
        api.do("DeletePolicy", PolicyArn=arn)
    api.do("DeletePolicyVersion", PolicyArn=arn, VersionId="v2")
    api.do("DeletePolicy", PolicyArn=arn)
    refused(NoSuchEntityError, f"Policy {arn} was not found.", api, "GetPolicy", PolicyArn=arn)


@pytest.mark.parametrize(
    ("operation", "more"),
    [
        ("GetPolicy", {}),
        ("DeletePolicy", {}),
        ("CreatePolicyVersion", {"PolicyDocument": allow("ecr:*")}),
        ("GetPolicyVersion", {"VersionId": "v1"}),
        ("ListPolicyVersions", {}),
        ("DeletePolicyVersion", {"VersionId": "v1"}),
        ("SetDefaultPolicyVersion", {"VersionId": "v1"}),
        ("ListEntitiesForPolicy", {}),
        ("TagPolicy", {"Tags": [{"Key": "k", "Value": "v"}]}),
        ("UntagPolicy", {"TagKeys": ["k"]}),
        ("ListPolicyTags", {}),
    ],
)
def test_a_policy_that_is_not_there_and_an_arn_that_is_none(api: IamApi, operation: str, more: dict[str, Any]) -> None:
    refused(NoSuchEntityError, f"Policy {ABSENT} was not found.", api, operation, PolicyArn=ABSENT, **more)
    bad = f"arn:aws:iam::{ACCOUNT}:user/reader"
    refused(InvalidInputError, f"ARN {bad} is not valid.", api, operation, PolicyArn=bad, **more)


@pytest.mark.parametrize("operation", ["GetPolicyVersion", "DeletePolicyVersion", "SetDefaultPolicyVersion"])
def test_a_version_that_is_not_there(api: IamApi, operation: str) -> None:
    arn = api.policy()
    text = f"Policy {arn} version v9 does not exist or is not attachable."
    refused(NoSuchEntityError, text, api, operation, PolicyArn=arn, VersionId="v9")


@pytest.mark.parametrize(
    "spelled",
    [
        "arn:aws:iam::{0}:policy/READER",
        "arn:aws:iam::{0}:policy/other/reader",
        "arn:aws:iam::999999999999:policy/reader",
        "arn:aws:iam::aws:policy/reader",
    ],
)
def test_an_arn_that_is_not_a_policys_own_finds_nothing(api: IamApi, spelled: str) -> None:
    api.policy("reader")
    with pytest.raises(NoSuchEntityError):
        api.do("GetPolicy", PolicyArn=spelled.format(ACCOUNT))


@pytest.mark.parametrize(
    ("operation", "more"),
    [
        ("DeletePolicy", {}),
        ("CreatePolicyVersion", {"PolicyDocument": allow("ecr:*")}),
        ("DeletePolicyVersion", {"VersionId": "v1"}),
        ("SetDefaultPolicyVersion", {"VersionId": "v1"}),
        ("TagPolicy", {"Tags": [{"Key": "k", "Value": "v"}]}),
        ("UntagPolicy", {"TagKeys": ["k"]}),
    ],
)
def test_nobody_changes_a_policy_of_aws(api: IamApi, operation: str, more: dict[str, Any]) -> None:
    text = f"User: {ROOT.arn} is not authorized to perform: iam:{operation} on resource: {ADMINISTRATOR}"
    refused(AccessDeniedError, text, api, operation, PolicyArn=ADMINISTRATOR, **more)


def test_a_policy_of_aws_is_shown_with_its_one_version(api: IamApi) -> None:
    found = api.do("GetPolicy", PolicyArn=READ_ONLY)["Policy"]
    assert (found["Arn"], found["DefaultVersionId"], found["Tags"]) == (READ_ONLY, MANAGED[READ_ONLY].version, [])
    shown = api.do("GetPolicyVersion", PolicyArn=READ_ONLY, VersionId=found["DefaultVersionId"])["PolicyVersion"]
    assert unquote(shown["Document"]) == MANAGED[READ_ONLY].text
    assert [each["VersionId"] for each in api.do("ListPolicyVersions", PolicyArn=READ_ONLY)["Versions"]] == ["v3"]


def names(api: IamApi, **params: Any) -> list[str]:
    """What ListPolicies shows, through all of its pages."""
    answer = api.do("ListPolicies", **params)
    found = [each["PolicyName"] for each in answer["Policies"]]
    return found + (names(api, **{**params, "Marker": answer["Marker"]}) if answer["IsTruncated"] else [])


def test_a_listing_has_the_accounts_policies_and_then_those_of_aws(api: IamApi) -> None:
    api.policy("writer"), api.policy("Reader", Path="/team/")
    of_aws = sorted((each.name for each in MANAGED.values()), key=str.lower)
    assert names(api) == ["Reader", "writer", *of_aws]
    assert names(api, MaxItems=1) == names(api) == names(api, MaxItems=3)
    assert names(api, Scope="Local") == ["Reader", "writer"]
    assert names(api, Scope="AWS", MaxItems=2) == of_aws
    assert names(api, PathPrefix="/team/") == ["Reader"]
    assert "ECRReplicationServiceRolePolicy" in names(api, PathPrefix="/aws-service-role/")


def test_a_listing_may_be_of_what_is_used(api: IamApi) -> None:
    api.policy("idle")
    held, limit = api.policy("held"), api.policy("limit")
    user, role = api.user(), api.role()
    for arn in (held, READ_ONLY):
        api.do("AttachUserPolicy", UserName=user.name, PolicyArn=arn)
    api.do("PutRolePermissionsBoundary", RoleName=role.name, PermissionsBoundary=limit)
    assert names(api, OnlyAttached=True) == ["held", "AmazonEC2ContainerRegistryReadOnly"]
    assert names(api, PolicyUsageFilter="PermissionsPolicy", Scope="AWS") == ["AmazonEC2ContainerRegistryReadOnly"]
    assert names(api, PolicyUsageFilter="PermissionsBoundary") == ["limit"]
    counted = {each["PolicyName"]: each for each in api.do("ListPolicies", Scope="Local")["Policies"]}
    assert [counted[name]["AttachmentCount"] for name in ("held", "idle", "limit")] == [1, 0, 0]
    assert counted["limit"]["PermissionsBoundaryUsageCount"] == 1


def test_who_holds_a_policy_is_listed_by_kind(api: IamApi) -> None:
    arn, user, role, group = api.policy(), api.user(), api.role(path="/ci/"), api.group()
    api.do("AttachUserPolicy", UserName=user.name, PolicyArn=arn)
    api.do("AttachRolePolicy", RoleName=role.name, PolicyArn=arn)
    api.do("AttachGroupPolicy", GroupName=group.name, PolicyArn=arn)
    api.do("PutUserPermissionsBoundary", UserName=user.name, PermissionsBoundary=arn)
    found = api.do("ListEntitiesForPolicy", PolicyArn=arn)
    assert found["PolicyUsers"] == [{"UserName": "alice", "UserId": user.id}]
    assert found["PolicyRoles"] == [{"RoleName": "builder", "RoleId": role.id}]
    assert found["PolicyGroups"] == [{"GroupName": "team", "GroupId": group.id}]
    only = api.do("ListEntitiesForPolicy", PolicyArn=arn, PolicyUsageFilter="PermissionsBoundary")
    assert (len(only["PolicyUsers"]), only["PolicyRoles"], only["PolicyGroups"]) == (1, [], [])
    only = api.do("ListEntitiesForPolicy", PolicyArn=arn, EntityFilter="Role", PathPrefix="/ci/")
    assert (len(only["PolicyRoles"]), only["PolicyUsers"], only["PolicyGroups"]) == (1, [], [])
    first = api.do("ListEntitiesForPolicy", PolicyArn=arn, MaxItems=2)
    rest = api.do("ListEntitiesForPolicy", PolicyArn=arn, MaxItems=2, Marker=first["Marker"])
    assert [sum(len(page[member]) for member in found if member.startswith("Policy")) for page in (first, rest)] == [2, 1]


def test_tags_are_added_listed_and_removed(api: IamApi) -> None:
    arn = api.policy()
    api.do("TagPolicy", PolicyArn=arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    api.do("TagPolicy", PolicyArn=arn, Tags=[{"Key": "B", "Value": "3"}])
    first = api.do("ListPolicyTags", PolicyArn=arn, MaxItems=1)
    rest = api.do("ListPolicyTags", PolicyArn=arn, MaxItems=1, Marker=first["Marker"])
    assert sorted(tag["Key"] + tag["Value"] for tag in first["Tags"] + rest["Tags"]) == ["B3", "a1"]
    api.do("UntagPolicy", PolicyArn=arn, TagKeys=["A", "absent"])
    assert api.do("ListPolicyTags", PolicyArn=arn)["Tags"] == [{"Key": "B", "Value": "3"}]


def test_tags_that_cannot_be(api: IamApi) -> None:
    arn = api.policy()
    twice = [{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}]
    text = "Duplicate tag keys found. Please note that Tag keys are case insensitive."
    refused(InvalidInputError, text, api, "TagPolicy", PolicyArn=arn, Tags=twice)
    refused(InvalidInputError, text, api, "CreatePolicy", PolicyName="n", PolicyDocument=allow("ecr:*"), Tags=twice)
    text = "Tag keys that begin with 'aws:' are reserved for AWS."
    refused(InvalidInputError, text, api, "TagPolicy", PolicyArn=arn, Tags=[{"Key": "AWS:x", "Value": ""}])
    api.do("TagPolicy", PolicyArn=arn, Tags=[{"Key": f"k{number}", "Value": ""} for number in range(50)])
    text = "Cannot exceed quota for TagsPerPolicy: 50"
    refused(QuotaExceededError, text, api, "TagPolicy", PolicyArn=arn, Tags=[{"Key": "one-more", "Value": ""}])
    api.do("TagPolicy", PolicyArn=arn, Tags=[{"Key": "K7", "Value": "again"}])


def test_only_a_service_holds_a_policy_that_aws_made_for_its_roles(api: IamApi) -> None:
    text = "Cannot attach a Service Role Policy to a Customer Role."
    refused(PolicyNotAttachableError, text, api, "AttachRolePolicy", RoleName=api.role().name, PolicyArn=OF_SERVICE)


def test_an_account_has_1500_policies_at_most(api: IamApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moorage.identity.policies.managed_policies.MOST_POLICIES", 1)
    api.policy("first")
    text = "Cannot exceed quota for PoliciesPerAccount: 1"
    refused(QuotaExceededError, text, api, "CreatePolicy", PolicyName="second", PolicyDocument=allow("ecr:*"))
