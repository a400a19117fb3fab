"""Policies through boto3: every operation, and every error that can arise, once."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.contract.aws.door import ACCOUNT, ROOT
from tests.contract.aws.iam import failed, fresh

READ = {
    "Version": "2012-10-17",
    "Statement": [{"Sid": "Read", "Effect": "Allow", "Action": ["ecr:Get*", "ecr:List*"], "Resource": "*"}],
}
TEXT = json.dumps(READ, indent=1)
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
DENIED_TO_ROOT = (
    f"User: {ROOT} is not authorized to perform: iam:DeletePolicy on resource: {ADMINISTRATOR} "
    "because no resource-based policy allows the iam:DeletePolicy action"
)
OF_SERVICE = "arn:aws:iam::aws:policy/aws-service-role/ECRReplicationServiceRolePolicy"
ABSENT = f"arn:aws:iam::{ACCOUNT}:policy/absent"
TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "sts:AssumeRole"}]}
BAD_NAME = (
    "The specified value for policyName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-"
)

Holder = tuple[str, dict[str, str]]
"""The word in the operations' names, and the member that names it."""


@pytest.fixture
def arn(iam: Any) -> str:
    """A fresh managed policy of the default account."""
    return str(iam.create_policy(PolicyName=fresh("policy"), PolicyDocument=TEXT)["Policy"]["Arn"])


@pytest.fixture(params=["user", "group", "role"])
def holder(iam: Any, request: pytest.FixtureRequest) -> Holder:
    """A fresh user, group and role."""
    name = fresh(request.param)
    more = {"AssumeRolePolicyDocument": json.dumps(TRUST)} if request.param == "role" else {}
    named = {f"{request.param.capitalize()}Name": name}
    getattr(iam, f"create_{request.param}")(**named, **more)
    return request.param, named


def test_a_managed_policy_lives_through_its_versions(iam: Any) -> None:
    name, tags = fresh("policy"), [{"Key": "team", "Value": "core"}]
    made = iam.create_policy(PolicyName=name, Path="/team/", PolicyDocument=TEXT, Description="Reads.", Tags=tags)["Policy"]
    arn = made["Arn"]
    assert (arn, made["PolicyId"][:4], made["Tags"]) == (f"arn:aws:iam::{ACCOUNT}:policy/team/{name}", "ANPA", tags)
    iam.get_waiter("policy_exists").wait(PolicyArn=arn)
    found = iam.get_policy(PolicyArn=arn)["Policy"]
    assert (found["Description"], found["DefaultVersionId"], found["AttachmentCount"]) == ("Reads.", "v1", 0)
    assert found["CreateDate"] == found["UpdateDate"] == made["CreateDate"]
    assert iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"] == READ
    second = iam.create_policy_version(PolicyArn=arn, PolicyDocument=TEXT, SetAsDefault=True)["PolicyVersion"]
    assert (second["VersionId"], second["IsDefaultVersion"], "Document" in second) == ("v2", True, False)
    listed = iam.list_policy_versions(PolicyArn=arn)["Versions"]
    assert [(each["VersionId"], each["IsDefaultVersion"]) for each in listed] == [("v2", True), ("v1", False)]
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v1")
    iam.delete_policy_version(PolicyArn=arn, VersionId="v2")
    iam.delete_policy(PolicyArn=arn)
    with failed("NoSuchEntity", f"Policy {arn} was not found.", 404):
        iam.get_policy(PolicyArn=arn)


def test_tags_of_a_policy(iam: Any, arn: str) -> None:
    iam.tag_policy(PolicyArn=arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    iam.untag_policy(PolicyArn=arn, TagKeys=["a"])
    assert (
        iam.list_policy_tags(PolicyArn=arn)["Tags"]
        == [{"Key": "b", "Value": "2"}]
        == iam.get_policy(PolicyArn=arn)["Policy"]["Tags"]
    )


def test_policies_are_listed_in_pages_the_accounts_own_first(iam: Any) -> None:
    prefix = f"/{fresh('path')}/"
    own = [iam.create_policy(PolicyName=fresh(f"p{n}"), Path=prefix, PolicyDocument=TEXT)["Policy"]["Arn"] for n in range(3)]
    pages = list(iam.get_paginator("list_policies").paginate(PathPrefix=prefix, PaginationConfig={"PageSize": 2}))
    assert [each["Arn"] for page in pages for each in page["Policies"]] == own and len(pages) == 2
    of_aws = iam.get_paginator("list_policies").paginate(Scope="AWS", PaginationConfig={"PageSize": 5}).build_full_result()
    arns = [each["Arn"] for each in of_aws["Policies"]]
    assert ADMINISTRATOR in arns and all(each.startswith("arn:aws:iam::aws:policy/") for each in arns)
    assert len(arns) == len({*arns})


def test_policies_are_attached_listed_and_detached(iam: Any, holder: Holder, arn: str) -> None:
    word, named = holder
    for each in (arn, ADMINISTRATOR):
        getattr(iam, f"attach_{word}_policy")(**named, PolicyArn=each)
    listed = iam.get_paginator(f"list_attached_{word}_policies").paginate(**named, PaginationConfig={"PageSize": 1})
    found = {each["PolicyArn"]: each["PolicyName"] for page in listed for each in page["AttachedPolicies"]}
    assert found == {arn: arn.rpartition("/")[2], ADMINISTRATOR: "AdministratorAccess"}
    assert iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == 1
    entities = iam.list_entities_for_policy(PolicyArn=arn)
    (entity,) = entities[f"Policy{word.capitalize()}s"]
    assert named.items() <= entity.items()
    with failed("DeleteConflict", "Cannot delete a policy attached to entities.", 409):
        iam.delete_policy(PolicyArn=arn)
    getattr(iam, f"detach_{word}_policy")(**named, PolicyArn=arn)
    with failed("NoSuchEntity", f"Policy {arn} was not found.", 404):
        getattr(iam, f"detach_{word}_policy")(**named, PolicyArn=arn)
    iam.delete_policy(PolicyArn=arn)


def test_inline_policies_are_put_shown_and_deleted(iam: Any, holder: Holder) -> None:
    word, named = holder
    getattr(iam, f"put_{word}_policy")(**named, PolicyName="own", PolicyDocument=TEXT)
    found = getattr(iam, f"get_{word}_policy")(**named, PolicyName="own")
    assert (found["PolicyDocument"], found["PolicyName"]) == (READ, "own") and named.items() <= found.items()
    assert getattr(iam, f"list_{word}_policies")(**named)["PolicyNames"] == ["own"]
    getattr(iam, f"delete_{word}_policy")(**named, PolicyName="own")
    for verb in ("get", "delete"):
        with failed("NoSuchEntity", f"The {word} policy with name own cannot be found.", 404):
            getattr(iam, f"{verb}_{word}_policy")(**named, PolicyName="own")


@pytest.mark.parametrize("holder", ["user", "role"], indirect=True)
def test_a_boundary_is_shown_with_who_has_it(iam: Any, holder: Holder, arn: str) -> None:
    word, named = holder
    getattr(iam, f"put_{word}_permissions_boundary")(**named, PermissionsBoundary=arn)
    shown = getattr(iam, f"get_{word}")(**named)[word.capitalize()]["PermissionsBoundary"]
    assert shown["PermissionsBoundaryArn"] == arn
    assert iam.get_policy(PolicyArn=arn)["Policy"]["PermissionsBoundaryUsageCount"] == 1
    getattr(iam, f"delete_{word}_permissions_boundary")(**named)
    (name,) = named.values()
    with failed("NoSuchEntity", f"{word.capitalize()} {name} does not have a permissions boundary.", 404):
        getattr(iam, f"delete_{word}_permissions_boundary")(**named)
    assert "PermissionsBoundary" not in getattr(iam, f"get_{word}")(**named)[word.capitalize()]


def test_a_users_boundary_may_come_with_its_creation(iam: Any, arn: str) -> None:
    made = iam.create_user(UserName=fresh(), PermissionsBoundary=arn)["User"]
    assert made["PermissionsBoundary"]["PermissionsBoundaryArn"] == arn
    with failed("NoSuchEntity", f"Policy {ABSENT} does not exist or is not attachable.", 404):
        iam.create_user(UserName=fresh(), PermissionsBoundary=ABSENT)


def _creates(iam: Any, arn: str, text: str, times: int = 1) -> None:
    for _ in range(times):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=text)


@pytest.mark.parametrize(
    ("ask", "code", "message", "status"),
    [
        (
            lambda iam, arn: iam.create_policy(PolicyName=arn.rpartition("/")[2].upper(), PolicyDocument=TEXT),
            "EntityAlreadyExists",
            "A policy called {NAME} already exists. Duplicate names are not allowed.",
            409,
        ),
        (lambda iam, arn: _creates(iam, arn, "{"), "MalformedPolicyDocument", "Syntax errors in policy.", 400),
        (
            lambda iam, arn: _creates(iam, arn, TEXT.replace("2012-10-17", "2008-10-17")),
            "MalformedPolicyDocument",
            "Policy document must be version 2012-10-17 or greater.",
            400,
        ),
        (
            lambda iam, arn: _creates(iam, arn, TEXT.replace('"Read"', f'"Read{"x" * 6144}"')),
            "LimitExceeded",
            "Cannot exceed quota for PolicySize: 6144",
            409,
        ),
        (
            lambda iam, arn: _creates(iam, arn, TEXT, 5),
            "LimitExceeded",
            "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.",
            409,
        ),
        (
            lambda iam, arn: iam.delete_policy_version(PolicyArn=arn, VersionId="v1"),
            "DeleteConflict",
            "Cannot delete the default version of a policy.",
            409,
        ),
        (
            lambda iam, arn: iam.get_policy_version(PolicyArn=arn, VersionId="v7"),
            "NoSuchEntity",
            "Policy {arn} version v7 does not exist or is not attachable.",
            404,
        ),
        (
            lambda iam, arn: iam.get_policy(PolicyArn=f"{arn}/"),
            "InvalidInput",
            "ARN {arn}/ is not valid.",
            400,
        ),
        (
            lambda iam, arn: iam.tag_policy(PolicyArn=arn, Tags=[{"Key": "a", "Value": ""}, {"Key": "A", "Value": ""}]),
            "InvalidInput",
            "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
            400,
        ),
        (
            lambda iam, arn: iam.tag_policy(PolicyArn=arn, Tags=[{"Key": "aws:a", "Value": ""}]),
            "InvalidInput",
            "Tag keys that begin with 'aws:' are reserved for AWS.",
            400,
        ),
        (
            lambda iam, _arn: iam.delete_policy(PolicyArn=ADMINISTRATOR),
            "AccessDenied",
            DENIED_TO_ROOT,
            403,
        ),
        (
            lambda iam, _arn: iam.create_policy(PolicyName="a b", PolicyDocument=TEXT),
            "ValidationError",
            BAD_NAME,
            400,
        ),
    ],
)
def test_what_a_policy_cannot_be(iam: Any, arn: str, ask: Callable[..., None], code: str, message: str, status: int) -> None:
    name = arn.rpartition("/")[2].upper()
    with failed(code, message.replace("{NAME}", name).replace("{arn}", arn), status):
        ask(iam, arn)


def test_a_policy_with_several_versions_stays(iam: Any, arn: str) -> None:
    _creates(iam, arn, TEXT)
    message = (
        "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. "
        "The default version is deleted with the policy."
    )
    with failed("DeleteConflict", message, 409):
        iam.delete_policy(PolicyArn=arn)


def test_what_cannot_be_held(iam: Any, holder: Holder) -> None:
    word, named = holder
    attach, put = getattr(iam, f"attach_{word}_policy"), getattr(iam, f"put_{word}_policy")
    with failed("NoSuchEntity", f"Policy {ABSENT} does not exist or is not attachable.", 404):
        attach(**named, PolicyArn=ABSENT)
    with failed("PolicyNotAttachable", "Cannot attach a Service Role Policy to a Customer Role."):
        attach(**named, PolicyArn=OF_SERVICE)
    with failed("NoSuchEntity", f"The {word} with name absent cannot be found.", 404):
        attach(**dict.fromkeys(named, "absent"), PolicyArn=ADMINISTRATOR)
    for _ in range(10):
        made = iam.create_policy(PolicyName=fresh("policy"), PolicyDocument=TEXT)["Policy"]
        attach(**named, PolicyArn=made["Arn"])
    with failed("LimitExceeded", f"Cannot exceed quota for PoliciesPer{word.capitalize()}: 10", 409):
        attach(**named, PolicyArn=ADMINISTRATOR)
    (name,) = named.values()
    limit = {"user": 2048, "group": 5120, "role": 10_240}[word]
    with failed("LimitExceeded", f"Maximum policy size of {limit} bytes exceeded for {word} {name}", 409):
        put(**named, PolicyName="own", PolicyDocument=TEXT.replace("Read", "R" * limit))
    with failed("MalformedPolicyDocument", "Policy document should not specify a principal."):
        put(**named, PolicyName="own", PolicyDocument=TEXT.replace('"Sid": "Read"', '"Principal": "*"'))


def test_policies_of_another_account_are_neither_seen_nor_used(other_iam: Any, user: str, iam: Any, arn: str) -> None:
    assert arn not in {each["Arn"] for each in other_iam.list_policies(Scope="Local")["Policies"]}
    name = fresh()
    other_iam.create_user(UserName=name)
    with failed("NoSuchEntity", f"Policy {arn} does not exist or is not attachable.", 404):
        other_iam.attach_user_policy(UserName=name, PolicyArn=arn)
    iam.attach_user_policy(UserName=user, PolicyArn=ADMINISTRATOR)
    assert other_iam.list_entities_for_policy(PolicyArn=ADMINISTRATOR)["PolicyUsers"] == []


def test_an_account_is_shown_as_a_whole(other_iam: Any) -> None:
    iam, path = other_iam, f"/{fresh('path')}/"
    user, group, role, profile = (fresh(word) for word in ("user", "group", "role", "profile"))
    arn = iam.create_policy(PolicyName=fresh("policy"), Path=path, PolicyDocument=TEXT)["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=TEXT)
    iam.create_user(UserName=user, Path=path, Tags=[{"Key": "k", "Value": "v"}], PermissionsBoundary=arn)
    iam.create_group(GroupName=group, Path=path)
    iam.add_user_to_group(UserName=user, GroupName=group)
    iam.create_role(RoleName=role, Path=path, AssumeRolePolicyDocument=json.dumps(TRUST), PermissionsBoundary=arn)
    iam.create_instance_profile(InstanceProfileName=profile)
    iam.add_role_to_instance_profile(InstanceProfileName=profile, RoleName=role)
    for word, named in (("user", {"UserName": user}), ("group", {"GroupName": group}), ("role", {"RoleName": role})):
        getattr(iam, f"put_{word}_policy")(**named, PolicyName="own", PolicyDocument=TEXT)
        getattr(iam, f"attach_{word}_policy")(**named, PolicyArn=ADMINISTRATOR)
    pages = list(iam.get_paginator("get_account_authorization_details").paginate(PaginationConfig={"PageSize": 2}))
    lists = ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")
    assert all(sum(len(page[each]) for each in lists) <= 2 for page in pages)
    whole = {each: [entry for page in pages for entry in page[each]] for each in lists}
    own = {"PolicyName": "own", "PolicyDocument": READ}
    attached = [{"PolicyName": "AdministratorAccess", "PolicyArn": ADMINISTRATOR}]
    (of_user,) = (each for each in whole["UserDetailList"] if each["UserName"] == user)
    assert (of_user["UserPolicyList"], of_user["AttachedManagedPolicies"], of_user["GroupList"]) == ([own], attached, [group])
    assert of_user["Tags"] == [{"Key": "k", "Value": "v"}] and of_user["Path"] == path
    assert of_user["PermissionsBoundary"]["PermissionsBoundaryArn"] == arn
    (of_group,) = (each for each in whole["GroupDetailList"] if each["GroupName"] == group)
    assert (of_group["GroupPolicyList"], of_group["AttachedManagedPolicies"]) == ([own], attached)
    (of_role,) = (each for each in whole["RoleDetailList"] if each["RoleName"] == role)
    assert (of_role["RolePolicyList"], of_role["AttachedManagedPolicies"]) == ([own], attached)
    assert of_role["AssumeRolePolicyDocument"] == TRUST
    (held,) = of_role["InstanceProfileList"]
    assert held["InstanceProfileName"] == profile and held["Roles"][0]["Arn"] == of_role["Arn"]
    policies = {each["Arn"]: each for each in whole["Policies"]}
    assert {*policies} >= {arn, ADMINISTRATOR}
    assert all(not each.startswith("arn:aws:iam::aws:") or each == ADMINISTRATOR for each in policies)
    assert [each["VersionId"] for each in policies[arn]["PolicyVersionList"]] == ["v2", "v1"]
    assert policies[arn]["PolicyVersionList"][1]["Document"] == READ
    assert (policies[arn]["PermissionsBoundaryUsageCount"], policies[ADMINISTRATOR]["AttachmentCount"]) == (2, 3)
    only = iam.get_account_authorization_details(Filter=["Group", "AWSManagedPolicy"], MaxItems=1000)
    assert [bool(only[each]) for each in lists] == [False, True, False, True]
    assert {each["Arn"] for each in only["Policies"]} == {ADMINISTRATOR}


@pytest.mark.parametrize(
    "text",
    [
        "[" * 60_000,
        '{"a":' * 20_000,
        "null",
        '"x"',
        TEXT.replace("Read", "R\\u0000"),
        TEXT.replace('"Sid"', '"Effect"'),
        "\N{BULLET}",
    ],
    ids=["nested lists", "nested objects", "null", "text", "NUL", "repeated key", "beyond Latin-1"],
)
def test_what_is_no_policy_is_refused_as_such(iam: Any, user: str, arn: str, text: str) -> None:
    for operation, named in (
        ("put_user_policy", {"UserName": user, "PolicyName": "own"}),
        ("create_policy_version", {"PolicyArn": arn}),
        ("create_policy", {"PolicyName": fresh("policy")}),
    ):
        with pytest.raises(ClientError) as caught:
            getattr(iam, operation)(**named, PolicyDocument=text)
        answer = caught.value.response
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400
        assert answer["Error"]["Code"] in {"MalformedPolicyDocument", "ValidationError"}
    assert iam.list_user_policies(UserName=user)["PolicyNames"] == []
