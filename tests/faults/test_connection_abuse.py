"""Clients that lie, stall, flood and smuggle: each gets its status, and nothing of what it hid is ever run as a request."""

import contextlib
import random
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from moorage.http.connection.limits import Limits
from tests.unit.http.connection.served import IMPATIENT, Served, Wire, request, serve

HIDDEN = request("GET", "/hidden")
"""What a smuggler wants to have run; it must never reach the application."""


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serve() as server:
        yield server


@pytest.fixture(scope="module")
def impatient() -> Iterator[Served]:
    with serve(limits=IMPATIENT) as server:
        yield server


def post(*headers: str) -> bytes:
    return "\r\n".join(["POST /receive HTTP/1.1", "Host: localhost", *headers, "", ""]).encode("latin-1")


REFUSED = {
    "length and chunks": (400, post("Content-Length: 5", "Transfer-Encoding: chunked") + b"0\r\n\r\n"),
    "chunks and length": (400, post("Transfer-Encoding: chunked", "Content-Length: 5") + b"0\r\n\r\n"),
    "two lengths": (400, post("Content-Length: 5", "Content-Length: 0") + b"abcde"),
    "two equal lengths": (400, post("Content-Length: 5", "Content-Length: 5") + b"abcde"),
    "a length list": (400, post("Content-Length: 5, 5") + b"abcde"),
    "a plus sign": (400, post("Content-Length: +5") + b"abcde"),
    "a huge length": (400, post("Content-Length: 99999999999999999999")),
    "an obscured encoding": (400, post("Transfer-Encoding: xchunked") + b"0\r\n\r\n"),
    "two encodings": (400, post("Transfer-Encoding: chunked, identity") + b"0\r\n\r\n"),
    "an encoding behind a tab": (400, post("Transfer-Encoding\t: chunked") + b"0\r\n\r\n"),
    "an encoding in HTTP/1.0": (400, b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "a lone LF in the head": (400, b"GET /hello HTTP/1.1\r\nHost: localhost\nX: y\r\n\r\n"),
    "a head of lone LFs": (400, b"GET /hello HTTP/1.1\nHost: localhost\n\n"),
    "a lone CR": (400, b"GET /hello HTTP/1.1\r\nHost: localhost\r\nX: a\rContent-Length: 100\r\n\r\n"),
    "a folded header": (400, post("X: a", " Content-Length: 5")),
    "white space before a colon": (400, post("Content-Length : 5")),
    "a NUL in a value": (400, post("X: a\0b")),
    "no host": (400, b"GET /hello HTTP/1.1\r\n\r\n"),
    "two hosts": (400, b"GET /hello HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"),
    "another host in the target": (400, b"GET http://other/hello HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    "a fragment": (400, b"GET /hello#x HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    "a raw byte in the target": (400, b"GET /\xc3\xa4 HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    "authority form": (400, b"CONNECT localhost:1 HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    "asterisk form": (400, b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    "an illegal method": (400, b"G(T / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    "HTTP/0.9": (400, b"GET /hello\r\n\r\n"),
    "the preface of HTTP/2": (505, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "an unknown expectation": (417, post("Expect: tea", "Content-Length: 5") + b"abcde"),
    "a long target": (414, b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    "a large head": (431, post("X: " + "a" * 40_000)),
    "many headers": (431, post(*["X: a"] * 120)),
    "TLS on the plain port": (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x07" * 30),
    "a chunk size with a sign": (400, post("Transfer-Encoding: chunked") + b"+5\r\nabcde\r\n0\r\n\r\n"),
    "a chunk size that wraps": (400, post("Transfer-Encoding: chunked") + b"10000000000000005\r\nabcde\r\n0\r\n\r\n"),
    "a chunk that ends in LF": (400, post("Transfer-Encoding: chunked") + b"5\r\nabcde\n0\r\n\r\n"),
    "a chunk longer than its size": (400, post("Transfer-Encoding: chunked") + b"2\r\nabcde\r\n0\r\n\r\n"),
    "a long chunk extension": (400, post("Transfer-Encoding: chunked") + b"5;" + b"x" * 5000),
    "endless trailers": (400, post("Transfer-Encoding: chunked") + b"0\r\n" + b"a: b\r\n" * 50 + b"\r\n"),
    "a trailer that ends in LF": (400, post("Transfer-Encoding: chunked") + b"0\r\nX: y\n\r\n"),
}


@pytest.mark.parametrize(("status", "data"), REFUSED.values(), ids=REFUSED.keys())
def test_an_abuser_is_refused_and_nothing_is_smuggled(served: Served, status: int, data: bytes) -> None:
    with served.connect() as wire:
        assert wire.get("/hello").body == b"hello"
        calls = served.app.calls
        response = wire.send(data + HIDDEN).response()
        assert (response.status, response.closes) == (status, True)
        assert response.json["errors"][0]["code"] == "UNSUPPORTED"
        assert wire.rest() == b""
        assert served.app.calls <= calls + 1
    with served.connect() as wire:
        assert wire.get("/hello").body == b"hello"


@pytest.mark.parametrize(("status", "data"), REFUSED.values(), ids=REFUSED.keys())
def test_it_makes_no_difference_how_the_abuse_is_cut(served: Served, status: int, data: bytes) -> None:
    cut = random.Random(len(data)).randrange(1, len(data))
    with served.connect() as wire:
        wire.send(data[:cut])
        time.sleep(0.01)
        with contextlib.suppress(ConnectionError):
            wire.send(data[cut:] + HIDDEN)
        assert wire.response().status == status


def test_a_hidden_request_inside_a_body_stays_a_body(served: Served) -> None:
    for path in ("/receive", "/drain", "/refuse"):
        with served.connect() as wire:
            wire.send(request("POST", path, body=HIDDEN) + request("GET", "/hello"))
            assert wire.response().status in (200, 413)
            assert wire.response().body == b"hello"


def test_an_empty_line_before_a_request_is_ignored_but_not_two(served: Served) -> None:
    with served.connect() as wire:
        assert wire.send(b"\r\n" + request("GET", "/hello")).response().body == b"hello"
        for byte in (b"\r", b"\n", b"G"):
            wire.send(byte)
            time.sleep(0.02)
        assert wire.send(request("GET", "/hello")[1:]).response().body == b"hello"
        assert wire.send(b"\r\n\r\n" + request("GET", "/hello")).response().status == 400


def test_a_head_must_arrive_in_time_however_steadily_it_trickles(impatient: Served) -> None:
    with impatient.connect() as wire:
        started = time.monotonic()
        for byte in request("GET", "/hello", "X: " + "y" * 100):
            try:
                wire.send(bytes([byte]))
            except ConnectionError:
                break
            time.sleep(0.02)
        assert wire.response().status == 408
        assert time.monotonic() - started < 4


def test_a_connection_without_requests_is_closed(impatient: Served) -> None:
    with impatient.connect() as silent, impatient.connect() as used:
        assert used.get("/hello").status == 200
        started = time.monotonic()
        assert silent.is_closed()
        assert used.is_closed()
        assert time.monotonic() - started < 4


def test_a_slow_application_is_no_idle_connection() -> None:
    limits = replace(IMPATIENT, keep_alive_seconds=0.1, body_idle_seconds=0.1, head_seconds=0.1)
    with serve(limits=limits) as server, server.connect() as wire:
        assert wire.get("/slow").body == b"slow"


def test_an_unread_rest_that_does_not_come_ends_the_connection(impatient: Served) -> None:
    with impatient.connect() as wire:
        assert wire.send(request("POST", "/refuse", "Content-Length: 10")).response().status == 413
        assert wire.is_closed()


def test_a_refused_client_that_goes_on_sending_is_cut_off(impatient: Served) -> None:
    with impatient.connect() as wire:
        wire.send(request("POST", "/refuse", "Content-Length: 100000000000"))
        assert wire.response().status == 413
        wire.socket.settimeout(5)
        started = time.monotonic()
        with pytest.raises(ConnectionError):
            _send_for_ever(wire)
        assert time.monotonic() - started < 4


def test_a_refused_client_that_stays_silent_is_cut_off(impatient: Served) -> None:
    with impatient.connect() as wire:
        assert wire.send(b"nonsense\r\n\r\n").response().status == 400
        time.sleep(1.0)
        assert impatient.server.server_state.connections == set()


def test_a_client_that_only_asks_is_held_back(impatient: Served) -> None:
    with impatient.connect() as wire:
        wire.socket.settimeout(0.3)
        with pytest.raises((TimeoutError, ConnectionError)):
            wire.send(request("GET", "/flood") * 500_000)


def test_garbage_never_hurts_the_others(served: Served) -> None:
    noise = random.Random(7)
    words = [
        b"GET ",
        b"/hello",
        b" HTTP/1.1",
        b"\r\n",
        b"\n",
        b"Host: x\r\n",
        b"Content-Length: 3\r\n",
        b"\0",
        b": ",
        b"\r\n\r\n",
    ]
    with served.connect() as good:
        for _ in range(150):
            data = b"".join(noise.choice([*words, noise.randbytes(5)]) for _ in range(noise.randrange(1, 20)))
            with served.connect() as wire, contextlib.suppress(ConnectionError):
                wire.send(data)
                wire.socket.shutdown(socket.SHUT_WR)
                assert wire.rest()[:9] in (b"", b"HTTP/1.1 ")
        assert good.get("/hello").body == b"hello"


def test_connections_opened_and_dropped_at_once_leave_nothing(served: Served) -> None:
    def many() -> None:
        for number in range(60):
            with served.connect() as wire:
                wire.send((b"", b"GE", request("GET", "/slow"), request("POST", "/drain", "Content-Length: 9"))[number % 4])

    threads = [threading.Thread(target=many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    end = time.monotonic() + 5
    while time.monotonic() < end and served.server.server_state.connections:
        time.sleep(0.02)
    assert served.server.server_state.connections == set()
    assert served.server.server_state.tasks == set()


def test_a_server_with_too_much_to_do_says_so() -> None:
    with serve(limits=Limits()) as server:
        server.server.config.limit_concurrency = 1
        with server.connect() as first:
            first.send(request("GET", "/slow"))
            while not server.app.calls:
                time.sleep(0.005)
            # Only now: a second connection counts from when it is accepted, and would have had the first refused.
            with server.connect() as second:
                response = second.get("/hello")
            assert (response.status, response.closes) == (503, True)
            assert first.response().body == b"slow"


def _send_for_ever(wire: Wire) -> None:
    while True:
        wire.send(bytes(1 << 16))
