import json
from typing import Any

import pytest

from moorage.core.call import Principal
from moorage.identity.iam_errors import IamValidationError, InvalidInputError, NoSuchEntityError
from moorage.identity.resources import Resource
from tests.unit.ground import ACCOUNT, Ground
from tests.unit.identity.iam_api import READ_ONLY, IamApi, allow

PULL = "ecr:BatchGetImage"
PUSH = "ecr:PutImage"
OTHER = "999988887777"
REPOSITORY = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/team/app"
BOB = f"arn:aws:iam::{ACCOUNT}:user/bob"

DATED = (
    '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"dynamodb:*","Resource":"*",'
    '"Condition":{"DateGreaterThan":{"aws:CurrentTime":"2018-08-16T12:00:00Z"}}}}'
)


@pytest.fixture
def api(ground: Ground) -> IamApi:
    return IamApi(ground)


def policy(*statements: dict[str, Any], **elements: Any) -> str:
    whole = statements or ({"Effect": "Allow", "Action": "ecr:*", "Resource": "*", **elements},)
    return json.dumps({"Version": "2012-10-17", "Statement": list(whole)})


def custom(api: IamApi, *policies: str, **params: Any) -> list[dict[str, Any]]:
    answer = api.do("SimulateCustomPolicy", PolicyInputList=list(policies), **{"ActionNames": [PULL], **params})
    results: list[dict[str, Any]] = answer["EvaluationResults"]
    return results


def of(api: IamApi, source: Resource, **params: Any) -> dict[str, Any]:
    answer = api.do("SimulatePrincipalPolicy", PolicySourceArn=source.arn, **{"ActionNames": [PULL], **params})
    result: dict[str, Any] = answer["EvaluationResults"][0]
    return result


def sources(result: dict[str, Any]) -> list[tuple[str, str]]:
    return [(matched["SourcePolicyType"], matched["SourcePolicyId"]) for matched in result["MatchedStatements"]]


def put(api: IamApi, resource: Resource, name: str, text: str) -> None:
    kind = resource.kind.capitalize()
    named: dict[str, Any] = {f"{kind}Name": resource.name}
    api.do(f"Put{kind}Policy", **named, PolicyName=name, PolicyDocument=text)


# --- policies that are given ----------------------------------------------------------------------------------------


def test_the_example_of_the_aws_cli_is_answered_as_there(api: IamApi) -> None:
    def at(time: str) -> dict[str, Any]:
        entry = {"ContextKeyName": "aws:CurrentTime", "ContextKeyValues": [time], "ContextKeyType": "date"}
        return custom(api, DATED, ActionNames=["dynamodb:CreateBackup"], ContextEntries=[entry])[0]

    place = {"StartPosition": {"Line": 1, "Column": 38}, "EndPosition": {"Line": 1, "Column": 167}}
    assert at("2019-04-25T11:00:00Z") == {
        "EvalActionName": "dynamodb:CreateBackup",
        "EvalResourceName": "*",
        "EvalDecision": "allowed",
        "MatchedStatements": [{"SourcePolicyId": "PolicyInputList.1", "SourcePolicyType": "none", **place}],
        "MissingContextValues": [],
    }
    early = at("2014-04-25T11:00:00Z")
    assert (early["EvalDecision"], early["MatchedStatements"]) == ("implicitDeny", [])


def test_a_key_that_nobody_gave_is_missing_in_the_policys_own_spelling(api: IamApi) -> None:
    text = policy(
        Resource="arn:aws:ecr:*:*:repository/${aws:PrincipalTag/Team}/*",
        Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}, "StringLike": {"AWS:sourceip": "${aws:UserAgent, 'x'}"}},
    )
    given = {"ContextKeyName": "AWS:PRINCIPALTAG/TEAM", "ContextKeyValues": ["team"]}
    (result,) = custom(api, text, ResourceArns=[REPOSITORY], ContextEntries=[given])
    assert result["EvalDecision"] == "implicitDeny"
    assert result["MissingContextValues"] == ["aws:SourceIp", "aws:UserAgent"]
    assert result["ResourceSpecificResults"][0]["MissingContextValues"] == ["aws:SourceIp", "aws:UserAgent"]


def test_one_result_for_each_action_with_the_most_restrictive_decision_of_all_resources(api: IamApi) -> None:
    prod = REPOSITORY.replace("team", "prod")
    lone = REPOSITORY.replace("team", "lone")
    statements = (
        {"Effect": "Allow", "Action": "ecr:*", "Resource": [REPOSITORY, prod]},
        {"Effect": "Deny", "Action": PUSH, "Resource": prod},
    )
    pull, push = custom(api, policy(*statements), ActionNames=[PULL, PUSH], ResourceArns=[REPOSITORY, prod, lone])
    assert (pull["EvalDecision"], push["EvalDecision"]) == ("implicitDeny", "explicitDeny")
    assert pull["EvalResourceName"] == "arn:${Partition}:ecr:${Region}:${Account}:repository/${RepositoryName}"
    decisions = [(each["EvalResourceName"], each["EvalResourceDecision"]) for each in push["ResourceSpecificResults"]]
    assert decisions == [(REPOSITORY, "allowed"), (prod, "explicitDeny"), (lone, "implicitDeny")]
    assert pull["MatchedStatements"] == []
    assert push["MatchedStatements"] == push["ResourceSpecificResults"][1]["MatchedStatements"] != []
    assert push["EvalDecisionDetails"] == {}


def test_a_single_resource_is_what_its_result_is_called_by(api: IamApi) -> None:
    (result,) = custom(api, policy(), ResourceArns=[REPOSITORY])
    assert result["EvalResourceName"] == REPOSITORY
    assert [each["EvalResourceName"] for each in result["ResourceSpecificResults"]] == [REPOSITORY]


def test_resources_of_several_kinds_have_no_common_form(api: IamApi) -> None:
    (result,) = custom(api, policy(), ResourceArns=[REPOSITORY, BOB])
    assert result["EvalResourceName"] == "*"


def test_a_boundary_limits_and_says_so_but_its_statements_are_not_shown(api: IamApi) -> None:
    limit = policy(Action="ecr:Get*")
    (result,) = custom(api, policy(), PermissionsBoundaryPolicyInputList=[limit])
    assert (result["EvalDecision"], result["MatchedStatements"]) == ("implicitDeny", [])
    assert result["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}
    (denied,) = custom(api, policy(), PermissionsBoundaryPolicyInputList=[policy(Effect="Deny")])
    assert (denied["EvalDecision"], denied["MatchedStatements"]) == ("explicitDeny", [])
    (allowed,) = custom(api, policy(), PermissionsBoundaryPolicyInputList=[policy()])
    assert allowed["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": True}
    assert sources(allowed) == [("none", "PolicyInputList.1")]


def test_every_level_of_an_organization_must_allow(api: IamApi) -> None:
    def level(*texts: str) -> dict[str, list[str]]:
        return {"ServiceControlPolicyInputList": list(texts)}

    whole, part, deny = policy(Action="*"), policy(Action="ecr:Get*"), policy(Effect="Deny")
    for levels, decision in (
        ([level(whole), level(part, whole)], "allowed"),
        ([level(whole), level(part)], "implicitDeny"),
        ([level(part), level(whole)], "implicitDeny"),
        ([level(whole), level()], "implicitDeny"),
        ([level(whole, deny), level(whole)], "explicitDeny"),
    ):
        (result,) = custom(api, policy(), OrderedOrganizationPolicyInputList=levels, ResourceArns=[REPOSITORY])
        assert result["EvalDecision"] == decision
        assert result["OrganizationsDecisionDetail"] == {"AllowedByOrganizations": decision == "allowed"}
        assert ("EvalDecisionDetails" in result) == (decision == "allowed")


def test_a_resources_policy_grants_within_an_account_and_both_sides_must_across_accounts(api: IamApi) -> None:
    to_bob = policy({"Effect": "Allow", "Action": "ecr:*", "Principal": {"AWS": BOB}, "Resource": "*"})
    nothing, everything = policy(Action="s3:*"), policy()
    abroad = REPOSITORY.replace(ACCOUNT, OTHER)
    (own,) = custom(api, nothing, ResourcePolicy=to_bob, CallerArn=BOB, ResourceArns=[REPOSITORY])
    assert (own["EvalDecision"], sources(own)) == ("allowed", [("resource", "ResourcePolicy")])
    assert own["EvalDecisionDetails"] == {}
    for identity, decision, details in (
        (everything, "allowed", {"IAM Policy": "allowed", "Resource Policy": "allowed"}),
        (nothing, "implicitDeny", {"IAM Policy": "implicitDeny", "Resource Policy": "allowed"}),
    ):
        (result,) = custom(api, identity, ResourcePolicy=to_bob, CallerArn=BOB, ResourceArns=[abroad])
        assert (result["EvalDecision"], result["EvalDecisionDetails"]) == (decision, details)
        owned = f"arn:aws:iam::{OTHER}:root"
        (same,) = custom(api, identity, ResourcePolicy=to_bob, CallerArn=BOB, ResourceOwner=owned)
        assert (same["EvalDecision"], same["EvalDecisionDetails"]) == (decision, details)


def test_the_caller_that_is_named_is_known_to_conditions(api: IamApi) -> None:
    text = policy(
        Condition={"StringEquals": {"aws:username": "bob"}, "ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/b*"}}
    )
    (named,) = custom(api, text, CallerArn=BOB)
    assert (named["EvalDecision"], named["MissingContextValues"]) == ("allowed", [])
    (unnamed,) = custom(api, text)
    assert (unnamed["EvalDecision"], unnamed["MissingContextValues"]) == ("implicitDeny", ["aws:username", "aws:PrincipalArn"])


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        ("string", ["x"], ["a", "b"]),
        ("stringList", ["a", "b"], None),
        ("numeric", ["1.5"], ["one"]),
        ("numericList", ["1", "2"], ["1", "x"]),
        ("boolean", ["TRUE"], ["yes"]),
        ("booleanList", ["true", "false"], ["1"]),
        ("ip", ["10.0.0.1"], ["10.0.0"]),
        ("ipList", ["10.0.0.0/8", "::1"], ["x"]),
        ("binary", ["aGk="], ["%"]),
        ("binaryList", ["aGk=", "aGk="], ["%"]),
        ("date", ["2019-04-25T11:00:00Z"], ["soon"]),
        ("dateList", ["1556190000", "2019-04-25"], ["2019-13-01"]),
    ],
)
def test_values_of_context_keys_have_the_type_that_is_said(
    api: IamApi, kind: str, right: list[str], wrong: list[str] | None
) -> None:
    def given(values: list[str]) -> list[dict[str, Any]]:
        entry = {"ContextKeyName": "my:key", "ContextKeyValues": values, "ContextKeyType": kind}
        return custom(api, policy(Condition={"Null": {"my:key": "false"}}), ContextEntries=[entry])

    assert given(right)[0]["EvalDecision"] == "allowed"
    if wrong is not None:
        with pytest.raises(InvalidInputError, match="my:key"):
            given(wrong)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"ActionNames": ["ecr:Get*"]}, "The action name ecr:Get[*] is not valid"),
        ({"ActionNames": ["GetImage"]}, "The action name GetImage is not valid"),
        ({"ActionNames": []}, "At least one action"),
        ({"ResourceArns": ["repository/x"]}, "The resource repository/x is not valid"),
        (
            {"ActionNames": [f"ecr:A{n}" for n in range(101)], "ResourceArns": [f"arn:aws:s3:::{n}" for n in range(100)]},
            "10000",
        ),
        ({"PolicyInputList": ["{"]}, "PolicyInputList.1: Syntax errors in policy."),
        (
            {"PolicyInputList": [policy(), policy(Principal="*")]},
            "PolicyInputList.2: Policy document should not specify a principal.",
        ),
        ({"PermissionsBoundaryPolicyInputList": [policy(), policy()]}, "only one permissions boundary"),
        ({"PermissionsBoundaryPolicyInputList": ["[]"]}, "PermissionsBoundaryPolicyInputList.1: Syntax errors"),
        ({"ResourcePolicy": policy(), "CallerArn": BOB}, "ResourcePolicy: Missing required field Principal"),
        ({"ResourcePolicy": policy(Principal="*")}, "CallerArn is required"),
        ({"ResourcePolicy": policy(Principal="*"), "CallerArn": BOB.replace("user", "role")}, "must be the ARN of a user"),
        ({"CallerArn": f"arn:aws:sts::{ACCOUNT}:assumed-role/r/s"}, "must be the ARN of a user"),
        ({"ResourceOwner": "somebody"}, "somebody is not an account"),
        ({"ContextEntries": [{"ContextKeyValues": ["x"]}]}, "must have a key name"),
        (
            {"ContextEntries": [{"ContextKeyName": name, "ContextKeyValues": ["x"]} for name in ("my:key", "MY:key")]},
            "MY:key is given twice",
        ),
        ({"OrderedOrganizationPolicyInputList": [{"ServiceControlPolicyInputList": ["x"]}]}, "List.1.1: Syntax errors"),
    ],
)
def test_what_makes_no_sense_is_invalid_input(api: IamApi, params: dict[str, Any], message: str) -> None:
    given = {"PolicyInputList": [policy()], "ActionNames": [PULL], **params}
    with pytest.raises(InvalidInputError, match=message):
        api.do("SimulateCustomPolicy", **given)


def test_results_come_in_pages_by_actions(api: IamApi) -> None:
    actions = [f"ecr:Action{number}" for number in range(5)]
    asked: dict[str, Any] = {"PolicyInputList": [policy()], "ActionNames": actions, "MaxItems": 2}
    seen: list[str] = []
    marker: dict[str, Any] = {}
    while True:
        answer = api.do("SimulateCustomPolicy", **asked, **marker)
        seen += [result["EvalActionName"] for result in answer["EvaluationResults"]]
        if not answer["IsTruncated"]:
            break
        assert len(answer["EvaluationResults"]) == 2
        marker = {"Marker": answer["Marker"]}
    assert seen == actions
    with pytest.raises(IamValidationError):
        api.do("SimulateCustomPolicy", **asked, Marker="forged")


def test_the_keys_of_policies_are_listed_once_as_they_are_spelled(api: IamApi) -> None:
    first = policy(
        Resource="arn:aws:ecr:*:*:repository/${aws:username}/${*}", Condition={"Bool": {"aws:SecureTransport": "true"}}
    )
    second = policy(Condition={"StringEquals": {"AWS:Username": "${$}", "aws:TagKeys": "${aws:PrincipalTag/team, 'none'}"}})
    answer = api.do("GetContextKeysForCustomPolicy", PolicyInputList=[first, second])
    assert answer == {"ContextKeyNames": ["aws:username", "aws:SecureTransport", "aws:TagKeys", "aws:PrincipalTag/team"]}


def test_an_old_policy_has_no_variables(api: IamApi) -> None:
    text = policy(Resource="arn:aws:ecr:*:*:repository/${aws:username}").replace("2012-10-17", "2008-10-17")
    assert api.do("GetContextKeysForCustomPolicy", PolicyInputList=[text]) == {"ContextKeyNames": []}


# --- policies that somebody holds -----------------------------------------------------------------------------------


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
    stranger = Principal.root(OTHER, "AKIASTRANGERSTRANGER")
    with pytest.raises(NoSuchEntityError):
        api.do("SimulatePrincipalPolicy", principal=stranger, PolicySourceArn=alice.arn, ActionNames=[PULL])
