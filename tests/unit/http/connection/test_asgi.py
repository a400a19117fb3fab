"""The plain path: any ASGI application, over a real socket."""

import contextlib
import re
import time
from collections.abc import Iterator

import pytest

from tests.unit.http.connection.served import Served, chunked, request, serve, some_blob


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serve() as server:
        yield server


def test_the_scope_says_what_asgi_promises(served: Served) -> None:
    with served.connect() as wire:
        scope = wire.get("/sco%70e?a=%20b", "X-Name:  Value ").json
    assert scope["type"] == "http"
    assert (scope["method"], scope["http_version"], scope["scheme"]) == ("GET", "1.1", "http")
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == ("/scope", "/sco%70e", "a=%20b")
    assert (scope["root_path"], scope["state"]) == ("", {})
    assert scope["server"] == ["127.0.0.1", served.port]
    assert scope["client"][0] == "127.0.0.1"
    assert scope["headers"] == [["host", "localhost"], ["x-name", "Value"]]
    assert scope["extensions"] == ["http.response.zerocopysend", "moorage.hot"]


@pytest.mark.parametrize(
    ("headers", "body", "extensions"),
    [
        (["Connection: close"], b"", ["http.response.zerocopysend"]),
        (["Connection: keep-alive"], b"", ["http.response.zerocopysend", "moorage.hot"]),
        (["Content-Length: 0"], b"", ["http.response.zerocopysend", "moorage.hot"]),
        ([], b"x", ["http.response.zerocopysend", "moorage.request.drain"]),
        (["Transfer-Encoding: chunked"], b"", ["http.response.zerocopysend", "moorage.request.drain"]),
    ],
)
def test_extensions_are_offered_where_they_apply(
    served: Served, headers: list[str], body: bytes, extensions: list[str]
) -> None:
    with served.connect() as wire:
        wire.send(request("GET", "/scope", *headers, body=body))
        if "Transfer-Encoding: chunked" in headers:
            wire.send(b"0\r\n\r\n")
        assert wire.response().json["extensions"] == extensions


def test_a_response_is_dated_and_names_no_server(served: Served) -> None:
    with served.connect() as wire:
        response = wire.get("/hello")
    assert response.body == b"hello"
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", response.headers["date"])
    assert set(response.headers) == {"date", "content-length"}


def test_a_connection_serves_many_requests(served: Served) -> None:
    with served.connect() as wire:
        for _ in range(3):
            assert wire.get("/hello").body == b"hello"


def test_pipelined_requests_are_answered_in_order(served: Served) -> None:
    with served.connect() as wire:
        wire.send(request("GET", "/slow") + request("GET", "/hello") + request("POST", "/receive", body=b"abc") * 2)
        wire.send(request("GET", "/status?404"))
        answers = [wire.response() for _ in range(5)]
    assert [answer.status for answer in answers] == [200, 200, 200, 200, 404]
    assert [answer.body for answer in answers[:2]] == [b"slow", b"hello"]
    assert [answer.json["size"] for answer in answers[2:4]] == [3, 3]


def test_many_pipelined_requests_beyond_every_buffer_are_answered(served: Served) -> None:
    with served.connect() as wire:
        wire.send(request("GET", "/slow") + request("GET", "/hello", "X: " + "y" * 1000) * 300)
        assert wire.response().body == b"slow"
        assert all(wire.response().body == b"hello" for _ in range(300))


def test_a_request_may_arrive_byte_by_byte(served: Served) -> None:
    with served.connect() as wire:
        for byte in request("POST", "/receive", body=b"abc"):
            wire.send(bytes([byte]))
        assert wire.response().json["size"] == 3
        wire.send(b"\r\n" + request("GET", "/hello"))
        assert wire.response().body == b"hello"


@pytest.mark.parametrize("size", [1, 70_000, 5_000_000])
@pytest.mark.parametrize("encoding", ["length", "chunked"])
def test_receive_gives_the_whole_body(served: Served, size: int, encoding: str) -> None:
    body = some_blob(size)
    with served.connect() as wire:
        if encoding == "length":
            wire.send(request("POST", "/receive", body=body))
        else:
            wire.send(request("POST", "/receive", "Transfer-Encoding: chunked") + chunked(body, 1, 1000, 33_333))
        wire.send(request("GET", "/hello"))
        assert wire.response().json["size"] == size
        assert wire.response().body == b"hello"


def test_a_body_of_unknown_length_is_chunked(served: Served) -> None:
    with served.connect() as wire:
        response = wire.get("/stream")
        assert response.body == b"one two three"
        assert response.headers["transfer-encoding"] == "chunked"
        assert wire.get("/hello").status == 200


def test_http_1_0_gets_no_chunks_and_a_close(served: Served) -> None:
    with served.connect() as wire:
        assert wire.send(b"GET /stream HTTP/1.0\r\n\r\n").rest().endswith(b"connection: close\r\n\r\none two three")
    with served.connect() as wire:
        assert wire.send(b"GET /hello HTTP/1.0\r\n\r\n").response().closes
        assert wire.is_closed()


def test_http_1_0_may_keep_the_connection_when_the_length_is_known(served: Served) -> None:
    with served.connect() as wire:
        for _ in range(2):
            response = wire.send(b"GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").response()
            assert (response.body, response.headers["connection"]) == (b"hello", "keep-alive")


def test_head_and_bodiless_statuses_have_no_body(served: Served) -> None:
    with served.connect() as wire:
        assert wire.send(request("HEAD", "/hello")).response("HEAD").headers["content-length"] == "5"
        assert wire.send(request("HEAD", "/stream")).response("HEAD").status == 200
        assert "content-length" not in wire.get("/status?204").headers
        assert wire.get("/status?304").status == 304
        assert wire.get("/hello").body == b"hello"


def test_either_side_may_end_the_connection(served: Served) -> None:
    with served.connect() as wire:
        assert wire.get("/hello", "Connection: close").closes
        assert wire.is_closed()
    with served.connect() as wire:
        assert wire.get("/close").closes
        assert wire.is_closed()


def test_100_continue_is_sent_when_the_body_is_asked_for(served: Served) -> None:
    with served.connect() as wire:
        for path in ("/receive", "/drain"):
            wire.send(request("POST", path, "Expect: 100-continue", "Content-Length: 3"))
            assert wire.response().status == 100
            assert wire.send(b"abc").response().json["size"] == 3


def test_100_continue_is_not_sent_for_a_body_that_nobody_wants(served: Served) -> None:
    with served.connect() as wire:
        response = wire.send(request("POST", "/refuse", "Expect: 100-continue", "Content-Length: 3")).response()
        assert (response.status, response.closes) == (413, True)


def test_100_continue_is_not_sent_to_a_client_that_does_not_wait(served: Served) -> None:
    with served.connect() as wire:
        assert wire.send(request("POST", "/receive", "Expect: 100-continue", body=b"abc")).response().status == 200


def test_an_unread_small_body_does_not_end_the_connection(served: Served) -> None:
    with served.connect() as wire:
        assert wire.send(request("POST", "/refuse", body=b"x" * 50_000)).response().status == 413
        assert wire.get("/hello").body == b"hello"
        assert wire.send(request("POST", "/refuse", "Content-Length: 5")).response().status == 413
        assert wire.send(b"abcde" + request("GET", "/hello")).response().body == b"hello"


@pytest.mark.parametrize("path", ["/fail", "/nothing", "/split-header"])
def test_a_failing_application_is_answered_for(served: Served, path: str) -> None:
    with served.connect() as wire:
        response = wire.get(path)
        assert (response.status, response.closes) == (500, True)
        assert "purpose" not in response.body.decode()
        assert wire.is_closed()


@pytest.mark.parametrize("path", ["/fail-midway", "/half", "/longer", "/shorter"])
def test_a_response_that_goes_wrong_never_looks_whole(served: Served, path: str) -> None:
    with served.connect() as wire, pytest.raises(ConnectionError):
        wire.get(path)


def test_a_client_that_leaves_is_noticed(served: Served) -> None:
    with served.connect() as wire:
        wire.send(request("GET", "/wait"))
        time.sleep(0.05)
    assert served.saw("disconnect while waiting")
    with served.connect() as wire:
        wire.send(request("POST", "/receive", "Content-Length: 100") + b"half")
    assert served.saw("disconnect while receiving")


def test_a_client_may_close_its_side_and_still_read(served: Served) -> None:
    with served.connect() as wire:
        wire.send(request("GET", "/slow"))
        wire.socket.shutdown(1)
        assert wire.response().body == b"slow"
        assert wire.is_closed()
    with served.connect() as wire:
        wire.send(request("GET", "/slow") + request("POST", "/receive", body=b"abc") + request("GET", "/hello"))
        wire.socket.shutdown(1)
        assert wire.response().body == b"slow"
        assert wire.response().json["size"] == 3
        assert wire.response().body == b"hello"
        assert wire.is_closed()


def test_a_client_that_does_not_read_is_waited_for(served: Served) -> None:
    with served.connect() as wire:
        wire.send(request("GET", "/flood"))
        time.sleep(0.4)
        first = list(served.app.seen)
        time.sleep(0.2)
        assert served.app.seen == first
        assert int(first[0].split()[1]) < 400


@pytest.mark.parametrize(
    "asked", [b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n", b"POST /drain HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n1"]
)
def test_shutdown_ends_what_does_not_end_in_time(asked: bytes) -> None:
    with serve() as server, server.connect() as wire:
        server.server.config.timeout_graceful_shutdown = 1
        wire.send(asked)
        while not server.app.calls:
            time.sleep(0.005)
        server.server.should_exit = True
        started = time.monotonic()
        with contextlib.suppress(ConnectionError):
            wire.response()
        assert wire.is_closed()
        assert time.monotonic() - started < 4


def test_shutdown_closes_idle_connections_and_finishes_busy_ones() -> None:
    with serve() as server, server.connect() as idle, server.connect() as busy, server.connect() as partial:
        assert idle.get("/hello").status == 200
        busy.send(request("GET", "/slow"))
        partial.send(b"GET /hel")
        time.sleep(0.1)
        server.server.should_exit = True
        assert idle.is_closed()
        assert partial.is_closed()
        response = busy.response()
        assert (response.body, response.closes) == (b"slow", True)
        assert busy.is_closed()
    assert server.server.server_state.connections == set()
    assert server.server.server_state.total_requests == 2
