"""Complete answers to requests for manifests and small blobs, before the request is even parsed (DESIGN section 5).

A head is two things: the request line, which says what is asked for, and the lines after it, which say by whom. Who is known
by the client's address and those lines byte for byte, credentials included; what is known by the line. Nothing stale is
ever served: each request asks the database whether anything was committed since, and only then, by point reads, whether
the token and its key are still good, and whether the tag is on the same image or the repository still holds the blob. The
same reads tell the versions of who may do what, on both sides: a client is given what was decided that it may have, as long as
they are what they were then.
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

from moorage.access.authorize import Warden
from moorage.access.judge import Where
from moorage.audit.parameters import distribution_parameters
from moorage.audit.recorder import Recorder
from moorage.core.call import Call, Ruling
from moorage.core.clock import Clock
from moorage.http.distribution.headers import COMMON_HEADERS, manifest_headers
from moorage.http.facts import Fact
from moorage.http.request_ids import RequestIds
from moorage.identity.credentials import tokens
from moorage.identity.credentials.tokens import Token
from moorage.images import store
from moorage.images.model import Image

MOST_BYTES = 64 * 1024 * 1024
LARGEST_BODY = 64 * 1024
"""Bytes; larger answers are sent from where they lie."""

_MOST_CLIENTS = 4096
_MOST_MANIFESTS = 2048
_MOST_RIGHTS = 4096
"""Of one client."""

_LONGEST_LINES = 4096
_CONDITIONAL = {b"if-match", b"if-none-match", b"if-range", b"range"}
_MANIFEST = re.compile(
    rb"(GET|HEAD) /v2/([a-z0-9][a-z0-9._/-]{0,254}[a-z0-9])/manifests/"
    rb"([a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}|sha256:[0-9a-f]{64}) HTTP/1\.1"
)


class _Client:
    """Whose requests come with certain header lines from a certain address."""

    __slots__ = ("allowed", "call", "rulings", "token", "version")

    def __init__(self, call: Call, token: Token) -> None:
        self.call = call
        self.token = token
        self.version = -1
        self.allowed: dict[_Right, _Versions] = {}
        """What it may do, and at which versions of the owner's side that was decided; those of its own end with it."""
        self.rulings: dict[_Right, Ruling] = {}
        """Why it may."""


class _Answer:
    """What a request line is answered with."""

    __slots__ = (
        "asked",
        "condition",
        "event_name",
        "owner",
        "parameters",
        "pulled_image",
        "resource",
        "rest",
        "right",
        "version",
    )

    def __init__(
        self,
        rest: bytes,
        condition: str,
        parameters: Mapping[str, int | str],
        *,
        event_name: str,
        resource: str,
        asked: dict[str, Any],
        pulled_image: int | None,
    ) -> None:
        self.rest = rest
        self.condition = condition
        self.parameters = parameters
        self.event_name = event_name
        self.asked = asked
        self.resource = resource
        self.right = (f"ecr:{event_name}", resource)
        self.pulled_image = pulled_image
        self.version = -1
        self.owner: _Versions = ()


_Right = tuple[str, str]
"""An action and a repository's ARN."""

_Versions = tuple[int, ...]
"""As `access.judge.Place.version` has them."""

_What = tuple[int, bytes]
"""A registry's id and a request line."""


class HotAnswers:
    """The hot responder of one process, for its event loop only."""

    def __init__(self, points: sqlite3.Connection, clock: Clock, ids: RequestIds, recorder: Recorder, warden: Warden) -> None:
        self._points = points
        self._warden = warden
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

        `headers` are those of the ordinary answer, without date and request id. What the client may have is not learnt: it is
        decided when it asks for it again.
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
            asked=fact.call.parameters,
            pulled_image=fact.pulled_image,
        )
        self._keep((fact.call.registry.id, line), answer)

    def report(self) -> None:
        """Hand what was answered since the last report to the recorder."""
        uses, self._uses = self._uses, {}
        now = self._clock.now()
        for (client, answer), (count, first_id) in uses.items():
            call = replace(
                client.call,
                at=now,
                request_id=first_id.decode(),
                event_name=answer.event_name,
                resource=answer.resource,
                parameters=answer.asked,
                ruling=client.rulings.get(answer.right),
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
        if answer is None or (client.allowed.get(answer.right) != answer.owner and not self._may(client, answer)):
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
        """Whether the token is good and nothing has changed on the caller's side since it was found."""
        found = tokens.permission_version(self._points, client.token.id, self._clock.now())
        return found == client.token.permission_version

    def _may(self, client: _Client, answer: _Answer) -> bool:
        """Whether the client may have this answer, where that is not known of the owner's side as it is now.

        False also where that cannot be told here: the policies must be read, or they read the time, or what the image is.
        """
        action, resource = answer.right
        call = client.call
        name = resource.partition(":repository/")[2]
        scope = client.token.scope
        if scope is not None and not scope.allows(action, name):
            return False
        decided = self._warden.decide_now(call, Where(call.registry.account_id, call.registry.region, name), action, resource)
        if decided is None or decided.version != answer.owner or not decided.allowed:
            return False
        if len(client.allowed) >= _MOST_RIGHTS:
            client.allowed.clear()
            client.rulings.clear()
        client.allowed[answer.right] = answer.owner
        client.rulings[answer.right] = decided.ruling
        return True

    def _current(self, what: _What, version: int, client: _Client) -> _Answer | None:
        """The answer as it is right now, looked up if it must be; None where the request needs more than that."""
        answer = self._answers.get(what)
        if answer is not None and answer.version != version and not self._still_holds(answer, version):
            self._forget(what)
            answer = None
        if answer is None and (answer := self._look_up(what, client)) is not None:
            if not self._still_holds(answer, version):
                return None
            self._keep(what, answer)
        return answer

    def _still_holds(self, answer: _Answer, version: int) -> bool:
        """Whether an answer is right now; notes the versions of who may have it."""
        found = self._points.execute(answer.condition, answer.parameters).fetchone()
        if found is None:
            return False
        answer.owner = found
        answer.version = version
        return True

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
            asked=distribution_parameters("BatchGetImage", name, reference),
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


def _rest(headers: Mapping[str, str], body: bytes) -> bytes:
    """Everything after the request id: the other headers and the body."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode("latin-1")
    return b"\r\n" + lines + b"\r\n" + body


def _size(what: _What, answer: _Answer) -> int:
    return len(what[1]) + len(answer.rest) + 1024
