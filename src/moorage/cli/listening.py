"""Finding and taking the port, once, before any loop or thread exists."""

import contextlib
import errno
import json
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from moorage.cli.errors import CommandError
from moorage.config import DEFAULT_PORT, Options
from moorage.storage.private_file import write_private

BACKLOG = 2048
_PAIRS = 50
_PROBE_SECONDS = 0.5
PATIENCE = 1.5
"""Seconds to wait for a port: the workers of a server that was killed need a moment to notice, and then to leave it."""
_LOOPBACK = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))


@dataclass(frozen=True, slots=True)
class Listener:
    """The bound and listening socket, not inheritable by programs that are executed."""

    socket: socket.socket
    port: int
    moved: str | None
    """What to say when the port is not the one that was expected."""


class _TakenError(Exception):
    """Somebody else has the port."""


def listen(options: Options, first: int = DEFAULT_PORT, patience: float = PATIENCE) -> Listener:
    """Take the configured port, else the remembered pair or a free one from `first` on; CommandError when there is none.

    A port counts as taken when anything answers on 127.0.0.1 or ::1, whatever address is asked for: clients of `localhost`
    would reach the other one.
    """
    if options.listen.port is not None:
        return _configured(options.listen.host, options.listen.port, patience)
    expected = remembered_port(options.data_dir) or first
    for port in (expected, *range(first, first + 2 * _PAIRS, 2)):
        with contextlib.suppress(_TakenError):
            taken = _patiently(_bind_pair, options.listen.host, port, patience if port == expected else 0)
            moved = f"port {expected} is taken, using {port} from now on" if port != expected else None
            if moved:
                write_private(_memory(options.data_dir), json.dumps({"port": port}).encode())
            return Listener(taken, port, moved)
    raise CommandError(f"No free pair of ports from {first} to {first + 2 * _PAIRS - 1}. Choose one with --port.")


def remembered_port(data_dir: Path) -> int | None:
    """The port that an earlier start found, when 5000 was taken."""
    try:
        port = json.loads(_memory(data_dir).read_bytes())["port"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return port if isinstance(port, int) and 0 < port < 65535 else None


def _memory(data_dir: Path) -> Path:
    return data_dir / "listen.json"


def _configured(host: str, port: int, patience: float) -> Listener:
    try:
        taken = _patiently(_bind, host, port, patience)
    except _TakenError:
        raise CommandError(
            f"port {port} is taken. Stop what listens there (lsof -i :{port} names it), or choose another with --port."
        ) from None
    return Listener(taken, taken.getsockname()[1], None)


def _patiently(bind: Callable[[str, int], socket.socket], host: str, port: int, patience: float) -> socket.socket:
    deadline = time.monotonic() + patience
    while True:
        try:
            return bind(host, port)
        except _TakenError:
            if time.monotonic() >= deadline:
                raise
        time.sleep(0.1)


def _bind_pair(host: str, port: int) -> socket.socket:
    """The first of the two ports; the second only has to be free, for the public listener."""
    first = _bind(host, port)
    try:
        _bind(host, port + 1).close()
    except BaseException:
        first.close()
        raise
    return first


def _bind(host: str, port: int) -> socket.socket:
    if port and any(_answers(family, address, port) for family, address in _LOOPBACK):
        raise _TakenError
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except OSError as error:
        raise CommandError(f"The host {host} cannot be listened on: {error.strerror}.") from None
    bound = socket.socket(family, kind, protocol)
    try:
        # Lets a restart follow at once; unlike SO_REUSEPORT it never lets two servers share a port.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if host == "::" else 1)
        bound.bind(address)
        bound.listen(BACKLOG)
        bound.setblocking(False)
    except OSError as error:
        bound.close()
        if error.errno == errno.EADDRINUSE:
            raise _TakenError from None
        raise CommandError(f"{host} port {port} cannot be listened on: {os.strerror(error.errno or 0)}.") from None
    return bound


def _answers(family: int, address: str, port: int) -> bool:
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.settimeout(_PROBE_SECONDS)
            probe.connect((address, port))
            # A connection from a port to itself is nobody's answer.
            return bool(probe.getsockname() != probe.getpeername())
    except OSError:
        return False
