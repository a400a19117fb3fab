"""Actions and resources: the reference's table A2.2, and patterns that are made to be slow."""

import re
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from moorage.iam.matching import Pattern, any_of, matcher
from moorage.iam.policy import Policy, Source, SourceKind
from tests.soak import times
from tests.unit.iam.world import ACTION, USER, A, allow, allows, ask, denies, deny, policy, said, user

REPOSITORIES = f"arn:aws:ecr:us-east-1:{A}:repository"


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        ("*", "ecr:PutImage", ""),
        ("ecr:*", "ecr:PutImage", "ecr-public:PutImage"),
        ("ecr:putimage", "ecr:PutImage", "ecr:PutImageScanningConfiguration"),
        ("ECR:PUT*", "ecr:PutImage", "ecr:BatchGetImage"),
        ("ecr:*Image", "ecr:PutImage", "ecr:DescribeImages"),
        ("ecr:?utImage", "ecr:PutImage", "ecr:utImage"),
        ("ecr:*Get*Image*", "ecr:BatchGetImage", "ecr:BatchImageGet"),
        ("ecr:Put?????", "ecr:PutImage", "ecr:PutImages"),
    ],
)
def test_an_action_is_matched_whole_and_without_regard_to_case(pattern: str, matching: str, other: str) -> None:
    assert allows(allow(pattern), action=matching)
    assert allows(allow(["iam:GetUser", pattern, "s3:*"]), action=matching.upper())
    assert not allows({"Effect": "Allow", "NotAction": pattern, "Resource": "*"}, action=matching)
    if other:
        assert not allows(allow(pattern), action=other)
        assert allows({"Effect": "Allow", "NotAction": pattern, "Resource": "*"}, action=other)
        assert denies({"Effect": "Deny", "NotAction": ["iam:*", pattern], "Resource": "*"}, action=other)


@pytest.mark.parametrize(
    ("pattern", "resource", "fits"),
    [
        ("*", f"{REPOSITORIES}/a", True),
        ("*", "*", True),
        (f"{REPOSITORIES}/a", f"{REPOSITORIES}/a", True),
        (f"{REPOSITORIES}/a", f"{REPOSITORIES}/A", False),
        (f"{REPOSITORIES}/a", f"{REPOSITORIES}/a/b", False),
        (f"{REPOSITORIES}/*", f"{REPOSITORIES}/a/b/c", True),
        (f"{REPOSITORIES}/*/c", f"{REPOSITORIES}/a/b/c", True),
        (f"{REPOSITORIES}/a?c", f"{REPOSITORIES}/a/c", True),
        (f"{REPOSITORIES}/a?c", f"{REPOSITORIES}/ac", False),
        (f"{REPOSITORIES}/a*", f"{REPOSITORIES}/a:b", True),
        (f"arn:aws:ecr:*:{A}:repository/a", f"{REPOSITORIES}/a", True),
        (f"arn:aws:ecr:us-*-1:{A}:repository/a", f"{REPOSITORIES}/a", True),
        (f"arn:aws:ecr:eu-*:{A}:repository/a", f"{REPOSITORIES}/a", False),
        ("arn:aws:ecr:*:*:repository/*", f"{REPOSITORIES}/a", True),
        ("arn:aws:ecr:*:repository/*:a", f"{REPOSITORIES}/a:a", False),
        ("arn:aws:ecr:*:*:*", f"{REPOSITORIES}/a", True),
        ("arn:*:ecr:us-east-1:*:*", f"{REPOSITORIES}/a", True),
        ("arn:aws:ecr::*:*", f"{REPOSITORIES}/a", False),
        ("arn:aws:ecr:us-east-1:11112222333?:repository/a", f"{REPOSITORIES}/a", True),
        ("arn:aws:iam::*:user/*", USER, True),
        ("arn:aws:iam::*:user/*", f"{REPOSITORIES}/user/a", False),
        (f"{REPOSITORIES}/*", "*", False),
        (f"{REPOSITORIES}/*", "repository/a", False),
    ],
)
def test_a_resource_is_matched_segment_by_segment(pattern: str, resource: str, fits: bool) -> None:
    request: dict[str, Any] = {"resource": resource}
    assert allows(allow(resource=pattern), **request) is fits
    assert allows(allow(resource=["arn:aws:s3:::x", pattern]), **request) is fits
    assert denies(deny(resource=pattern), **request) is fits
    assert allows({"Effect": "Allow", "Action": "*", "NotResource": pattern}, **request) is not fits
    assert denies({"Effect": "Deny", "Action": "*", "NotResource": pattern}, **request) is not fits


def test_a_wildcard_for_the_service_counts_only_where_it_takes_something_away() -> None:
    anywhere = "arn:aws:*:us-east-1:*:*"
    request: dict[str, Any] = {"resource": f"{REPOSITORIES}/a"}
    assert not allows(allow(resource=anywhere), **request)
    assert denies(deny(resource=anywhere), **request)
    assert not allows({"Effect": "Allow", "Action": "*", "NotResource": anywhere}, **request)
    assert denies({"Effect": "Deny", "Action": "*", "NotResource": anywhere}, **request)


ALPHABET = "ab*?\n"


@settings(max_examples=times(400))
@example("a*b*b", "aab")
@example("a*?b*b", "aab")
@example("ab*ba", "aba")
@example("ab*?ba", "abba")
@given(st.text(ALPHABET, max_size=8), st.text("ab\n", max_size=8))
def test_a_pattern_matches_what_its_regular_expression_matches(text: str, asked: str) -> None:
    expression = "".join({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in text)
    expected = re.fullmatch(expression, asked, re.DOTALL) is not None
    pattern = Pattern.wild(text)
    assert pattern.matches(asked) is expected
    assert matcher(pattern)(asked) is expected
    assert any_of([pattern, Pattern.plain("zz"), Pattern.wild("z*z")])(asked) is expected
    assert any_of([Pattern.plain("zz"), pattern])(asked) is expected


@given(st.lists(st.tuples(st.booleans(), st.text(ALPHABET, max_size=4)), max_size=5), st.text("ab*?", max_size=8))
def test_patterns_join_to_what_their_regular_expressions_join_to(pieces: list[tuple[bool, str]], asked: str) -> None:
    whole = Pattern.joined(Pattern.plain(text) if plain else Pattern.wild(text) for plain, text in pieces)
    expression = ""
    for plain, text in pieces:
        wild = {} if plain else {"*": ".*", "?": "."}
        expression += "".join(wild.get(character, re.escape(character)) for character in text)
    assert matcher(whole)(asked) is (re.fullmatch(expression, asked, re.DOTALL) is not None)


EVIL = [
    "*a" * 200 + "b",
    "*a?" * 130 + "b",
    "a*" * 250 + "b",
    "*" * 400 + "b",
    "?" * 100 + "*" + "?" * 100 + "b",
    "*?a?b*" * 60,
    "${aws:username}*" * 25 + "b",
    "*${aws:username}?" * 20 + "b",
]


def test_patterns_that_are_made_to_be_slow_are_answered() -> None:
    """Were one of them exponential in its length, it would not end before the suite's own time is over."""
    evil = policy(*(allow(resource=f"{REPOSITORIES}/{pattern}") for pattern in EVIL * 15))
    almost, matching = f"{REPOSITORIES}/{'a' * 512}c", f"{REPOSITORIES}/{'a' * 512}b"
    assert not ask(user, identity=evil, resource=almost, context={"aws:username": ("a",)}).allowed
    assert ask(user, identity=evil, resource=matching, context={"aws:username": ("a",)}).allowed


def test_a_policy_as_long_as_any_may_be_is_asked() -> None:
    many = policy(*(allow(resource=f"{REPOSITORIES}/{n}") for n in range(900)), deny(resource=f"{REPOSITORIES}/77"))
    assert ask(user, identity=many, resource=f"{REPOSITORIES}/899").allowed
    assert said(ask(user, identity=many, resource=f"{REPOSITORIES}/77"))[0] == "explicitDeny"
    assert not ask(user, identity=many, resource=f"{REPOSITORIES}/900").allowed


def test_statements_are_found_whatever_actions_share_them() -> None:
    mixed = policy(
        allow(["ecr:PutImage", "iam:*", "s3:Get*"]),
        allow(["ecr:BatchGetImage", "ecr:PutImage"]),
        {"Effect": "Allow", "NotAction": ["iam:*"], "Resource": [f"{REPOSITORIES}/a", f"{REPOSITORIES}/*"]},
        allow(["*", "ecr:PutImage"]),
        allow(["ECR:PUTIMAGE", "ecr:putimage"], [f"{REPOSITORIES}/a"] * 3),
    )

    def numbers(action: str) -> list[int]:
        return [matched.number for matched in ask(user, identity=mixed, action=action, resource=f"{REPOSITORIES}/a").matched]

    assert numbers("ecr:PutImage") == [1, 2, 3, 4, 5]
    assert numbers("ecr:batchGETimage") == [2, 3, 4]
    assert numbers("iam:GetUser") == [1, 4]
    assert numbers("s3:GetObject") == [1, 3, 4]
    assert numbers("s3:PutObject") == [3, 4]


def keys(*statements: dict[str, Any], version: str = "2012-10-17") -> frozenset[str]:
    return policy(*statements, version=version).keys


def test_a_policy_knows_every_key_that_it_reads() -> None:
    condition = {"StringLike": {"AWS:PrincipalTag/Team": ["${aws:username}", "x"]}, "Null": {"aws:MultiFactorAuthAge": "true"}}
    assert keys(allow(Condition=condition)) == {"aws:principaltag/team", "aws:username", "aws:multifactorauthage"}
    arn = {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::${aws:PrincipalAccount}:user/${*}"}}
    assert keys(allow(Condition=arn)) == {"aws:principalarn", "aws:principalaccount"}
    assert keys(allow(resource=f"{REPOSITORIES}/${{aws:userid}}/${{ecr:ResourceTag/x, 'y'}}")) == {
        "aws:userid",
        "ecr:resourcetag/x",
    }
    assert keys({"Effect": "Deny", "Action": "*", "NotResource": f"{REPOSITORIES}/${{aws:username}}"}) == {"aws:username"}
    assert keys(allow(Condition=arn), version="2008-10-17") == {"aws:principalarn"}
    assert keys(allow(), deny(f"{ACTION}*")) == frozenset()


def test_a_policy_shows_its_name_and_nothing_of_its_text() -> None:
    assert repr(Policy.compile('{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}',
                               Source(SourceKind.NONE, "mine"))) == "Policy(mine)"  # fmt: skip
