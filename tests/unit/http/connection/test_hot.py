"""Whole answers to whole heads, before anything is parsed."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from moorage.http.connection.hot import Respond
from tests.unit.http.connection.served import IMPATIENT, Served, chunked, request, serve, some_blob


@dataclass
class Table:
    """A hot responder of known heads."""

    answers: dict[bytes, bytes] = field(default_factory=dict)
    asked: list[bytes] = field(default_factory=list)

    def for_client(self, _address: str) -> Respond:
        return self.respond

    def respond(self, head: bytes) -> bytes | None:
        self.asked.append(head)
        return self.answers.get(head)


def whole(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


HOT = request("GET", "/hot")
LARGE = request("GET", "/large")
TABLE = Table({HOT: whole(b"hot"), LARGE: whole(bytes(300_000)), request("HEAD", "/hot"): whole(b"")})


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serve(hot=TABLE) as server:
        yield server


def test_a_known_head_is_answered_without_the_application(served: Served) -> None:
    calls = served.app.calls
    with served.connect() as wire:
        for _ in range(3):
            assert wire.send(HOT).response().body == b"hot"
        assert wire.send(request("HEAD", "/hot")).response().status == 200
        assert served.app.calls == calls
        assert wire.get("/hello").body == b"hello"
        assert wire.get("/hot", "X: other").status == 404
    assert served.app.calls == calls + 2


def test_a_head_that_comes_in_two_pieces_is_known_too(served: Served) -> None:
    with served.connect() as wire:
        wire.send(HOT[:20])
        time.sleep(0.05)
        assert wire.send(HOT[20:]).response().body == b"hot"
        assert wire.send(HOT[:-2]).send(HOT[-2:]).response().body == b"hot"


def test_several_heads_at_once_are_answered_in_order(served: Served) -> None:
    with served.connect() as wire:
        wire.send(HOT * 3 + request("GET", "/hello") + HOT + request("GET", "/slow") + HOT * 2)
        answers = [wire.response().body for _ in range(8)]
    assert answers == [b"hot", b"hot", b"hot", b"hello", b"hot", b"slow", b"hot", b"hot"]


def test_hot_requests_mix_with_uploads(served: Served) -> None:
    body = some_blob(200_000)
    upload = request("POST", "/drain", "Transfer-Encoding: chunked") + chunked(body, 7, 5000)
    with served.connect() as wire:
        wire.send((HOT + upload + HOT + request("POST", "/drain", body=body) + HOT) * 2)
        for _ in range(2):
            assert wire.response().body == b"hot"
            assert wire.response().json["size"] == len(body)
            assert wire.response().body == b"hot"
            assert wire.response().json["size"] == len(body)
            assert wire.response().body == b"hot"


def test_a_body_that_looks_like_a_hot_request_is_a_body(served: Served) -> None:
    with served.connect() as wire:
        wire.send(request("POST", "/receive", f"Content-Length: {len(HOT)}"))
        time.sleep(0.05)
        assert wire.send(HOT).response().json["size"] == len(HOT)
        assert wire.send(request("POST", "/refuse", f"Content-Length: {len(HOT)}")).response().status == 413
        wire.send(HOT)
        assert wire.send(HOT).response().body == b"hot"


def test_a_client_that_asks_without_reading_fills_no_memory(served: Served) -> None:
    before = len(TABLE.asked)
    with served.connect() as wire:
        wire.socket.settimeout(0.5)
        with pytest.raises(TimeoutError):
            wire.send(LARGE * 200_000)
        assert len(TABLE.asked) - before < 200
        wire.socket.settimeout(10)
        assert all(len(wire.response().body) == 300_000 for _ in range(50))


def test_hot_requests_keep_a_connection_alive() -> None:
    with serve(hot=Table({HOT: whole(b"hot")}), limits=IMPATIENT) as server, server.connect() as wire:
        for _ in range(8):
            assert wire.send(HOT).response().body == b"hot"
            time.sleep(0.15)
        started = time.monotonic()
        assert wire.is_closed()
        assert time.monotonic() - started < 3
