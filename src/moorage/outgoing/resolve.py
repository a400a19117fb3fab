"""Names into addresses: the system's resolver, asked for no longer than the caller waits."""

import ipaddress
import socket
import threading
from collections.abc import Callable, Sequence

from moorage.outgoing.errors import TooSlowError, UnreachableError
from moorage.outgoing.networks import Address

Resolve = Callable[[str, float], Sequence[Address]]
"""function(host, seconds): the addresses of a host, at least one; raises UnreachableError and TooSlowError."""

_MOST_AT_ONCE = 16


class SystemResolver:
    """The addresses that `getaddrinfo` knows. It cannot be interrupted, so a thread is left behind when it takes too long."""

    def __init__(self, look_up: Callable[[str], Sequence[str]] | None = None) -> None:
        self._look_up = look_up or _look_up
        self._free = threading.BoundedSemaphore(_MOST_AT_ONCE)

    def __call__(self, host: str, seconds: float) -> Sequence[Address]:
        """See `Resolve`."""
        if not self._free.acquire(timeout=seconds):
            raise TooSlowError
        found: list[Sequence[str]] = []
        done = threading.Event()

        def ask() -> None:
            try:
                found.append(self._look_up(host))
            except (OSError, UnicodeError):
                found.append(())
            finally:
                self._free.release()
                done.set()

        threading.Thread(target=ask, name="resolver", daemon=True).start()
        if not done.wait(seconds):
            raise TooSlowError
        if not found or not found[0]:
            raise UnreachableError("The host's name has no address.")
        return tuple(dict.fromkeys(ipaddress.ip_address(text) for text in found[0]))


def _look_up(host: str) -> Sequence[str]:
    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]
