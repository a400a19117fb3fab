"""Our own HTTP/1.1 connection, in place of uvicorn's: `uvicorn.Config(app, http=connection_class(hot, Limits()))`.

It serves any ASGI application, and offers it as extensions what ASGI cannot say: zero-copy responses, uploads received by
threads, and whole answers given before a request is parsed. It never switches to WebSocket and never logs accesses.
"""

import asyncio
import math
from collections.abc import Callable
from typing import Any, ClassVar, cast

from uvicorn.config import Config
from uvicorn.server import ServerState

from moorage.http.connection.channel import Channel
from moorage.http.connection.exchange import Application, Exchange
from moorage.http.connection.framing import MalformedBodyError, body_of
from moorage.http.connection.head import END, RefusedRequestError, RequestHead, judge_beginning, parse
from moorage.http.connection.hot import METHODS as HOT_METHODS
from moorage.http.connection.hot import HotResponder, Respond
from moorage.http.connection.inbox import Inbox
from moorage.http.connection.limits import Limits
from moorage.http.connection.response import refusal
from moorage.http.connection.scope import scope_of
from moorage.http.connection.shared import Shared, Watched


class Connection(asyncio.Protocol):
    """One client connection. At any time it is in one of these states:

    idle (no exchange; perhaps part of a head is there), in an exchange, discarding the rest of an unread body, or lingering
    (an answer that ends the connection is written, and the client gets the time to read it).
    """

    shared: ClassVar[Shared]
    guest: Watched | None = None
    """What has held this connection's place until it is made."""

    channel: Channel
    _write: Callable[[bytes], None]

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        if not config.loaded:
            config.load()
        self._app = cast(Application, config.loaded_app)
        self._limit_concurrency = config.limit_concurrency
        self._server_state = server_state
        self._app_state = app_state
        self._loop = _loop or asyncio.get_running_loop()
        self._limits = self.shared.limits
        self._hot: Respond | None = None
        """The hot responder for this client."""
        self._respond: Respond | None = None
        """The hot responder, while the next bytes may be a whole request."""
        self._exchange: Exchange | None = None
        self._discarding: Inbox | None = None
        self._lingering = False
        self._until = 0.0
        """When discarding or lingering must end."""
        self._linger_bytes = self._limits.linger_bytes
        self._pending = b""
        """Received and not yet understood: the beginning of the next head, or requests that wait for their turn."""
        self._judged = 0
        """How much of an incomplete head was looked at."""
        self._head_since: float | None = None
        self._new = True
        """Whether there was no request yet."""
        self._heard = False
        """Whether there was a request since the last tick."""
        self._idle_since = 0.0

    # The transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called once, first."""
        stream = cast(asyncio.Transport, transport)
        self.channel = Channel(stream, self._loop, self._limits)
        self._write = stream.write
        if self.shared.hot is not None and self.channel.client is not None:
            self._hot = self.shared.hot.for_client(self.channel.client[0])
        cast(set[Any], self._server_state.connections).add(self)
        self._respond = self._hot
        self._idle_since = self._loop.time()
        if self.guest is not None:
            self.shared.leave(self.guest)
        self.shared.join(self, self._loop)

    def data_received(self, data: bytes) -> None:
        """Called with what arrived; the first lines are the path of a hot request, and must stay short."""
        respond = self._respond
        if respond is not None and data.startswith(HOT_METHODS) and data.find(END) == len(data) - 4:
            answer = respond(data)
            if answer is not None:
                self._write(answer)
                self.channel.written += len(answer)
                self._heard = True
                self._server_state.total_requests += 1
                return
        if self._lingering:
            self._drop(data)
        elif self._exchange is not None and self._exchange.inbox is not None:
            self._exchange.inbox.feed(data)
        elif self._discarding is not None:
            self._discarding.feed(data)
            self._discard()
        else:
            self._pending = self._pending + data if self._pending else data
            if self._exchange is None:
                self._advance()
            elif len(self._pending) > self._limits.pipelined_bytes:
                self.channel.pause_reading()

    def eof_received(self) -> bool | None:
        """Called when the client will send nothing more. A client that only closed its side still gets its answers."""
        channel = self.channel
        channel.ended = True
        if self._exchange is not None:
            self._exchange.end_of_input()
            return not channel.secure
        return bool(self._pending) and channel.write_paused and not channel.secure and not self._lingering

    def connection_lost(self, exc: Exception | None) -> None:
        """Called once, last. Why it ended makes no difference."""
        del exc
        self._respond = None
        self.channel.connection_lost()
        if self._exchange is not None:
            self._exchange.lost()
        cast(set[Any], self._server_state.connections).discard(self)
        self.shared.leave(self)

    def pause_writing(self) -> None:
        """Called when the client reads too slowly: then no further request is looked at."""
        self.channel.pause_writing()
        self._respond = None
        if self._exchange is None and not self._lingering:
            self.channel.pause_reading()

    def resume_writing(self) -> None:
        """Called when it has caught up."""
        self.channel.resume_writing()
        if self._exchange is None and self._discarding is None and not self._lingering:
            self._become_idle()

    # The server's side

    def shutdown(self) -> None:
        """Called when the server stops: a request in flight is finished first."""
        if self._exchange is not None:
            self._exchange.outbox.keep_alive = False
        elif not self._lingering:
            self.channel.close()

    def check(self, now: float) -> None:
        """Called at every tick."""
        channel = self.channel
        if channel.stalled(now) or channel.said_goodbye:
            channel.abort()
        elif self._lingering or self._discarding is not None:
            if now > self._until and not channel.transport.get_write_buffer_size():
                channel.close()
        elif self._exchange is not None:
            inbox = self._exchange.inbox
            if inbox is not None and inbox.pace.too_slow(now, self._limits):
                self._give_up_body(self._exchange, inbox)
        elif self._heard:
            self._heard = self._new = False
            self._idle_since = now
        else:
            self._check_waiting(now)

    def _check_waiting(self, now: float) -> None:
        """Nothing is under way; perhaps part of a head is there."""
        limits, waited = self._limits, now - self._idle_since
        late = self._new and waited > limits.first_request_seconds
        if self._head_since is not None:
            if late or now - self._head_since > limits.head_seconds:
                self.refuse(408, "The request head did not arrive in time.")
        elif late:
            # There is nothing to be sent, and over TLS an orderly end would wait for the client once more.
            self.channel.abort()
        elif waited > limits.keep_alive_seconds:
            self.channel.close()

    @property
    def waiting_since(self) -> float | None:
        """Since when the connection has waited for a request, in the loop's time; None while something is under way."""
        if self._exchange is not None or self._discarding is not None or self._lingering:
            return None
        if self.channel.transport.get_write_buffer_size():
            return None
        return math.inf if self._heard else self._idle_since

    def make_way(self) -> None:
        """Called when another connection needs the place of this one: end at once."""
        self.channel.abort()

    def turn_away(self) -> None:
        """Called when there is no place for this connection, before it was read."""
        self.refuse(503, "The server has too many connections.")

    def _give_up_body(self, exchange: Exchange, inbox: Inbox) -> None:
        inbox.give_up()
        if exchange.outbox.begun:
            self.channel.abort()
        else:
            self.refuse(408, "The request body did not arrive in time.")

    # Requests

    def _become_idle(self) -> None:
        """Be ready for the next request, which may be there already."""
        self._heard = True
        channel = self.channel
        if channel.write_paused or channel.transport.is_closing():
            return
        self._respond = self._hot
        channel.resume_reading()
        if self._pending:
            self._advance()
        if channel.ended and self._exchange is None and not self._lingering:
            channel.close()

    def _advance(self) -> None:
        """Answer or begin the requests whose heads are there, one after the other."""
        pending, start = self._pending, 0
        respond = self._hot
        try:
            while start < len(pending) and not self.channel.write_paused:
                if pending.startswith(b"\r\n", start) and not self._judged:
                    start += 2  # an empty line before a request is ignored (RFC 9112 section 2.2)
                end = pending.find(END, start + max(0, self._judged - 3)) + len(END)
                if end < len(END):
                    self._await_rest(pending[start:])
                    break
                head = pending[start:end]
                self._judged = 0
                answer = respond(head) if respond is not None and head.startswith(HOT_METHODS) else None
                if answer is None:
                    request = parse(head, self._limits)
                    self._pending, start = pending[end:], end
                    self._begin(request, head)
                    return
                start = end
                self.channel.write(answer)
                self._server_state.total_requests += 1
                self._heard = True
                self._head_since = None
            self._pending = pending[start:]
            if not self._pending and not self.channel.write_paused:
                self._respond = respond
                self._head_since = None
        except RefusedRequestError as error:
            self.refuse(error.status, error.message)

    def _await_rest(self, beginning: bytes) -> None:
        """Part of a head is there, or of an empty line before it."""
        if not beginning:
            return
        self._respond = None
        if self._head_since is None:
            self._head_since = self._loop.time()
        if beginning != b"\r":
            judge_beginning(beginning, self._judged, self._limits)
            self._judged = len(beginning)

    def _begin(self, request: RequestHead, head: bytes) -> None:
        self._respond = None
        self._head_since = None
        state = self._server_state
        limit = self._limit_concurrency
        if limit is not None and (len(state.connections) > limit or len(state.tasks) >= limit):
            raise RefusedRequestError(503, "The server has too much to do.")
        inbox = self._inbox(request) if request.chunked or request.length else None
        scope = scope_of(request, head, self.channel, self._app_state)
        self._exchange = exchange = Exchange(self, self.channel, self.shared.clock, request, scope, inbox, request.keep_alive)
        task = self._loop.create_task(exchange.run(self._app))
        state.tasks.add(task)
        task.add_done_callback(state.tasks.discard)

    def _inbox(self, request: RequestHead) -> Inbox:
        """Where the body goes. What did not come with the head stays in the kernel until the application asks for it."""
        inbox = Inbox(self.channel, body_of(request.length, request.chunked), self.shared.pool)
        pending, self._pending = self._pending, b""
        if request.chunked or len(pending) < request.length:
            self.channel.pause_reading()
        if pending:
            inbox.feed(pending)
        return inbox

    # Ends

    def completed(self, exchange: Exchange) -> None:
        """The response is written: go on with the connection or end it."""
        self._exchange = None
        self._server_state.total_requests += 1
        inbox = exchange.inbox
        if inbox is None:
            if exchange.outbox.keep_alive:
                self._become_idle()
            else:
                self._end(clean=not self._pending)
            return
        if inbox.busy:
            inbox.give_up()
            self._end(clean=False)
            return
        self._discarding = inbox
        if exchange.outbox.keep_alive:
            self._until = self._loop.time() + self._limits.discard_seconds
            self.channel.resume_reading()
            self._discard()
        else:
            self._discarding = None
            self._end(clean=self._body_is_over(inbox) and not inbox.rest)

    def _discard(self) -> None:
        """Drop what is left of an unread body; the request after it then has its turn."""
        inbox = self._discarding
        if inbox is None:
            return
        if self._body_is_over(inbox):
            self._discarding = None
            self._pending = inbox.rest
            self._become_idle()
        elif self.channel.ended:
            self.channel.close()
        else:
            self.channel.resume_reading()

    def _body_is_over(self, inbox: Inbox) -> bool:
        try:
            return inbox.drop()
        except MalformedBodyError:
            self._discarding = None
            self._end(clean=False)
            return False

    def refuse(self, status: int, message: str) -> None:
        """Answer in the application's place and end the connection; only before a response has begun."""
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            if exchange.inbox is not None:
                exchange.inbox.give_up()
            exchange.lost()
        self._server_state.total_requests += 1
        if not self.channel.lost and not self.channel.transport.is_closing():
            self.channel.write(refusal(status, message, self.shared.clock))
            self._end(clean=False)

    def _end(self, *, clean: bool) -> None:
        """End the connection once everything is written.

        Closing a socket with unread bytes makes the kernel reset the connection, and the client then never sees the answer.
        So if the client may still be sending, our side is closed first, and what comes is dropped for a while.
        """
        if self._lingering:
            return
        channel = self.channel
        self._respond = None
        self._pending = b""
        if clean or channel.ended or channel.lost or channel.transport.is_closing():
            channel.close()
            return
        self._lingering = True
        self._until = self._loop.time() + self._limits.linger_seconds
        if channel.transport.can_write_eof():
            channel.transport.write_eof()
        channel.resume_reading()

    def _drop(self, data: bytes) -> None:
        self._linger_bytes -= len(data)
        if self._linger_bytes < 0:
            self.channel.pause_reading()


def connection_class(hot: HotResponder | None, limits: Limits) -> type[Connection]:
    """A connection class for one server: its connections share the limits, the hot responder and the upload threads."""

    class ServerConnection(Connection):
        shared = Shared(hot, limits)

    return ServerConnection
