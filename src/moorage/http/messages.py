"""Requests and responses as the handlers see them, on top of plain ASGI."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

from moorage.core.errors import MoorageError
from moorage.http.facts import Fact
from moorage.storage.blobs.port import Reader

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class BodyTooLargeError(MoorageError):
    """The request's body is larger than this route takes."""

    aws_code = "RequestEntityTooLargeException"
    query_code = "RequestEntityTooLarge"
    aws_status = 413
    oci_code = "SIZE_INVALID"
    oci_status = 413


class BadRequestError(MoorageError):
    """The request cannot be understood."""

    oci_code = "UNSUPPORTED"


class NotFoundError(MoorageError):
    """Nothing is at this address."""

    oci_code = "UNSUPPORTED"
    oci_status = 404


class MethodNotAllowedError(MoorageError):
    """Something is at this address, but not for this method."""

    oci_code = "UNSUPPORTED"
    oci_status = 405


class UnsupportedMediaTypeError(MoorageError):
    """The body is of a type that is not taken here."""

    oci_code = "UNSUPPORTED"
    oci_status = 415


class DisconnectedError(Exception):
    """The client went away before its request was whole; nobody is there to answer."""


@dataclass(frozen=True, slots=True)
class FileBody:
    """A part of a stored blob, to be sent with the least copying that the server can do."""

    reader: Reader
    offset: int
    count: int


@dataclass(slots=True)
class Response:
    """A response; header names are lower case."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | FileBody = b""
    head_only: bool = False
    """A HEAD response: `content-length` is already among the headers, and no body is sent."""
    fact: Fact | None = None
    """What a hot responder must know to give this answer again, or None where it may not."""


class Request:
    """One HTTP request."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.scope = scope
        self.receive = receive
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self._headers: dict[bytes, bytes] | None = None

    @cached_property
    def raw_path(self) -> str:
        """The path as the client sent it, percent-encoding and all."""
        raw: bytes = self.scope.get("raw_path") or self.path.encode()
        return raw.partition(b"?")[0].decode("latin-1")

    @cached_property
    def query(self) -> dict[str, list[str]]:
        """Every value of each query parameter, in order; raises BadRequestError beyond a thousand."""
        found: dict[str, list[str]] = {}
        text = self.scope["query_string"].decode("latin-1")
        try:
            pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=1000)
        except ValueError:
            raise BadRequestError("The query has too many parameters.") from None
        for name, value in pairs:
            found.setdefault(name, []).append(value)
        return found

    def parameter(self, name: str) -> str | None:
        """The first value of a query parameter, or None."""
        values = self.query.get(name)
        return values[0] if values else None

    def header(self, name: bytes) -> str | None:
        """The value of a header (lower-case name); repeated headers are joined with commas (RFC 9110, 5.3)."""
        headers = self._headers
        if headers is None:
            headers = self._headers = {}
            for key, value in self.scope["headers"]:
                headers[key] = headers[key] + b"," + value if key in headers else value
        found = headers.get(name)
        return found.decode("latin-1") if found is not None else None

    @cached_property
    def content_length(self) -> int | None:
        """The announced length of the body, or None when the body is chunked."""
        value = self.header(b"content-length")
        if value is None:
            return None if self.header(b"transfer-encoding") else 0
        return int(value)

    async def body(self, most: int) -> bytes:
        """The whole body; raises BodyTooLargeError beyond `most` bytes, DisconnectedError when it breaks off."""
        announced = self.content_length
        if announced is not None and announced > most:
            raise BodyTooLargeError(f"The body must have at most {most} bytes.")
        pieces: list[bytes] = []
        size = 0
        async for piece in self.stream():
            size += len(piece)
            if size > most:
                raise BodyTooLargeError(f"The body must have at most {most} bytes.")
            pieces.append(piece)
        return b"".join(pieces)

    async def stream(self) -> AsyncIterator[bytes]:
        """The body in pieces, as they arrive; raises BadRequestError for a transfer coding other than chunked."""
        # Our own connection refuses these; another server may hand the coded bytes over as if they were the body.
        if (self.header(b"transfer-encoding") or "chunked").strip().lower() != "chunked":
            raise BadRequestError("The only transfer coding understood is chunked.", headers={"Connection": "close"})
        more = True
        while more:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise DisconnectedError
            more = message.get("more_body", False)
            if piece := message.get("body", b""):
                yield piece


def encoded(headers: dict[str, str]) -> Iterable[tuple[bytes, bytes]]:
    """Headers for ASGI. What could split a header is not sent, whatever it came from."""
    for name, value in headers.items():
        yield name.encode("latin-1"), value.encode("latin-1", "replace").translate(None, b"\r\n\0")
