import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from moorage.core.errors import UnavailableError
from moorage.http.budget import ByteBudget, SharedBudget


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(test())


def test_bytes_are_lent_and_come_back_even_when_the_block_fails() -> None:
    async def test() -> None:
        budget = ByteBudget(10, most_waiting=1, patience=1)
        seen: list[int] = []

        async def fail() -> None:
            async with budget.hold(7):
                seen.append(budget.free)
                raise KeyError

        with pytest.raises(KeyError):
            await fail()
        assert (seen, budget.free) == ([3], 10)

    run(test)


def test_who_asks_for_more_than_there_is_gets_all_of_it() -> None:
    async def test() -> None:
        budget = ByteBudget(10, most_waiting=1, patience=1)
        async with budget.hold(1000):
            assert budget.free == 0
        assert budget.free == 10

    run(test)


def test_those_who_wait_come_in_the_order_in_which_they_asked() -> None:
    async def test() -> None:
        budget = ByteBudget(10, most_waiting=5, patience=5)
        order: list[str] = []

        async def hold(name: str, size: int) -> None:
            async with budget.hold(size):
                order.append(name)
                await asyncio.sleep(0.01)

        async with budget.hold(10):
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
            async with budget.hold(1):
                raise AssertionError("there was nothing to have")

        async with budget.hold(10):
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
            async with budget.hold(size):
                pass

        async with budget.hold(5):
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
        assert budget.free == 10 and not budget._by_address

    run(test)
