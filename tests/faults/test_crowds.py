"""More connections than there is room for, silent ones and readers that take almost nothing: the others are still served."""

import contextlib
import json
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from moorage.http.connection.limits import Limits
from tests.unit.http.connection.behaviours import App
from tests.unit.http.connection.served import IMPATIENT, Served, Wire, request, serve, some_blob, temporary_blob

FEW = replace(Limits(), connections=8)


@pytest.fixture
def few() -> Iterator[Served]:
    with serve(limits=FEW) as server:
        yield server


def many(server: Served, count: int, stack: contextlib.ExitStack) -> list[Wire]:
    wires = [stack.enter_context(server.connect()) for _ in range(count)]
    wait_for(server, count)
    return wires


def wait_for(server: Served, count: int) -> None:
    end = time.monotonic() + 5
    while len(server.server.server_state.connections) != count:
        assert time.monotonic() < end, len(server.server.server_state.connections)
        time.sleep(0.005)


def test_the_connection_that_has_waited_longest_makes_room_for_a_new_one(few: Served) -> None:
    with contextlib.ExitStack() as stack:
        oldest, *others = many(few, 8, stack)
        assert oldest.get("/hello").status == 200
        time.sleep(1.2)
        assert all(wire.get("/hello").status == 200 for wire in others)
        with few.connect() as wire:
            assert wire.get("/hello").status == 200
        assert oldest.is_closed()
        assert all(wire.get("/hello").status == 200 for wire in others)


def test_a_flood_of_silent_connections_neither_grows_nor_keeps_anybody_out(few: Served) -> None:
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(few.connect()) for _ in range(100)]
        for _ in range(20):
            with few.connect() as wire:
                assert wire.get("/hello").status == 200
        assert len(few.server.server_state.connections) <= 9
        assert sum(wire.is_closed(0.01) for wire in silent) >= 92


def test_half_a_head_holds_no_place(few: Served) -> None:
    with contextlib.ExitStack() as stack:
        for wire in many(few, 8, stack):
            wire.send(b"GET /hel")
        with few.connect() as wire:
            assert wire.get("/hello").status == 200


def test_when_everybody_is_busy_a_new_client_is_turned_away_and_told_when_to_come_again(few: Served) -> None:
    with contextlib.ExitStack() as stack:
        busy = many(few, 8, stack)
        for wire in busy:
            wire.send(request("POST", "/drain", "Content-Length: 2") + b"1")
        while few.app.calls < 8:
            time.sleep(0.005)
        with few.connect() as late:
            response = late.get("/hello")
            assert (response.status, response.closes, response.headers["retry-after"]) == (503, True, "5")
            assert response.json["errors"][0]["code"] == "UNKNOWN"
            assert late.is_closed()
        assert few.app.calls == 8
        assert [wire.send(b"2").response().json["size"] for wire in busy] == [2] * 8


def test_those_that_are_turned_away_do_not_crowd_either(few: Served) -> None:
    with contextlib.ExitStack() as stack:
        for wire in many(few, 8, stack):
            wire.send(request("POST", "/drain", "Content-Length: 2") + b"1")
        while few.app.calls < 8:
            time.sleep(0.005)
        for _ in range(50):
            stack.enter_context(few.connect())
        time.sleep(0.3)
        assert len(few.server.server_state.connections) <= 10


def test_a_first_request_must_come_soon_and_further_ones_may_take_longer() -> None:
    limits = replace(IMPATIENT, first_request_seconds=0.3, keep_alive_seconds=1.5, head_seconds=5)
    with serve(limits=limits) as server, server.connect() as silent, server.connect() as used, server.connect() as partial:
        assert used.get("/hello").status == 200
        partial.send(b"GET /hel")
        started = time.monotonic()
        assert silent.is_closed()
        assert partial.response().status == 408
        assert time.monotonic() - started < 1.2
        assert used.get("/hello").status == 200
        assert used.is_closed()


@pytest.fixture(scope="module")
def blob() -> Iterator[Path]:
    path = temporary_blob(some_blob(20 << 20))
    yield path
    path.unlink()


@pytest.mark.parametrize("asked", ["/file", "/flood"])
def test_a_reader_that_takes_almost_nothing_is_given_up(blob: Path, asked: str) -> None:
    limits = replace(Limits(), write_rate=1_000_000, write_rate_over=0.5)
    with serve(App(blob=blob), limits=limits) as server, slow_reader(server) as wire:
        wire.send(request("GET", asked))
        started = time.monotonic()
        assert wire.socket.recv(4096)
        while server.server.server_state.connections:
            assert time.monotonic() - started < 5
            assert wire.socket.recv(4096)
            time.sleep(0.05)


@pytest.mark.parametrize("asked", ["/file", "/flood"])
def test_a_reader_that_is_slow_but_fast_enough_gets_everything(blob: Path, asked: str) -> None:
    limits = replace(Limits(), write_rate=100_000, write_rate_over=0.3)
    with serve(App(blob=blob), limits=limits) as server, slow_reader(server) as wire:
        wire.send(request("GET", asked))
        started, taken = time.monotonic(), 0
        while time.monotonic() - started < 2:
            taken += len(wire.socket.recv(65_536))
            time.sleep(0.02)
        assert taken > 1_000_000
        assert len(server.server.server_state.connections) == 1


@contextlib.contextmanager
def slow_reader(server: Served) -> Iterator[Wire]:
    """A client for which the kernel keeps little, so that the server notices how it reads."""
    with server.connect() as wire:
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
        yield wire


@pytest.mark.parametrize("path", ["/drain-quietly", "/drain", "/receive", "/drain-the-rest"])
@pytest.mark.parametrize("body", [b"Content-Length: 1000\r\n\r\nabc", b"Transfer-Encoding: chunked\r\n\r\n3e8\r\nabc"])
@pytest.mark.parametrize("pause", [0.0, 0.15])
def test_half_a_body_is_answered_400_and_is_no_error(
    few: Served, path: str, body: bytes, pause: float, caplog: pytest.LogCaptureFixture
) -> None:
    with few.connect() as wire:
        wire.send(b"PATCH %b HTTP/1.1\r\nHost: localhost\r\n%b" % (path.encode(), body))
        time.sleep(pause)
        wire.socket.shutdown(socket.SHUT_WR)
        response = wire.response()
        assert (response.status, response.closes) == (400, True)
        assert response.json["errors"][0] == {"code": "UNSUPPORTED", "message": "The request body ended too early."}
        assert wire.is_closed()
    wait_for(few, 0)
    assert caplog.records == []


@pytest.mark.parametrize("path", ["/drain-quietly", "/drain", "/receive"])
def test_a_malformed_body_is_no_error_of_the_servers(few: Served, path: str, caplog: pytest.LogCaptureFixture) -> None:
    with few.connect() as wire:
        wire.send(request("PATCH", path, "Transfer-Encoding: chunked") + b"3\r\nabc\r\nzz\r\n")
        assert json.loads(wire.response().body)["errors"][0]["code"] == "UNSUPPORTED"
        assert wire.rest() == b""
    wait_for(few, 0)
    assert caplog.records == []
