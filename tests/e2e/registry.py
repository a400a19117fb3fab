"""The registry as the scenarios see it: an address, credentials, and the doors to it."""

import base64
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from tests.clients.aws_cli import Aws
from tests.clients.tool import Sandbox
from tests.e2e.http import Http
from tests.e2e.server import ACCESS_KEY_ID, SECRET_ACCESS_KEY

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient


@dataclass(frozen=True, slots=True)
class Registry:
    """What a test needs of a registry."""

    host: str
    """`127.0.0.1:port`."""
    username: str
    password: str
    http: Http
    """Signed in, and strict about every answer."""
    _ecr: "ECRClient | None" = None

    @property
    def ecr(self) -> "ECRClient":
        """A boto3 client of its AWS API; a peer that stands in for it has none."""
        assert self._ecr is not None
        return self._ecr

    def create(self, name: str) -> str:
        """Create a repository."""
        if self._ecr is not None:
            self._ecr.create_repository(repositoryName=name)
        return name

    def new(self, prefix: str = "team") -> str:
        """Create a repository of a name that no other test has."""
        return self.create(f"{prefix}/r{uuid.uuid4().hex[:12]}")

    def aws(self, box: Sandbox, path: str) -> Aws:
        """An aws command line client with the root key."""
        keys = {"AWS_ACCESS_KEY_ID": ACCESS_KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY}
        return Aws(box, path, f"http://{self.host}", keys)


def open_registry(host: str) -> Registry:
    """Sign in at a running server, as its users do: by GetAuthorizationToken."""
    ecr = boto3.client(
        "ecr",
        endpoint_url=f"http://{host}",
        region_name="us-east-1",
        aws_access_key_id=ACCESS_KEY_ID,
        aws_secret_access_key=SECRET_ACCESS_KEY,
        config=Config(retries={"total_max_attempts": 1}, read_timeout=60),
    )
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    username, password = base64.b64decode(token).decode().split(":")
    return Registry(host, username, password, Http(f"http://{host}/", username, password), ecr)
