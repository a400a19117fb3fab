"""Complete answers to repeated requests for manifests and small blobs, before the request is even parsed.

An answer is known by the client's address and the raw bytes of the request's head, credentials included. What it rests on
is asked of the database at each request, so nothing stale is ever served: one look at whether anything was committed since
the last request, and only then one point read, that the token and its key are good and the tag is on the same image, or
the repository still holds the blob.
"""

import sqlite3
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from email.utils import formatdate
from functools import partial
from typing import Any

from moorage.audit.recorder import Recorder
from moorage.core.call import Call
from moorage.core.clock import Clock
from moorage.http.request_ids import RequestIds
from moorage.identity.tokens import STILL_GOOD, Token

MOST_BYTES = 64 * 1024 * 1024
LARGEST_BODY = 64 * 1024
"""Bytes; larger answers are sent from where they lie."""


@dataclass(frozen=True, slots=True)
class Fact:
    """What an answer rests on."""

    call: Call
    token: Token
    condition: str
    """A query that has a row as long as the answer is right, besides the token's own state."""
    parameters: Mapping[str, int | str]
    """The query's parameters."""
    pulled_image: int | None = None
    """The id of the image that this answer is a pull of."""


class _Answer:
    """A known answer; mutable, since it is looked at very often."""

    __slots__ = ("fact", "head", "reported", "rest", "size", "uses", "version")

    def __init__(self, fact: Fact, head: bytes, rest: bytes, size: int) -> None:
        self.fact = fact
        self.head = head
        self.rest = rest
        self.size = size
        self.version = -1
        self.uses = 0
        self.reported = 0


class HotAnswers:
    """The hot responder of one process, for its event loop only."""

    def __init__(self, points: sqlite3.Connection, clock: Clock, ids: RequestIds, recorder: Recorder) -> None:
        self._points = points
        self._clock = clock
        self._ids = ids
        self._recorder = recorder
        self._answers: OrderedDict[tuple[str, bytes], _Answer] = OrderedDict()
        self._bytes = 0
        self._used: list[_Answer] = []
        self._date = (0, b"")

    def for_client(self, address: str) -> Callable[[bytes], bytes | None]:
        """What answers the heads that come from one address."""
        return partial(self._respond, address)

    def learn(self, scope: Mapping[str, Any], fact: Fact, headers: Mapping[str, str], body: object) -> None:
        """Know the answer to this request's head from now on, if the server offers that.

        `headers` are those of the ordinary answer, without date and request id.
        """
        offered = scope.get("extensions", {}).get("moorage.hot")
        if offered is None or not isinstance(body, bytes) or len(body) > LARGEST_BODY:
            return
        key = (scope["client"][0], offered["head"])
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode("latin-1")
        rest = b"\r\n" + lines + b"\r\n" + body
        size = len(key[1]) + len(rest) + 512
        self._forget(key)
        self._answers[key] = _Answer(fact, b"HTTP/1.1 200 OK\r\ndate: ", rest, size)
        self._bytes += size
        while self._bytes > MOST_BYTES:
            self._forget(next(iter(self._answers)))

    def report(self) -> None:
        """Hand what was answered since the last report to the recorder."""
        used, self._used = self._used, []
        for answer in used:
            self._report(answer)

    def _respond(self, address: str, head: bytes) -> bytes | None:
        answer = self._answers.get((address, head))
        if answer is None:
            return None
        now = time.time()
        try:
            version = self._points.execute("PRAGMA data_version").fetchone()[0]
            if (version != answer.version or now * 1000 >= answer.fact.token.expires_at) and not self._holds(answer.fact):
                self._forget((address, head))
                return None
        except sqlite3.Error:
            return None
        answer.version = version
        if answer.uses == answer.reported:
            self._used.append(answer)
        answer.uses += 1
        second = int(now)
        if second != self._date[0]:
            self._date = (second, formatdate(second, usegmt=True).encode())
        return b"%s%s\r\nx-amzn-requestid: %s%s" % (answer.head, self._date[1], self._ids.next_bytes(), answer.rest)

    def _holds(self, fact: Fact) -> bool:
        """Whether the answer is still the right one; one point read."""
        query = f"SELECT 1 WHERE EXISTS ({STILL_GOOD}) AND EXISTS ({fact.condition})"
        parameters = {**fact.parameters, "token": fact.token.id, "now": self._clock.now()}
        return self._points.execute(query, parameters).fetchone() is not None

    def _forget(self, key: tuple[str, bytes]) -> None:
        answer = self._answers.pop(key, None)
        if answer is not None:
            self._bytes -= answer.size

    def _report(self, answer: _Answer) -> None:
        count = answer.uses - answer.reported
        answer.reported = answer.uses
        now, fact = self._clock.now(), answer.fact
        self._recorder.call(replace(fact.call, at=now), count=count)
        self._recorder.token(fact.token.id, now)
        if fact.pulled_image is not None:
            self._recorder.pull(fact.pulled_image, now)
