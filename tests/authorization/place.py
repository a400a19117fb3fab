"""An installation on a real database, whose application is called without a socket, and requests that are really signed."""

import asyncio
import base64
import html
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlencode

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from moorage.app import Tables, prepare, web
from moorage.aws.model import Service
from moorage.aws.operation import Dispatcher, Entry
from moorage.config import Auditing, Identity, Options
from moorage.http.api.routes import ROUTES as API_ROUTES
from moorage.http.distribution.routes import ROUTES as DISTRIBUTION_ROUTES

ACCOUNT = "123456789012"
REGION = "us-east-1"
HOST = "localhost:5000"
_TARGETS = {
    "ecr": "AmazonEC2ContainerRegistry_V20150921",
    "cloudtrail": "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101",
}
_VERSIONS = {"iam": "2010-05-08", "sts": "2011-06-15"}


@dataclass(frozen=True, slots=True)
class Keys:
    """What signs a request."""

    id: str
    secret: str
    token: str | None = None


ROOT = Keys("AKIAROOTROOTROOTROOT", "a-secret-of-the-root-that-is-long-enough")


@dataclass(frozen=True, slots=True)
class Ask:
    """A request."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    service: str = ""
    """The signing name; empty where the request is not signed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> dict[str, Any]:
        """A JSON body."""
        parsed = json.loads(self.body)
        assert isinstance(parsed, dict)
        return parsed

    def element(self, name: str) -> str:
        """The text of the first element of a name in an XML body."""
        found = re.search(rf"<{name}>([^<]*)</{name}>", self.body.decode())
        assert found, self.body
        return html.unescape(found[1])

    @property
    def error(self) -> tuple[str, str]:
        """Code and text of an error, in whichever tongue; empty texts for a success."""
        if self.status < 400:
            return "", ""
        if b"<ErrorResponse" in self.body:
            return self.element("Code"), self.element("Message")
        if not self.body.startswith(b"{"):
            return self.body.decode().strip(), ""
        said = self.document
        first = said["errors"][0] if "errors" in said else said
        code = first.get("code") or str(first["__type"]).rpartition("#")[2]
        return code, str(first.get("message") or first.get("Message") or "")


def operation(service: str, name: str, parameters: Mapping[str, Any]) -> Ask:
    """The request for an operation; parameters of the Query services come flat, as they stand in the form."""
    if service in _TARGETS:
        target = {"X-Amz-Target": f"{_TARGETS[service]}.{name}", "Content-Type": "application/x-amz-json-1.1"}
        return Ask("POST", "/", headers=target, body=json.dumps(parameters).encode(), service=service)
    body = urlencode({"Action": name, "Version": _VERSIONS[service], **parameters}).encode()
    return Ask("POST", "/", headers={"Content-Type": "application/x-www-form-urlencoded"}, body=body, service=service)


class Changeable(Dispatcher):
    """The operations of a service, some of which are others for a while."""

    def __init__(self, service: Service, rooms: Collection[object]) -> None:
        super().__init__(service, rooms)
        self.changed: dict[str, Entry] = {}

    def find(self, name: str) -> Entry:
        """The entry that stands in its place."""
        return self.changed[name] if name in self.changed else super().find(name)

    def ready(self, name: str) -> Entry | None:
        """The entry that stands in its place."""
        return self.changed[name] if name in self.changed else super().ready(name)

    def open_names(self) -> frozenset[str]:
        """Without those in whose place another stands."""
        return super().open_names() - {*self.changed}


class Place:
    """The application, with tables that a test may change."""

    def __init__(self, directory: Path) -> None:
        root = Identity(root_access_key_id=ROOT.id, root_secret_access_key=ROOT.secret)
        options = Options(data_dir=directory, identity=root, auditing=Auditing(audit_file="off"))
        options.key_path.write_bytes(b"k" * 32)
        prepare(options)
        self.dispatchers: dict[str, Changeable] = {}
        self.distribution = list(DISTRIBUTION_ROUTES)
        self.api = list(API_ROUTES)
        self._runner = asyncio.Runner()
        self._application = web(options, lambda: None, Tables(self._dispatcher, self.distribution, self.api))

    def _dispatcher(self, service: Service, rooms: Collection[object]) -> Dispatcher:
        made = self.dispatchers[service.name] = Changeable(service, rooms)
        return made

    def close(self) -> None:
        """Let go of everything."""
        self._application.close()
        self._runner.close()

    def do(self, keys: Keys, service: str, name: str, /, **parameters: Any) -> Answer:
        """Call an operation, which must succeed."""
        answer = self.ask(operation(service, name, parameters), keys)
        assert answer.status == 200, (name, parameters, answer)
        return answer

    def ask(self, ask: Ask, keys: Keys | None = None, password: str | None = None) -> Answer:
        """The answer to a request, signed with the keys, with a password, or by nobody."""
        query = urlencode(ask.query, quote_via=quote)
        headers = {"Host": HOST, "Content-Length": str(len(ask.body)), **ask.headers}
        if password is not None:
            headers["Authorization"] = "Basic " + base64.b64encode(f"AWS:{password}".encode()).decode()
        elif keys is not None and ask.service:
            url = f"http://{HOST}{ask.path}" + (f"?{query}" if query else "")
            request = AWSRequest(ask.method, url, headers=dict(ask.headers), data=ask.body)
            SigV4Auth(Credentials(keys.id, keys.secret, keys.token), ask.service, REGION).add_auth(request)
            headers |= dict(request.headers.items())
        scope = {
            "type": "http",
            "method": ask.method,
            "path": unquote(ask.path),
            "raw_path": ask.path.encode(),
            "query_string": query.encode(),
            "scheme": "http",
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
            "client": ("192.0.2.1", 50000),
        }
        return self._runner.run(self._exchange(scope, ask.body))

    async def _exchange(self, scope: dict[str, Any], body: bytes) -> Answer:
        sent: list[Mapping[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body}

        async def send(message: Any) -> None:
            sent.append(message)

        await self._application.asgi(scope, receive, send)
        headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return Answer(sent[0]["status"], headers, b"".join(message.get("body", b"") for message in sent[1:]))
