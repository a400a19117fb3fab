import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.core.errors import MoorageError
from moorage.iam.document import MOST_CHARACTERS, Document
from moorage.iam.errors import MalformedPolicyError, PackedPolicyTooLargeError, PolicyTooLargeError
from moorage.iam.kinds import (
    check_principals,
    parse_identity_policy,
    parse_managed_policy,
    parse_resource_policy,
    parse_service_control_policy,
    parse_session_policy,
    parse_trust_policy,
    size_of,
)
from moorage.iam.principal import Kind, NamedPrincipal

Parser = Callable[[str], Document]

IDENTITY: dict[str, Any] = {"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}
TRUST: dict[str, Any] = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "111122223333"}}
OWN_KINDS = (parse_identity_policy, parse_managed_policy, parse_session_policy, parse_service_control_policy)
EVERY_KIND = (*OWN_KINDS, parse_trust_policy, parse_resource_policy)


def policy(*statements: dict[str, Any], **top: Any) -> str:
    whole = {"Version": "2012-10-17", **top, "Statement": list(statements)}
    return json.dumps({name: value for name, value in whole.items() if value is not None})


def changed(base: dict[str, Any], **elements: Any) -> str:
    return policy({name: value for name, value in {**base, **elements}.items() if value is not None})


def fault(parse: Parser, text: str) -> str:
    with pytest.raises(MalformedPolicyError) as caught:
        parse(text)
    error = caught.value
    assert (error.query_code, error.query_status or error.aws_status) == ("MalformedPolicyDocument", 400)
    assert error.aws_code == "MalformedPolicyDocumentException"
    return error.message


@pytest.mark.parametrize("parse", OWN_KINDS)
@pytest.mark.parametrize(
    ("elements", "message"),
    [
        ({"Principal": "*"}, "Policy document should not specify a principal."),
        ({"NotPrincipal": {"AWS": "111122223333"}}, "Policy document should not specify a principal."),
        ({"Action": None}, "Policy statement must contain actions."),
        ({"Action": []}, "Policy statement must contain actions."),
        ({"Resource": None}, "Policy statement must contain resources."),
        ({"Resource": []}, "Policy statement must contain resources."),
        ({"Action": "PutImage"}, "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."),
        ({"Action": ["ecr:Get*", "ecr:a:b"]}, "Actions/Condition can contain only one colon."),
        ({"NotAction": "e cr:Get", "Action": None}, "Vendor e cr is not valid"),
        ({"Resource": "repository/a"}, 'Resource repository/a must be in ARN format or "*".'),
        ({"Resource": "arn:mine:ecr:::x"}, 'Partition "mine" is not valid for resource "arn:mine:ecr:::x".'),
        ({"Resource": "arn:aws:*:::x"}, "Resource vendor must be fully qualified and cannot contain regexes."),
        ({"Resource": "arn:aws:ecr:us-east-1"}, "The policy failed legacy parsing"),
        ({"Effect": "allow"}, "The policy failed legacy parsing"),
        ({"Effect": "Permit"}, "Syntax errors in policy."),
        ({"Effect": None}, "Syntax errors in policy."),
        ({"NotAction": "ecr:*"}, "Syntax errors in policy."),
        ({"NotResource": "*"}, "Syntax errors in policy."),
        ({"Extra": "x"}, "Syntax errors in policy."),
        ({"Sid": 5}, "Syntax errors in policy."),
        ({"Action": {"ecr:Get": 1}}, "Syntax errors in policy."),
        ({"Action": [None]}, "Syntax errors in policy."),
        ({"Action": "ecr:Get Image"}, "Syntax errors in policy."),
        ({"Condition": {"StringIs": {"aws:username": "a"}}}, "Syntax errors in policy."),
        ({"Condition": {"StringEquals": {"aws:username": {"a": 1}}}}, "Syntax errors in policy."),
        ({"Condition": {"DateLessThan": {"aws:CurrentTime": "soon"}}}, "The policy failed legacy parsing"),
        ({"Condition": {"NumericEqualsIfExists": {"aws:EpochTime": ["1", "one"]}}}, "The policy failed legacy parsing"),
        ({"Condition": {"ForAnyValue:NotIpAddress": {"aws:SourceIp": "10.0.0.0/33"}}}, "The policy failed legacy parsing"),
    ],
)
def test_every_fault_of_an_identity_policy_is_told_in_iams_words(parse: Parser, elements: dict[str, Any], message: str) -> None:
    assert fault(parse, changed(IDENTITY, **elements)) == message


@pytest.mark.parametrize(
    ("elements", "message"),
    [
        ({"Resource": "*"}, "Has prohibited field Resource."),
        ({"NotResource": "*"}, "Has prohibited field NotResource."),
        ({"NotPrincipal": "*", "Principal": None}, "Has prohibited field NotPrincipal."),
        ({"NotAction": "sts:AssumeRole", "Action": None}, "Has prohibited field NotAction."),
        ({"Principal": None}, "Missing required field Principal"),
        ({"Action": "ecr:PutImage"}, "AssumeRole policy may only specify STS AssumeRole actions."),
        ({"Action": ["sts:AssumeRole", "*"]}, "AssumeRole policy may only specify STS AssumeRole actions."),
        ({"Action": None}, "Policy statement must contain actions."),
        ({"Principal": {}}, "Syntax errors in policy."),
        ({"Principal": "alice"}, "Syntax errors in policy."),
        ({"Principal": {"AWS": []}}, "Syntax errors in policy."),
        ({"Principal": {"AWS": "arn:aws:iam::111122223333:group/g"}}, None),
        ({"Principal": {"AWS": "arn:aws:iam::111122223333:user/*"}}, None),
        ({"Principal": {"AWS": ["111122223333", "1111"]}}, 'Invalid principal in policy: "AWS":"1111"'),
        ({"Principal": {"Service": "ecs"}}, 'Invalid principal in policy: "SERVICE":"ecs"'),
        ({"Principal": {"Federated": "!"}}, 'Invalid principal in policy: "FEDERATED":"!"'),
        ({"Principal": {"Robot": "r2"}}, 'Invalid principal in policy: "ROBOT":"r2"'),
    ],
)
def test_every_fault_of_a_trust_policy_is_told_in_iams_words(elements: dict[str, Any], message: str | None) -> None:
    told = fault(parse_trust_policy, changed(TRUST, **elements))
    wanted = f'Invalid principal in policy: "AWS":"{elements["Principal"]["AWS"]}"' if message is None else message
    assert told == wanted


@pytest.mark.parametrize(
    "elements",
    [
        {"Action": ["STS:AssumeRole", "sts:TagSession"], "Principal": {"Service": "ecs-tasks.amazonaws.com"}},
        {"Principal": "*", "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}},
        {
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/token.example.com/x"},
        },
    ],
)
def test_trust_policies_as_they_are_written_are_taken(elements: dict[str, Any]) -> None:
    statement = {**TRUST, **elements}
    assert parse_trust_policy(policy(statement, Version="2008-10-17")).version == "2008-10-17"
    assert parse_trust_policy(policy(statement, Version=None)).statements[0].effect == "Allow"


def test_managed_policies_need_the_newest_version_and_inline_ones_do_not() -> None:
    message = "Policy document must be version 2012-10-17 or greater."
    for version in ("2008-10-17", None):
        text = policy(IDENTITY, Version=version)
        assert fault(parse_managed_policy, text) == fault(parse_service_control_policy, text) == message
        assert parse_identity_policy(text).version == parse_session_policy(text).version == "2008-10-17"
    assert fault(parse_identity_policy, policy(IDENTITY, Version="2020-01-01")) == "Syntax errors in policy."


def test_the_order_of_keys_is_free() -> None:
    text = '{"Statement": {"Resource": "*", "Action": "*", "Effect": "Deny"}, "Version": "2012-10-17"}'
    assert parse_managed_policy(text).statements[0].effect == "Deny"


def test_sids_are_letters_and_digits_and_each_is_there_once_except_the_empty_one() -> None:
    def sids(*wanted: str) -> str:
        return policy(*({**IDENTITY, "Sid": sid} for sid in wanted))

    assert fault(parse_identity_policy, sids("One", "Two", "One")) == "Statement IDs (SID) in a single policy must be unique."
    assert fault(parse_identity_policy, sids("One two")).startswith("Statement IDs (SID) must be alpha-numeric.")
    assert [statement.sid for statement in parse_identity_policy(sids("", "A", "")).statements] == ["", "A", ""]


@pytest.mark.parametrize("parse", EVERY_KIND)
@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "[]",
        '"policy"',
        "{}",
        '{"Version": "2012-10-17"}',
        '{"Version": "2012-10-17", "Statement": []}',
        '{"Version": "2012-10-17", "Statement": ["x"]}',
        '{"Version": "2012-10-17", "Statement": 5}',
        "\ufeff" + policy(IDENTITY),
        policy(IDENTITY) + "\ud800",
        '{"Version": "2012-10-17", "Version": "2012-10-17", "Statement": []}',
        "[" * 2000,
        '{"a":' * 300,
        '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "\\ud800", "Resource": "\\u0000"}}',
    ],
)
def test_what_is_no_policy_is_refused_for_every_kind(parse: Parser, text: str) -> None:
    assert fault(parse, text) in {
        "Syntax errors in policy.",
        "This policy contains invalid Json",
        "Missing required field Principal",
    }


@pytest.mark.parametrize("parse", EVERY_KIND)
def test_a_huge_text_is_refused_for_every_kind(parse: Parser) -> None:
    text = changed(IDENTITY, Action=["ecr:GetImage"] * 20_000)
    assert len(text) > MOST_CHARACTERS
    with pytest.raises((MalformedPolicyError, PackedPolicyTooLargeError)):
        parse(text)


def test_the_precise_reason_stands_in_the_detail() -> None:
    with pytest.raises(MalformedPolicyError) as caught:
        parse_identity_policy(changed(IDENTITY, Extra="x"))
    assert caught.value.detail == "Statement 1 has an unknown element 'Extra'."


def test_white_space_does_not_count_in_a_policys_size() -> None:
    assert size_of('{ "a b":\n\t"c"}\r\n') == len('{"ab":"c"}')
    room = 6144 - size_of(changed(IDENTITY, Resource="arn:aws:ecr:::"))
    largest = changed(IDENTITY, Resource="arn:aws:ecr:::" + "x" * room)
    assert size_of(largest) == 6144
    spread = largest.replace(",", ",\n" + " " * 5000)
    assert parse_managed_policy(spread).statements == parse_managed_policy(largest).statements
    with pytest.raises(PolicyTooLargeError) as caught:
        parse_managed_policy(largest.replace("xx", "xxx", 1))
    assert (caught.value.message, caught.value.query_status) == ("Cannot exceed quota for PolicySize: 6144", 409)


def test_trust_and_session_policies_have_sizes_of_their_own() -> None:
    roles = [f"arn:aws:iam::111122223333:role/{number:040}" for number in range(40)]
    with pytest.raises(PolicyTooLargeError, match="for ACLSizePerRole: 2048"):
        parse_trust_policy(changed(TRUST, Principal={"AWS": roles}))
    with pytest.raises(PackedPolicyTooLargeError, match=r"^Packed policy consumes \d{3}% of allotted space"):
        parse_session_policy(policy(IDENTITY) + " " * 2048)


def test_principals_that_do_not_exist_are_named_as_iam_names_them() -> None:
    text = changed(
        TRUST, Principal={"AWS": ["*", "arn:aws:iam::111122223333:role/here", "arn:aws:iam::111122223333:role/gone"]}
    )
    asked: list[NamedPrincipal] = []

    def exists(named: NamedPrincipal) -> bool:
        asked.append(named)
        return named.name != "gone"

    with pytest.raises(MalformedPolicyError) as caught:
        check_principals(parse_trust_policy(text), exists)
    assert caught.value.message == 'Invalid principal in policy: "AWS":"arn:aws:iam::111122223333:role/gone"'
    assert [(named.kind, named.name) for named in asked] == [(Kind.ROLE, "here"), (Kind.ROLE, "gone")]
    check_principals(parse_trust_policy(text), lambda _named: True)


def test_a_missing_service_or_provider_is_named_with_its_kind() -> None:
    provider = "arn:aws:iam::111122223333:oidc-provider/x.example"
    for principal, shown in (
        ({"Service": "ecs.amazonaws.com"}, '"SERVICE":"ecs.amazonaws.com"'),
        ({"Federated": provider}, f'"FEDERATED":"{provider}"'),
    ):
        with pytest.raises(MalformedPolicyError) as caught:
            check_principals(parse_trust_policy(changed(TRUST, Principal=principal)), lambda _named: False)
        assert caught.value.message == f"Invalid principal in policy: {shown}"


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["Allow", "*", "ecr:Get*", "sts:AssumeRole"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                "Version Statement Effect Action Resource Principal NotAction NotResource Condition Sid AWS Bool DateEquals aws:a".split()
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(
    st.text(max_size=60)
    | JSON.map(json.dumps)
    | JSON.map(lambda value: json.dumps({"Version": "2012-10-17", "Statement": value}))
)
def test_nothing_but_a_clear_error_comes_of_any_text(text: str) -> None:
    for parse in EVERY_KIND:
        assert _outcome(parse, text)


def _outcome(parse: Parser, text: str) -> str:
    try:
        return parse(text).version
    except MoorageError as error:
        return error.message.encode().decode()
