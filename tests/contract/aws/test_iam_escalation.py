"""Attempts of signed callers to get more than they were given, against a running server."""

import json
from typing import Any

import pytest

from tests.contract.aws.door import ACCOUNT, Door
from tests.contract.aws.iam import failed, fresh

READ_ONLY = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"


def policy(*statements: dict[str, Any]) -> str:
    """A policy of these statements, about everything unless they say otherwise."""
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Resource": "*", **each} for each in statements]})


class Caller:
    """A fresh user with a key."""

    def __init__(self, door: Door, iam: Any, **members: Any) -> None:
        self.name = fresh()
        self.arn = iam.create_user(UserName=self.name, **members)["User"]["Arn"]
        key = iam.create_access_key(UserName=self.name)["AccessKey"]
        named = {"key_id": key["AccessKeyId"], "secret": key["SecretAccessKey"]}
        self.iam, self.ecr = door.client(service="iam", **named), door.client(**named)

    def refusal(self, action: str, resource: str, reason: str) -> str:
        """IAM's sentence about what this user may not do."""
        return f"User: {self.arn} is not authorized to perform: {action} on resource: {resource} {reason}"


@pytest.fixture
def limit(iam: Any) -> str:
    """A policy that is meant as a boundary: ECR, and to attach policies."""
    text = policy({"Effect": "Allow", "Action": ["ecr:*", "iam:AttachUserPolicy", "iam:ListAttachedUserPolicies"]})
    return str(iam.create_policy(PolicyName=fresh("limit"), PolicyDocument=text)["Policy"]["Arn"])


def test_a_user_that_makes_itself_administrator_is_still_held_by_its_boundary(door: Door, iam: Any, limit: str) -> None:
    caller = Caller(door, iam, PermissionsBoundary=limit)
    none = "because no identity-based policy allows the iam:AttachUserPolicy action"
    with failed("AccessDenied", caller.refusal("iam:AttachUserPolicy", caller.arn, none), 403):
        caller.iam.attach_user_policy(UserName=caller.name, PolicyArn=ADMINISTRATOR)
    iam.put_user_policy(
        UserName=caller.name,
        PolicyName="own",
        PolicyDocument=policy({"Effect": "Allow", "Action": "iam:AttachUserPolicy"}),
    )
    caller.iam.attach_user_policy(UserName=caller.name, PolicyArn=ADMINISTRATOR)
    assert caller.iam.list_attached_user_policies(UserName=caller.name)["AttachedPolicies"]
    caller.ecr.create_repository(repositoryName=f"team/{caller.name}")
    held = "because no permissions boundary allows the {0} action"
    for action, ask, members in (
        ("iam:DeleteUserPermissionsBoundary", caller.iam.delete_user_permissions_boundary, {}),
        ("iam:PutUserPermissionsBoundary", caller.iam.put_user_permissions_boundary, {"PermissionsBoundary": ADMINISTRATOR}),
        ("iam:CreateAccessKey", caller.iam.create_access_key, {}),
    ):
        with failed("AccessDenied", caller.refusal(action, caller.arn, held.format(action)), 403):
            ask(UserName=caller.name, **members)
    with failed(
        "AccessDenied",
        caller.refusal("iam:CreatePolicyVersion", limit, held.format("iam:CreatePolicyVersion")),
        403,
    ):
        caller.iam.create_policy_version(
            PolicyArn=limit, PolicyDocument=policy({"Effect": "Allow", "Action": "*"}), SetAsDefault=True
        )


def test_a_delegated_administrator_makes_no_user_without_the_boundary(door: Door, iam: Any, limit: str) -> None:
    caller = Caller(door, iam)
    delegated = policy(
        {
            "Effect": "Allow",
            "Action": ["iam:CreateUser", "iam:AttachUserPolicy", "iam:PutUserPolicy", "iam:PutUserPermissionsBoundary"],
            "Condition": {"StringEquals": {"iam:PermissionsBoundary": limit}},
        }
    )
    iam.put_user_policy(UserName=caller.name, PolicyName="delegated", PolicyDocument=delegated)
    within, without = fresh(), fresh()
    caller.iam.create_user(UserName=within, PermissionsBoundary=limit)
    caller.iam.attach_user_policy(UserName=within, PolicyArn=ADMINISTRATOR)
    iam.create_user(UserName=without)

    def refused(action: str, name: str) -> Any:
        reason = f"because no identity-based policy allows the {action} action"
        return failed("AccessDenied", caller.refusal(action, f"arn:aws:iam::{ACCOUNT}:user/{name}", reason), 403)

    other = fresh()
    with refused("iam:CreateUser", other):
        caller.iam.create_user(UserName=other)
    with refused("iam:CreateUser", other):
        caller.iam.create_user(UserName=other, PermissionsBoundary=ADMINISTRATOR)
    for name in (without, caller.name):
        with refused("iam:AttachUserPolicy", name):
            caller.iam.attach_user_policy(UserName=name, PolicyArn=ADMINISTRATOR)
        with refused("iam:PutUserPolicy", name):
            caller.iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=delegated)
    with refused("iam:PutUserPermissionsBoundary", within):
        caller.iam.put_user_permissions_boundary(UserName=within, PermissionsBoundary=ADMINISTRATOR)
    with refused("iam:DeleteUserPermissionsBoundary", within):
        caller.iam.delete_user_permissions_boundary(UserName=within)


def test_whoever_may_attach_one_policy_attaches_no_other(door: Door, iam: Any) -> None:
    caller = Caller(door, iam)
    condition = {"ArnEquals": {"iam:PolicyARN": READ_ONLY}}
    statement = {"Effect": "Allow", "Action": ["iam:AttachUserPolicy", "iam:DetachUserPolicy"], "Condition": condition}
    iam.put_user_policy(UserName=caller.name, PolicyName="one", PolicyDocument=policy(statement))
    caller.iam.attach_user_policy(UserName=caller.name, PolicyArn=READ_ONLY)
    reason = "because no identity-based policy allows the iam:AttachUserPolicy action"
    with failed("AccessDenied", caller.refusal("iam:AttachUserPolicy", caller.arn, reason), 403):
        caller.iam.attach_user_policy(UserName=caller.name, PolicyArn=ADMINISTRATOR)
    caller.iam.detach_user_policy(UserName=caller.name, PolicyArn=READ_ONLY)


def test_a_change_of_a_policy_counts_with_the_next_request(door: Door, iam: Any) -> None:
    caller, repository = Caller(door, iam), door.new_repository()
    document = policy({"Effect": "Allow", "Action": "ecr:DescribeRepositories"})
    arn = iam.create_policy(PolicyName=fresh("policy"), PolicyDocument=document)["Policy"]["Arn"]
    none = policy({"Effect": "Allow", "Action": "ecr:ListImages"})
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=none)
    resource = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/{repository}"
    reason = "because no identity-based policy allows the ecr:DescribeRepositories action"
    named = {"UserName": caller.name, "PolicyArn": arn}
    for change, members, allowed in (
        ("attach_user_policy", named, True),
        ("set_default_policy_version", {"PolicyArn": arn, "VersionId": "v2"}, False),
        ("set_default_policy_version", {"PolicyArn": arn, "VersionId": "v1"}, True),
        ("detach_user_policy", named, False),
    ):
        getattr(iam, change)(**members)
        if allowed:
            assert caller.ecr.describe_repositories(repositoryNames=[repository])["repositories"]
        else:
            with failed("AccessDeniedException", caller.refusal("ecr:DescribeRepositories", resource, reason)):
                caller.ecr.describe_repositories(repositoryNames=[repository])
