"""One request and its response, as the application sees them: ASGI 3, HTTP scope 2.3."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from moorage.http.connection.channel import Channel
from moorage.http.connection.framing import MalformedBodyError
from moorage.http.connection.head import RequestHead
from moorage.http.connection.inbox import Inbox
from moorage.http.connection.intake import ClientDisconnectedError, Sink
from moorage.http.connection.outbox import Message, Outbox
from moorage.http.connection.response import CONTINUE, Clock

Application = Callable[[dict[str, Any], Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]

_logger = logging.getLogger(__name__)


class Host(Protocol):
    """What an exchange needs of the connection that carries it."""

    def completed(self, exchange: "Exchange") -> None:
        """The response is written to its end."""
        ...

    def refuse(self, status: int, message: str) -> None:
        """Answer in the application's place and end the connection; only before the response has begun."""
        ...


class Exchange:
    """Runs the application for one request. Whatever happens, either the response is completed or the connection ends."""

    __slots__ = (
        "_awaits_continue",
        "_body_delivered",
        "_changed",
        "_channel",
        "_head",
        "_host",
        "_scope",
        "_torn",
        "gone",
        "inbox",
        "outbox",
    )

    def __init__(
        self,
        host: Host,
        channel: Channel,
        clock: Clock,
        head: RequestHead,
        scope: dict[str, Any],
        inbox: Inbox | None,
        keep_alive: bool,
    ) -> None:
        self._host = host
        self._channel = channel
        self._head = head
        self._scope = scope
        self.inbox = inbox
        """None for a request without a body."""
        self.outbox = Outbox(channel, head, clock, keep_alive, self._may_stay)
        self.gone = False
        """Nobody reads the response any more."""
        self._awaits_continue = head.expects_continue and inbox is not None
        self._body_delivered = False
        self._torn = False
        """The body ended too early, and the application was told."""
        self._changed: asyncio.Event | None = None
        if inbox is not None:
            scope["extensions"]["moorage.request.drain"] = {"drain": self.drain}

    async def run(self, app: Application) -> None:
        """Call the application, and make good for what it leaves undone."""
        try:
            await app(self._scope, self.receive, self.send)
        except asyncio.CancelledError:
            self._fail()
        except ClientDisconnectedError:
            self._leave_unfinished()
        except Exception:
            if not self.gone:
                _logger.exception("The application failed on %s %s", self._head.method, self._head.path)
            self._fail()
        else:
            if self._torn:
                self._leave_unfinished()
            elif not self.outbox.complete and not self.gone:
                _logger.error("The application ended %s %s without a whole response", self._head.method, self._head.path)
                self._fail()

    def _leave_unfinished(self) -> None:
        """The client is to blame for a request that has no whole response; it may have closed only its side, and listen."""
        if self.outbox.complete or self.gone:
            return
        if self._torn and not self.outbox.begun:
            self._host.refuse(400, "The request body ended too early.")
        else:
            self.gone = True
            self._channel.abort()

    def _fail(self) -> None:
        """The response will not be completed: say so if nothing was said yet, otherwise cut it off visibly."""
        if self.outbox.complete or self.gone:
            return
        if self.outbox.begun:
            self.gone = True
            self._channel.abort()
        else:
            self._host.refuse(500, "Internal server error.")

    def end_of_input(self) -> None:
        """The client will send nothing more; it may still read."""
        if self.inbox is not None:
            self.inbox.end()
        self._wake()

    def lost(self) -> None:
        """The connection is gone, or given up."""
        self.gone = True
        if self.inbox is not None:
            self.inbox.end()
        self._wake()

    # The request

    async def receive(self) -> dict[str, Any]:
        """ASGI's receive."""
        if self._body_delivered or self.gone or self.outbox.complete:
            await self._end()
            return {"type": "http.disconnect"}
        if self.inbox is None:
            self._body_delivered = True
            return {"type": "http.request", "body": b"", "more_body": False}
        self._ask_for_body()
        try:
            data, more = await self.inbox.take()
        except (ClientDisconnectedError, MalformedBodyError) as error:
            self._body_failed(error)
            return {"type": "http.disconnect"}
        self._body_delivered = not more
        return {"type": "http.request", "body": data, "more_body": more}

    async def drain(self, sink: Sink) -> None:
        """The extension `moorage.request.drain`: what is left of the request body goes to `sink.write(memoryview)`.

        The calls come from worker threads, in order, never two at once; the memory must not be kept. Returns when the body
        is complete. Raises ClientDisconnectedError when the connection ends, or must be ended, before the body does. What
        the sink raises comes through, and then the connection ends with the response.
        """
        if self.inbox is None or self._body_delivered:
            return
        if self.gone or self.outbox.complete:
            raise ClientDisconnectedError("The connection ended before the request body did.")
        self._ask_for_body()
        try:
            await self.inbox.drain(sink)
        except (ClientDisconnectedError, MalformedBodyError) as error:
            self._body_failed(error)
            raise ClientDisconnectedError(str(error)) from error
        except BaseException:
            # Bytes that were on their way to the sink are lost, so the body's end can no longer be found.
            self.outbox.keep_alive = False
            raise
        self._body_delivered = True

    def _ask_for_body(self) -> None:
        """Send 100 Continue the first time, to a client that waits for it (RFC 9110 section 10.1.1)."""
        if self._awaits_continue:
            self._awaits_continue = False
            if self.inbox is not None and self.inbox.untouched and not self.outbox.begun:
                self._channel.write(CONTINUE)

    def _body_failed(self, error: Exception) -> None:
        """A torn body can still be answered, by the application or after it; a malformed one is answered here, whatever
        the application wants to say.
        """
        self.outbox.keep_alive = False
        self._body_delivered = True
        if self.gone:
            return
        if not isinstance(error, MalformedBodyError):
            self._torn = True
        elif self.outbox.begun:
            self.gone = True
            self._channel.abort()
        else:
            self._host.refuse(400, str(error))

    async def _end(self) -> None:
        """Wait until the response is complete or the client gone."""
        while not (self.gone or self.outbox.complete or self._channel.ended):
            if self._changed is None:
                self._changed = asyncio.Event()
            self._changed.clear()
            await self._changed.wait()

    def _wake(self) -> None:
        if self._changed is not None:
            self._changed.set()

    # The response

    async def send(self, message: Message) -> None:
        """ASGI's send, with the extension `http.response.zerocopysend` where the socket may be used directly.

        Does nothing once the client is gone.
        """
        if self.gone:
            return
        outbox = self.outbox
        if message["type"] == "http.response.zerocopysend":
            try:
                await outbox.send_file(message)
            except (ConnectionError, TimeoutError):
                self.gone = True
                self._channel.abort()
                return
        else:
            outbox.send(message)
        if outbox.complete and not self.gone:
            self._wake()
            self._host.completed(self)
        if self._channel.write_paused:
            await self._channel.drained()

    def _may_stay(self) -> bool:
        """Whether what is left of the request body is so little that the connection can outlive it."""
        inbox = self.inbox
        if inbox is None:
            return True
        if inbox.busy or self._awaits_continue:
            return False
        try:
            if inbox.complete:
                return True
        except MalformedBodyError:
            return False
        left = None if self._channel.ended else inbox.left
        return left is not None and left <= self._channel.limits.discard_bytes
