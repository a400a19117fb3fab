"""The policy simulator through boto3."""

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.contract.aws.door import ACCOUNT

REPOSITORY = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/team/app"


def _policy(**elements: Any) -> str:
    statement = {"Effect": "Allow", "Action": "ecr:BatchGetImage", "Resource": REPOSITORY, **elements}
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


def _error(caught: pytest.ExceptionInfo[ClientError]) -> tuple[str, int]:
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_policies_are_tried_in_pages(iam: Any) -> None:
    actions = ["ecr:BatchGetImage", "ecr:PutImage", "ecr:DeleteRepository"]
    pages = iam.get_paginator("simulate_custom_policy").paginate(
        PolicyInputList=[_policy(), _policy(Effect="Deny", Action="ecr:Delete*")],
        ActionNames=actions,
        ResourceArns=[REPOSITORY],
        PaginationConfig={"PageSize": 1},
    )
    found = [page["EvaluationResults"] for page in pages]
    assert [[(each["EvalActionName"], each["EvalDecision"]) for each in page] for page in found] == [
        [("ecr:BatchGetImage", "allowed")],
        [("ecr:PutImage", "implicitDeny")],
        [("ecr:DeleteRepository", "explicitDeny")],
    ]
    (specific,) = found[0][0]["ResourceSpecificResults"]
    assert (specific["EvalResourceName"], specific["EvalResourceDecision"]) == (REPOSITORY, "allowed")
    (matched,) = specific["MatchedStatements"]
    assert matched["SourcePolicyId"] == "PolicyInputList.1"
    assert matched["StartPosition"]["Line"] == matched["EndPosition"]["Line"] == 1
    assert found[2][0]["MatchedStatements"][0]["SourcePolicyId"] == "PolicyInputList.2"


def test_what_a_user_holds_is_tried_with_the_values_that_are_given(iam: Any) -> None:
    name = f"user-{uuid.uuid4().hex[:12]}"
    arn = iam.create_user(UserName=name)["User"]["Arn"]
    condition = {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}, "StringEquals": {"aws:username": name}}
    iam.put_user_policy(UserName=name, PolicyName="from-home", PolicyDocument=_policy(Condition=condition))
    asked = {"PolicySourceArn": arn, "ActionNames": ["ecr:BatchGetImage"], "ResourceArns": [REPOSITORY]}
    (unknown,) = iam.simulate_principal_policy(**asked)["EvaluationResults"]
    assert (unknown["EvalDecision"], unknown["MissingContextValues"]) == ("implicitDeny", ["aws:SourceIp"])
    home = {"ContextKeyName": "aws:SourceIp", "ContextKeyValues": ["10.1.2.3"], "ContextKeyType": "ip"}
    (known,) = iam.simulate_principal_policy(**asked, ContextEntries=[home])["EvaluationResults"]
    assert known["EvalDecision"] == "allowed"
    (matched,) = known["MatchedStatements"]
    assert (matched["SourcePolicyId"], matched["SourcePolicyType"]) == ("from-home", "user")
    keys = iam.get_context_keys_for_principal_policy(PolicySourceArn=arn)["ContextKeyNames"]
    assert keys == ["aws:SourceIp", "aws:username"]


def test_faults_have_iams_codes(iam: Any) -> None:
    asked = {"PolicySourceArn": f"arn:aws:iam::{ACCOUNT}:user/nobody-here", "ActionNames": ["ecr:PutImage"]}
    with pytest.raises(ClientError) as missing:
        iam.simulate_principal_policy(**asked)
    assert _error(missing) == ("NoSuchEntity", 404)
    with pytest.raises(ClientError) as broken:
        iam.simulate_custom_policy(PolicyInputList=["{"], ActionNames=["ecr:PutImage"])
    assert _error(broken) == ("InvalidInput", 400)
    with pytest.raises(ClientError) as broken_keys:
        iam.get_context_keys_for_custom_policy(PolicyInputList=[_policy(Principal="*")])
    assert _error(broken_keys) == ("InvalidInput", 400)


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff{}",
        "{" * 100_000,
        '{"a":' * 20_000,
        '{"Statement": "\\ud800"}',
        '{"Version": 1, "Version": 2}',
        "\x00",
        "null",
        " ",
    ],
    ids=["byte order mark", "braces", "nested", "surrogate", "twice", "nul", "null", "blank"],
)
def test_no_policy_text_is_a_fault_of_the_server(iam: Any, text: str) -> None:
    with pytest.raises(ClientError) as caught:
        iam.get_context_keys_for_custom_policy(PolicyInputList=[text])
    assert _error(caught) in {("InvalidInput", 400), ("ValidationError", 400), ("MalformedInput", 400)}
