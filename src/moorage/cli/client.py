"""Signed requests to a server, from this machine or another. Loads botocore, so only what signs imports it."""

import contextlib
import http.client
import json
import ssl
from collections.abc import Iterator, Mapping
from importlib import metadata
from typing import Any
from urllib.parse import SplitResult, quote, urlencode, urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from moorage.cli.environment import Environment
from moorage.cli.errors import CommandError
from moorage.cli.remote.command import Query

_SECONDS = 60
_BASE = "/api/v1"
_SERVICE = "moorage"


class ApiClient:
    """`/api/v1` of one server, for one caller."""

    def __init__(self, environment: Environment, ca_bundle: str | None) -> None:
        self._environment = environment
        self._ca_bundle = ca_bundle

    def call(
        self,
        method: str,
        path: str,
        query: Query | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The answer, `{}` where it has no content. `path` is below `/api/v1`, its parts still to be encoded.

        Raises CommandError with the server's own sentence when it refuses.
        """
        target = (
            _BASE + quote(path, safe="/~") + (f"?{urlencode(query, doseq=True, quote_via=quote, safe='~')}" if query else "")
        )
        data = b"" if body is None else json.dumps(body).encode()
        headers = {} if body is None else {"Content-Type": "application/json"}
        status, content = send(self._environment, _SERVICE, method, target, headers, data, self._ca_bundle)
        try:
            document = json.loads(content) if content else {}
            if status >= http.client.BAD_REQUEST:
                raise CommandError(f"{document['message']} ({document['code']})")
            if isinstance(document, dict):
                return document
        except (ValueError, KeyError, TypeError):
            pass
        raise CommandError(
            f"{self._environment.endpoint_url} does not answer like Moorage (HTTP {status}); check the endpoint."
        )

    def entries(self, path: str, member: str, query: Query | None = None) -> Iterator[dict[str, Any]]:
        """Every entry of a listing, page by page until its end; `member` is what holds them."""
        following: Query = {}
        while True:
            page = self.call("GET", path, {"limit": "1000", **(query or {}), **following})
            yield from page[member]
            if page["next"] is None:
                return
            following = {"next": page["next"]}


def send(
    environment: Environment,
    service: str,
    method: str,
    target: str,
    headers: Mapping[str, str],
    body: bytes,
    ca_bundle: str | None,
) -> tuple[int, bytes]:
    """Sign and send one request; its status and body. CommandError when nothing answers.

    `target` is below the endpoint, which may have a path of its own.
    """
    url = _checked(environment.endpoint_url)
    path = url.path.rstrip("/") + target
    named = {"User-Agent": f"moorage/{metadata.version('moorage')}", **headers}
    request = AWSRequest(method=method, url=f"{url.scheme}://{url.netloc}{path}", data=body, headers=named)
    key = Credentials(environment.access_key_id, environment.secret_access_key, environment.session_token)
    SigV4Auth(key, service, environment.region).add_auth(request)
    try:
        connection = _connect(url, ca_bundle)
        try:
            connection.request(method, path, body, dict(request.headers.items()))
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise CommandError(f"{environment.endpoint_url} does not answer: {reason}. Is the server running?") from None


def _connect(url: SplitResult, ca_bundle: str | None) -> http.client.HTTPConnection:
    host = url.hostname or ""
    if url.scheme == "https":
        try:
            context = ssl.create_default_context(cafile=ca_bundle)
        except OSError as error:
            raise CommandError(f"The certificates in {ca_bundle} (AWS_CA_BUNDLE) cannot be read: {error.strerror}.") from None
        return http.client.HTTPSConnection(host, url.port, timeout=_SECONDS, context=context)
    return http.client.HTTPConnection(host, url.port, timeout=_SECONDS)


def _checked(endpoint_url: str) -> SplitResult:
    with contextlib.suppress(ValueError):
        url = urlsplit(endpoint_url)
        # Reading the port is what finds a bad one.
        if url.scheme in {"http", "https"} and url.hostname and url.port != 0:
            return url
    raise CommandError(f"The endpoint {endpoint_url!r} is not a URL such as http://localhost:5000.")
