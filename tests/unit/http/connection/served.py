"""A real server with our connection class, an application that does what its path says, and a client that speaks bytes."""

import asyncio
import hashlib
import json
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl

import uvicorn
import uvloop

from moorage.http.connection.hot import HotResponder
from moorage.http.connection.intake import ClientDisconnectedError
from moorage.http.connection.limits import Limits
from moorage.http.connection.protocol import connection_class

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

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


class HashingSink:
    """Notes what it is given, and that it is never called from the loop or by two threads at once."""

    def __init__(self) -> None:
        self.size = 0
        self.digest = hashlib.sha256()
        self.pieces = 0
        self.misuse = ""
        self._inside = threading.Lock()
        self._loop_thread = threading.get_ident()

    def write(self, data: memoryview) -> None:
        if not self._inside.acquire(blocking=False):
            self.misuse = "two calls at once"
            return
        if threading.get_ident() == self._loop_thread:
            self.misuse = "called on the loop"
        self.digest.update(data)
        self.size += len(data)
        self.pieces += 1
        self._inside.release()

    def summary(self) -> dict[str, Any]:
        return {"size": self.size, "sha256": self.digest.hexdigest(), "pieces": self.pieces, "misuse": self.misuse}


class FullDiskError(Exception):
    """What a sink may raise."""


class FailingSink:
    def __init__(self, after: int) -> None:
        self._left = after

    def write(self, data: memoryview) -> None:
        self._left -= len(data)
        if self._left < 0:
            raise FullDiskError


@dataclass
class App:
    """Each path is one behaviour; `seen` tells what could not be told to the client."""

    seen: list[str] = field(default_factory=list)
    calls: int = 0
    blob: Path | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.calls += 1
        behaviour = getattr(self, "do_" + scope["path"].strip("/").replace("-", "_"), None)
        if behaviour is None:
            await self.answer(send, 404, b"no such path")
            return
        await behaviour(scope, receive, send)

    async def answer(self, send: Send, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
        length = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": [*length, *headers]})
        await send({"type": "http.response.body", "body": body})

    async def tell(self, send: Send, what: object) -> None:
        await self.answer(send, 200, json.dumps(what).encode(), (b"content-type", b"application/json"))

    async def do_hello(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.answer(send, 200, b"hello")

    async def do_scope(self, scope: Scope, receive: Receive, send: Send) -> None:
        extensions = sorted(scope["extensions"])
        plain = {name: value for name, value in scope.items() if name not in ("extensions", "asgi")}
        await self.tell(send, json.loads(json.dumps(plain | {"extensions": extensions}, default=bytes.decode)))

    async def do_receive(self, scope: Scope, receive: Receive, send: Send) -> None:
        sink, pieces = hashlib.sha256(), 0
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.seen.append("disconnect while receiving")
                return
            sink.update(message["body"])
            size += len(message["body"])
            pieces += 1
            if not message["more_body"]:
                break
        await self.tell(send, {"size": size, "sha256": sink.hexdigest(), "pieces": pieces})

    async def do_drain(self, scope: Scope, receive: Receive, send: Send) -> None:
        sink = HashingSink()
        if "moorage.request.drain" in scope["extensions"]:
            try:
                await scope["extensions"]["moorage.request.drain"]["drain"](sink)
            except ClientDisconnectedError:
                self.seen.append(f"disconnect while draining after {sink.size}")
                raise
        await self.tell(send, sink.summary())

    async def do_drain_the_rest(self, scope: Scope, receive: Receive, send: Send) -> None:
        """First reads a little, then drains."""
        message = await receive()
        sink = HashingSink()
        sink.digest.update(message["body"])
        sink.size = len(message["body"])
        await scope["extensions"]["moorage.request.drain"]["drain"](sink)
        await self.tell(send, sink.summary())

    async def do_drain_cancelled(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await asyncio.wait_for(scope["extensions"]["moorage.request.drain"]["drain"](HashingSink()), 0.1)
        except TimeoutError:
            await self.answer(send, 503, b"too slow")

    async def do_full_disk(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await scope["extensions"]["moorage.request.drain"]["drain"](FailingSink(100_000))
        except FullDiskError:
            await self.answer(send, 507, b"full")

    async def do_refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.answer(send, 413, b"too large")

    async def do_fail(self, scope: Scope, receive: Receive, send: Send) -> None:
        raise LookupError("on purpose")

    async def do_fail_midway(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"100")]})
        await send({"type": "http.response.body", "body": b"begun", "more_body": True})
        raise LookupError("on purpose")

    async def do_nothing(self, scope: Scope, receive: Receive, send: Send) -> None:
        return

    async def do_half(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})

    async def do_longer(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"6")]})
        await send({"type": "http.response.body", "body": b"1234", "more_body": True})
        await send({"type": "http.response.body", "body": b"5678"})

    async def do_shorter(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"6")]})
        await send({"type": "http.response.body", "body": b"1234", "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def do_split_header(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.answer(send, 200, b"", (b"x-note", b"a\r\nx-evil: b"))

    async def do_stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for piece in (b"one ", b"two ", b"three"):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            await asyncio.sleep(0.01)
        await send({"type": "http.response.body"})

    async def do_status(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.answer(send, int(scope["query_string"]), b"")

    async def do_close(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.answer(send, 200, b"bye", (b"connection", b"close"))

    async def do_slow(self, scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0.3)
        await self.answer(send, 200, b"slow")

    async def do_wait(self, scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.seen.append("disconnect while waiting")

    async def do_flood(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends for as long as the client reads."""
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % (1 << 40))]})
        for number in range(1 << 14):
            await send({"type": "http.response.body", "body": bytes(1 << 16), "more_body": True})
            self.seen[:] = [f"sent {number}"]

    async def do_file(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.blob is not None
        asked = {name: int(value) for name, value in parse_qsl(scope["query_string"].decode())}
        with self.blob.open("rb") as file:
            offset, count = asked.get("offset", 0), asked.get("count", self.blob.stat().st_size)
            length = asked.get("length", count)
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % length)]})
            await send({"type": "http.response.zerocopysend", "file": file, "offset": offset, "count": count})

    async def do_file_in_parts(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Large and small ranges between plain pieces, in chunked encoding; then the whole file, by its own position."""
        assert self.blob is not None
        with self.blob.open("rb") as file:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            for offset, count in ((0, 200_000), (10, 20), (100_000, 300_000)):
                part = {"file": file, "offset": offset, "count": count, "more_body": True}
                await send({"type": "http.response.body", "body": b"<", "more_body": True})
                await send({"type": "http.response.zerocopysend"} | part)
                await send({"type": "http.response.body", "body": b">", "more_body": True})
            await send({"type": "http.response.zerocopysend", "file": file})


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
    server = uvicorn.Server(config)
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
    return b"".join(hashlib.sha512(b"%d" % number).digest() for number in range(size // 64 + 1))[:size]


def temporary_blob(content: bytes) -> Path:
    with tempfile.NamedTemporaryFile(delete=False) as file:
        file.write(content)
    return Path(file.name)
