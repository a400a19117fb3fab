"""The same promises over TLS, where the socket cannot be used directly."""

import contextlib
import hashlib
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from moorage.http.connection.limits import Limits
from tests.unit.http.connection.served import IMPATIENT, Served, chunked, request, serve, some_blob

MIB = 1 << 20
BODY = some_blob(8 * MIB)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    authority = trustme.CA()
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(path)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    return path, client


@pytest.fixture(scope="module")
def served(certificate: tuple[Path, ssl.SSLContext]) -> Iterator[Served]:
    with serve(tls=certificate) as server:
        yield server


def test_the_scheme_is_https_and_zero_copy_is_not_offered(served: Served) -> None:
    with served.connect() as wire:
        scope = wire.get("/scope").json
    assert scope["scheme"] == "https"
    assert scope["extensions"] == ["moorage.hot"]


@pytest.mark.parametrize("path", ["/drain", "/receive", "/drain-the-rest"])
@pytest.mark.parametrize("size", [1, 70_000, 8 * MIB])
def test_uploads_arrive_whole_and_the_next_request_is_kept(served: Served, path: str, size: int) -> None:
    body = BODY[:size]
    with served.connect() as wire:
        for data in (
            request("POST", path, body=body),
            request("POST", path, "Transfer-Encoding: chunked") + chunked(body, 1, 32_768, 17),
        ):
            wire.send(data + request("GET", "/hello"))
            answer = wire.response().json
            assert (answer["size"], answer["sha256"]) == (size, hashlib.sha256(body).hexdigest())
            assert not answer.get("misuse")
            assert answer["pieces"] <= 10 + size // 16_384
            assert wire.response().body == b"hello"


def test_a_slow_upload_arrives_whole(served: Served) -> None:
    with served.connect() as wire:
        wire.send(request("POST", "/drain", "Content-Length: 5"))
        for byte in b"abcde":
            time.sleep(0.05)
            wire.send(bytes([byte]))
        assert wire.response().json["size"] == 5


def test_a_cut_connection_is_a_disconnect(served: Served) -> None:
    with served.connect() as wire:
        wire.send(request("POST", "/drain", "Content-Length: 100") + b"abc")
        time.sleep(0.05)
    assert served.saw("disconnect while draining")


def test_errors_of_a_sink_and_refusals_can_be_read(served: Served) -> None:
    for path, status in (("/full-disk", 507), ("/refuse", 413)):
        with served.connect() as wire:
            response = wire.send(request("POST", path, body=BODY[: 2 * MIB])).response()
            assert (response.status, response.closes) == (status, True)


def test_time_limits_hold(certificate: tuple[Path, ssl.SSLContext]) -> None:
    with serve(tls=certificate, limits=IMPATIENT) as server:
        with server.connect() as wire:
            assert wire.send(b"GET / HT").response().status == 408
        with server.connect() as wire:
            assert wire.send(request("POST", "/drain", "Content-Length: 9") + b"1").response().status == 408
        with server.connect() as wire:
            assert wire.is_closed()


def test_handshakes_that_never_come_hold_no_place(certificate: tuple[Path, ssl.SSLContext]) -> None:
    limits = replace(Limits(), connections=8)
    with serve(tls=certificate, limits=limits) as server, contextlib.ExitStack() as stack:
        silent = [stack.enter_context(socket.create_connection(("127.0.0.1", server.port))) for _ in range(30)]
        with server.connect() as wire:
            assert wire.get("/hello").body == b"hello"
            assert wire.get("/hello").body == b"hello"
        silent[0].settimeout(5)
        assert silent[0].recv(1) == b""


def test_a_handshake_must_come_soon(certificate: tuple[Path, ssl.SSLContext]) -> None:
    with serve(tls=certificate, limits=replace(IMPATIENT, first_request_seconds=0.3)) as server:
        started = time.monotonic()
        with socket.create_connection(("127.0.0.1", server.port)) as silent:
            silent.settimeout(5)
            assert silent.recv(1) == b""
        assert time.monotonic() - started < 3


def test_what_is_not_tls_is_dropped_without_a_word(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    for data in (request("GET", "/hello"), b"\x16\x03\x01\x02\x00", b""):
        with socket.create_connection(("127.0.0.1", served.port)) as wire:
            wire.sendall(data)
            wire.shutdown(socket.SHUT_WR)
            wire.settimeout(5)
            with contextlib.suppress(ConnectionError):
                while wire.recv(100):
                    pass
    with served.connect() as good:
        assert good.get("/hello").body == b"hello"
    assert caplog.records == []


def test_a_handshake_under_way_does_not_hold_up_the_end(certificate: tuple[Path, ssl.SSLContext]) -> None:
    with contextlib.ExitStack() as stack:
        with serve(tls=certificate) as server:
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            assert stack.enter_context(server.connect()).get("/hello").status == 200
            started = time.monotonic()
        assert time.monotonic() - started < 3


def test_a_client_that_never_says_goodbye_does_not_hold_up_the_end(certificate: tuple[Path, ssl.SSLContext]) -> None:
    with contextlib.ExitStack() as stack:
        with serve(tls=certificate) as server:
            idle = stack.enter_context(server.connect())
            assert idle.get("/hello").status == 200
            started = time.monotonic()
        assert time.monotonic() - started < 3
        assert idle.is_closed()


def test_responses_of_many_kinds_work(served: Served) -> None:
    with served.connect() as wire:
        assert wire.get("/stream").body == b"one two three"
        assert wire.send(request("HEAD", "/hello")).response("HEAD").status == 200
        wire.send(request("GET", "/slow") + request("GET", "/hello"))
        assert [wire.response().body, wire.response().body] == [b"slow", b"hello"]
        assert wire.get("/fail").status == 500
