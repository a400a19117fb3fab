import asyncio
from collections.abc import Sequence

import pytest

from moorage.core.errors import UnavailableError
from moorage.http.bodies import FREE, Bodies
from moorage.http.messages import BodyTooLargeError, DisconnectedError
from tests.unit.http.asked import request

MOST = 4 * FREE
CHUNKED = ("Transfer-Encoding", "chunked")


def read(bodies: Bodies, *headers: tuple[str, str], body: Sequence[bytes], whole: bool = True) -> bytes:
    async def run() -> bytes:
        async with bodies.whole(request(*headers, method="POST", body=body, whole=whole), MOST, "192.0.2.1") as found:
            return found

    return asyncio.run(run())


def announced(size: int) -> tuple[str, str]:
    return ("Content-Length", str(size))


@pytest.mark.parametrize("size", [0, 1, FREE, FREE + 1, MOST])
def test_a_body_is_whole_however_it_comes(size: int) -> None:
    data = bytes(number % 251 for number in range(size))
    pieces = [data[start : start + 10_000] for start in range(0, size, 10_000)] or [b""]
    bodies = Bodies(10 * MOST)
    assert read(bodies, announced(size), body=pieces) == data
    assert read(bodies, CHUNKED, body=pieces) == data
    assert bodies._budget.free == 10 * MOST


@pytest.mark.parametrize("header", [announced(MOST + 1), CHUNKED])
def test_a_body_that_is_too_large_is_refused_and_keeps_nothing(header: tuple[str, str]) -> None:
    bodies = Bodies(10 * MOST)
    with pytest.raises(BodyTooLargeError):
        read(bodies, header, body=[b"x" * MOST, b"x"])
    assert bodies._budget.free == 10 * MOST


@pytest.mark.parametrize("header", [announced(2 * FREE), CHUNKED])
def test_a_body_that_breaks_off_keeps_nothing(header: tuple[str, str]) -> None:
    bodies = Bodies(10 * MOST)
    with pytest.raises(DisconnectedError):
        read(bodies, header, body=[b"x" * FREE, b"x"], whole=False)
    assert bodies._budget.free == 10 * MOST


def test_small_bodies_need_no_room_and_large_ones_wait_for_it_in_vain() -> None:
    async def run() -> None:
        bodies = Bodies(2 * MOST, patience=0.05)
        large = [request(announced(MOST), method="POST", body=[b"x" * MOST]) for _ in range(2)]
        small = request(announced(1), method="POST", body=[b"x"])
        async with bodies.whole(large[0], MOST, "a"):
            async with bodies.whole(small, MOST, "a") as found:
                assert found == b"x"
            with pytest.raises(UnavailableError):
                async with bodies.whole(large[1], MOST, "a"):
                    raise AssertionError("there was no room")

    asyncio.run(run())
