from typing import Any

import pytest

from moorage.core.errors import InvalidParameterError
from moorage.repositories.errors import InvalidTagParameterError, TooManyTagsError
from moorage.repositories.model import TagMutability
from moorage.repositories.resource_tags import parse_tags


@pytest.mark.parametrize(
    ("mode", "exclusions", "fixed"),
    [
        ("MUTABLE", (), {"latest": False, "v1": False}),
        ("IMMUTABLE", (), {"latest": True, "v1": True}),
        (
            "IMMUTABLE_WITH_EXCLUSION",
            ("latest", "dev-*"),
            {"latest": False, "dev-": False, "dev-1": False, "v1": True, "xdev-1": True},
        ),
        ("MUTABLE_WITH_EXCLUSION", ("v*", "prod"), {"latest": False, "v1": True, "v": True, "prod": True, "prod2": False}),
    ],
)
def test_the_mode_and_its_exclusions_say_which_tags_must_stay(
    mode: str, exclusions: tuple[str, ...], fixed: dict[str, bool]
) -> None:
    mutability = TagMutability(mode, exclusions)
    assert {tag: mutability.fixes(tag) for tag in fixed} == fixed


def filters(*patterns: str) -> list[dict[str, str]]:
    return [{"filterType": "WILDCARD", "filter": pattern} for pattern in patterns]


def test_the_default_is_mutable() -> None:
    assert TagMutability.parse(None, None) == TagMutability("MUTABLE", ())
    assert TagMutability.parse("IMMUTABLE_WITH_EXCLUSION", filters("b", "a*")).exclusions == ("b", "a*")


@pytest.mark.parametrize(
    ("mode", "given"),
    [
        ("IMMUTABLE_WITH_EXCLUSION", None),
        ("MUTABLE_WITH_EXCLUSION", []),
        ("MUTABLE", filters("a")),
        ("IMMUTABLE", filters("a")),
        (None, filters("a")),
        ("IMMUTABLE_WITH_EXCLUSION", filters("a*b*c*")),
    ],
)
def test_modes_and_filters_must_go_together(mode: str | None, given: Any) -> None:
    with pytest.raises(InvalidParameterError, match="imageTagMutabilityExclusionFilters"):
        TagMutability.parse(mode, given)


def test_resource_tags_keep_amazons_rules() -> None:
    assert parse_tags([{"Key": "k" * 128, "Value": "v" * 256}, {"Key": "a"}]) == {"k" * 128: "v" * 256, "a": ""}
    assert len(parse_tags([{"Key": str(number), "Value": ""} for number in range(50)])) == 50


@pytest.mark.parametrize(
    "given",
    [
        [{"Key": "", "Value": ""}],
        [{"Value": "no key"}],
        [{"Key": "k" * 129, "Value": ""}],
        [{"Key": "k", "Value": "v" * 257}],
        [{"Key": "AWS:mine", "Value": ""}],
        [{"Key": "k", "Value": "1"}, {"Key": "k", "Value": "2"}],
    ],
)
def test_resource_tags_that_break_them_are_refused(given: list[dict[str, str]]) -> None:
    with pytest.raises(InvalidTagParameterError):
        parse_tags(given)


def test_more_than_fifty_resource_tags_are_too_many() -> None:
    with pytest.raises(TooManyTagsError):
        parse_tags([{"Key": str(number), "Value": ""} for number in range(51)])
