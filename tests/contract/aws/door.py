"""The AWS door of a server under test: boto3 for what callers see, signed requests for what stands on the wire."""

import http.client
import json
import re
import sqlite3
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import boto3
import pytest
from botocore import xform_name
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from botocore.loaders import Loader
from botocore.model import ServiceModel, StructureShape

from tests.e2e.images import Blob, Content, digest
from tests.e2e.server import ACCESS_KEY_ID, SECRET_ACCESS_KEY, Server

ACCOUNT = "123456789012"
REGION = "us-east-1"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
TARGET = "AmazonEC2ContainerRegistry_V20150921"
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@cache
def model() -> ServiceModel:
    """ECR's model, as botocore ships it."""
    return ServiceModel(Loader().load_service_model("ecr", "service-2"), "ecr")


def input_of(operation: str) -> StructureShape:
    """The shape of an operation's request; every operation of ECR has one."""
    shape = model().operation_model(operation).input_shape
    assert shape is not None
    return shape


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer as it came."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def document(self) -> dict[str, Any]:
        """The body, parsed."""
        parsed = json.loads(self.body)
        assert isinstance(parsed, dict)
        return parsed

    @property
    def request_id(self) -> str:
        """The id under which the server recorded it."""
        return self.headers["x-amzn-requestid"]


@dataclass(slots=True)
class Signer:
    """How a request is signed; the defaults are right."""

    key_id: str = ACCESS_KEY_ID
    secret: str = SECRET_ACCESS_KEY
    token: str | None = None
    service: str = "ecr"
    region: str = REGION
    offset: float = 0
    """Seconds that the client's clock is ahead."""
    expires: int | None = None
    """Seconds that a presigned request lives; None signs in headers."""
    target: str | None = None
    """`X-Amz-Target` in full, instead of the operation's own."""
    headers: Mapping[str, str] = field(default_factory=dict)

    def sign(self, host: str, operation: str, body: bytes) -> AWSRequest:
        """The signed request."""
        headers = {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": self.target if self.target is not None else f"{TARGET}.{operation}",
            **self.headers,
        }
        request = AWSRequest("POST", f"http://{host}/", headers=headers, data=body)
        keys = Credentials(self.key_id, self.secret, self.token)
        if self.expires is None:
            auth: Any = SigV4Auth(keys, self.service, self.region)
        else:
            auth = SigV4QueryAuth(keys, self.service, self.region, expires=self.expires)
        # As `add_auth` does it, with a clock of our own.
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() + self.offset))
        request.context["timestamp"] = stamp
        auth._modify_request_before_signing(request)
        canonical = auth.canonical_request(request)
        signature = auth.signature(auth.string_to_sign(request, canonical), request)
        auth._inject_signature_to_request(request, signature)
        return request


class Door:
    """What the tests need of a running server."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.host = server.host
        self._clients: list[Any] = []
        self.ecr = self.client()
        self._login: dict[str, str] = {}
        self._http = http.client.HTTPConnection(self.host, timeout=60)

    def client(
        self,
        region: str = REGION,
        key_id: str = ACCESS_KEY_ID,
        secret: str = SECRET_ACCESS_KEY,
        service: str = "ecr",
        token: str | None = None,
    ) -> Any:
        """A boto3 client that sends what it is told, so that the server's own validation is what answers."""
        make: Any = boto3.client  # its stubs want a literal name
        made = make(
            service,
            endpoint_url=f"http://{self.host}",
            region_name=region,
            aws_access_key_id=key_id,
            aws_secret_access_key=secret,
            aws_session_token=token,
            config=Config(retries={"total_max_attempts": 1}, parameter_validation=False, read_timeout=60),
        )
        self._clients.append(made)
        return made

    def close(self) -> None:
        """Let go of every connection."""
        self._http.close()
        for client in self._clients:
            client.close()

    def call(self, operation: str, client: Any = None, **members: Any) -> dict[str, Any]:
        """Call an operation by the model's name; returns its members without the metadata."""
        answer: dict[str, Any] = getattr(client or self.ecr, xform_name(operation))(**members)
        assert answer.pop("ResponseMetadata")["HTTPStatusCode"] == 200
        return answer

    def raw(self, operation: str, body: bytes | Mapping[str, Any] = b"{}", signer: Signer | None = None) -> Answer:
        """Send a signed request, and return what came over the wire."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.send((signer or Signer()).sign(self.host, operation, data))

    def send(self, request: AWSRequest) -> Answer:
        """Send a request that is signed, or is not."""
        prepared = request.prepare()
        _, _, rest = prepared.url.partition(self.host)
        headers = {str(name): _text(value) for name, value in prepared.headers.items()}
        return self.exchange("POST", rest or "/", headers, request.data or b"")

    def exchange(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """One HTTP request on a connection that is kept."""
        self._http.request(method, path, body=body, headers=dict(headers))
        response = self._http.getresponse()
        content = response.read()
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, content)

    def new_repository(self, client: Any = None, **members: Any) -> str:
        """Create a repository of a name that no other test has."""
        name = f"team/r{uuid.uuid4().hex[:12]}"
        self.call("CreateRepository", client, repositoryName=name, **members)
        return name

    def upload(self, repository: str, data: bytes, client: Any = None) -> str:
        """Upload a layer of one part through the API, unless the repository has it; returns its digest."""
        session = self.call("InitiateLayerUpload", client, repositoryName=repository)["uploadId"]
        where = {"repositoryName": repository, "uploadId": session}
        self.call("UploadLayerPart", client, **where, partFirstByte=0, partLastByte=len(data) - 1, layerPartBlob=data)
        with suppress((client or self.ecr).exceptions.LayerAlreadyExistsException):
            self.call("CompleteLayerUpload", client, **where, layerDigests=[digest(data)])
        return digest(data)

    def push(self, repository: str, content: Content, *tags: str, client: Any = None) -> str:
        """Push an image with everything below it; its own manifest once per tag. Returns its digest.

        The default registry's layers come through `/v2/`, in one request each.
        """
        for each in content.walk():
            for blob in each.blobs:
                if client is None:
                    self._post(repository, blob)
                else:
                    self.upload(repository, blob.data, client)
            names = tags if each is content else ()
            for tag in names or (None,):
                self.put(repository, each, tag, client=client)
        return content.digest

    def _post(self, repository: str, blob: Blob) -> None:
        if not self._login:
            token = self.call("GetAuthorizationToken")["authorizationData"][0]["authorizationToken"]
            self._login = {"Authorization": f"Basic {token}", "Content-Type": "application/octet-stream"}
        path = f"/v2/{repository}/blobs/uploads/?digest={blob.digest}"
        assert self.exchange("POST", path, self._login, blob.data).status == 201

    def put(self, repository: str, content: Content, tag: str | None = None, *, client: Any = None, **more: Any) -> Any:
        """PutImage of a manifest alone."""
        members = {"imageManifest": content.manifest.data.decode(), **({"imageTag": tag} if tag else {}), **more}
        return self.call("PutImage", client, repositoryName=repository, **members)["image"]

    def tags(self, repository: str) -> dict[str, str]:
        """Every tag of a repository, with the digest that it is on."""
        listed = self.call("ListImages", repositoryName=repository, filter={"tagStatus": "TAGGED"})["imageIds"]
        return {entry["imageTag"]: entry["imageDigest"] for entry in listed}

    def digests(self, repository: str) -> set[str]:
        """Every image of a repository, tagged or not."""
        return {entry["imageDigest"] for entry in self.call("ListImages", repositoryName=repository)["imageIds"]}

    def query(self, statement: str, *parameters: Any) -> list[dict[str, Any]]:
        """Read the server's database."""
        uri = f"file:{self.server.data}/moorage.db?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=30)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(statement, parameters)]

    def prepare(self, statement: str, *parameters: Any) -> None:
        """Change the server's database, to make a state that would take thousands of calls."""
        with closing(sqlite3.connect(self.server.data / "moorage.db", timeout=30)) as connection, connection:
            connection.execute(statement, parameters)

    def settle(self) -> None:
        """Wait until what is written after the answer is written: a read that comes later than all is in the record."""
        last = self.raw("DescribeRepositories", {"maxResults": 1}, Signer(region="xx-settle")).request_id
        deadline = time.monotonic() + 2
        while not self.query("SELECT id FROM audit WHERE request_id = ?", last) and time.monotonic() < deadline:
            time.sleep(0.05)

    def audited(self, request_id: str, seconds: float = 2) -> list[dict[str, Any]]:
        """The audit rows of a request, as soon as there is one; what is written after the answer may take two seconds."""
        deadline = time.monotonic() + seconds
        while True:
            rows = self.query("SELECT * FROM audit WHERE request_id = ?", request_id)
            if rows or time.monotonic() > deadline:
                return rows
            time.sleep(0.05)


@contextmanager
def refused(code: str, message: str | re.Pattern[str]) -> Iterator[pytest.ExceptionInfo[ClientError]]:
    """The block must end in this error: its code, its whole message, status 400 and a request id."""
    with pytest.raises(ClientError) as caught:
        yield caught
    answer = caught.value.response
    assert answer["Error"]["Code"] == code, answer
    said = answer["Error"]["Message"]
    assert message.fullmatch(said) if isinstance(message, re.Pattern) else said == message
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert UUID.fullmatch(answer["ResponseMetadata"]["RequestId"])


def constraint(member: str, text: str) -> str:
    """ECR's sentence about a member that breaks a constraint."""
    return f"Invalid parameter at '{member}' failed to satisfy constraint: '{text}'"


def no_repository(name: str) -> str:
    """ECR's sentence about a repository that is not there."""
    return f"The repository with name '{name}' does not exist in the registry with id '{ACCOUNT}'"


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
