"""One request body, from the event loop's side: gathered for `receive`, drained by threads, or dropped."""

import asyncio
import socket
from dataclasses import dataclass

from moorage.http.connection.channel import Channel
from moorage.http.connection.framing import Body
from moorage.http.connection.intake import ClientDisconnectedError, Intake, IntakePool, Outcome, Sink
from moorage.http.connection.limits import Limits


@dataclass(slots=True)
class Pace:
    """How fast the client sends; only time spent waiting for it counts."""

    received: int = 0
    waited: float = 0.0
    since: float | None = None
    """When the wait under way began."""

    def begin(self, now: float) -> None:
        """The server now waits for the client."""
        self.since = now

    def end(self, now: float) -> None:
        """The wait is over."""
        if self.since is not None:
            self.waited += now - self.since
            self.since = None

    def too_slow(self, now: float, limits: Limits) -> bool:
        """Whether the client must be given up."""
        if self.since is None:
            return False
        silent = now - self.since
        waited = self.waited + silent
        return silent > limits.body_idle_seconds or (
            waited > limits.body_rate_after and self.received < waited * limits.body_rate
        )


class Inbox:
    """Takes a body's bytes from the connection and gives them to one reader at a time.

    The connection stops reading while nobody asks for more than a little.
    """

    __slots__ = (
        "_body",
        "_channel",
        "_drain",
        "_event",
        "_gathering",
        "_given_up",
        "_held",
        "_pieces",
        "_pool",
        "_ready",
        "ended",
        "pace",
        "rest",
    )

    def __init__(self, channel: Channel, body: Body, pool: IntakePool) -> None:
        self._channel = channel
        self._body = body
        self._pool = pool
        self._pieces: list[bytes] = []
        self._held = 0
        self._ready = b""
        """Decoded and not yet read."""
        self._event = asyncio.Event()
        self._drain: Intake | None = None
        self._gathering = False
        self.pace = Pace()
        self.rest = b""
        """What followed the body on the connection."""
        self.ended = False
        """The client will send nothing more."""
        self._given_up = False

    # From the connection

    def feed(self, data: bytes) -> None:
        """Take bytes that were received; they may reach beyond the body."""
        self._pieces.append(data)
        self._held += len(data)
        self.pace.received += len(data)
        limits = self._channel.limits
        if self._held >= (limits.body_held_bytes if self._drain is None else limits.upload_gathered):
            self._channel.pause_reading()
        self._event.set()

    def end(self) -> None:
        """The client will send nothing more."""
        self.ended = True
        self._event.set()

    def give_up(self) -> None:
        """Whatever still comes is no longer the body."""
        self.ended = self._given_up = True
        if self._drain is not None:
            self._drain.stop()
        self._event.set()

    @property
    def complete(self) -> bool:
        """Whether every byte of the body was received; decodes what is there. Raises MalformedBodyError."""
        if self._drain is None:
            self._decode()
        return self._body.complete

    @property
    def busy(self) -> bool:
        """Whether threads read the body now."""
        return self._drain is not None

    @property
    def left(self) -> int | None:
        """How many bytes are still to come, where that is known."""
        return self._body.left()

    @property
    def untouched(self) -> bool:
        """Whether nothing of the body was received yet."""
        return not self.pace.received

    def drop(self) -> bool:
        """Drop what was received; True once the body is complete. Raises MalformedBodyError."""
        self._decode()
        self._ready = b""
        return self._body.complete

    # From the application

    async def take(self) -> tuple[bytes, bool]:
        """The bytes received since the last call, at least one unless the body is complete, and whether more follow.

        Raises ClientDisconnectedError, MalformedBodyError.
        """
        self._claim()
        self._decode()
        while not self._ready and not self._body.complete:
            self._check()
            self._channel.resume_reading()
            await self._wait()
            self._decode()
        data, self._ready = self._ready, b""
        return data, not self._body.complete

    async def drain(self, sink: Sink) -> None:
        """Move what is left of the body into `sink`, by threads.

        Raises ClientDisconnectedError, MalformedBodyError, and what the sink raises.
        """
        self._claim()
        if self._body.complete and not self._ready and not self._pieces:
            return
        channel = self._channel
        channel.pause_reading()
        left = self._body.left()
        direct = channel.direct and (left is None or left > self._held)
        raw = channel.open_raw() if direct else None
        self._drain = intake = Intake(self._body, sink, raw, self._pool, channel.limits)
        try:
            if self._ready:
                await self._pool.run(lambda _: sink.write(memoryview(self._ready)), intake.stop)
                self._ready = b""
            await self._drain_turns(intake, raw)
        finally:
            self._drain = None
            self.rest += intake.rest
            if raw is not None:
                channel.close_raw()
            channel.resume_reading()

    async def _drain_turns(self, intake: Intake, raw: socket.socket | None) -> None:
        while not self._body.complete:
            self._check()
            intake.early.extend(self._pieces)
            self._pieces.clear()
            self._held = 0
            outcome = await self._pool.run(intake.turn, intake.stop)
            self.pace.received += intake.received
            self.pace.waited += intake.waited
            if outcome is Outcome.CLOSED:
                self.end()
            elif outcome is Outcome.HUNGRY and raw is not None:
                await self._readable(raw.fileno())
            elif outcome is Outcome.HUNGRY:
                await self._gathered()
        if self._given_up:
            raise _ended()

    async def _readable(self, descriptor: int) -> None:
        """Wait until the socket has something, and a little longer, so that a slow upload needs few turns."""
        loop = self._channel.loop
        loop.add_reader(descriptor, self._event.set)
        try:
            await self._wait()
        finally:
            loop.remove_reader(descriptor)
        self.pace.begin(loop.time())
        try:
            await asyncio.sleep(self._channel.limits.upload_gather)
        finally:
            self.pace.end(loop.time())

    async def _gathered(self) -> None:
        """Wait until the loop has received enough to be worth a thread, or enough time has passed since the first of it."""
        loop, limits = self._channel.loop, self._channel.limits
        self._channel.resume_reading()
        while not self._pieces:
            self._check()
            await self._wait()
        left = self._body.left()
        wanted = limits.upload_gathered if left is None else min(limits.upload_gathered, left)
        self._gathering = True
        timer = loop.call_later(limits.upload_gather, self._stop_gathering)
        try:
            while self._gathering and self._held < wanted and not self.ended:
                if self._pieces[-1].endswith(b"0\r\n\r\n"):  # most likely the last chunk
                    break
                await self._wait()
        finally:
            timer.cancel()

    def _stop_gathering(self) -> None:
        self._gathering = False
        self._event.set()

    async def _wait(self) -> None:
        """Wait for whatever comes first: bytes, the end of the connection, a timer."""
        loop = self._channel.loop
        if self.ended:
            return
        self._event.clear()
        self.pace.begin(loop.time())
        try:
            await self._event.wait()
        finally:
            self.pace.end(loop.time())

    def _check(self) -> None:
        if self._given_up or (self.ended and not self._pieces):
            raise _ended()

    def _claim(self) -> None:
        if self._drain is not None:
            raise RuntimeError("The request body is being drained already.")

    def _decode(self) -> None:
        pieces = self._pieces
        if not pieces:
            return
        ready, following = self._body.take(pieces[0] if len(pieces) == 1 else b"".join(pieces))
        pieces.clear()
        self._held = 0
        self._ready = self._ready + ready if self._ready else ready
        self.rest += following


def _ended() -> ClientDisconnectedError:
    return ClientDisconnectedError("The connection ended before the request body did.")
