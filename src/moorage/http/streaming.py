"""Moving bytes: responses out of stored blobs, request bodies into uploads; each by the server's own way where it has one."""

import asyncio
from concurrent.futures import Executor
from typing import Any, Protocol

from moorage.http.connection.intake import ClientDisconnectedError
from moorage.http.messages import DisconnectedError, FileBody, Request, Response, Send, encoded

_PIECE = 256 * 1024
_GATHER = 1024 * 1024
_ZERO_COPY = "http.response.zerocopysend"


class Sink(Protocol):
    """Where a body goes."""

    def write(self, data: bytes | memoryview) -> None:
        """Take the next bytes; called from one thread at a time."""
        ...


async def drain(request: Request, sink: Sink, threads: Executor) -> None:
    """Bring the whole body into the sink; raises DisconnectedError when it breaks off, and whatever the sink raises.

    Our own server does it with its connection's thread; any other ASGI server hands the body over in pieces.
    """
    extension = request.scope.get("extensions", {}).get("moorage.request.drain")
    if extension is not None:
        try:
            await extension["drain"](sink)
        except ClientDisconnectedError:
            raise DisconnectedError from None
        return
    loop = asyncio.get_running_loop()
    pieces: list[bytes] = []
    size = 0
    async for piece in request.stream():
        pieces.append(piece)
        size += len(piece)
        if size >= _GATHER:
            await loop.run_in_executor(threads, sink.write, b"".join(pieces))
            pieces, size = [], 0
    if pieces:
        await loop.run_in_executor(threads, sink.write, b"".join(pieces))


async def respond(scope: Any, send: Send, response: Response, threads: Executor) -> None:
    """Send a response; closes the blob it is sent from, whatever happens."""
    body = response.body
    try:
        await _respond(scope, send, response, threads)
    except RuntimeError as error:
        # What uvloop's transport says where the client went away before its answer.
        if "closed" not in str(error):
            raise
        raise DisconnectedError from error
    finally:
        if isinstance(body, FileBody):
            body.reader.close()


async def _respond(scope: Any, send: Send, response: Response, threads: Executor) -> None:
    body = response.body
    await send({"type": "http.response.start", "status": response.status, "headers": list(encoded(response.headers))})
    if response.head_only:
        await send({"type": "http.response.body", "body": b""})
    elif isinstance(body, FileBody):
        await _send_file(scope, send, body, threads)
    else:
        await send({"type": "http.response.body", "body": body})


async def _send_file(scope: Any, send: Send, body: FileBody, threads: Executor) -> None:
    if body.count and _ZERO_COPY in scope.get("extensions", {}) and _has_descriptor(body):
        message = {"type": _ZERO_COPY, "file": body.reader, "offset": body.offset, "count": body.count, "more_body": False}
        await send(message)
        return
    loop = asyncio.get_running_loop()
    offset, stop = body.offset, body.offset + body.count
    while offset < stop:
        piece = await loop.run_in_executor(threads, body.reader.read_at, offset, min(_PIECE, stop - offset))
        if not piece:
            # The file is shorter than its row says: break off, so that nobody takes the part for the whole.
            raise DisconnectedError
        offset += len(piece)
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def _has_descriptor(body: FileBody) -> bool:
    try:
        return body.reader.fileno() >= 0
    except OSError:
        return False
