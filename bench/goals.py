"""What the table must hold: each goal against the newest distribution or in absolute terms. Pure."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from bench.measure import Ratio, Series

Results = Mapping[str, Mapping[str, Mapping[str, Series]]]
"""Item -> server -> figure -> series."""

OURS = "moorage"
NEWEST = "distribution"
DEBIAN = "docker-registry"
MOTO = "moto"


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound on one figure of one item: on its ratio to a peer's, or on its own median when `peer` is None."""

    item: str
    figure: str
    sense: Literal["at least", "at most", "below"]
    bound: float
    peer: str | None = NEWEST
    unit: str = "times"

    @property
    def text(self) -> str:
        what = {"cpu": "CPU", "rate": "rate"}.get(self.figure, self.figure)
        against = f" {self.peer}'s" if self.peer else ""
        return f"{what} {self.sense} {self.bound:g} {self.unit}{against}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A goal and what was measured; `held` is None when the run has not both sides."""

    goal: Goal
    measured: Ratio | None
    held: bool | None


def goals() -> list[Goal]:
    """Every claim that the project makes about its speed, in the order of the table."""
    made: list[Goal] = []
    for item in ("tag-16", "digest-16", "head-16"):
        made += [Goal(item, "rate", "at least", 5), Goal(item, "rate", "at least", 20, DEBIAN)]
    for size, bound in (("1KiB", 8.0), ("1MiB", 2.0), ("256MiB", 0.95)):
        for connections in (1, 8, 32):
            made.append(Goal(f"blob-{size}-{connections}", "rate", "at least", bound))
            if size == "256MiB":
                made.append(Goal(f"blob-{size}-{connections}", "cpu", "at most", 1))
    for way in ("monolithic", "patches", "chunked"):
        made += [Goal(f"push-{way}-8", "rate", "at least", 1), Goal(f"push-{way}-8", "cpu", "at most", 1)]
    return [
        *made,
        Goal("manifests-during-pulls", "p99", "at most", 0.6),
        Goal("memory-32-pulls", "memory", "below", 250, None, "MB"),
        Goal("start", "ms", "at most", 1000, None, "ms"),
        Goal("tls-tag-16", "rate", "at least", 3),
        Goal("tls-push-monolithic-8", "rate", "at least", 0.85),
        *(Goal(f"api-{what}-16", "rate", "at least", 5, MOTO) for what in ("token", "describe", "create")),
    ]


def check(results: Results) -> list[Outcome]:
    """The outcome of every goal, in order."""
    return [_outcome(goal, results) for goal in goals()]


def _outcome(goal: Goal, results: Results) -> Outcome:
    servers = results.get(goal.item, {})
    ours = servers.get(OURS, {}).get(goal.figure)
    theirs = servers.get(goal.peer, {}).get(goal.figure) if goal.peer else None
    if ours is None or (goal.peer and theirs is None):
        return Outcome(goal, None, None)
    known = [value for value in ours.values if not math.isnan(value)] or [math.nan]
    measured = ours.over(theirs) if theirs else Ratio(ours.median, min(known), max(known))
    if math.isnan(measured.value):
        return Outcome(goal, None, None)
    return Outcome(goal, measured, holds(goal, measured.value))


def holds(goal: Goal, value: float) -> bool:
    """Whether the value is on the right side of the goal's bound."""
    if goal.sense == "at least":
        return value >= goal.bound
    return value < goal.bound if goal.sense == "below" else value <= goal.bound
