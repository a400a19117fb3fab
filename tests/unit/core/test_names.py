import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.core.digest import Digest
from moorage.core.errors import InvalidDigestError, InvalidNameError, InvalidTagError
from moorage.core.names import REPOSITORY_PATTERN, Reference, RepositoryName, TagName
from tests.unit.ground import service

INPUT = service().operation("CreateRepository").input_shape
assert INPUT is not None
SHAPE = INPUT.members["repositoryName"]
PATTERN = re.compile(SHAPE.metadata["pattern"])


def accepts(text: str) -> bool:
    try:
        assert RepositoryName.parse(text) == text
    except InvalidNameError:
        return False
    return True


def by_botocore(text: str) -> bool:
    return SHAPE.metadata["min"] <= len(text) <= SHAPE.metadata["max"] and PATTERN.fullmatch(text) is not None


def test_the_pattern_in_errors_is_the_models() -> None:
    assert SHAPE.metadata["pattern"].replace("\\/", "/") == REPOSITORY_PATTERN


@given(st.from_regex(PATTERN, fullmatch=True) | st.text(alphabet="ab0._-/A", max_size=12) | st.text(max_size=6))
def test_a_repository_name_is_exactly_what_botocores_pattern_accepts(text: str) -> None:
    assert accepts(text) == by_botocore(text)


@pytest.mark.parametrize(("text", "good"), [("a", False), ("ab", True), ("a" * 256, True), ("a" * 257, False), ("ab\n", False)])
def test_a_repository_name_has_2_to_256_characters(text: str, good: bool) -> None:
    assert accepts(text) is good


@pytest.mark.parametrize("text", ["a-" * 128, "a_" * 128, "-" * 256, "a" * 255 + "!", "a/" * 128, "a--" * 85])
def test_no_name_makes_the_engine_backtrack(text: str) -> None:
    begun = time.perf_counter()
    assert not accepts(text)
    assert time.perf_counter() - begun < 0.5


@given(st.text(max_size=5) | st.from_regex(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,130}", fullmatch=True))
def test_a_tag_is_what_the_distribution_spec_says(text: str) -> None:
    good = re.fullmatch(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}", text) is not None
    if good:
        assert TagName.parse(text) == text
    else:
        with pytest.raises(InvalidTagError):
            TagName.parse(text)


def test_a_reference_with_a_colon_is_a_digest_and_any_other_a_tag() -> None:
    digest = "sha256:" + "a" * 64
    assert Reference.parse(digest) == Reference(digest=Digest.parse(digest))
    fallback = "sha256-" + "a" * 64
    assert Reference.parse(fallback) == Reference(tag=TagName(fallback))
    assert (str(Reference.parse(digest)), str(Reference.parse("v1"))) == (digest, "v1")
    with pytest.raises(InvalidDigestError):
        Reference.parse("v1:latest")
    with pytest.raises(InvalidTagError):
        Reference.parse("-v1")
