import fnmatch
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.core.wildcard import matches, matches_glob

LETTERS = st.text(alphabet="ab.", max_size=8)


def obvious(pattern: str, text: str) -> bool:
    return re.fullmatch(".*".join(re.escape(part) for part in pattern.split("*")), text, re.DOTALL) is not None


@given(st.text(alphabet="ab.*", max_size=6), LETTERS)
def test_it_matches_as_the_obvious_regular_expression_and_fnmatch_do(pattern: str, text: str) -> None:
    assert matches(pattern, text) == obvious(pattern, text) == fnmatch.fnmatchcase(text, pattern)


@given(st.text(max_size=6), st.text(max_size=6))
def test_only_the_star_is_special(pattern: str, text: str) -> None:
    assert matches(pattern, text) == obvious(pattern, text)
    assert matches(pattern, pattern) or "*" in pattern


@pytest.mark.parametrize(
    ("pattern", "text", "expected"), [("", "", True), ("", "a", False), ("*", "", True), ("a*a", "a", False)]
)
def test_edges(pattern: str, text: str, expected: bool) -> None:
    assert matches(pattern, text) is expected


def test_no_pattern_is_exponential() -> None:
    begun = time.perf_counter()
    assert not matches("a*" * 1000 + "b", "a" * 10_000)
    assert time.perf_counter() - begun < 1


@given(st.text("ab*?", max_size=12), st.text("ab", max_size=12))
def test_a_glob_agrees_with_the_obvious_regular_expression(pattern: str, text: str) -> None:
    expression = "".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in pattern)
    assert matches_glob(pattern, text) == bool(re.fullmatch(expression, text, re.DOTALL))


def test_no_glob_takes_exponential_time() -> None:
    assert not matches_glob("a*" * 200 + "b", "a" * 2000)
