"""A plain HTTP/1.1 client for one connection to 127.0.0.1, for preparing content and for pushing."""

import hashlib
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from urllib.parse import urlsplit

_TIMEOUT = 60.0
Body = bytes | memoryview


class UnexpectedAnswerError(Exception):
    """A registry answered with another status than the protocol gives for success."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a registry listens now, and how to be let in."""

    port: int
    authorization: str | None = None
    tls: ssl.SSLContext | None = None

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": self.authorization} if self.authorization else {}

    @contextmanager
    def connect(self, timeout: float = _TIMEOUT) -> Iterator["Wire"]:
        """An open keep-alive connection, closed at the end of the block; raises OSError when nothing listens.

        No single send or receive takes longer than `timeout` seconds; after that TimeoutError, an OSError.
        """
        wire = Wire(self, timeout)
        try:
            wire.connection.connect()
            yield wire
        finally:
            wire.connection.close()


class Wire:
    """One keep-alive connection. The methods raise UnexpectedAnswerError, and OSError when the connection breaks."""

    def __init__(self, target: Target, timeout: float) -> None:
        self.headers = target.headers
        self.connection = (
            HTTPSConnection("127.0.0.1", target.port, timeout=timeout, context=target.tls)
            if target.tls
            else HTTPConnection("127.0.0.1", target.port, timeout=timeout)
        )

    def ask(self, method: str, path: str, expected: int, *body: Body, headers: Mapping[str, str] | None = None) -> HTTPResponse:
        """Send one request and read the whole answer (its body is dropped)."""
        response = self.send(method, path, *body, headers=headers)
        response.read()
        return self.check(response, expected, f"{method} {path}")

    def send(self, method: str, path: str, *body: Body, headers: Mapping[str, str] | None = None) -> HTTPResponse:
        """Send one request, its body given in parts, and return the answer with its body unread."""
        wanted = self.headers | dict(headers or {})
        self.connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in wanted.items():
            self.connection.putheader(name, value)
        if method != "GET" and "Transfer-Encoding" not in wanted:
            self.connection.putheader("Content-Length", str(sum(map(len, body))))
        self.connection.endheaders()
        for part in body:
            self.connection.send(part)
        return self.connection.getresponse()

    def check(self, response: HTTPResponse, expected: int, what: str) -> HTTPResponse:
        if response.status != expected:
            raise UnexpectedAnswerError(f"{what} answered {response.status}, expected {expected}")
        return response

    def start_upload(self, repository: str) -> str:
        """Open an upload session; its address as a path with query."""
        return location(self.ask("POST", f"/v2/{repository}/blobs/uploads/", 202))

    def push_blob(self, repository: str, data: Body, digest: str) -> None:
        """Upload a blob in one PUT."""
        address = closing(self.start_upload(repository), digest)
        self.ask("PUT", address, 201, data, headers={"Content-Type": "application/octet-stream"})

    def digest_of(self, path: str, accept: str) -> str:
        """Download something and compute its sha256 digest."""
        response = self.check(self.send("GET", path, headers={"Accept": accept}), 200, f"GET {path}")
        running = hashlib.sha256()
        while part := response.read(1 << 20):
            running.update(part)
        return f"sha256:{running.hexdigest()}"


def location(response: HTTPResponse) -> str:
    """Where an upload goes on: the Location header without scheme and host."""
    parts = urlsplit(response.headers["Location"])
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def closing(address: str, digest: str) -> str:
    """The address that completes an upload with this digest."""
    return f"{address}{'&' if '?' in address else '?'}digest={digest}"
