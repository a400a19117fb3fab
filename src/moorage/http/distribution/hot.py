"""Complete answers to requests for manifests and small blobs, before the request is even parsed (DESIGN section 5).

A head is two things: the request line, which says what is asked for, and the lines after it, which say by whom. Who is known
by the client's address and those lines byte for byte, credentials included; what is known by the line. Nothing stale is
ever served: each request asks the database whether anything was committed since, and only then, by point reads, whether
the token and its key are still good, and whether the tag is on the same image or the repository still holds the blob.
"""

import re
import sqlite3
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from email.utils import formatdate
from functools import partial
from typing import Any

from moorage.audit.recorder import Recorder
from moorage.core.call import Call
from moorage.core.clock import Clock
from moorage.http.distribution.headers import COMMON_HEADERS, manifest_headers
from moorage.http.facts import Fact
from moorage.http.request_ids import RequestIds
from moorage.identity import tokens
from moorage.identity.scope import Scope
from moorage.identity.tokens import Token
from moorage.images import store
from moorage.images.model import Image

MOST_BYTES = 64 * 1024 * 1024
LARGEST_BODY = 64 * 1024
"""Bytes; larger answers are sent from where they lie."""

_MOST_CLIENTS = 4096
_MOST_MANIFESTS = 2048
_LONGEST_LINES = 4096
_CONDITIONAL = {b"if-match", b"if-none-match", b"if-range", b"range"}
_MANIFEST = re.compile(
    rb"(GET|HEAD) /v2/([a-z0-9][a-z0-9._/-]{0,254}[a-z0-9])/manifests/"
    rb"([a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}|sha256:[0-9a-f]{64}) HTTP/1\.1"
)


class _Client:
    """Whose requests come with certain header lines from a certain address."""

    __slots__ = ("call", "token", "version")

    def __init__(self, call: Call, token: Token) -> None:
        self.call = call
        self.token = token
        self.version = -1


class _Answer:
    """What a request line is answered with."""

    __slots__ = ("condition", "event_name", "parameters", "pulled_image", "resource", "rest", "version")

    def __init__(
        self,
        rest: bytes,
        condition: str,
        parameters: Mapping[str, int | str],
        *,
        event_name: str,
        resource: str,
        pulled_image: int | None,
    ) -> None:
        self.rest = rest
        self.condition = condition
        self.parameters = parameters
        self.event_name = event_name
        self.resource = resource
        self.pulled_image = pulled_image
        self.version = -1


_What = tuple[int, bytes]
"""A registry's id and a request line."""


class HotAnswers:
    """The hot responder of one process, for its event loop only."""

    def __init__(self, points: sqlite3.Connection, clock: Clock, ids: RequestIds, recorder: Recorder) -> None:
        self._points = points
        self._clock = clock
        self._ids = ids
        self._recorder = recorder
        self._clients: OrderedDict[tuple[str, bytes], _Client] = OrderedDict()
        self._answers: OrderedDict[_What, _Answer] = OrderedDict()
        self._bytes = 0
        self._manifests: dict[tuple[int, str, bool], bytes] = {}
        self._uses: dict[tuple[_Client, _Answer], list[Any]] = {}
        self._date = (0, b"")

    def for_client(self, address: str) -> Callable[[bytes], bytes | None]:
        """What answers the heads that come from one address."""
        return partial(self._respond, address)

    def learn(self, scope: Mapping[str, Any], fact: Fact, headers: Mapping[str, str], body: object) -> None:
        """Know this client and this answer from now on, if the server offers that.

        `headers` are those of the ordinary answer, without date and request id. That the client may ask for anything in
        its registry was decided with this call, since until there are policies nothing else can be decided; what its token's
        scope takes away is asked at each answer.
        """
        offered = scope.get("extensions", {}).get("moorage.hot")
        if offered is None or not isinstance(body, bytes) or len(body) > LARGEST_BODY:
            return
        line, _, lines = offered["head"].partition(b"\r\n")
        if len(lines) > _LONGEST_LINES or any(name in _CONDITIONAL for name, _ in scope["headers"]):
            return
        self._clients[scope["client"][0], lines] = _Client(fact.call, fact.token)
        if len(self._clients) > _MOST_CLIENTS:
            self._clients.popitem(last=False)
        answer = _Answer(
            _rest(headers, body),
            fact.condition,
            fact.parameters,
            event_name=fact.call.event_name,
            resource=fact.call.resource,
            pulled_image=fact.pulled_image,
        )
        self._keep((fact.call.registry.id, line), answer)

    def report(self) -> None:
        """Hand what was answered since the last report to the recorder."""
        uses, self._uses = self._uses, {}
        now = self._clock.now()
        for (client, answer), (count, first_id) in uses.items():
            call = replace(
                client.call, at=now, request_id=first_id.decode(), event_name=answer.event_name, resource=answer.resource
            )
            self._recorder.call(call, count=count)
            self._recorder.token(client.token.id, now)
            if answer.pulled_image is not None:
                self._recorder.pull(answer.pulled_image, call.principal.arn, now)

    def _respond(self, address: str, head: bytes) -> bytes | None:
        line, _, lines = head.partition(b"\r\n")
        client = self._clients.get((address, lines))
        if client is None:
            return None
        now = time.time()
        try:
            version: int = self._points.execute("PRAGMA data_version").fetchone()[0]
            if (client.version != version or now * 1000 >= client.token.expires_at) and not self._is_good(client):
                del self._clients[address, lines]
                return None
            client.version = version
            answer = self._current((client.call.registry.id, line), version, client)
        except sqlite3.Error:
            return None
        if answer is None or not _lies_in_scope(answer, client.token.scope):
            return None
        request_id = self._ids.next_bytes()
        use = self._uses.get((client, answer))
        if use is None:
            self._uses[client, answer] = [1, request_id]
        else:
            use[0] += 1
        second = int(now)
        if second != self._date[0]:
            self._date = (second, formatdate(second, usegmt=True).encode())
        return b"HTTP/1.1 200 OK\r\ndate: %s\r\nx-amzn-requestid: %s%s" % (self._date[1], request_id, answer.rest)

    def _is_good(self, client: _Client) -> bool:
        return tokens.still_good(self._points, client.token.id, self._clock.now())

    def _current(self, what: _What, version: int, client: _Client) -> _Answer | None:
        """The answer as it is right now, looked up if it must be; None where the request needs more than that."""
        answer = self._answers.get(what)
        if answer is not None and answer.version != version:
            if self._points.execute(answer.condition, answer.parameters).fetchone() is None:
                self._forget(what)
                answer = None
            else:
                answer.version = version
        if answer is None and (answer := self._look_up(what, client)) is not None:
            answer.version = version
            self._keep(what, answer)
        return answer

    def _look_up(self, what: _What, client: _Client) -> _Answer | None:
        """A manifest that nobody asked for lately; by two point reads instead of the whole way."""
        match = _MANIFEST.fullmatch(what[1])
        if match is None:
            return None
        is_pull, name, reference = match[1] == b"GET", match[2].decode(), match[3].decode()
        image = store.look_up_now(self._points, what[0], name, reference)
        if image is None or image.size > LARGEST_BODY:
            return None
        rest = self._manifest(image, is_pull)
        if rest is None:
            return None
        condition, parameters = store.condition_of(image, None if ":" in reference else reference)
        return _Answer(
            rest,
            condition,
            parameters,
            event_name="BatchGetImage",
            resource=client.call.registry.repository_arn(name),
            pulled_image=image.id if is_pull else None,
        )

    def _manifest(self, image: Image, is_pull: bool) -> bytes | None:
        """The rest of the answer that shows an image, which every tag on it shares."""
        key = (image.id, image.media_type, is_pull)
        rest = self._manifests.get(key)
        if rest is None:
            body = store.body_now(self._points, image) if is_pull else b""
            if body is None:
                return None
            if len(self._manifests) >= _MOST_MANIFESTS:
                self._manifests.clear()
            rest = self._manifests[key] = _rest({**manifest_headers(image), **COMMON_HEADERS}, body)
        return rest

    def _keep(self, what: _What, answer: _Answer) -> None:
        self._forget(what)
        self._answers[what] = answer
        self._bytes += _size(what, answer)
        while self._bytes > MOST_BYTES:
            self._forget(next(iter(self._answers)))

    def _forget(self, what: _What) -> None:
        answer = self._answers.pop(what, None)
        if answer is not None:
            self._bytes -= _size(what, answer)


def _lies_in_scope(answer: _Answer, scope: Scope | None) -> bool:
    """Whether a token's own scope lets it have an answer that others may have; if not, the ordinary way says why."""
    if scope is None:
        return True
    _, _, repository = answer.resource.partition(":repository/")
    return scope.allows(f"ecr:{answer.event_name}", repository)


def _rest(headers: Mapping[str, str], body: bytes) -> bytes:
    """Everything after the request id: the other headers and the body."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode("latin-1")
    return b"\r\n" + lines + b"\r\n" + body


def _size(what: _What, answer: _Answer) -> int:
    return len(what[1]) + len(answer.rest) + 1024
