import json
from dataclasses import replace
from typing import Any

import pytest

from moorage.core.call import Principal
from moorage.identity.iam_errors import InvalidInputError, NoSuchEntityError
from moorage.identity.resources import Resource
from tests.unit.ground import ACCOUNT, Ground
from tests.unit.identity.iam_api import READ_ONLY, IamApi, allow

PULL = "ecr:BatchGetImage"
PUSH = "ecr:PutImage"
OTHER = "999988887777"
BOB = f"arn:aws:iam::{ACCOUNT}:user/bob"


@pytest.fixture
def api(ground: Ground) -> IamApi:
    return IamApi(ground)


def policy(*statements: dict[str, Any], **elements: Any) -> str:
    whole = statements or ({"Effect": "Allow", "Action": "ecr:*", "Resource": "*", **elements},)
    return json.dumps({"Version": "2012-10-17", "Statement": list(whole)})


def of(api: IamApi, source: Resource, **params: Any) -> dict[str, Any]:
    answer = api.do("SimulatePrincipalPolicy", PolicySourceArn=source.arn, **{"ActionNames": [PULL], **params})
    result: dict[str, Any] = answer["EvaluationResults"][0]
    return result


def put(api: IamApi, resource: Resource, name: str, text: str) -> None:
    kind = resource.kind.capitalize()
    named: dict[str, Any] = {f"{kind}Name": resource.name}
    api.do(f"Put{kind}Policy", **named, PolicyName=name, PolicyDocument=text)


def sources(result: dict[str, Any]) -> list[tuple[str, str]]:
    return [(matched["SourcePolicyType"], matched["SourcePolicyId"]) for matched in result["MatchedStatements"]]


def test_a_users_own_groups_and_managed_policies_are_simulated_and_named(api: IamApi) -> None:
    alice = api.user()
    team, second = api.group("team", alice), api.group("second", alice)
    put(api, alice, "own", allow("s3:GetObject"))
    put(api, team, "shared", allow("ecr:Put*"))
    put(
        api,
        second,
        "shared",
        policy({"Effect": "Allow", "Action": "x:y", "Resource": "*"}, {"Effect": "Allow", "Action": PUSH, "Resource": "*"}),
    )
    api.do("AttachUserPolicy", UserName="alice", PolicyArn=READ_ONLY)
    api.do("AttachGroupPolicy", GroupName="team", PolicyArn=api.policy("pusher", PUSH))
    assert sources(of(api, alice)) == [("aws-managed", "AmazonEC2ContainerRegistryReadOnly")]
    pushed = of(api, alice, ActionNames=[PUSH])
    assert sorted(sources(pushed)) == [("group", "shared"), ("group", "shared"), ("user-managed", "pusher")]
    starts = {each["StartPosition"]["Column"] for each in pushed["MatchedStatements"] if each["SourcePolicyType"] == "group"}
    assert len(starts) == 2
    assert sources(of(api, alice, ActionNames=["s3:GetObject"])) == [("user", "own")]
    assert of(api, alice, ActionNames=["iam:GetUser"])["EvalDecision"] == "implicitDeny"


def test_a_group_and_a_role_are_simulated_by_what_they_hold_themselves(api: IamApi) -> None:
    team, role = api.group("team"), api.role("builder", "/ci/")
    put(api, team, "shared", allow(PULL))
    put(api, role, "inline", policy(Condition={"ArnEquals": {"aws:PrincipalArn": role.arn}}))
    assert sources(of(api, team)) == [("group", "shared")]
    assert sources(of(api, role)) == [("role", "inline")]


def test_more_policies_can_be_tried_with_those_that_are_held(api: IamApi) -> None:
    alice = api.user()
    put(api, alice, "own", allow("ecr:*"))
    result = of(api, alice, PolicyInputList=[policy(Effect="Deny")])
    assert (result["EvalDecision"], sources(result)) == ("explicitDeny", [("none", "PolicyInputList.1")])


def test_a_users_boundary_counts_unless_another_is_tried_or_it_is_left_out(api: IamApi) -> None:
    alice = api.user()
    put(api, alice, "own", allow("ecr:*"))
    api.do("PutUserPermissionsBoundary", UserName="alice", PermissionsBoundary=api.policy("limit", "s3:*"))
    held = of(api, alice)
    assert held["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}
    assert held["EvalDecision"] == "implicitDeny"
    assert of(api, alice, PermissionsBoundaryPolicyInputList=[policy()])["EvalDecision"] == "allowed"
    without = of(api, alice, PolicyExclusionList=[{"PolicyType": "permission-boundary"}])
    assert without["EvalDecision"] == "allowed"
    assert "PermissionsBoundaryDecisionDetail" not in without


@pytest.mark.parametrize(
    ("exclusion", "left"),
    [
        ({"PolicyType": "inline"}, {("user-managed", "pusher"), ("aws-managed", "AmazonEC2ContainerRegistryReadOnly")}),
        ({"PolicyType": "aws-managed"}, {("user", "own"), ("group", "shared"), ("user-managed", "pusher")}),
        (
            {"PolicyType": "user-managed"},
            {("user", "own"), ("group", "shared"), ("aws-managed", "AmazonEC2ContainerRegistryReadOnly")},
        ),
        (
            {"PolicyArn": READ_ONLY.replace("ReadOnly", "Read????")},
            {("user", "own"), ("group", "shared"), ("user-managed", "pusher")},
        ),
        (
            {"PolicyArn": f"arn:aws:iam::{ACCOUNT}:policy/*"},
            {("user", "own"), ("group", "shared"), ("aws-managed", "AmazonEC2ContainerRegistryReadOnly")},
        ),
        (
            {"InlinePolicyIdentifier": {"PolicyName": "shared", "AttachmentType": "group", "AttachmentName": "team"}},
            {("user", "own"), ("user-managed", "pusher"), ("aws-managed", "AmazonEC2ContainerRegistryReadOnly")},
        ),
        (
            {"InlinePolicyIdentifier": {"PolicyName": "shared", "AttachmentType": "user", "AttachmentName": "team"}},
            {
                ("user", "own"),
                ("group", "shared"),
                ("user-managed", "pusher"),
                ("aws-managed", "AmazonEC2ContainerRegistryReadOnly"),
            },
        ),
    ],
)
def test_policies_can_be_left_out(api: IamApi, exclusion: dict[str, Any], left: set[tuple[str, str]]) -> None:
    alice = api.user()
    team = api.group("team", alice)
    put(api, alice, "own", allow(PULL))
    put(api, team, "shared", allow(PULL))
    api.do("AttachUserPolicy", UserName="alice", PolicyArn=READ_ONLY)
    api.do("AttachUserPolicy", UserName="alice", PolicyArn=api.policy("pusher", PULL))
    assert set(sources(of(api, alice, PolicyExclusionList=[exclusion]))) == left


@pytest.mark.parametrize(
    "exclusion",
    [
        {"PolicyType": "inline", "PolicyArn": READ_ONLY},
        {"PolicyArn": "arn:aws:iam::*:policy/thing"},
        {"PolicyArn": f"arn:aws:iam::{ACCOUNT}:policy/a*b*"},
        {"PolicyArn": f"arn:aws:iam::{ACCOUNT}:user/alice"},
    ],
)
def test_exclusions_that_are_not_well_formed_are_refused(api: IamApi, exclusion: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        of(api, api.user(), PolicyExclusionList=[exclusion])


def test_somebody_elses_policies_can_be_tried_as_another_caller(api: IamApi) -> None:
    alice = api.user()
    put(api, alice, "own", policy(Condition={"StringEquals": {"aws:username": "bob"}}))
    assert of(api, alice)["EvalDecision"] == "implicitDeny"
    assert of(api, alice, CallerArn=BOB)["EvalDecision"] == "allowed"


def test_tags_of_the_source_are_known_to_conditions(api: IamApi) -> None:
    role = api.role()
    put(api, role, "own", policy(Condition={"StringEquals": {"aws:PrincipalTag/Team": "blue"}}))
    assert of(api, role)["EvalDecision"] == "implicitDeny"
    entry = {"ContextKeyName": "aws:PrincipalTag/team", "ContextKeyValues": ["blue"]}
    assert of(api, role, ContextEntries=[entry])["EvalDecision"] == "allowed"


def test_the_keys_of_what_somebody_holds_are_listed(api: IamApi) -> None:
    alice = api.user()
    put(api, api.group("team", alice), "shared", policy(Condition={"Null": {"ecr:ResourceTag/env": "true"}}))
    more = policy(Condition={"Null": {"aws:SourceIp": "true"}})
    answer = api.do("GetContextKeysForPrincipalPolicy", PolicySourceArn=alice.arn, PolicyInputList=[more])
    assert answer == {"ContextKeyNames": ["ecr:ResourceTag/env", "aws:SourceIp"]}


def test_whoever_is_not_there_cannot_be_simulated(api: IamApi) -> None:
    asked: dict[str, dict[str, Any]] = {
        "SimulatePrincipalPolicy": {"ActionNames": [PULL]},
        "GetContextKeysForPrincipalPolicy": {},
    }
    for operation, more in asked.items():
        for arn in (BOB, BOB.replace("user", "group"), BOB.replace(ACCOUNT, OTHER), BOB.replace("user/", "user/path/")):
            with pytest.raises(NoSuchEntityError, match="with name bob cannot be found"):
                api.do(operation, PolicySourceArn=arn, **more)
        for arn in (f"arn:aws:iam::{ACCOUNT}:root", f"arn:aws:sts::{ACCOUNT}:assumed-role/a/b", "somebody-or-other-who"):
            with pytest.raises(InvalidInputError):
                api.do(operation, PolicySourceArn=arn, **more)


def test_a_users_policies_are_nobody_elses_business_in_another_account(api: IamApi) -> None:
    alice = api.user()
    call = replace(api.call("SimulatePrincipalPolicy"), principal=Principal.root(OTHER, "AKIASTRANGERSTRANGER"))
    entry, params = api.decoded("SimulatePrincipalPolicy", {"PolicySourceArn": alice.arn, "ActionNames": [PULL]})
    with pytest.raises(NoSuchEntityError):
        entry.method(api.ground.database, call, params)
