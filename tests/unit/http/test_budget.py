import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import pytest

from moorage.core.errors import UnavailableError
from moorage.http.budget import ByteBudget, Hold, SharedBudget, network_of


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(test())


def test_bytes_are_lent_and_come_back_even_when_the_block_fails() -> None:
    async def test() -> None:
        budget = ByteBudget(10, most_waiting=1, patience=1)
        seen: list[int] = []

        async def fail() -> None:
            async with budget.lend(Hold(7)):
                seen.append(budget.free)
                raise KeyError

        with pytest.raises(KeyError):
            await fail()
        assert (seen, budget.free) == ([3], 10)

    run(test)


def test_who_asks_for_more_than_there_is_gets_all_of_it() -> None:
    async def test() -> None:
        budget = ByteBudget(10, most_waiting=1, patience=1)
        async with budget.lend(Hold(1000)):
            assert budget.free == 0
        assert budget.free == 10

    run(test)


def test_those_who_wait_come_in_the_order_in_which_they_asked() -> None:
    async def test() -> None:
        budget = ByteBudget(10, most_waiting=5, patience=5)
        order: list[str] = []

        async def hold(name: str, size: int) -> None:
            async with budget.lend(Hold(size)):
                order.append(name)
                await asyncio.sleep(0.01)

        async with budget.lend(Hold(10)):
            tasks = [asyncio.create_task(hold(name, size)) for name, size in (("large", 9), ("small", 1), ("next", 9))]
            await asyncio.sleep(0.01)
            assert order == []
        await asyncio.gather(*tasks)
        assert (order, budget.free) == (["large", "small", "next"], 10)

    run(test)


def test_patience_ends_and_so_does_the_room_to_wait() -> None:
    async def test() -> None:
        budget = ByteBudget(10, most_waiting=1, patience=0.02)

        async def wait() -> None:
            async with budget.lend(Hold(1)):
                raise AssertionError("there was nothing to have")

        async with budget.lend(Hold(10)):
            first = asyncio.create_task(wait())
            await asyncio.sleep(0)
            with pytest.raises(UnavailableError):
                await wait()
            with pytest.raises(UnavailableError):
                await first
        assert budget.free == 10

    run(test)


def test_whoever_gives_up_waiting_holds_up_nobody() -> None:
    async def test() -> None:
        budget = ByteBudget(10, most_waiting=5, patience=5)

        async def hold(size: int) -> None:
            async with budget.lend(Hold(size)):
                pass

        async with budget.lend(Hold(5)):
            large = asyncio.create_task(hold(9))
            await asyncio.sleep(0)
            small = asyncio.create_task(hold(2))
            await asyncio.sleep(0.01)
            assert not small.done()
            large.cancel()
            await asyncio.wait_for(small, 1)
        assert budget.free == 10

    run(test)


def test_no_address_can_take_more_than_half_so_others_are_served() -> None:
    async def test() -> None:
        budget = SharedBudget(10, most_waiting=5, patience=0.05)
        async with budget.hold(5, "greedy"):
            with pytest.raises(UnavailableError):
                async with budget.hold(1, "greedy"):
                    raise AssertionError("it had its half")
            async with budget.hold(5, "other"):
                assert budget.free == 0
        assert budget.free == 10 and not budget._by_network

    run(test)


async def _read(budget: SharedBudget, size: int, address: str, pace: float, seconds: float) -> float:
    """Hold bytes and let them come at `pace` a second; returns after how many seconds that was over."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    async with budget.hold(size, address) as hold:
        start = loop.time()
        with suppress(UnavailableError):
            async with hold.reading():
                while loop.time() - start < seconds:
                    await asyncio.sleep(0.05)
                    hold.received = int(pace * (loop.time() - start))
    return loop.time() - start


@pytest.mark.parametrize(("pace", "is_ended"), [(0, True), (1, True), (10, False)])
def test_a_body_that_does_not_come_loses_its_place_while_others_wait(pace: float, is_ended: bool) -> None:
    async def test() -> None:
        budget = SharedBudget(200, most_waiting=5, patience=2)
        holders = [asyncio.create_task(_read(budget, 100, address, pace, 1.9)) for address in ("a", "b")]
        await asyncio.sleep(0.05)
        waited = await _read(budget, 10, "c", 10, 0)
        ended = [await holder < 1.8 for holder in holders]
        assert ended == [is_ended, is_ended] and waited < 1 and budget.free == 200

    run(test)


def test_nobody_loses_a_place_that_nobody_wants() -> None:
    async def test() -> None:
        budget = SharedBudget(200, most_waiting=5, patience=2)
        assert await _read(budget, 100, "a", 0, 1.5) >= 1.5

    run(test)


def test_time_spent_waiting_does_not_count_against_a_body() -> None:
    async def test() -> None:
        budget = SharedBudget(200, most_waiting=5, patience=5)
        first = [asyncio.create_task(_read(budget, 100, address, 100, 1.3)) for address in ("a", "b")]
        await asyncio.sleep(0.05)
        behind = [asyncio.create_task(_read(budget, 100, address, 10, 0.5)) for address in ("c", "d", "e")]
        assert all(seconds >= 0.5 for seconds in await asyncio.gather(*behind)) and all(await asyncio.gather(*first))

    run(test)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("", ""),
        ("no address", "no address"),
    ],
)
def test_whom_an_address_belongs_to(address: str, network: str) -> None:
    assert network_of(address) == network
