"""`/api/v1` of a server under test: signed requests, and what the tests need to go wrong with them."""

import base64
import http.client
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import boto3
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from tests.contract.aws import door
from tests.e2e.http import Http
from tests.e2e.server import ACCESS_KEY_ID, SECRET_ACCESS_KEY

BASE = "/api/v1"


@dataclass(frozen=True, slots=True)
class Key:
    """An access key."""

    id: str = ACCESS_KEY_ID
    secret: str = SECRET_ACCESS_KEY


@dataclass(frozen=True, slots=True)
class Answer(door.Answer):
    """An answer of the API."""

    @property
    def code(self) -> str:
        """The error's code."""
        return str(self.document["code"])


@dataclass(frozen=True, slots=True)
class Api:
    """One caller's way to the API of a server."""

    host: str
    key: Key = Key()
    region: str = "us-east-1"
    service: str = "moorage"

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        expires: int | None = None,
    ) -> Answer:
        """Send a signed request; `body` is bytes, or what becomes JSON. `expires` presigns it."""
        return self.send(*self.signed(method, path, body, headers=headers, expires=expires))

    def signed(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        expires: int | None = None,
    ) -> tuple[str, str, dict[str, str], bytes]:
        """Method, target, headers and body of a signed request."""
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {**({"Content-Type": "application/json"} if body is not None else {}), **(headers or {})}
        request = AWSRequest(method, f"http://{self.host}{BASE}{path}", headers=given, data=data)
        keys = Credentials(self.key.id, self.key.secret)
        if expires is None:
            SigV4Auth(keys, self.service, self.region).add_auth(request)
        else:
            SigV4QueryAuth(keys, self.service, self.region, expires=expires).add_auth(request)
        _, _, target = str(request.url).partition(self.host)
        return method, target, {str(name): str(value) for name, value in request.headers.items()}, data

    def send(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """One HTTP request, as it is given; every answer is held against what all of them keep."""
        connection = http.client.HTTPConnection(self.host, timeout=60)
        try:
            connection.request(method, target, body, dict(headers))
            response = connection.getresponse()
            content = response.read()
            answer = Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, content)
        finally:
            connection.close()
        check(answer, method)
        return answer

    def entries(self, path: str, member: str, limit: int = 1000, **query: str) -> Iterator[dict[str, Any]]:
        """Every entry of a listing."""
        filters, following = urlencode({"limit": str(limit), **query}), ""
        while True:
            answer = self.ask("GET", f"{path}?{filters}{following}")
            assert answer.status == 200, answer.body
            yield from answer.document[member]
            if answer.document["next"] is None:
                return
            following = f"&next={answer.document['next']}"

    def token(self, name: str = "test", **members: Any) -> dict[str, Any]:
        """Make a token."""
        made = self.ask("POST", "/tokens", {"name": name, **members})
        assert made.status == 201, made.body
        return made.document

    def sign_in(self, password: str) -> Http:
        """The registry's endpoint, by a token's password."""
        return Http(f"http://{self.host}/", "AWS", password)

    def ecr(self) -> Any:
        """A boto3 client of the ECR API with this key; to be closed."""
        return self.client("ecr")

    def client(self, service: str) -> Any:
        """A boto3 client of one of AWS's APIs with this key; to be closed."""
        make: Any = boto3.client  # its stubs want a literal name
        return make(
            service,
            endpoint_url=f"http://{self.host}",
            region_name=self.region,
            aws_access_key_id=self.key.id,
            aws_secret_access_key=self.key.secret,
            config=Config(retries={"total_max_attempts": 1}, read_timeout=60),
        )


def password_of(ecr: Any, **members: Any) -> tuple[str, str]:
    """The password of GetAuthorizationToken, and the endpoint that it is for."""
    (data,) = ecr.get_authorization_token(**members)["authorizationData"]
    return base64.b64decode(data["authorizationToken"]).decode().removeprefix("AWS:"), data["proxyEndpoint"]


def check(answer: Answer, method: str = "GET") -> None:
    """What every answer of the API keeps."""
    assert answer.status < 500, answer
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-amzn-requestid"]
    if answer.status >= 400 and method != "HEAD":
        assert set(answer.document) == {"code", "message", "request_id"}, answer.body
        assert answer.document["request_id"] == answer.headers["x-amzn-requestid"]
        assert answer.document["message"]
    if answer.status == 401:
        assert answer.headers["www-authenticate"] == "AWS4-HMAC-SHA256"
