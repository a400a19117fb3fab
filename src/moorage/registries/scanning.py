"""The registry's scanning configuration: which repositories are scanned, and when (ECR user guide, "Image scanning"). Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from moorage.core.wildcard import matches
from moorage.registries.errors import ValidationError

BASIC = "BASIC"
ENHANCED = "ENHANCED"
SCAN_ON_PUSH = "SCAN_ON_PUSH"
CONTINUOUS_SCAN = "CONTINUOUS_SCAN"
MANUAL = "MANUAL"

_ALLOWED = {BASIC: (SCAN_ON_PUSH,), ENHANCED: (SCAN_ON_PUSH, CONTINUOUS_SCAN)}


@dataclass(frozen=True, slots=True)
class ScanRule:
    """How often the repositories that the filters match are scanned."""

    frequency: str
    filters: tuple[str, ...] = ()
    """In the caller's order."""

    def matching(self, repository: str) -> tuple[str, ...]:
        """Those of the filters that match a repository's name."""
        return tuple(pattern for pattern in self.filters if filter_matches(pattern, repository))

    def describe(self) -> dict[str, Any]:
        """As the ECR API shows it."""
        return {"scanFrequency": self.frequency, "repositoryFilters": describe_filters(self.filters)}


@dataclass(frozen=True, slots=True)
class EffectiveScanning:
    """What a configuration means for one repository."""

    frequency: str
    """`MANUAL` where nothing scans by itself."""
    filters: tuple[str, ...] = ()
    """Every filter that matched, of whichever rule."""

    @property
    def on_push(self) -> bool:
        """Whether a push is scanned; continuous scanning begins with one too."""
        return self.frequency != MANUAL


@dataclass(frozen=True, slots=True)
class ScanningConfiguration:
    """Scan type and rules of a registry."""

    scan_type: str = BASIC
    rules: tuple[ScanRule, ...] = ()

    @classmethod
    def parse(cls, scan_type: str | None, rules: Sequence[Mapping[str, Any]]) -> "ScanningConfiguration":
        """From the API's members.

        Raises ValidationError for a frequency that the scan type does not have, and for two rules of one frequency.
        """
        kind = scan_type or BASIC
        made = tuple(
            ScanRule(rule["scanFrequency"], tuple(entry["filter"] for entry in rule["repositoryFilters"])) for rule in rules
        )
        frequencies = [rule.frequency for rule in made]
        for frequency in frequencies:
            if frequency not in _ALLOWED[kind]:
                allowed = ", ".join(_ALLOWED[kind])
                raise ValidationError(
                    f"The scan frequency {frequency} is not supported for the scan type {kind}; supported: {allowed}."
                )
        if len(set(frequencies)) != len(frequencies):
            raise ValidationError("Only one rule is allowed for each scan frequency.")
        return cls(kind, made)

    def effective(self, repository: str, *, scan_on_push: bool) -> EffectiveScanning:
        """What holds for a repository: its own flag counts with basic scanning only, and continuous scanning wins."""
        frequencies = {rule.frequency for rule in self.rules if rule.matching(repository)}
        if self.scan_type == BASIC and scan_on_push:
            frequencies.add(SCAN_ON_PUSH)
        found = next((name for name in (CONTINUOUS_SCAN, SCAN_ON_PUSH) if name in frequencies), MANUAL)
        filters = dict.fromkeys(pattern for rule in self.rules for pattern in rule.matching(repository))
        return EffectiveScanning(found, tuple(filters))

    def describe(self) -> dict[str, Any]:
        """As the ECR API shows it."""
        return {"scanType": self.scan_type, "rules": [rule.describe() for rule in self.rules]}


def filter_matches(pattern: str, repository: str) -> bool:
    """A filter without `*` matches every name that contains it; one with `*` must match the whole name."""
    return matches(pattern, repository) if "*" in pattern else pattern in repository


def describe_filters(filters: Sequence[str]) -> list[dict[str, str]]:
    """Filters as the ECR API shows them."""
    return [{"filter": pattern, "filterType": "WILDCARD"} for pattern in filters]
