"""Roles, instance profiles and service-linked roles through boto3."""

import json
import re
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.contract.aws.door import ACCOUNT


def _fresh(what: str) -> str:
    return f"{what}-{uuid.uuid4().hex[:12]}"


def trusting(principal: Any, **more: Any) -> str:
    """A trust policy for this principal."""
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


TRUST = trusting({"AWS": f"arn:aws:iam::{ACCOUNT}:root"})


@pytest.fixture
def role(iam: Any) -> str:
    """The name of a fresh role that its account trusts."""
    name = _fresh("role")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    return name


def _refusal(call: Any, **members: Any) -> tuple[int, str, str]:
    with pytest.raises(ClientError) as caught:
        call(**members)
    answer = caught.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"], answer["Error"]["Message"]


def test_a_role_is_shown_as_it_was_made(iam: Any) -> None:
    name, tags = _fresh("Role"), [{"Key": "team", "Value": "core"}]
    made = iam.create_role(
        RoleName=name,
        Path="/ci/",
        AssumeRolePolicyDocument=TRUST,
        Description="pushes",
        MaxSessionDuration=7200,
        PermissionsBoundary="arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly",
        Tags=tags,
    )["Role"]
    assert made["Arn"] == f"arn:aws:iam::{ACCOUNT}:role/ci/{name}" and re.fullmatch("AROA[A-Z2-7]{17}", made["RoleId"])
    assert made["AssumeRolePolicyDocument"] == json.loads(TRUST)
    assert (made["Description"], made["MaxSessionDuration"], made["Tags"]) == ("pushes", 7200, tags)
    assert made["PermissionsBoundary"]["PermissionsBoundaryArn"].endswith("ReadOnly")
    shown = iam.get_role(RoleName=name.lower())["Role"]
    assert shown.pop("RoleLastUsed") == {} and shown == made
    listed = iam.list_roles(PathPrefix="/ci/")["Roles"]
    [mine] = [each for each in listed if each["RoleName"] == name]
    assert mine == {key: value for key, value in made.items() if key not in {"Tags", "PermissionsBoundary"}}


def test_roles_are_listed_page_by_page(iam: Any) -> None:
    path = f"/{_fresh('p')}/"
    names = sorted(_fresh("r") for _ in range(5))
    for name in names:
        iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=TRUST)
    pages = iam.get_paginator("list_roles").paginate(PathPrefix=path, PaginationConfig={"PageSize": 2})
    assert [[role["RoleName"] for role in page["Roles"]] for page in pages] == [names[:2], names[2:4], names[4:]]


def test_a_role_is_changed(iam: Any, role: str) -> None:
    assert set(iam.update_role(RoleName=role, Description="new", MaxSessionDuration=43200)) == {"ResponseMetadata"}
    trust = trusting({"Service": "ec2.amazonaws.com"})
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=trust)
    shown = iam.get_role(RoleName=role)["Role"]
    assert (shown["Description"], shown["MaxSessionDuration"]) == ("new", 43200)
    assert shown["AssumeRolePolicyDocument"] == json.loads(trust)
    described = iam.update_role_description(RoleName=role, Description="newer")["Role"]
    assert described["Description"] == "newer" and described["Arn"] == shown["Arn"]
    iam.update_role(RoleName=role)
    shown = iam.get_role(RoleName=role)["Role"]
    assert (shown["Description"], shown["MaxSessionDuration"]) == ("newer", 3600)


def test_a_roles_tags(iam: Any, role: str) -> None:
    iam.tag_role(RoleName=role, Tags=[{"Key": "b", "Value": "1"}, {"Key": "A", "Value": ""}])
    iam.tag_role(RoleName=role, Tags=[{"Key": "B", "Value": "2"}])
    assert iam.list_role_tags(RoleName=role)["Tags"] == [{"Key": "A", "Value": ""}, {"Key": "B", "Value": "2"}]
    first = iam.list_role_tags(RoleName=role, MaxItems=1)
    assert first["IsTruncated"] and first["Tags"][0]["Key"] == "A"
    assert iam.list_role_tags(RoleName=role, Marker=first["Marker"])["Tags"] == [{"Key": "B", "Value": "2"}]
    iam.untag_role(RoleName=role, TagKeys=["a", "nothing"])
    assert [tag["Key"] for tag in iam.list_role_tags(RoleName=role)["Tags"]] == ["B"]
    many = [{"Key": f"k{number}", "Value": ""} for number in range(50)]
    assert _refusal(iam.tag_role, RoleName=role, Tags=many)[:2] == (409, "LimitExceeded")
    twice = [{"Key": "x", "Value": "1"}, {"Key": "X", "Value": "2"}]
    assert _refusal(iam.tag_role, RoleName=role, Tags=twice)[:2] == (400, "InvalidInput")


def test_a_role_that_something_hangs_on_is_not_removed(iam: Any, role: str) -> None:
    profile = _fresh("profile")
    iam.create_instance_profile(InstanceProfileName=profile)
    iam.add_role_to_instance_profile(InstanceProfileName=profile, RoleName=role)
    text = "Cannot delete entity, must remove roles from instance profile first."
    assert _refusal(iam.delete_role, RoleName=role) == (409, "DeleteConflict", text)
    assert _refusal(iam.delete_instance_profile, InstanceProfileName=profile) == (409, "DeleteConflict", text)
    iam.remove_role_from_instance_profile(InstanceProfileName=profile, RoleName=role)
    iam.delete_instance_profile(InstanceProfileName=profile)
    iam.delete_role(RoleName=role)
    missing = (404, "NoSuchEntity", f"The role with name {role} cannot be found.")
    assert _refusal(iam.get_role, RoleName=role) == missing and _refusal(iam.delete_role, RoleName=role) == missing


def test_names_are_one_whatever_their_case(iam: Any, role: str) -> None:
    refused = _refusal(iam.create_role, RoleName=role.upper(), AssumeRolePolicyDocument=TRUST)
    assert refused == (409, "EntityAlreadyExists", f"Role with name {role.upper()} already exists.")


@pytest.mark.parametrize(
    ("trust", "code", "message"),
    [
        (trusting({"AWS": f"arn:aws:iam::{ACCOUNT}:user/no"}), "MalformedPolicyDocument", 'user/no"'),
        (trusting({"AWS": f"arn:aws:iam::{ACCOUNT}:role/no"}), "MalformedPolicyDocument", 'role/no"'),
        (trusting({"AWS": "AIDAAAAAAAAAAAAAAAAAA"}), "MalformedPolicyDocument", "Invalid principal in policy"),
        (trusting({"AWS": "bob"}), "MalformedPolicyDocument", 'Invalid principal in policy: "AWS":"bob"'),
        (trusting({"AWS": ACCOUNT}, Resource="*"), "MalformedPolicyDocument", "Has prohibited field Resource"),
        ("{}", "MalformedPolicyDocument", ""),
        ("not json", "MalformedPolicyDocument", ""),
        ("[" * 50_000, "MalformedPolicyDocument", ""),
        (trusting({"AWS": ACCOUNT}, Sid="a" * 2100), "LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048"),
    ],
)
def test_a_trust_policy_that_is_none_is_refused(iam: Any, role: str, trust: str, code: str, message: str) -> None:
    for call, members in (
        (iam.create_role, {"RoleName": _fresh("r"), "AssumeRolePolicyDocument": trust}),
        (iam.update_assume_role_policy, {"RoleName": role, "PolicyDocument": trust}),
    ):
        status, told, text = _refusal(call, **members)
        assert told == code and message in text and status in {400, 409}


def test_a_deleted_principal_is_shown_by_its_id(iam: Any, role: str) -> None:
    user = _fresh("user")
    made = iam.create_user(UserName=user)["User"]
    trust = trusting({"AWS": [made["Arn"], "111122223333"]})
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=trust)
    assert iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"] == json.loads(trust)
    iam.delete_user(UserName=user)
    iam.create_user(UserName=user)
    shown = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    assert shown["Statement"][0]["Principal"]["AWS"] == [made["UserId"], "111122223333"]
    assert _refusal(iam.update_assume_role_policy, RoleName=role, PolicyDocument=json.dumps(shown))[1:] == (
        "MalformedPolicyDocument",
        f'Invalid principal in policy: "AWS":"{made["UserId"]}"',
    )


def test_an_instance_profile_is_shown_as_it_was_made(iam: Any, role: str) -> None:
    name, tags = _fresh("profile"), [{"Key": "team", "Value": "core"}]
    made = iam.create_instance_profile(InstanceProfileName=name, Path="/ec2/", Tags=tags)["InstanceProfile"]
    assert made["Arn"] == f"arn:aws:iam::{ACCOUNT}:instance-profile/ec2/{name}" and made["Roles"] == []
    assert made["Tags"] == tags and made["InstanceProfileId"].startswith("AIPA")
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=role)
    shown = iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]
    assert [each["RoleName"] for each in shown["Roles"]] == [role]
    for listed in (
        iam.list_instance_profiles(PathPrefix="/ec2/")["InstanceProfiles"],
        iam.list_instance_profiles_for_role(RoleName=role)["InstanceProfiles"],
    ):
        assert {key: value for key, value in shown.items() if key != "Tags"} in listed
    other = _fresh("role")
    iam.create_role(RoleName=other, AssumeRolePolicyDocument=TRUST)
    refused = _refusal(iam.add_role_to_instance_profile, InstanceProfileName=name, RoleName=other)
    assert refused == (409, "LimitExceeded", "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")
    assert _refusal(iam.remove_role_from_instance_profile, InstanceProfileName=name, RoleName=other)[:2] == (
        404,
        "NoSuchEntity",
    )
    iam.untag_instance_profile(InstanceProfileName=name, TagKeys=["team"])
    iam.tag_instance_profile(InstanceProfileName=name, Tags=[{"Key": "env", "Value": "x"}])
    assert iam.list_instance_profile_tags(InstanceProfileName=name)["Tags"] == [{"Key": "env", "Value": "x"}]
    missing = _refusal(iam.get_instance_profile, InstanceProfileName="nothing")
    assert missing == (404, "NoSuchEntity", "Instance Profile nothing cannot be found.")


def test_a_service_linked_role_belongs_to_its_service(iam: Any) -> None:
    service = "replication.ecr.amazonaws.com"
    made = iam.create_service_linked_role(AWSServiceName=service)["Role"]
    name = made["RoleName"]
    assert made["Arn"] == f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/{service}/AWSServiceRoleForECRReplication"
    assert made["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Service": service}
    [attached] = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    assert attached["PolicyName"] == "ECRReplicationServiceRolePolicy"
    assert _refusal(iam.create_service_linked_role, AWSServiceName=service)[:2] == (400, "InvalidInput")
    protected = (
        400,
        "UnmodifiableEntity",
        f"Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS",
    )
    for call, members in (
        (iam.delete_role, {}),
        (iam.update_role, {}),
        (iam.tag_role, {"Tags": [{"Key": "a", "Value": "b"}]}),
        (iam.update_assume_role_policy, {"PolicyDocument": TRUST}),
    ):
        assert _refusal(call, RoleName=name, **members) == protected
    task = iam.delete_service_linked_role(RoleName=name)["DeletionTaskId"]
    assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"
    assert _refusal(iam.get_role, RoleName=name)[1] == "NoSuchEntity"


def test_only_services_that_have_one_get_a_role(iam: Any, role: str) -> None:
    assert _refusal(iam.create_service_linked_role, AWSServiceName="x.amazonaws.com")[:2] == (400, "InvalidInput")
    assert _refusal(iam.delete_service_linked_role, RoleName=role)[1] == "NoSuchEntity"
    assert _refusal(iam.get_service_linked_role_deletion_status, DeletionTaskId="task/x")[1] == "InvalidInput"
    path = "/aws-service-role/ecr.amazonaws.com/"
    refused = _refusal(iam.create_role, RoleName=_fresh("r"), Path=path, AssumeRolePolicyDocument=TRUST)
    assert refused[1] == "InvalidInput"
