"""An application that does what its path says."""

import asyncio
import hashlib
import json
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from moorage.http.connection.intake import ClientDisconnectedError

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


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

    async def do_drain_quietly(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Leaves a client that went away without an answer."""
        sink = HashingSink()
        with suppress(ClientDisconnectedError):
            await scope["extensions"]["moorage.request.drain"]["drain"](sink)
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
