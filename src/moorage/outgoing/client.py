"""The one client for everything that this installation asks of others (DESIGN rule 10).

A host is resolved here, its addresses are checked, and one of those that passed is connected to: nothing resolves the name
again. Every redirect begins anew. Nothing is sent but the request: no credentials, no cookies; no proxy of the environment.
"""

import http.client
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import urllib3
from urllib3.exceptions import HTTPError

from moorage.outgoing.connection import Deadline, open_connection
from moorage.outgoing.errors import (
    BadAnswerError,
    ForbiddenAddressError,
    InsecureUrlError,
    OutgoingError,
    RefusedByServerError,
    TooManyRedirectsError,
    TooSlowError,
    UnreachableError,
)
from moorage.outgoing.networks import Address, Permitted
from moorage.outgoing.resolve import Resolve, SystemResolver
from moorage.outgoing.target import Target

_MIB = 1024 * 1024
_PIECE = 64 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_ADDRESSES = 4
"""Of a host, that are tried one after the other."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may cost."""

    body: int = _MIB
    """Bytes of the answer's body."""
    headers: int = 32 * 1024
    """Bytes of the answer's header."""
    redirects: int = 3
    idle: float = 5.0
    """Seconds: to connect, and for which the other end may be silent."""
    total: float = 15.0
    """Seconds for everything, redirects included."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said."""

    url: str
    """Of the server that said it, after redirects."""
    headers: Mapping[str, str]
    """Names in lower case; of several lines of a name, the last."""
    body: bytes


@cache
def system_trust() -> ssl.SSLContext:
    """Trusts the authorities that the system trusts, which OpenSSL's `SSL_CERT_FILE` and `SSL_CERT_DIR` add to."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class OutgoingClient:
    """Asks other servers. It blocks; it may be used by several threads."""

    def __init__(
        self,
        permitted: Permitted,
        *,
        limits: Limits | None = None,
        resolve: Resolve | None = None,
        tls: Callable[[], ssl.SSLContext] = system_trust,
    ) -> None:
        """`tls` makes what certificates are verified with; it is asked when it is needed."""
        self._permitted = permitted
        self._limits = limits or Limits()
        self._resolve = resolve or SystemResolver()
        self._tls = tls

    def get(self, url: str, *, accept: str = "application/json") -> Answer:
        """The answer with status 200 to a GET; raises a subclass of OutgoingError, and nothing else."""
        target = Target.parse(url)
        with Deadline(self._limits.total) as deadline:
            try:
                return self._follow(target, accept, deadline)
            except OutgoingError:
                if deadline.is_over:
                    raise TooSlowError from None
                raise

    def _follow(self, target: Target, accept: str, deadline: Deadline) -> Answer:
        for _ in range(self._limits.redirects + 1):
            answer = self._ask(target, accept, deadline)
            if isinstance(answer, Answer):
                return answer
            target = answer
        raise TooManyRedirectsError

    def _ask(self, target: Target, accept: str, deadline: Deadline) -> Answer | Target:
        failed: OutgoingError = UnreachableError("The host cannot be reached.")
        for address in self._addresses(target, deadline):
            try:
                return self._exchange(target, address, accept, deadline)
            except UnreachableError as error:
                failed = error
            if deadline.is_over:
                break
        raise failed

    def _addresses(self, target: Target, deadline: Deadline) -> Sequence[Address]:
        found = self._resolve(target.host, min(self._limits.idle, deadline.left))
        allowed = [address for address in found if self._permitted.allows(address)]
        if not allowed:
            raise ForbiddenAddressError
        if target.scheme != "https":
            allowed = [address for address in allowed if self._permitted.is_listed(address)]
            if not allowed:
                raise InsecureUrlError
        return allowed[:_MOST_ADDRESSES]

    def _exchange(self, target: Target, address: Address, accept: str, deadline: Deadline) -> Answer | Target:
        connection = open_connection(target, address, deadline, self._limits.idle, self._tls)
        headers = {"Accept": accept, "Accept-Encoding": "identity", "User-Agent": "moorage", "Connection": "close"}
        try:
            connection.request("GET", target.path, headers=headers, preload_content=False, decode_content=False)
            return self._read(target, connection.getresponse(), deadline)
        except (http.client.HTTPException, HTTPError, OSError, ValueError) as error:
            raise _said(error) from None
        finally:
            connection.close()

    def _read(self, target: Target, response: urllib3.HTTPResponse, deadline: Deadline) -> Answer | Target:
        if sum(len(name) + len(value) for name, value in response.headers.items()) > self._limits.headers:
            raise BadAnswerError("The answer's header is too large.")
        if response.status in _REDIRECTS and (location := response.headers.get("location")):
            return target.redirected(location)
        if response.status != 200:
            raise RefusedByServerError(response.status)
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            raise BadAnswerError("The answer is encoded, though none was asked for.")
        body = bytearray()
        while piece := response.read(_PIECE):
            body += piece
            if len(body) > self._limits.body:
                raise BadAnswerError("The answer is too large.")
            if deadline.is_over:
                raise TooSlowError
        if deadline.is_over:
            raise TooSlowError
        return Answer(target.url, {name.lower(): value for name, value in response.headers.items()}, bytes(body))


def _said(error: Exception) -> OutgoingError:
    """Our own word for what the libraries raise; theirs would show addresses."""
    if isinstance(error, TimeoutError | urllib3.exceptions.TimeoutError):
        return TooSlowError()
    if isinstance(error, ssl.SSLCertVerificationError):
        return UnreachableError("The server's certificate is not one that is trusted for its name.")
    if isinstance(error, http.client.HTTPException | ValueError):
        return BadAnswerError("The answer cannot be understood.")
    return UnreachableError("The connection to the host failed.")
