"""One web worker: an application served by uvicorn on a socket that it inherited, until it is told to leave."""

import asyncio
import math
import resource
import signal
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from types import FrameType
from typing import Any, Protocol, cast

import uvicorn

from moorage.http.certificates import Certificates, Pair
from moorage.http.connection.door import Door
from moorage.http.connection.hot import HotResponder
from moorage.http.connection.limits import Limits
from moorage.http.connection.protocol import Connection, connection_class

KEEP_ALIVE = 75
"""Seconds that an idle connection stays open."""
BACKLOG = 2048
_LAST_RESORT = 5
"""Seconds past the shutdown time-out after which an orphan that still runs is ended by the kernel."""


_RESERVED_DESCRIPTORS = 128
"""What a worker needs besides its connections: databases, logs, uploads' staging files."""
_DESCRIPTORS_EACH = 3
"""A transfer's: its socket, a duplicate of it, its file."""
_LEAST_CONNECTIONS = 16


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """How to serve."""

    connection: str
    """`fast` for our own connection class, `plain` for uvicorn's."""
    shutdown_timeout: int
    """Milliseconds that requests in flight get after SIGTERM."""
    tls: tuple[Pair, ...] = ()
    """Certificates to serve TLS with, the default one first; none for plain HTTP."""


class Servable(Protocol):
    """The part of a web application that a server sees."""

    @property
    def asgi(self) -> Any:
        """The ASGI 3 callable, which handles the lifespan protocol itself."""
        ...

    @property
    def hot(self) -> HotResponder | None:
        """What answers hot requests without ASGI, or None."""
        ...


def serve(
    application: Servable, listener: socket.socket, options: ServerOptions, leave_fd: int, ready: Callable[[], None]
) -> int:
    """Serve until SIGTERM, or until `leave_fd` reaches EOF; returns the exit status, 0 after an orderly end.

    `ready` is called once, when connections are accepted. SIGINT is ignored: it reaches the whole group from the terminal,
    and the supervisor passes on what it means.
    """
    # The first call imports `_strptime`, which must not happen when no descriptor is left to open its file with.
    time.strptime("2000", "%Y")
    seconds = math.ceil(options.shutdown_timeout / 1000)
    config = uvicorn.Config(
        application.asgi,
        interface="asgi3",
        loop="uvloop",
        http=_connection_class(application, options),
        ws="none",
        lifespan="on",
        proxy_headers=False,
        server_header=False,
        date_header=True,
        access_log=False,
        log_config=None,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=seconds,
        ssl_context_factory=(lambda _config, _default: Certificates(options.tls).context) if options.tls else None,
    )
    _Worker(config, leave_fd, ready, seconds).run(sockets=[listener])
    return 0


def _connection_class(application: Servable, options: ServerOptions) -> Any:
    if options.connection == "plain":
        return "httptools"
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return connection_class(application.hot, limits_within(soft))


def limits_within(descriptors: int) -> Limits:
    """The usual limits, with no more connections than a process can serve that may open so many files."""
    limits = Limits()
    if descriptors == resource.RLIM_INFINITY:
        return limits
    affordable = (descriptors - _RESERVED_DESCRIPTORS) // _DESCRIPTORS_EACH
    return replace(limits, connections=max(_LEAST_CONNECTIONS, min(limits.connections, affordable)))


class Server(uvicorn.Server):
    """uvicorn's, with doors of our own for TLS where our own connections stand behind them."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._doors: list[Door] = []

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Called once; afterwards connections are accepted."""
        kind: Any = self.config.http_protocol_class
        ours = self.config.is_ssl and isinstance(kind, type) and issubclass(kind, Connection)
        await super().startup([] if ours else sockets)
        if ours:
            context = cast(ssl.SSLContext, self.config.ssl)
            make = partial(kind, self.config, self.server_state, self.lifespan.state, asyncio.get_running_loop())
            self._doors = [Door(listener, context, make) for listener in sockets or ()]
            for door in self._doors:
                door.open()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Called once, at the end."""
        for door in self._doors:
            await door.close()
        await super().shutdown(sockets)
        # Whoever is still here has had its time; its timers would keep the loop from closing.
        for connection in tuple(self.server_state.connections):
            if isinstance(connection, Connection):
                connection.make_way()


class _Worker(Server):
    def __init__(self, config: uvicorn.Config, leave_fd: int, ready: Callable[[], None], shutdown_seconds: int) -> None:
        super().__init__(config)
        self._leave_fd = leave_fd
        self._report_ready = ready
        self._shutdown_seconds = shutdown_seconds

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        asyncio.get_running_loop().add_reader(self._leave_fd, self._orphaned)
        self._report_ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn's own raises the signal once more at the end, so that the exit status would tell of a violent death.
        before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
        signal.signal(signal.SIGTERM, self._told_to_end)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _told_to_end(self, _number: int, _frame: FrameType | None) -> None:
        self.should_exit = True

    def _orphaned(self) -> None:
        """Nobody is left who would kill this process when it takes too long, so the kernel is asked to."""
        asyncio.get_running_loop().remove_reader(self._leave_fd)
        signal.alarm(self._shutdown_seconds + _LAST_RESORT)
        self.should_exit = True
