"""What a decision costs at most, counted in steps of the code that matches, not in time."""

import json
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from moorage.iam import arn_pattern, condition, matching, variables
from moorage.iam.context import LONGEST_VALUE
from moorage.iam.matching import Pattern
from moorage.iam.policy import Policy, Source, SourceKind
from tests.unit.iam.world import allow, allows, ask, denies, deny, policy, user

_COUNTED = {module.__file__ for module in (arn_pattern, condition, matching, variables)}
_LINES_OF_A_STEP = 16

LONG = "a" * LONGEST_VALUE
TOO_LONG = "a" * (LONGEST_VALUE + 1)


def lines_of(work: Callable[[], Any]) -> int:
    """How many lines of the modules that match are run."""
    count = 0

    def line(_frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal count
        count += event == "line"
        return line

    before = sys.gettrace()
    sys.settrace(lambda frame, _event, _argument: line if frame.f_code.co_filename in _COUNTED else None)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def agent(*patterns: str, operator: str = "StringLike") -> dict[str, Any]:
    return {operator: {"aws:UserAgent": list(patterns)}}


SLOW = [
    "*" + "a?" * 500 + "b*",
    "*a" + "?" * 900 + "b*",
    "*" + "a?" * 500 + "b" + "*a?" * 300,
    "*a?b" * 900 + "*",
    "*" + "*".join(f"{n:x}?a" for n in range(700)) + "*",
    "*a" * 1200 + "b",
    "a?" * 600 + "*",
    "${aws:UserAgent}?*" * 20,
    "*${aws:username}?a" * 100 + "*b",
    "${*}*${?}?" * 200,
    "*a${aws:UserAgent}?*",
]


@pytest.mark.parametrize("pattern", SLOW)
def test_a_pattern_takes_no_more_steps_than_its_policy_says(pattern: str) -> None:
    asked = policy(allow(Condition=agent(pattern)))
    matching._places(LONG)
    context = {"aws:useragent": (LONG,), "aws:username": ("a",)}
    assert lines_of(lambda: ask(user, identity=asked, context=context)) <= asked.weight * _LINES_OF_A_STEP + 200


@pytest.mark.parametrize("pattern", [pattern for pattern in SLOW if "${aws" not in pattern])
def test_a_pattern_takes_no_more_steps_than_it_has_characters_whatever_the_text(pattern: str) -> None:
    assert Pattern.wild(pattern).weight <= len(pattern) + 1
    assert policy(allow(Condition=agent(pattern))).weight <= len(pattern) + 16


def test_texts_without_wildcards_take_one_step_however_many_they_are() -> None:
    assert policy(allow(Condition=agent(*map(str, range(500))))).weight < 10


def test_a_policy_weighs_what_its_statements_and_the_wildcards_of_its_actions_weigh() -> None:
    plain = policy(allow("ecr:PutImage"))
    assert policy(allow("ecr:PutImage"), allow("ecr:PutImage")).weight == 2 * plain.weight
    assert policy(allow(["ecr:Put*", "ecr:*?a*"])).weight > plain.weight
    assert policy(allow(resource=["arn:aws:ecr:*:*:*a?b*"] * 9)).weight > 9


@pytest.mark.parametrize("operator", ["StringLike", "StringEquals", "StringEqualsIgnoreCase", "ArnLike", "NumericEquals"])
def test_a_value_that_is_too_long_decides_against_the_caller(operator: str) -> None:
    """A `Deny` must not be escaped by a header that is longer than what is compared."""
    names = [TOO_LONG, "*", "x"]
    for name in (operator, f"{operator}IfExists", f"ForAnyValue:{operator}"):
        condition = {name: {"aws:UserAgent": names}}
        context = {"aws:useragent": (TOO_LONG,)}
        assert not allows(allow(Condition=condition), context=context)
        assert denies(deny(Condition=condition), context=context)
        negated = {name.replace(operator, operator.replace("Equals", "NotEquals").replace("Like", "NotLike")): names}
        assert not allows(allow(Condition={key: {"aws:UserAgent": value} for key, value in negated.items()}), context=context)
        assert denies(deny(Condition={key: {"aws:UserAgent": value} for key, value in negated.items()}), context=context)


def test_the_longest_value_is_compared_and_whether_there_is_one_can_be_asked_of_any() -> None:
    assert allows(allow(Condition=agent("a*")), context={"aws:useragent": (LONG,)})
    assert not denies(deny(Condition=agent("b*")), context={"aws:useragent": (LONG,)})
    assert allows(allow(Condition={"Null": {"aws:UserAgent": "false"}}), context={"aws:useragent": (TOO_LONG,)})


def test_a_variable_stands_for_no_value_that_is_too_long() -> None:
    condition = {"StringLike": {"aws:Referer": "${aws:UserAgent, 'b'}*"}}
    assert allows(allow(Condition=condition), context={"aws:referer": ("aaa",), "aws:useragent": ("aa",)})
    assert not allows(allow(Condition=condition), context={"aws:referer": ("bbb",), "aws:useragent": (TOO_LONG,)})


def test_making_a_policy_ready_takes_steps_in_proportion_to_its_text() -> None:
    def compile_of(times: int) -> int:
        text = "${*}*${?}a?" * times
        document = json.dumps({"Version": "2012-10-17", "Statement": allow(Condition=agent(text))})
        return lines_of(lambda: Policy.compile(document, Source(SourceKind.NONE, "it")))

    assert compile_of(400) < 5 * compile_of(100)
