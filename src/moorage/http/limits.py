"""Rates for the few entries that are open without a login, per address and worker process."""

from collections import OrderedDict

from moorage.core.clock import SECOND, Clock
from moorage.core.errors import RateExceededError

_MOST_ADDRESSES = 10_000


class AddressLimit:
    """A token bucket for each address."""

    def __init__(self, clock: Clock, *, per_second: float, burst: int) -> None:
        self._clock = clock
        self._rate = per_second / SECOND
        self._burst = burst
        self._buckets: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def take(self, address: str) -> None:
        """Let a request pass; raises RateExceededError."""
        now = self._clock.now()
        level, at = self._buckets.pop(address, (float(self._burst), now))
        level = min(self._burst, level + max(0, now - at) * self._rate)
        self._buckets[address] = (level - 1 if level >= 1 else level, now)  # a refusal costs nothing
        if len(self._buckets) > _MOST_ADDRESSES:
            self._buckets.popitem(last=False)
        if level < 1:
            raise RateExceededError
