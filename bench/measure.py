"""The arithmetic of the benchmark: figures of one slice, medians over rounds, ratios, noise. Pure."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Literal

Figures = Mapping[str, float]
"""What one slice measured, by name: `rate`, `cpu`, `p50`, `p99`, `peak`, ..."""

Better = Literal["higher", "lower"]


class HistogramError(ValueError):
    """The load generator's histogram is not a list of [microseconds, count] pairs in rising order."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """Latencies as (middle of the bucket in microseconds, count), rising."""

    buckets: tuple[tuple[float, int], ...]

    @classmethod
    def parse(cls, pairs: object) -> "Histogram":
        """Read the load generator's list; raises HistogramError for anything else."""
        if not isinstance(pairs, list) or not all(_is_bucket(pair) for pair in pairs):
            raise HistogramError("a histogram is a list of [microseconds, count] pairs")
        buckets = tuple((float(at), int(count)) for at, count in pairs)
        if any(left[0] >= right[0] for left, right in pairwise(buckets)):
            raise HistogramError("the buckets of a histogram rise")
        return cls(buckets)

    @property
    def count(self) -> int:
        """How many answers it holds."""
        return sum(count for _, count in self.buckets)

    def percentile(self, percent: float) -> float:
        """The latency in milliseconds that `percent` of the answers do not exceed; not-a-number when it is empty."""
        wanted = max(1, math.ceil(self.count * percent / 100))
        seen = 0
        for at, count in self.buckets:
            seen += count
            if seen >= wanted:
                return at / 1000
        return math.nan


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile of some values; not-a-number when there are none."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(len(ranked) * percent / 100) - 1)] if ranked else math.nan


@dataclass(frozen=True, slots=True)
class Series:
    """One figure of one server over the rounds of a run."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median of the rounds that have a value; not-a-number when none has."""
        known = self._known()
        return median(known) if known else math.nan

    @property
    def noise(self) -> float:
        """The spread between rounds, (largest - smallest) / median; 0 for a single round."""
        known = self._known()
        middle = self.median
        return (max(known) - min(known)) / middle if known and middle else 0.0

    def over(self, other: "Series") -> "Ratio":
        """This figure in units of another server's: of the medians, with the extremes over paired rounds."""
        pairs = [left / right for left, right in zip(self.values, other.values, strict=False) if right]
        paired = [pair for pair in pairs if not math.isnan(pair)]
        value = self.median / other.median if other.median else math.nan
        return Ratio(value, min(paired, default=value), max(paired, default=value))

    def _known(self) -> list[float]:
        return [value for value in self.values if not math.isnan(value)]


@dataclass(frozen=True, slots=True)
class Ratio:
    """One server's median over another's, and the lowest and highest quotient within one round."""

    value: float
    low: float
    high: float


def gather(slices: Iterable[Figures]) -> dict[str, Series]:
    """The series of every figure that any slice has; a slice without it counts as not-a-number."""
    taken = list(slices)
    names = dict.fromkeys(name for figures in taken for name in figures)
    return {name: Series(tuple(figures.get(name, math.nan) for figures in taken)) for name in names}


def rotation(servers: Sequence[str], round_number: int) -> list[str]:
    """The order of one round: A B C, then C B A, so that no server always follows the same neighbour."""
    return list(servers) if round_number % 2 == 0 else list(reversed(servers))


def _is_bucket(pair: object) -> bool:
    return isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, int | float) for part in pair)
