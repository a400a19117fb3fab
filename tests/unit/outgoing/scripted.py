"""A real server on the loopback that says what a test tells it to, byte for byte, and then goes silent or hangs up."""

import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

import trustme

from moorage.outgoing.client import Limits, OutgoingClient
from moorage.outgoing.networks import Address, Network, Permitted

LOOPBACK = ipaddress.ip_network("127.0.0.0/8")
AUTHORITY = trustme.CA()

Talk = Callable[[socket.socket, bytes], None]
"""What is done with a connection, once the request's head was read."""


def ok(body: bytes = b"{}", *headers: str) -> bytes:
    """An answer with this body."""
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def moved(location: str, status: int = 302) -> bytes:
    """An answer that sends the caller on."""
    return f"HTTP/1.1 {status} Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode("latin-1")


def says(*answers: bytes) -> Talk:
    """Says these, one for each connection, the last one again and again."""
    waiting = list(answers)

    def talk(connected: socket.socket, _head: bytes) -> None:
        connected.sendall(waiting.pop(0) if len(waiting) > 1 else waiting[0])

    return talk


class Scripted:
    """Listens until it is closed."""

    def __init__(self, talk: Talk, *, certificate_for: str | None = None) -> None:
        self._talk = talk
        self.heads: list[bytes] = []
        """Of the requests, as they came."""
        self.stopped = threading.Event()
        self._tls: ssl.SSLContext | None = None
        if certificate_for is not None:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            AUTHORITY.issue_cert(certificate_for).configure_cert(self._tls)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self) -> "Scripted":
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(10)

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        """Where it is."""
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}{path}"

    def _serve(self) -> None:
        while not self.stopped.is_set():
            try:
                connected, _ = self._listening.accept()
            except OSError:
                return
            with connected, suppress(OSError):
                connected.settimeout(10)
                self._one(connected)

    def _one(self, connected: socket.socket) -> None:
        if self._tls is not None:
            connected = self._tls.wrap_socket(connected, server_side=True)
        with connected:
            head = b""
            while b"\r\n\r\n" not in head:
                piece = connected.recv(65536)
                if not piece:
                    return
                head += piece
            self.heads.append(head)
            self._talk(connected, head)


def answering(*texts: str) -> Callable[[str, float], Sequence[Address]]:
    """A resolver that says the same of every name; an address is its own."""

    def resolve(host: str, _seconds: float) -> Sequence[Address]:
        try:
            return [ipaddress.ip_address(host)]
        except ValueError:
            return [ipaddress.ip_address(text) for text in texts]

    return resolve


def trusting() -> ssl.SSLContext:
    """Trusts the authority of the servers here."""
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    return context


def client(*addresses: str, networks: Sequence[Network] = (LOOPBACK,), **limits: float) -> OutgoingClient:
    """A client for these tests; every name has the addresses, or is looked up by the system where there are none."""
    resolve = answering(*addresses) if addresses else None
    chosen = Limits(**limits)  # type: ignore[arg-type]  # the counts among them are whole numbers
    return OutgoingClient(Permitted(networks), limits=chosen, resolve=resolve, tls=trusting)
