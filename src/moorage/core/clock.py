"""Time, as everything here counts it: whole milliseconds since 1970-01-01T00:00:00Z."""

import time
from typing import NewType, Protocol

Timestamp = NewType("Timestamp", int)
"""Milliseconds since the epoch; ECR's own precision."""

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

LAST_TIME = 253_402_300_799_999
"""The end of the year 9999, the last that ISO 8601 and Python's calendar spell."""


class Clock(Protocol):
    """What tells the time; a decision takes a time, never a clock."""

    def now(self) -> Timestamp:
        """The time now."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> Timestamp:
        """The time now."""
        return Timestamp(time.time_ns() // 1_000_000)


class ManualClock:
    """A clock that moves only when told to, for simulations."""

    def __init__(self, start: int = 1_767_225_600_000) -> None:
        self.time = start

    def now(self) -> Timestamp:
        """The time last set."""
        return Timestamp(self.time)

    def advance(self, milliseconds: int) -> None:
        """Let time pass."""
        self.time += milliseconds
