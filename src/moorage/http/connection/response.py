"""The head of a response: what the application says, checked, with the framing and the date added."""

import re
import time
from collections.abc import Iterable
from email.utils import formatdate
from http import HTTPStatus
from json import dumps

_STATUS_LINES = {status.value: b"HTTP/1.1 %d %s\r\n" % (status.value, status.phrase.encode()) for status in HTTPStatus}
_FIELDS = re.compile(rb"(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]++: [\t\x20-\x7e\x80-\xff]*+\r\n)*+")
_LENGTH = re.compile(rb"[0-9]{1,19}")
_OURS = frozenset((b"connection", b"transfer-encoding", b"content-length", b"date"))

_RETRY_AFTER = 5
"""Seconds after which a client that found the server too busy may come again."""

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class InvalidResponseError(Exception):
    """The application sent something that is not a response."""


class Clock:
    """The Date header line, made once a second."""

    __slots__ = ("_line", "_second")

    def __init__(self) -> None:
        self._second = 0
        self._line = b""

    def line(self) -> bytes:
        """`date: ...` with its CR LF."""
        second = int(time.time())
        if second != self._second:
            self._second = second
            self._line = b"date: %s\r\n" % formatdate(second, usegmt=True).encode("ascii")
        return self._line


class ResponseHead:
    """What the application said in `http.response.start`."""

    __slots__ = ("bodiless", "close", "dated", "fields", "length", "status")

    def __init__(self, status: int, headers: Iterable[tuple[bytes, bytes]], method: str) -> None:
        """Raises InvalidResponseError."""
        if not 200 <= status <= 999:
            raise InvalidResponseError(f"The status {status} cannot end a request.")
        self.status = status
        self.bodiless = method == "HEAD" or status in (204, 304)
        self.length: int | None = None
        self.close = False
        self.dated = False
        lines: list[bytes] = []
        for name, value in headers:
            lower = name.lower()
            if lower not in _OURS or self._keep(lower, value):
                lines.append(b"%b: %b\r\n" % (name, value))
        self.fields = b"".join(lines)
        if self.fields.count(b"\n") != len(lines) or _FIELDS.fullmatch(self.fields) is None:
            raise InvalidResponseError("A response header contains a character that headers may not contain.")

    def _keep(self, name: bytes, value: bytes) -> bool:
        """Take note of a header that concerns the connection; whether the application's own line is sent as it is."""
        if name == b"content-length":
            if _LENGTH.fullmatch(value) is None or self.length is not None:
                raise InvalidResponseError("The response's Content-Length is not one number.")
            self.length = int(value)
            return False
        if name == b"date":
            self.dated = True
            return True
        if name == b"connection":
            self.close = b"close" in value.lower()
        return False

    def encode(self, clock: Clock, framing: bytes) -> bytes:
        """The head's bytes; `framing` is what the connection adds, as whole lines."""
        line = _STATUS_LINES.get(self.status) or b"HTTP/1.1 %d \r\n" % self.status
        date = b"" if self.dated else clock.line()
        return b"%b%b%b%b\r\n" % (line, date, self.fields, framing)


def refusal(status: int, message: str, clock: Clock) -> bytes:
    """A whole response in the shape of the OCI error body, after which the connection closes."""
    code = "UNKNOWN" if status in (500, 503) else "UNSUPPORTED"
    body = dumps({"errors": [{"code": code, "message": message}]}, separators=(",", ":")).encode()
    return b"%b%b%bcontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b" % (
        _STATUS_LINES[status],
        clock.line(),
        b"retry-after: %d\r\n" % _RETRY_AFTER if status == 503 else b"",
        len(body),
        body,
    )
