"""The claims about speed, and how they are judged."""

import math

import pytest

from bench.goals import DEBIAN, NEWEST, OURS, Goal, Outcome, check, goals, holds
from bench.measure import Series
from bench.selection import everything


def _outcome(outcomes: list[Outcome], item: str, figure: str, peer: str | None) -> Outcome:
    return next(one for one in outcomes if (one.goal.item, one.goal.figure, one.goal.peer) == (item, figure, peer))


def test_every_goal_is_about_an_item_that_exists() -> None:
    assert {goal.item for goal in goals()} <= {item.name for item in everything()}


def test_no_goal_is_stated_twice() -> None:
    stated = [(goal.item, goal.figure, goal.peer) for goal in goals()]
    assert len(stated) == len(set(stated))


@pytest.mark.parametrize(
    ("sense", "value", "held"),
    [
        ("at least", 5.0, True),
        ("at least", 4.99, False),
        ("at most", 5.0, True),
        ("at most", 5.01, False),
        ("below", 5.0, False),
        ("below", 4.99, True),
    ],
)
def test_a_bound_has_a_side(sense: str, value: float, held: bool) -> None:
    goal = next(Goal("x", "rate", known, 5) for known in ("at least", "at most", "below") if known == sense)
    assert holds(goal, value) is held


def test_a_goal_says_what_it_wants_in_words() -> None:
    texts = {(goal.item, goal.figure, goal.peer): goal.text for goal in goals()}
    assert texts["head-16", "rate", DEBIAN] == "rate at least 20 times docker-registry's"
    assert texts["blob-256MiB-8", "cpu", NEWEST] == "CPU at most 1 times distribution's"
    assert texts["memory-32-pulls", "memory", None] == "memory below 250 MB"


def test_each_goal_is_judged_against_its_own_peer() -> None:
    results = {
        "tag-16": {
            OURS: {"rate": Series((50.0, 60.0, 70.0))},
            NEWEST: {"rate": Series((10.0, 10.0, 10.0))},
            DEBIAN: {"rate": Series((4.0, 4.0, 4.0))},
        }
    }
    outcomes = check(results)
    newest = _outcome(outcomes, "tag-16", "rate", NEWEST)
    assert newest.held is True
    assert newest.measured is not None
    assert (newest.measured.low, newest.measured.value, newest.measured.high) == (5.0, 6.0, 7.0)
    assert _outcome(outcomes, "tag-16", "rate", DEBIAN).held is False


def test_an_absolute_goal_needs_no_peer() -> None:
    outcomes = check({"start": {OURS: {"ms": Series((900.0, 700.0, 1400.0))}}})
    start = _outcome(outcomes, "start", "ms", None)
    assert start.held is True
    assert start.measured is not None
    assert (start.measured.low, start.measured.high) == (700.0, 1400.0)


def test_what_was_not_measured_is_neither_held_nor_missed() -> None:
    assert all(one.held is None for one in check({}))
    without_peer = check({"tag-16": {OURS: {"rate": Series((50.0,))}}})
    assert _outcome(without_peer, "tag-16", "rate", NEWEST).held is None
    without_value = check({"start": {OURS: {"ms": Series((math.nan,))}}})
    assert _outcome(without_value, "start", "ms", None).held is None
