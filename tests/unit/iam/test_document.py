import json
from typing import Any

import pytest

from moorage.iam.document import MOST_CHARACTERS, Condition, Document, Statement
from moorage.iam.errors import MalformedPolicyError
from moorage.iam.principal import ANYONE, Kind, NamedPrincipal

ALLOW: dict[str, Any] = {"Effect": "Allow", "Principal": "*", "Action": "ecr:GetDownloadUrlForLayer"}


def policy(**elements: Any) -> str:
    """A policy of one statement that is well formed but for these elements; None leaves one out."""
    statement = {name: value for name, value in {**ALLOW, **elements}.items() if value is not None}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def condition(*operators: tuple[str, Any]) -> str:
    return policy(Condition=dict(operators))


def test_a_policy_becomes_values() -> None:
    text = json.dumps(
        {
            "Version": "2012-10-17",
            "Id": "mine",
            "Statement": [
                {
                    "Sid": "allow public pull",
                    "Effect": "Allow",
                    "Principal": {"AWS": ["111122223333", "*"], "Service": "codebuild.amazonaws.com"},
                    "Action": ["ecr:Get*", "ECR:BatchGetImage"],
                    "Resource": "arn:aws:ecr:us-east-1:111122223333:repository/*",
                    "Condition": {
                        "ForAnyValue:StringLikeIfExists": {"aws:TagKeys": ["a*", "b"]},
                        "Bool": {"aws:SecureTransport": True},
                        "NumericLessThan": {"aws:EpochTime": 1.50},
                        "Null": {"aws:TokenIssueTime": "true"},
                    },
                },
                {"Effect": "Deny", "NotPrincipal": "*", "NotAction": "*", "NotResource": "*"},
            ],
        }
    )
    first, second = (document := Document.parse(text)).statements
    assert (document.version, document.id) == ("2012-10-17", "mine")
    assert first == Statement(
        effect="Allow",
        actions=("ecr:Get*", "ECR:BatchGetImage"),
        principals=(
            NamedPrincipal(Kind.ACCOUNT, "111122223333"),
            ANYONE,
            NamedPrincipal(Kind.SERVICE, name="codebuild.amazonaws.com"),
        ),
        resources=("arn:aws:ecr:us-east-1:111122223333:repository/*",),
        conditions=(
            Condition("StringLike", "aws:TagKeys", ("a*", "b"), "ForAnyValue", if_exists=True),
            Condition("Bool", "aws:SecureTransport", ("true",)),
            Condition("NumericLessThan", "aws:EpochTime", ("1.5",)),
            Condition("Null", "aws:TokenIssueTime", ("true",)),
        ),
        sid="allow public pull",
    )
    assert second == Statement("Deny", not_actions=("*",), not_principals=(ANYONE,), not_resources=("*",))


def test_without_a_version_it_is_the_old_one() -> None:
    assert Document.parse(json.dumps({"Statement": ALLOW})).version == "2008-10-17"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "The text is not valid JSON: Expecting value at line 1, column 1."),
        ("[]", "The policy must be an object."),
        ('"text"', "The policy must be an object."),
        ("null", "The policy must be an object."),
        ("{}", "The policy has no statement."),
        ('{"Statement": []}', "The policy has no statement."),
        ('{"Statement": [1]}', "Statement 1 must be an object."),
        ('{"Statement": {}}', "Statement 1: Effect must be Allow or Deny."),
        ('{"Version": "2020-01-01", "Statement": {}}', "Version must be one of 2008-10-17, 2012-10-17."),
        ('{"Version": 2012, "Statement": {}}', "Version must be a string."),
        ('{"statement": {}}', "The policy has an unknown element 'statement'."),
        ('{"Statement": {}, "Statement": {}}', 'The key "Statement" is repeated.'),
        ('{"Statement": NaN}', "NaN is not a JSON value."),
        ('{"Statement": {}}x', "The text is not valid JSON: Extra data at line 1, column 18."),
        ("[" * 100_000, "The JSON is nested too deeply."),
        (" " * (MOST_CHARACTERS + 1), f"A policy has at most {MOST_CHARACTERS} characters."),
        ("\0", "The character U+0000 may stand in a policy only as an escape."),
        ('"\u4e2d"', "The character U+4E2D may stand in a policy only as an escape."),
        ("\ud800", "The character U+D800 may stand in a policy only as an escape."),
        (policy(Effect="allow"), "Statement 1: Effect must be Allow or Deny."),
        (policy(Effect=None), "Statement 1: Effect must be Allow or Deny."),
        (policy(Effect=["Allow"]), "Statement 1: Effect must be Allow or Deny."),
        (policy(Sid=1), "Sid must be a string."),
        (policy(Sid="\0"), "A string has a character that is not allowed."),
        (policy(Sid="\ud800"), "A string has a character that is not allowed."),
        (policy(Extra=1), "Statement 1 has an unknown element 'Extra'."),
        (policy(NotPrincipal="*"), "Statement 1 has both Principal and NotPrincipal."),
        (policy(NotAction="*"), "Statement 1 has both Action and NotAction."),
        (policy(Action=None), "Statement 1 has neither Action nor NotAction."),
        (policy(Action=[]), "Action must not be empty."),
        (policy(Action=["ecr:PutImage", 1]), "Action must be a string."),
        (policy(Action="PutImage"), "Action: 'PutImage' is not an action such as ecr:PutImage."),
        (policy(Action="ec*:PutImage"), "Action: 'ec*:PutImage' is not an action such as ecr:PutImage."),
        (policy(Resource="repository/x"), "Resource: 'repository/x' is not an ARN or *."),
        (policy(Resource=[]), "Resource must not be empty."),
        (policy(Principal={}), 'Principal must be "*" or an object with at least one kind of principal.'),
        (policy(Principal="123456789012"), 'Principal must be "*" or an object with at least one kind of principal.'),
        (policy(Principal={"AWS": []}), "Principal.AWS must not be empty."),
        (policy(Principal={"Aws": "*"}), "'Aws' is no kind of principal."),
        (condition(("StringIs", {"aws:x": "y"})), "Condition: 'StringIs' is no condition operator."),
        (condition(("NullIfExists", {"aws:x": "y"})), "Condition: 'NullIfExists' is no condition operator."),
        (condition(("Bool", {"x": "y"})), "Condition: 'x' is no condition key."),
        (condition(("Bool", "y")), "Condition.Bool must be an object."),
        (condition(("Bool", {"aws:x": {}})), "Condition.Bool must be a string."),
        (condition(("Bool", {"aws:x": None})), "Condition.Bool must be a string."),
        (condition(("Bool", {"aws:x": "y", "AWS:X": "z"})), "Condition: the key 'AWS:X' is repeated under Bool."),
    ],
)
def test_what_is_no_policy_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(MalformedPolicyError) as caught:
        Document.parse(text)
    assert caught.value.message == reason


def test_a_kind_of_policy_may_need_or_forbid_elements() -> None:
    document = Document.parse(policy())
    document.require(principal=True, resource=None)
    document.require(principal=True, resource=False)
    with pytest.raises(MalformedPolicyError, match="must not have the element Principal"):
        document.require(principal=False, resource=None)
    with pytest.raises(MalformedPolicyError, match="must have the element Resource"):
        document.require(principal=True, resource=True)
