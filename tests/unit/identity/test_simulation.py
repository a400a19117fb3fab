import json
from typing import Any

import pytest

from moorage.identity.iam_errors import IamValidationError, InvalidInputError
from tests.unit.ground import ACCOUNT, Ground
from tests.unit.identity.iam_api import IamApi

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


def sources(result: dict[str, Any]) -> list[tuple[str, str]]:
    return [(matched["SourcePolicyType"], matched["SourcePolicyId"]) for matched in result["MatchedStatements"]]


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
        ({"ResourceArns": [f"arn:aws:s3:::{number}" for number in range(1001)]}, "at most 1000 resources"),
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


def test_a_page_has_fewer_actions_where_each_is_about_many_resources(api: IamApi) -> None:
    many = [f"arn:aws:s3:::bucket-{number}" for number in range(400)]
    actions = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
    answer = api.do("SimulateCustomPolicy", PolicyInputList=[policy()], ActionNames=actions, ResourceArns=many)
    assert [result["EvalActionName"] for result in answer["EvaluationResults"]] == actions[:2]
    assert answer["IsTruncated"]


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
