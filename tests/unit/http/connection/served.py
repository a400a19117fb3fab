"""A real server with our connection class, and a client that speaks bytes."""

import asyncio
import json
import random
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import uvicorn
import uvloop

from moorage.http.connection.hot import HotResponder
from moorage.http.connection.limits import Limits
from moorage.http.connection.protocol import connection_class
from moorage.http.server import Server
from tests.unit.http.connection.behaviours import App

IMPATIENT = Limits(
    head_seconds=0.4,
    keep_alive_seconds=0.7,
    body_idle_seconds=0.4,
    body_rate=10_000,
    body_rate_after=0.8,
    discard_seconds=0.4,
    write_stall_seconds=0.5,
    linger_seconds=0.4,
)
"""Time limits that a test can wait for."""


@dataclass(frozen=True)
class Response:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def closes(self) -> bool:
        return self.headers.get("connection") == "close"


class Wire:
    """A client that sends exactly what it is told to."""

    def __init__(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        plain = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket: socket.socket = plain if tls is None else tls.wrap_socket(plain, server_hostname="localhost")
        self._buffer = b""

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.socket.close()

    def send(self, data: bytes) -> "Wire":
        self.socket.sendall(data)
        return self

    def get(self, path: str, *headers: str) -> Response:
        return self.send(request("GET", path, *headers)).response()

    def response(self, method: str = "GET") -> Response:
        """The next response; raises ConnectionError when it is not whole."""
        while b"\r\n\r\n" not in self._buffer:
            self._more()
        head, self._buffer = self._buffer.split(b"\r\n\r\n", 1)
        line, *fields = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
        status = int(line.split()[1])
        if method == "HEAD" or status in (100, 204, 304):
            return Response(status, headers, b"")
        return Response(status, headers, self._body(headers))

    def _body(self, headers: dict[str, str]) -> bytes:
        if "content-length" in headers:
            return self._exactly(int(headers["content-length"]))
        if headers.get("transfer-encoding") != "chunked":
            return self.rest()
        body = b""
        while True:
            while b"\r\n" not in self._buffer:
                self._more()
            size, self._buffer = self._buffer.split(b"\r\n", 1)
            chunk = self._exactly(int(size, 16) + 2)
            assert chunk.endswith(b"\r\n")
            if chunk == b"\r\n":
                return body
            body += chunk[:-2]

    def _exactly(self, size: int) -> bytes:
        pieces, self._buffer = [self._buffer], b""
        have = len(pieces[0])
        while have < size:
            pieces.append(self._receive())
            have += len(pieces[-1])
        data = b"".join(pieces)
        self._buffer = data[size:]
        return data[:size]

    def _receive(self) -> bytes:
        data = self.socket.recv(1 << 20)
        if not data:
            raise ConnectionError("the server closed the connection")
        return data

    def _more(self) -> None:
        self._buffer += self._receive()

    def rest(self) -> bytes:
        """Everything until the server closes its side."""
        data = self._buffer
        self._buffer = b""
        while piece := self.socket.recv(1 << 20):
            data += piece
        return data

    def is_closed(self, within: float = 5.0) -> bool:
        """Whether the server ends the connection, without another byte, in that time."""
        self.socket.settimeout(within)
        try:
            return self._buffer == b"" and self.socket.recv(1) == b""
        except TimeoutError:
            return False
        except (ConnectionError, ssl.SSLError):
            return True


def request(method: str, path: str, *headers: str, body: bytes = b"") -> bytes:
    """A plain request; the body comes with its Content-Length."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def chunked(body: bytes, *sizes: int) -> bytes:
    """The body in chunks of these sizes, again and again."""
    encoded, start, turn = [], 0, 0
    while start < len(body):
        piece = body[start : start + sizes[turn % len(sizes)]]
        encoded.append(b"%x\r\n%b\r\n" % (len(piece), piece))
        start += len(piece)
        turn += 1
    return b"".join(encoded) + b"0\r\n\r\n"


@dataclass(frozen=True)
class Served:
    port: int
    app: App
    server: uvicorn.Server
    client_tls: ssl.SSLContext | None

    def connect(self) -> Wire:
        return Wire(self.port, self.client_tls)

    def saw(self, what: str, within: float = 5.0) -> bool:
        """Whether the application notes this in time."""
        end = time.monotonic() + within
        while time.monotonic() < end:
            if any(what in seen for seen in self.app.seen):
                return True
            time.sleep(0.01)
        return False


@contextmanager
def serve(
    app: App | None = None,
    hot: HotResponder | None = None,
    limits: Limits | None = None,
    tls: tuple[Path, ssl.SSLContext] | None = None,
) -> Iterator[Served]:
    """Run a server in a thread of its own; `tls` is its certificate with key, and the client's context."""
    app = app or App()
    config = uvicorn.Config(
        app,
        http=connection_class(hot, limits or Limits()),
        log_config=None,
        lifespan="off",
        proxy_headers=False,
        ssl_certfile=str(tls[0]) if tls else None,
        timeout_graceful_shutdown=5,
    )
    server = Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        thread = threading.Thread(target=_run, args=(server, listener))
        thread.start()
        try:
            while not server.started:
                time.sleep(0.005)
            yield Served(port, app, server, tls[1] if tls else None)
        finally:
            server.should_exit = True
            thread.join()


def _run(server: uvicorn.Server, listener: socket.socket) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(server.serve([listener]))


def some_blob(size: int) -> bytes:
    """Bytes that differ everywhere."""
    return random.Random(size).randbytes(size)


def temporary_blob(content: bytes) -> Path:
    with tempfile.NamedTemporaryFile(delete=False) as file:
        file.write(content)
    return Path(file.name)
