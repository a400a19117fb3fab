import pytest

from moorage.core.clock import SECOND, ManualClock
from moorage.core.errors import RateExceededError
from moorage.http.limits import AddressLimit


def _allowed(limit: AddressLimit, address: str, attempts: int) -> int:
    passed = 0
    for _ in range(attempts):
        try:
            limit.take(address)
            passed += 1
        except RateExceededError:
            continue
    return passed


def test_a_burst_passes_and_no_more() -> None:
    limit = AddressLimit(ManualClock(), per_second=1, burst=5)
    assert _allowed(limit, "a", 20) == 5


def test_a_refusal_says_when_to_come_again() -> None:
    limit = AddressLimit(ManualClock(), per_second=1, burst=1)
    limit.take("a")
    with pytest.raises(RateExceededError) as caught:
        limit.take("a")
    assert (caught.value.oci_status, caught.value.oci_code) == (429, "TOOMANYREQUESTS")
    assert caught.value.headers == {"Retry-After": "1"}


def test_time_fills_the_bucket_up_to_its_burst() -> None:
    clock = ManualClock()
    limit = AddressLimit(clock, per_second=2, burst=5)
    assert _allowed(limit, "a", 5) == 5
    clock.advance(SECOND)
    assert _allowed(limit, "a", 5) == 2
    clock.advance(SECOND * 3600)
    assert _allowed(limit, "a", 20) == 5


def test_each_address_has_a_bucket_of_its_own() -> None:
    limit = AddressLimit(ManualClock(), per_second=1, burst=2)
    assert [_allowed(limit, address, 5) for address in ("a", "b", "")] == [2, 2, 2]


def test_a_clock_that_goes_back_does_no_harm() -> None:
    clock = ManualClock()
    limit = AddressLimit(clock, per_second=1, burst=2)
    limit.take("a")
    clock.advance(-SECOND * 3600)
    assert _allowed(limit, "a", 5) == 1


def test_who_asks_too_often_still_gets_the_rate() -> None:
    clock = ManualClock()
    limit = AddressLimit(clock, per_second=100, burst=1)
    passed = 0
    for _ in range(10 * SECOND):
        passed += _allowed(limit, "a", 1)
        clock.advance(1)
    assert 900 <= passed <= 1010


def test_what_is_remembered_is_bounded() -> None:
    limit = AddressLimit(ManualClock(), per_second=1, burst=1)
    for number in range(10_001):
        limit.take(str(number))
    assert len(limit._buckets) == 10_000
