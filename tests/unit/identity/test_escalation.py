"""Attempts of principals to get more than they were given, held against what is decided about them."""

import json
from typing import Any

import pytest

from moorage.core.call import Principal
from moorage.iam.decision import Outcome
from moorage.iam.evaluate import Guards, Request, evaluate
from moorage.identity.policies import grants
from moorage.identity.users.user_operations import UserOperations
from tests.unit.ground import ACCOUNT, Ground
from tests.unit.identity.iam_api import ADMINISTRATOR, READ_ONLY, IamApi, principal_of

LIMIT = f"arn:aws:iam::{ACCOUNT}:policy/limit"


@pytest.fixture
def api(ground: Ground) -> IamApi:
    """An account with a policy that is meant as a boundary."""
    api = IamApi(ground, UserOperations)
    api.policy("limit", "ecr:*")
    return api


def user_with(api: IamApi, *statements: dict[str, Any]) -> Principal:
    """A user who may what these statements say, on everything."""
    user = api.user("delegate")
    document = {"Version": "2012-10-17", "Statement": [{"Resource": "*", **each} for each in statements]}
    api.do("PutUserPolicy", UserName=user.name, PolicyName="own", PolicyDocument=json.dumps(document))
    return principal_of(user)


def outcome(api: IamApi, principal: Principal, operation: str, **params: Any) -> Outcome:
    """What is decided about an operation on a user, with the context that it fills."""
    resource = f"arn:aws:iam::{ACCOUNT}:user/{params.get('UserName', '')}"
    request = Request(principal, f"iam:{operation}", resource, api.filled(operation, **params))
    caller = api.ground.read(lambda tx: grants.grants_of(tx, principal))
    return evaluate(request, caller, Guards(ACCOUNT)).outcome


DELEGATED = (
    {
        "Effect": "Allow",
        "Action": ["iam:CreateUser", "iam:PutUserPolicy", "iam:AttachUserPolicy", "iam:PutUserPermissionsBoundary"],
        "Condition": {"StringEquals": {"iam:PermissionsBoundary": LIMIT}},
    },
    {"Effect": "Deny", "Action": "iam:DeleteUserPermissionsBoundary"},
)


def test_a_delegated_administrator_makes_only_users_within_the_boundary(api: IamApi) -> None:
    delegate = user_with(api, *DELEGATED)
    assert outcome(api, delegate, "CreateUser", UserName="new", PermissionsBoundary=LIMIT) is Outcome.ALLOWED
    assert outcome(api, delegate, "CreateUser", UserName="new") is Outcome.IMPLICIT_DENY
    assert outcome(api, delegate, "CreateUser", UserName="new", PermissionsBoundary=ADMINISTRATOR) is Outcome.IMPLICIT_DENY


def test_a_delegated_administrator_gives_policies_only_to_users_within_the_boundary(api: IamApi) -> None:
    delegate = user_with(api, *DELEGATED)
    api.do("CreateUser", UserName="within", PermissionsBoundary=LIMIT)
    api.user("without")
    for name, expected in (
        ("within", Outcome.ALLOWED),
        ("without", Outcome.IMPLICIT_DENY),
        ("delegate", Outcome.IMPLICIT_DENY),
    ):
        attach = outcome(api, delegate, "AttachUserPolicy", UserName=name, PolicyArn=ADMINISTRATOR)
        put = outcome(api, delegate, "PutUserPolicy", UserName=name, PolicyName="p", PolicyDocument="{}")
        assert (attach, put) == (expected, expected)


def test_a_delegated_administrator_neither_lifts_nor_widens_the_boundary(api: IamApi) -> None:
    delegate = user_with(api, *DELEGATED)
    api.do("CreateUser", UserName="within", PermissionsBoundary=LIMIT)
    lift = outcome(api, delegate, "DeleteUserPermissionsBoundary", UserName="within")
    widen = outcome(api, delegate, "PutUserPermissionsBoundary", UserName="within", PermissionsBoundary=ADMINISTRATOR)
    same = outcome(api, delegate, "PutUserPermissionsBoundary", UserName="within", PermissionsBoundary=LIMIT)
    assert (lift, widen, same) == (Outcome.EXPLICIT_DENY, Outcome.IMPLICIT_DENY, Outcome.ALLOWED)


def test_whoever_may_attach_one_policy_cannot_attach_another(api: IamApi) -> None:
    condition = {"ArnEquals": {"iam:PolicyARN": READ_ONLY}}
    delegate = user_with(api, {"Effect": "Allow", "Action": "iam:AttachUserPolicy", "Condition": condition})
    assert outcome(api, delegate, "AttachUserPolicy", UserName="delegate", PolicyArn=READ_ONLY) is Outcome.ALLOWED
    for arn in (ADMINISTRATOR, READ_ONLY.upper(), f"arn:aws:iam::{ACCOUNT}:policy/AmazonEC2ContainerRegistryReadOnly"):
        assert outcome(api, delegate, "AttachUserPolicy", UserName="delegate", PolicyArn=arn) is Outcome.IMPLICIT_DENY


def test_a_user_within_a_boundary_changes_neither_it_nor_its_policy(api: IamApi) -> None:
    principal = user_with(api, {"Effect": "Allow", "Action": "*"})
    api.do("PutUserPermissionsBoundary", UserName="delegate", PermissionsBoundary=LIMIT)
    api.do("AttachUserPolicy", UserName="delegate", PolicyArn=ADMINISTRATOR)
    for operation, params in (
        ("DeleteUserPermissionsBoundary", {}),
        ("PutUserPermissionsBoundary", {"PermissionsBoundary": ADMINISTRATOR}),
        ("CreateUser", {}),
    ):
        assert outcome(api, principal, operation, UserName="delegate", **params) is Outcome.IMPLICIT_DENY
    for operation, more in (
        ("CreatePolicyVersion", {"PolicyDocument": "{}"}),
        ("SetDefaultPolicyVersion", {"VersionId": "v1"}),
    ):
        assert outcome(api, principal, operation, PolicyArn=LIMIT, **more) is Outcome.IMPLICIT_DENY
