"""Responses whose bytes never pass through the process."""

import hashlib
import os
import threading
import time
from collections.abc import Iterator

import pytest

from tests.unit.http.connection.behaviours import App
from tests.unit.http.connection.served import IMPATIENT, Served, request, serve, some_blob, temporary_blob

MIB = 1 << 20
BLOB = some_blob(20 * MIB + 7)


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    path = temporary_blob(BLOB)
    with serve(App(blob=path)) as server:
        yield server
    path.unlink()


@pytest.mark.parametrize(
    ("offset", "count"),
    [
        (0, len(BLOB)),
        (0, 0),
        (5, 1),
        (3, 64 * 1024),
        (3, 64 * 1024 + 1),
        (MIB - 1, 128 * 1024),
        (len(BLOB) - 70_000, 70_000),
        (7 * MIB + 3, 5 * MIB),
    ],
)
def test_a_range_of_a_file_arrives_unchanged(served: Served, offset: int, count: int) -> None:
    with served.connect() as wire:
        wire.send(request("GET", f"/file?offset={offset}&count={count}") + request("GET", "/hello"))
        body = wire.response().body
        assert hashlib.sha256(body).digest() == hashlib.sha256(BLOB[offset : offset + count]).digest()
        assert wire.response().body == b"hello"


def test_head_sends_nothing_of_the_file(served: Served) -> None:
    with served.connect() as wire:
        assert wire.send(request("HEAD", "/file")).response("HEAD").headers["content-length"] == str(len(BLOB))
        assert wire.get("/hello").body == b"hello"


def test_files_and_bytes_keep_their_order(served: Served) -> None:
    expected = b"<" + BLOB[:200_000] + b"><" + BLOB[10:30] + b"><" + BLOB[100_000:400_000] + b">" + BLOB
    with served.connect() as wire:
        assert wire.get("/file-in-parts").body == expected
        assert wire.get("/hello").body == b"hello"
    with served.connect() as wire:
        assert wire.send(b"GET /file-in-parts HTTP/1.0\r\n\r\n").rest().endswith(b"\r\n\r\n" + expected)


@pytest.mark.parametrize("offset", [len(BLOB) - 10, len(BLOB) - 200_000])
def test_a_file_shorter_than_promised_never_looks_whole(served: Served, offset: int) -> None:
    with served.connect() as wire:
        wire.send(request("GET", f"/file?offset={offset}&count=300000"))
        with pytest.raises(ConnectionError):
            wire.response()
    with served.connect() as wire:
        assert wire.send(request("GET", f"/file?offset={offset}&count=20&length=10")).response().status == 500


def test_a_small_file_shorter_than_promised_is_an_error(served: Served) -> None:
    with served.connect() as wire:
        assert wire.get(f"/file?offset={len(BLOB) - 10}&count=50").status == 500


def test_many_clients_at_once_and_slow_ones_get_everything(served: Served) -> None:
    digests: list[bytes] = []

    def one(pause: float) -> None:
        with served.connect() as wire:
            wire.send(request("GET", "/file", "Connection: close"))
            digest, head = hashlib.sha256(), b""
            while b"\r\n\r\n" not in head:
                head += wire.socket.recv(100)
            digest.update(head.split(b"\r\n\r\n", 1)[1])
            while data := wire.socket.recv(2 * MIB if pause else 300_000):
                digest.update(data)
                time.sleep(pause)
            digests.append(digest.digest())

    threads = [threading.Thread(target=one, args=(0.02 if number % 4 == 0 else 0,)) for number in range(12)]
    for thread in threads:
        thread.start()
    with served.connect() as wire:
        started = time.monotonic()
        for _ in range(20):
            assert wire.get("/hello").body == b"hello"
        assert time.monotonic() - started < 5
    for thread in threads:
        thread.join(30)
    assert digests == [hashlib.sha256(BLOB).digest()] * 12


def test_a_client_that_leaves_in_the_middle_frees_the_connection(served: Served) -> None:
    descriptors = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else None
    for _ in range(5):
        with served.connect() as wire:
            wire.send(request("GET", "/file"))
            wire.socket.recv(1000)
    end = time.monotonic() + 5
    while time.monotonic() < end and served.server.server_state.connections:
        time.sleep(0.02)
    assert served.server.server_state.connections == set()
    if descriptors is not None:
        assert len(os.listdir("/proc/self/fd")) <= descriptors + 1


def test_a_client_that_stops_reading_is_given_up() -> None:
    path = temporary_blob(BLOB)
    try:
        with serve(App(blob=path), limits=IMPATIENT) as server:
            for asked in ("/file", "/flood"):
                with server.connect() as wire:
                    wire.send(request("GET", asked))
                    time.sleep(1.2)
                    with pytest.raises(ConnectionError):
                        wire.response()
    finally:
        path.unlink()
