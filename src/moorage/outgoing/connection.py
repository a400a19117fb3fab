"""Connections to an address that was checked, which end when their time is over, whatever the other end does."""

import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType

from urllib3.connection import HTTPConnection, HTTPSConnection

from moorage.outgoing.networks import Address
from moorage.outgoing.target import Target


class Deadline:
    """The moment at which a request has to be over; shuts its connections down then, so that nothing waits on them."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self._guarded: list[socket.socket] = []
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._shut)
        self._timer.daemon = True
        self.is_over = False

    def __enter__(self) -> "Deadline":
        self._timer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /) -> None:
        self._timer.cancel()
        with self._lock:
            for each in self._guarded:
                each.close()
            self._guarded.clear()

    @property
    def left(self) -> float:
        """Seconds until then; never less than a little, since nought means that a socket does not wait at all."""
        return max(0.001, self._end - time.monotonic())

    def guard(self, connected: socket.socket) -> None:
        """Shut this connection down at the end, TLS on it or not."""
        with self._lock:
            self._guarded.append(connected.dup())
        if self.is_over:
            self._shut()

    def _shut(self) -> None:
        with self._lock:
            self.is_over = True
            for each in self._guarded:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)


def open_connection(
    target: Target, address: Address, deadline: Deadline, seconds: float, tls: Callable[[], ssl.SSLContext]
) -> HTTPConnection:
    """A connection to exactly this address, in the name of the target's host. It connects when it is used.

    `seconds` bounds the connecting, and each wait for bytes. No proxy is used, whatever the environment says.
    """

    def connect() -> socket.socket:
        connected = socket.create_connection((str(address), target.port), min(seconds, deadline.left))
        connected.settimeout(min(seconds, deadline.left))
        deadline.guard(connected)
        return connected

    if target.scheme == "https":
        return _CheckedHTTPSConnection(target, connect, seconds, tls())
    return _CheckedHTTPConnection(target, connect, seconds)


class _CheckedHTTPConnection(HTTPConnection):
    def __init__(self, target: Target, connect: Callable[[], socket.socket], seconds: float) -> None:
        super().__init__(target.host, target.port, timeout=seconds)
        self._connect = connect

    def _new_conn(self) -> socket.socket:
        return self._connect()


class _CheckedHTTPSConnection(HTTPSConnection):
    def __init__(self, target: Target, connect: Callable[[], socket.socket], seconds: float, context: ssl.SSLContext) -> None:
        super().__init__(target.host, target.port, timeout=seconds, ssl_context=context)
        self._connect = connect

    def _new_conn(self) -> socket.socket:
        return self._connect()
