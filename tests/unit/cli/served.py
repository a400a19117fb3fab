"""A program that serves a small application under the supervisor: `served.py DIRECTORY PORT CONNECTION`."""

import asyncio
import os
import socket
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

from moorage.cli import logs
from moorage.cli.supervisor import Lines, Plan, Supervisor
from moorage.http.server import ServerOptions, serve
from tests.unit.cli.supervised import child

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Application:
    """Answers with its process id; `/slow` takes a second."""

    hot = None

    async def asgi(self, scope: MutableMapping[str, Any], receive: Callable[[], Awaitable[Any]], send: Send) -> None:
        """ASGI 3."""
        if scope["type"] == "lifespan":
            for expected in ("startup", "shutdown"):
                assert (await receive())["type"] == f"lifespan.{expected}"
                await send({"type": f"lifespan.{expected}.complete"})
            return
        if scope["path"] == "/slow":
            await asyncio.sleep(1)
        body = str(os.getpid()).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
        await send({"type": "http.response.body", "body": body})


def run(directory: Path, port: int, connection: str) -> int:
    """Serve with two workers; returns the exit status."""
    logs.configure("debug")
    listener = socket.create_server(("127.0.0.1", port), backlog=100)
    listener.setblocking(False)
    options = ServerOptions(connection=connection, shutdown_timeout=5000)

    def web(lines: Lines) -> int:
        return serve(Application(), listener, options, lines.leave_fd, lines.ready)

    plan = Plan(web, child(directory, "jobs", "steady"), 2, 5000, (directory / "ready").touch, listener)
    return Supervisor(plan).run()


if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
