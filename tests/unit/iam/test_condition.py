"""Condition operators: the reference's tables A2.3."""

from typing import Any

import pytest

from moorage.iam.context import Context
from tests.unit.iam.world import USER, A, allow, allows, denies, deny, when

KEY = "test:key"


def known(*values: str) -> Context:
    return {KEY: values} if values else {}


def holds(operator: str, values: Any, *asked: str) -> bool:
    """Whether a condition holds; what holds must hold in an Allow and in a Deny alike, and so must what does not."""
    condition = when(operator, KEY, *values) if isinstance(values, list) else when(operator, KEY, values)
    answer = allows(allow(**condition), known(*asked))
    assert denies(deny(**condition), known(*asked)) is answer
    return answer


def is_undecided(operator: str, values: list[Any], *asked: str) -> bool:
    """Whether a condition decides against the caller in an Allow and in a Deny."""
    condition = when(operator, KEY, *values)
    return not allows(allow(**condition), known(*asked)) and denies(deny(**condition), known(*asked))


# Operator, a value of the policy, a value of the request for which it holds, one for which it does not.
PAIRS: list[tuple[str, Any, str, str]] = [
    ("StringEquals", "dev*", "dev*", "dev-1"),
    ("StringEquals", "dev", "dev", "Dev"),
    ("StringEqualsIgnoreCase", "Dév", "dÉV", "dev"),
    ("StringLike", "dev-*", "dev-", "prod"),
    ("StringLike", "v?.?", "v1.0", "v1.10"),
    ("StringLike", "*a*", "c\na:/t?", "dog"),
    ("NumericEquals", 5, "5.0", "6"),
    ("NumericEquals", "12345678901234567890.1", "12345678901234567890.10", "12345678901234567890.2"),
    ("NumericLessThan", 10, "9.99", "10"),
    ("NumericLessThan", "10", "-1e3", "1e1"),
    ("NumericLessThanEquals", 10, "10", "10.01"),
    ("NumericGreaterThan", 10, "10.01", "10"),
    ("NumericGreaterThanEquals", 10, "10", "9"),
    ("DateEquals", "2026-01-01T00:00:00Z", "1767225600", "1767225601"),
    ("DateEquals", "2026-01-01T02:00:00+02:00", "2026-01-01T00:00:00Z", "2026-01-01T02:00:00Z"),
    ("DateEquals", "2025-12-31T19:00:00-05:00", "2026-01-01T00:00:00Z", "2025-12-31T14:00:00Z"),
    ("DateEquals", "2026-01-01", "2026-01-01T00:00:00.000Z", "2026-01-01T00:00:00.001Z"),
    ("DateLessThan", "2026-01-01T00:00:00Z", "2025-12-31T23:59:59Z", "2026-01-01T00:00:00Z"),
    ("DateLessThan", 1767225600, "2025-12-31T23:59:59Z", "2026-01-01T00:00:00Z"),
    ("DateLessThanEquals", "2026-01", "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"),
    ("DateGreaterThan", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00.5Z", "2026-01-01T00:00:00Z"),
    ("DateGreaterThanEquals", "2026-01-01T00:00Z", "2026-01-01T00:00:00Z", "2025-06-01T00:00:00Z"),
    ("Bool", True, "true", "false"),
    ("Bool", "False", "false", "true"),
    ("BinaryEquals", "QmluYXJ5", "QmluYXJ5", "QmluYXJZ"),
    ("IpAddress", "203.0.113.0/24", "203.0.113.7", "203.0.114.7"),
    ("IpAddress", "203.0.113.9/24", "203.0.113.7", "2001:db8::1"),
    ("IpAddress", "203.0.113.7", "203.0.113.7", "203.0.113.8"),
    ("IpAddress", "203.0.113.0/24", "::ffff:203.0.113.7", "::ffff:203.0.114.7"),
    ("IpAddress", "::ffff:203.0.113.0/120", "203.0.113.7", "203.0.114.7"),
    ("IpAddress", "2001:db8::/32", "2001:DB8:0::1", "2001:db9::1"),
    ("IpAddress", "2001:db8::1", "2001:db8:0:0:0:0:0:1", "2001:db8::2"),
    ("IpAddress", "0.0.0.0/0", "203.0.113.7", "2001:db8::1"),
    ("IpAddress", "::/0", "2001:db8::1", "203.0.113.7"),
    ("ArnEquals", "arn:aws:iam::*:user/team/*", USER, "arn:aws:iam::1:role/team/alice"),
    ("ArnLike", f"arn:aws:iam::{A}:*", USER, "arn:aws:sts::1:user/x"),
    ("ArnLike", "arn:*:s3:::a?c*", "arn:aws:s3:::abc:d/e", "arn:aws:s3:::ac"),
    ("ArnLike", "arn:aws:*:::x", "arn:aws:s3:::x", "arn:aws:s3::1:x"),
]
NEGATED = {
    "StringEquals": "StringNotEquals",
    "StringEqualsIgnoreCase": "StringNotEqualsIgnoreCase",
    "StringLike": "StringNotLike",
    "NumericEquals": "NumericNotEquals",
    "DateEquals": "DateNotEquals",
    "IpAddress": "NotIpAddress",
    "ArnEquals": "ArnNotEquals",
    "ArnLike": "ArnNotLike",
}
POSITIVE = sorted({operator for operator, *_ in PAIRS})


@pytest.mark.parametrize(("operator", "value", "fitting", "other"), PAIRS)
def test_an_operator_tells_what_fits_from_what_does_not(operator: str, value: Any, fitting: str, other: str) -> None:
    assert holds(operator, value, fitting)
    assert not holds(operator, value, other)
    if operator in NEGATED:
        assert not holds(NEGATED[operator], value, fitting)
        assert holds(NEGATED[operator], value, other)


def test_every_operator_is_among_the_examples() -> None:
    families = {"Numeric": "LessThan", "Date": "LessThan"}
    ordered = {
        f"{family}{order}"
        for family in families
        for order in ("LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals")
    }
    assert set(POSITIVE) == ordered | set(NEGATED) | {"Bool", "BinaryEquals"}


@pytest.mark.parametrize(("operator", "value", "fitting", "other"), PAIRS)
def test_of_several_values_one_is_enough_and_for_a_negated_operator_one_is_too_much(
    operator: str, value: Any, fitting: str, other: str
) -> None:
    assert holds(operator, [value, value], fitting)
    negated = NEGATED.get(operator)
    if operator.startswith("String"):
        assert holds(operator, ["zzz", value], fitting)
        assert not holds(negated or "", ["zzz", value], fitting)
        assert holds(negated or "", ["zzz", value], other)


@pytest.mark.parametrize("operator", POSITIVE)
def test_an_absent_key_fails_an_operator_and_passes_its_negation(operator: str) -> None:
    value = next(value for name, value, *_ in PAIRS if name == operator)
    assert not holds(operator, value)
    assert holds(f"{operator}IfExists", value)
    assert holds(f"ForAllValues:{operator}", value)
    assert not holds(f"ForAnyValue:{operator}", value)
    assert holds(f"ForAllValues:{operator}IfExists", value)
    assert holds(f"ForAnyValue:{operator}IfExists", value)
    if operator in NEGATED:
        assert holds(NEGATED[operator], value)
        assert holds(f"{NEGATED[operator]}IfExists", value)
        assert holds(f"ForAllValues:{NEGATED[operator]}", value)
        assert not holds(f"ForAnyValue:{NEGATED[operator]}", value)


def test_if_exists_changes_nothing_for_a_key_that_is_there() -> None:
    for operator, value, fitting, other in PAIRS:
        assert holds(f"{operator}IfExists", value, fitting)
        assert not holds(f"{operator}IfExists", value, other)


def test_a_key_without_values_is_absent() -> None:
    nothing: Context = {KEY: ()}
    assert allows(allow(**when("Null", KEY, True)), nothing)
    assert not allows(allow(**when("StringLike", KEY, "*")), nothing)
    assert allows(allow(**when("ForAllValues:StringEquals", KEY, "a")), nothing)


@pytest.mark.parametrize(
    ("values", "absent", "present"), [(True, True, False), (False, False, True), (["true", "False"], True, True)]
)
def test_null_asks_whether_a_key_is_there(values: Any, absent: bool, present: bool) -> None:
    assert holds("Null", values) is absent
    assert holds("Null", values, "x") is present
    assert holds("ForAnyValue:Null", values, "x") is present
    assert holds("Null", values, "") is present


# Operator, the policy's values, the request's values, the answer.
SETS: list[tuple[str, list[str], list[str], bool]] = [
    ("ForAllValues:StringEquals", ["a", "b"], ["a"], True),
    ("ForAllValues:StringEquals", ["a", "b"], ["a", "b"], True),
    ("ForAllValues:StringEquals", ["a", "b"], ["a", "c"], False),
    ("ForAnyValue:StringEquals", ["a", "b"], ["c", "b"], True),
    ("ForAnyValue:StringEquals", ["a", "b"], ["c", "d"], False),
    ("ForAllValues:StringNotEquals", ["a", "b"], ["c", "d"], True),
    ("ForAllValues:StringNotEquals", ["a", "b"], ["c", "b"], False),
    ("ForAnyValue:StringNotEquals", ["a", "b"], ["a", "c"], True),
    ("ForAnyValue:StringNotEquals", ["a", "b"], ["a", "b"], False),
    ("ForAllValues:StringLike", ["a*"], ["a1", "a2"], True),
    ("ForAllValues:NumericLessThan", ["5"], ["4", "5"], False),
    ("ForAnyValue:IpAddress", ["10.0.0.0/8"], ["192.0.2.1", "10.1.1.1"], True),
    ("ForAllValues:Bool", ["true"], ["true", "false"], False),
    ("StringEquals", ["a", "b"], ["c", "b"], True),
    ("StringEquals", ["a", "b"], ["c", "d"], False),
    ("StringNotEquals", ["a", "b"], ["c", "b"], False),
    ("StringNotEquals", ["a", "b"], ["c", "d"], True),
]


@pytest.mark.parametrize(("operator", "values", "asked", "expected"), SETS)
def test_a_key_with_several_values(operator: str, values: list[str], asked: list[str], expected: bool) -> None:
    assert holds(operator, values, *asked) is expected


def test_no_values_at_all_in_a_policy_match_nothing() -> None:
    for operator, _value, fitting, _other in PAIRS:
        assert not holds(operator, [], fitting)
        assert not holds(operator, [], "what nobody can read")
        assert not holds(f"ForAllValues:{operator}", [], fitting)
        if operator in NEGATED:
            assert holds(NEGATED[operator], [], fitting)


def test_all_operators_and_all_keys_must_hold() -> None:
    both = {"Condition": {"StringEquals": {"a:x": "1", "a:y": "2"}, "Bool": {"a:z": "true"}}}
    right: Context = {"a:x": ("1",), "a:y": ("2",), "a:z": ("true",)}
    assert allows(allow(**both), right)
    assert not denies(deny(**both), {**right, "a:y": ("3",)})
    for key in right:
        assert not allows(allow(**both), {**right, key: ("false",)})
        assert not allows(allow(**both), {name: values for name, values in right.items() if name != key})


def test_keys_are_found_whatever_their_case() -> None:
    tagged: Context = {"aws:resourcetag/team": ("A",)}
    assert allows(allow(**when("StringEquals", "AWS:ResourceTag/TEAM", "A")), tagged)
    assert not allows(allow(**when("StringEquals", "aws:ResourceTag/Team", "a")), tagged)


# What a policy may say and nobody can compare with anything.
UNREADABLE: list[tuple[str, str, str]] = [
    ("NumericEquals", "five", "5"),
    ("NumericEquals", "١", "1"),
    ("NumericLessThan", "1e99999", "1"),
    ("NumericGreaterThan", "NaN", "1"),
    ("NumericGreaterThan", "-Infinity", "1"),
    ("NumericLessThan", "", "1"),
    ("NumericLessThan", "9" * 100_000, "1"),
    ("DateLessThan", "tomorrow", "2026-01-01T00:00:00Z"),
    ("DateEquals", "2026-13-01", "2026-01-01T00:00:00Z"),
    ("DateEquals", "2026-02-30T00:00:00Z", "2026-01-01T00:00:00Z"),
    ("DateEquals", "0000-01-01", "2026-01-01T00:00:00Z"),
    ("DateLessThan", "2026-01-01T00:00:00+99:00", "2026-01-01T00:00:00Z"),
    ("Bool", "yes", "true"),
    ("Bool", "${aws:SecureTransport}", "true"),
    ("BinaryEquals", "###", "QQ=="),
    ("IpAddress", "10.0.0.0/33", "10.0.0.1"),
    ("IpAddress", "10.0.0.0/255.0.0.0", "10.0.0.1"),
    ("IpAddress", "10.0.0", "10.0.0.1"),
    ("IpAddress", "010.0.0.1", "10.0.0.1"),
    ("IpAddress", "10.*", "10.0.0.1"),
    ("ArnLike", "arn:aws:iam:*", USER),
    ("ArnLike", "alice", USER),
]


@pytest.mark.parametrize(("operator", "value", "asked"), UNREADABLE)
def test_what_cannot_be_compared_decides_against_the_caller(operator: str, value: str, asked: str) -> None:
    assert is_undecided(operator, [value], asked)
    assert is_undecided(f"ForAnyValue:{operator}", [value], asked)
    assert is_undecided(f"ForAllValues:{operator}", [value], asked)
    if operator in NEGATED:
        assert is_undecided(NEGATED[operator], [value], asked)


@pytest.mark.parametrize(
    ("operator", "value", "asked"),
    [
        ("NumericEquals", "5", "v5"),
        ("NumericNotEquals", "5", "v5"),
        ("DateLessThan", "2026-01-01", "soon"),
        ("Bool", "true", "1"),
        ("IpAddress", "10.0.0.0/8", "a.example"),
        ("NotIpAddress", "10.0.0.0/8", ""),
        ("ArnLike", "*", "alice"),
        ("ArnNotLike", "arn:aws:iam::1:x", "alice"),
        ("BinaryEquals", "QQ==", "Q"),
        ("BinaryEquals", "QQ==", "é"),
    ],
)
def test_a_request_that_cannot_be_compared_decides_against_the_caller(operator: str, value: str, asked: str) -> None:
    assert is_undecided(operator, [value], asked)


def test_one_value_that_fits_is_enough_whatever_stands_beside_it() -> None:
    assert holds("NumericEquals", ["five", "5"], "5")
    assert not holds("NumericNotEquals", ["five", "5"], "5")
    assert is_undecided("NumericEquals", ["five", "5"], "6")
    assert holds("Null", ["perhaps", "true"])
    assert is_undecided("Null", ["perhaps"])


def test_any_arn_fits_an_asterisk() -> None:
    assert holds("ArnLike", "*", USER)
    assert not holds("ArnNotLike", "*", USER)


def test_strings_keep_every_character() -> None:
    for text in ("naïve", "日本", "a\tb", " ", "🐳", "A\u030a"):
        assert holds("StringEquals", text, text)
        assert holds("StringLike", f"{text[0]}*", text)
        assert not holds("StringEquals", text, f"{text} ")
    assert holds("StringLike", "?", "🐳")
    assert not holds("StringEquals", "\u00c5", "A\u030a"), "no text is normalised"


@pytest.mark.parametrize("key", ["aws:RequestTag/env", "ecr:ResourceTag/Env", "aws:PrincipalTag/env"])
@pytest.mark.parametrize(
    ("operator", "wanted"),
    [
        ("StringEquals", "dev"),
        ("StringEqualsIfExists", "dev"),
        ("StringNotEquals", "prod"),
        ("ForAnyValue:StringEquals", "dev"),
        ("ForAllValues:StringNotLike", "p*"),
        ("ForAnyValue:StringNotEquals", "prod"),
    ],
)
def test_a_tag_with_two_values_decides_against_the_caller(key: str, operator: str, wanted: str) -> None:
    """As rows of earlier releases have it, whose keys differ in case only."""
    condition = {"Condition": {operator: {key: wanted}}}
    for values in (("prod", "dev"), ("dev", "prod")):
        asked = {key.lower(): values}
        assert not allows(allow(**condition), asked) and denies(deny(**condition), asked)
    both = {key.lower(): ("dev", "dev")}
    assert allows(allow(**condition), both) and denies(deny(**condition), both)
