import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

import pytest

from moorage.core.errors import RateExceededError
from moorage.http.api.turns import Turns


def on_a_loop(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    @wraps(test)
    def run() -> None:
        asyncio.run(test())

    return run


@on_a_loop
async def test_so_many_have_a_turn_and_no_account_two() -> None:
    turns = Turns(at_once=2, patience=60)
    now: list[str] = []
    seen: list[list[str]] = []

    async def work(account: str) -> None:
        async with turns.one(account):
            now.append(account)
            seen.append(sorted(now))
            await asyncio.sleep(0.001)
            now.remove(account)

    await asyncio.gather(*(work(account) for account in "aaaabbbbcccc"))
    assert len(seen) == 12 and max(map(len, seen)) == 2
    assert not [accounts for accounts in seen if len(set(accounts)) < len(accounts)]


@on_a_loop
async def test_who_waits_too_long_is_refused_and_takes_no_turn_away() -> None:
    turns = Turns(at_once=2, patience=0.01)
    async with turns.one("a"):
        with pytest.raises(RateExceededError):
            async with turns.one("a"):
                raise AssertionError("two turns of one account")
        async with turns.one("b"):
            with pytest.raises(RateExceededError):
                async with turns.one("c"):
                    raise AssertionError("three turns")
    async with turns.one("a"), turns.one("c"):
        pass


@on_a_loop
async def test_a_turn_ends_with_a_fault_too() -> None:
    turns = Turns(at_once=1, patience=0.01)
    with pytest.raises(ZeroDivisionError):
        async with turns.one("a"):
            raise ZeroDivisionError
    async with turns.one("a"):
        pass
