"""Which scanning a configuration means for a repository."""

from typing import Any

import pytest

from moorage.registries.errors import ValidationError
from moorage.registries.scanning import EffectiveScanning, ScanningConfiguration, filter_matches

NAMES = ("prod", "repo-prod", "prod-repo", "repo-prod-repo", "prodrepo")


def rule(frequency: str, *filters: str) -> dict[str, Any]:
    shown = [{"filter": pattern, "filterType": "WILDCARD"} for pattern in filters]
    return {"scanFrequency": frequency, "repositoryFilters": shown}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("prod", "yes yes yes yes yes"),
        ("*prod", "yes yes no no no"),
        ("prod*", "yes no yes no yes"),
        ("*prod*", "yes yes yes yes yes"),
        ("prod*repo", "no no yes no yes"),
    ],
)
def test_filters_match_as_in_amazons_own_table(pattern: str, expected: str) -> None:
    assert [filter_matches(pattern, name) for name in NAMES] == [word == "yes" for word in expected.split()]


@pytest.mark.parametrize(
    ("kind", "rules"),
    [
        (None, [rule("CONTINUOUS_SCAN", "*")]),
        ("BASIC", [rule("MANUAL", "*")]),
        ("ENHANCED", [rule("MANUAL", "*")]),
        ("BASIC", [rule("SCAN_ON_PUSH", "a"), rule("SCAN_ON_PUSH", "b")]),
        ("ENHANCED", [rule("CONTINUOUS_SCAN", "a"), rule("CONTINUOUS_SCAN", "a")]),
    ],
)
def test_each_frequency_that_the_scan_type_has_has_one_rule_at_most(kind: str | None, rules: list[dict[str, Any]]) -> None:
    with pytest.raises(ValidationError):
        ScanningConfiguration.parse(kind, rules)


def test_a_configuration_is_shown_as_it_was_given() -> None:
    rules = [rule("CONTINUOUS_SCAN", "z*", "a*"), rule("SCAN_ON_PUSH")]
    assert ScanningConfiguration.parse("ENHANCED", rules).describe() == {"scanType": "ENHANCED", "rules": rules}
    assert ScanningConfiguration.parse(None, []).describe() == {"scanType": "BASIC", "rules": []}


def test_continuous_scanning_wins_and_every_filter_that_matched_is_shown() -> None:
    configuration = ScanningConfiguration.parse(
        "ENHANCED", [rule("SCAN_ON_PUSH", "*", "app"), rule("CONTINUOUS_SCAN", "team/*", "*", "other")]
    )
    found = configuration.effective("team/app", scan_on_push=False)
    assert found == EffectiveScanning("CONTINUOUS_SCAN", ("*", "app", "team/*")) and found.on_push


def test_a_repositorys_own_flag_counts_with_basic_scanning_only() -> None:
    basic = ScanningConfiguration()
    assert basic.effective("app", scan_on_push=True) == EffectiveScanning("SCAN_ON_PUSH")
    assert basic.effective("app", scan_on_push=False) == EffectiveScanning("MANUAL")
    enhanced = ScanningConfiguration("ENHANCED")
    unscanned = enhanced.effective("app", scan_on_push=True)
    assert unscanned == EffectiveScanning("MANUAL") and not unscanned.on_push
