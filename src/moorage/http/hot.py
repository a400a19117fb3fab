"""Complete answers to repeated manifest requests, given before the request is even parsed (DESIGN section 5).

An answer is known by the client's address and the raw bytes of the request's head, credentials included. What it rests on
is asked of the database at each request, so nothing stale is ever served: one look at whether anything was committed since
the last request, and only then one point read, that the token and its key are good and the tag is on the same image.
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
from moorage.images.model import Image

MOST_BYTES = 64 * 1024 * 1024
_LARGEST_BODY = 256 * 1024

_BY_TAG = """
SELECT 1 FROM tokens t JOIN access_keys k ON k.id = t.access_key_id
JOIN tags g ON g.repository_id = :repository AND g.name = :tag JOIN images i ON i.id = g.image_id
WHERE t.id = :token AND t.expires_at > :now AND k.active AND i.id = :image AND i.media_type = :type
"""
_BY_DIGEST = """
SELECT 1 FROM tokens t JOIN access_keys k ON k.id = t.access_key_id JOIN images i ON i.id = :image
WHERE t.id = :token AND t.expires_at > :now AND k.active AND i.removed_at IS NULL AND i.media_type = :type
"""


@dataclass(frozen=True, slots=True)
class Fact:
    """What an answer rests on."""

    call: Call
    token_id: int
    expires_at: int
    """Milliseconds; of the token."""
    image: Image
    tag: str | None
    """None where the image was asked for by digest, whose meaning only ends with the image."""
    is_pull: bool
    """Whether it counts as a pull: a GET does, a HEAD does not."""


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


class HotManifests:
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
        if offered is None or not isinstance(body, bytes) or len(body) > _LARGEST_BODY:
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
            if (version != answer.version or now * 1000 >= answer.fact.expires_at) and not self._holds(answer.fact):
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
        parameters = {
            "token": fact.token_id,
            "now": self._clock.now(),
            "image": fact.image.id,
            "type": fact.image.media_type,
            "repository": fact.image.repository_id,
            "tag": fact.tag,
        }
        query = _BY_DIGEST if fact.tag is None else _BY_TAG
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
        self._recorder.token(fact.token_id, now)
        if fact.is_pull:
            self._recorder.pull(fact.image.id, now)
