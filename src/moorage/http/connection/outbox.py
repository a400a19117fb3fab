"""One response on its way to the connection: its framing decided, its length counted, its bytes written in order."""

import os
from collections.abc import Callable, Mapping
from typing import Any

from moorage.http.connection.channel import Channel
from moorage.http.connection.head import RequestHead
from moorage.http.connection.limits import KIB
from moorage.http.connection.response import Clock, InvalidResponseError, ResponseHead
from moorage.http.connection.transfer import ShortFileError, Transfer, read_range

Message = Mapping[str, Any]

_WORTH_NO_COPY = 16 * KIB
"""A body longer than this is not joined with its head."""


class Outbox:
    """Takes ASGI's response messages. Nothing is written before the first part of the body is known."""

    __slots__ = (
        "_channel",
        "_chunked",
        "_clock",
        "_left",
        "_may_stay",
        "_request",
        "_start",
        "begun",
        "complete",
        "keep_alive",
    )

    def __init__(
        self, channel: Channel, request: RequestHead, clock: Clock, keep_alive: bool, may_stay: Callable[[], bool]
    ) -> None:
        self._channel = channel
        self._request = request
        self._clock = clock
        self._may_stay = may_stay
        """Asked when the response begins: whether the request allows the connection to go on."""
        self._start: ResponseHead | None = None
        self._chunked = False
        self._left: int | None = None
        """Bytes that the response's Content-Length still promises."""
        self.keep_alive = keep_alive
        self.begun = False
        """Whether any byte of the response was written."""
        self.complete = False

    def send(self, message: Message) -> None:
        """Take `http.response.start` or `http.response.body`. Raises InvalidResponseError."""
        kind = message["type"]
        if kind == "http.response.body":
            start = self._started(kind)
            more = message.get("more_body", False)
            self._write(start, message.get("body", b""), more)
            self.complete = not more
        elif kind == "http.response.start":
            if self._start is not None:
                raise InvalidResponseError("The response was started already.")
            self._start = ResponseHead(message["status"], message.get("headers", ()), self._request.method)
        else:
            raise InvalidResponseError(f"The message {kind} is not understood.")

    async def send_file(self, message: Message) -> None:
        """Take `http.response.zerocopysend`; returns when the socket has taken everything.

        Raises InvalidResponseError, OSError when the file cannot be read, ConnectionError when the connection is gone.
        """
        start = self._started(message["type"])
        if not self._channel.direct:
            raise InvalidResponseError("Zero-copy sending was not offered here.")
        more = message.get("more_body", False)
        await self._write_file(start, message, more)
        self.complete = not more

    def _started(self, kind: str) -> ResponseHead:
        if self._start is None or self.complete:
            raise InvalidResponseError(f"There is no place for {kind} here.")
        return self._start

    def _write(self, start: ResponseHead, body: bytes, more: bool) -> None:
        before, after = self._around(start, len(body), more)
        if start.bodiless:
            body = b""
        channel = self._channel
        if len(body) > _WORTH_NO_COPY:
            channel.write_lines([part for part in (before, body, after) if part])
        elif before or body or after:
            channel.write(b"%b%b%b" % (before, body, after))
        else:
            return
        self.begun = True

    async def _write_file(self, start: ResponseHead, message: Message, more: bool) -> None:
        descriptor = message["file"].fileno()
        offset, count = message.get("offset"), message.get("count")
        if offset is None:
            offset = os.lseek(descriptor, 0, os.SEEK_CUR)
        if count is None:
            count = max(0, os.fstat(descriptor).st_size - offset)
        before, after = self._around(start, count, more)
        channel = self._channel
        try:
            if start.bodiless or count <= channel.limits.small_file:
                data = b"" if start.bodiless else read_range(descriptor, offset, count)
                self.begun = True
                channel.write(b"%b%b%b" % (before, data, after))
                return
            self.begun = True
            await Transfer(channel, before, descriptor, offset, count).run()
        except ShortFileError as error:
            raise InvalidResponseError("The file is shorter than the response promises.") from error
        if after and not channel.lost:
            channel.write(after)

    def _around(self, start: ResponseHead, size: int, more: bool) -> tuple[bytes, bytes]:
        """What is written before and after the next `size` bytes of the body; the first time, the head too.

        Raises InvalidResponseError when they do not fit the Content-Length; nothing is written then.
        """
        head = b"" if self.begun else start.encode(self._clock, self._frame(start, size, more))
        if self._left is not None and not start.bodiless:
            if size > self._left:
                raise InvalidResponseError("The response is longer than its Content-Length.")
            if not more and size < self._left:
                raise InvalidResponseError("The response is shorter than its Content-Length.")
            self._left -= size
        if not self._chunked:
            return head, b""
        end = b"" if more else b"0\r\n\r\n"
        return (b"%b%x\r\n" % (head, size), b"\r\n" + end) if size else (head, end)

    def _frame(self, start: ResponseHead, size: int, more: bool) -> bytes:
        """Decide how the body ends and whether the connection goes on; the header lines that say so (RFC 9112 section 6)."""
        lines = b""
        self._left = start.length
        if start.length is not None:
            lines = b"" if start.status == 204 else b"content-length: %d\r\n" % start.length
        elif not start.bodiless and not more:
            self._left = size
            lines = b"content-length: %d\r\n" % size
        elif not start.bodiless and self._request.version == "1.1":
            self._chunked = True
            lines = b"transfer-encoding: chunked\r\n"
        elif not start.bodiless:
            self.keep_alive = False
        if self.keep_alive and (start.close or not self._may_stay()):
            self.keep_alive = False
        if not self.keep_alive:
            return lines + b"connection: close\r\n"
        return lines + b"connection: keep-alive\r\n" if self._request.version == "1.0" else lines
