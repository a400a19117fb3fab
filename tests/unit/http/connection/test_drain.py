"""Uploads received by threads."""

import hashlib
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from moorage.http.connection.limits import Limits
from tests.unit.http.connection.served import IMPATIENT, Served, Wire, chunked, request, serve, some_blob

MIB = 1 << 20


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serve() as server:
        yield server


@pytest.fixture(scope="module")
def blob() -> bytes:
    return some_blob(64 * MIB)


def upload(body: bytes, encoding: str, path: str = "/drain") -> bytes:
    if encoding == "length":
        return request("POST", path, body=body) if body else request("POST", path, "Content-Length: 0")
    return request("POST", path, "Transfer-Encoding: chunked") + chunked(body, 1, 32_768, 17, 3 * MIB // 2, 5)


def assert_taken(answer: object, body: bytes) -> None:
    assert isinstance(answer, dict)
    assert answer["misuse"] == ""
    assert (answer["size"], answer["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())


@pytest.mark.parametrize("encoding", ["length", "chunked"])
@pytest.mark.parametrize("size", [0, 1, 70 * 1024, 5 * MIB, 64 * MIB])
def test_a_body_arrives_whole_and_the_next_request_is_kept(served: Served, blob: bytes, size: int, encoding: str) -> None:
    body = blob[:size]
    with served.connect() as wire:
        wire.send(upload(body, encoding) + request("GET", "/hello"))
        answer = wire.response().json
        assert_taken(answer, body)
        assert answer["pieces"] <= 4 + size // (256 * 1024)
        assert wire.response().body == b"hello"
        assert_taken(wire.send(upload(body[:99], encoding)).response().json, body[:99])


@pytest.mark.parametrize("encoding", ["length", "chunked"])
def test_a_slow_upload_arrives_whole(served: Served, blob: bytes, encoding: str) -> None:
    body = blob[:20_000]
    data = upload(body, encoding) + request("GET", "/hello")
    with served.connect() as wire:
        for start in range(0, len(data), 3000):
            wire.send(data[start : start + 3000])
            time.sleep(0.13)
        assert_taken(wire.response().json, body)
        assert wire.response().body == b"hello"


@pytest.mark.parametrize("encoding", ["length", "chunked"])
def test_a_body_may_begin_with_receive_and_end_with_drain(served: Served, blob: bytes, encoding: str) -> None:
    body = blob[: 3 * MIB]
    with served.connect() as wire:
        wire.send(upload(body, encoding, "/drain-the-rest") + request("GET", "/hello"))
        assert_taken(wire.response().json, body)
        assert wire.response().body == b"hello"


def test_many_uploads_share_few_threads(blob: bytes) -> None:
    limits = replace(Limits(), upload_threads=2, upload_turn=0.01, upload_buffer=64 * 1024)
    answers: list[object] = []

    def one(server: Served, body: bytes, encoding: str) -> None:
        with server.connect() as wire:
            answers.append((wire.send(upload(body, encoding)).response().json, body))

    with serve(limits=limits) as server, server.connect() as silent:
        silent.send(request("POST", "/drain", "Content-Length: 10") + b"12345")
        threads = [
            threading.Thread(target=one, args=(server, blob[: MIB + number], ("length", "chunked")[number % 2]))
            for number in range(12)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert_taken(silent.send(b"67890").response().json, b"1234567890")
        names = {thread.name for thread in threading.enumerate() if thread.name.startswith("moorage-upload")}
        assert len(names) <= 2
    assert len(answers) == 12
    for answer in answers:
        assert isinstance(answer, tuple)
        assert_taken(*answer)


def test_silent_uploads_hold_no_thread(blob: bytes) -> None:
    with serve(limits=replace(Limits(), upload_threads=1)) as server:
        silent = [server.connect() for _ in range(5)]
        for wire in silent:
            wire.send(request("POST", "/drain", "Content-Length: 10") + b"123")
        with server.connect() as wire:
            started = time.monotonic()
            assert_taken(wire.send(upload(blob[:MIB], "length")).response().json, blob[:MIB])
            assert time.monotonic() - started < 2
        for wire in silent:
            assert_taken(wire.send(b"4567890").response().json, b"1234567890")
            wire.socket.close()


def test_threads_go_with_the_last_connection(blob: bytes) -> None:
    with serve() as server:
        with server.connect() as wire:
            assert wire.send(upload(blob[:MIB], "length")).response().status == 200
        end = time.monotonic() + 5
        while time.monotonic() < end and any(t.name.startswith("moorage-upload") for t in threading.enumerate()):
            time.sleep(0.02)
        assert not [t.name for t in threading.enumerate() if t.name.startswith("moorage-upload")]


@pytest.mark.parametrize("encoding", ["length", "chunked"])
@pytest.mark.parametrize("sent", [10, 3 * MIB])
def test_a_cut_connection_is_a_disconnect(served: Served, blob: bytes, encoding: str, sent: int) -> None:
    served.app.seen.clear()
    with served.connect() as wire:
        wire.send(upload(blob[: 5 * MIB], encoding)[: sent + 100])
        time.sleep(0.05)
    assert served.saw("disconnect while draining")


def test_a_reset_connection_is_a_disconnect(served: Served, blob: bytes) -> None:
    served.app.seen.clear()
    with served.connect() as wire:
        wire.send(upload(blob[: 5 * MIB], "length")[:MIB])
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    assert served.saw("disconnect while draining")


@pytest.mark.parametrize("encoding", ["length", "chunked"])
def test_an_error_of_the_sink_reaches_the_application_and_the_client(served: Served, blob: bytes, encoding: str) -> None:
    with served.connect() as wire:
        sender = threading.Thread(target=_send_quietly, args=(wire, upload(blob[: 5 * MIB], encoding, "/full-disk")))
        sender.start()
        response = wire.response()
        assert (response.status, response.closes, response.body) == (507, True, b"full")
        sender.join()


def test_an_application_may_stop_draining(served: Served) -> None:
    with served.connect() as wire:
        response = wire.send(request("POST", "/drain-cancelled", "Content-Length: 100000") + b"abc").response()
        assert (response.status, response.closes) == (503, True)


def test_a_refused_client_can_read_why_in_the_middle_of_its_upload(served: Served, blob: bytes) -> None:
    for encoding in ("length", "chunked"):
        with served.connect() as wire:
            wire.send(upload(blob[: 4 * MIB], encoding, "/refuse"))
            response = wire.response()
            assert (response.status, response.closes) == (413, True)


@pytest.mark.parametrize("path", ["/drain", "/receive"])
def test_a_malformed_body_is_answered_400(served: Served, path: str) -> None:
    for broken in (b"zz\r\n", b"5\r\nhello!!\r\n", b"5\nhello"):
        with served.connect() as wire:
            wire.send(request("POST", path, "Transfer-Encoding: chunked"))
            time.sleep(0.03)
            response = wire.send(broken + request("GET", "/hello")).response()
            assert (response.status, response.closes) == (400, True)
            assert response.json["errors"][0]["code"] == "UNSUPPORTED"
            assert wire.rest() == b""


@pytest.mark.parametrize("path", ["/drain", "/receive"])
def test_a_silent_or_too_slow_body_is_given_up(path: str) -> None:
    with serve(limits=IMPATIENT) as server:
        with server.connect() as wire:
            assert wire.send(request("POST", path, "Content-Length: 10") + b"1").response().status == 408
            assert wire.is_closed()
        with server.connect() as wire:
            _trickle(wire, request("POST", path, "Content-Length: 100000"))
            assert wire.response().status == 408


def _trickle(wire: Wire, head: bytes) -> None:
    wire.send(head)
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        try:
            wire.send(b"x")
        except ConnectionError:
            return
        time.sleep(0.05)


def _send_quietly(wire: Wire, data: bytes) -> None:
    try:
        wire.send(data)
    except OSError:
        return
