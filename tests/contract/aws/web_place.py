"""A server and an issuer that it knows, for the tests of signing in with a token."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import boto3
from botocore import UNSIGNED
from botocore.config import Config

from tests.contract.aws.door import ACCOUNT, Answer, Door
from tests.contract.aws.iam import fresh
from tests.e2e.server import ACCESS_KEY_ID, SECRET_ACCESS_KEY, Server
from tests.unit.identity.issuer import Issuer
from tests.unit.outgoing.scripted import AUTHORITY

FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
_PULL = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly"


class Place:
    """A server, an issuer that it knows, and how callers of both behave."""

    def __init__(self, door: Door, issuer: Issuer) -> None:
        self.door = door
        self.issuer = issuer
        self.name = issuer.url.removeprefix("https://")
        self.provider = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{self.name}"
        self.iam = self.client("iam", aws_access_key_id=ACCESS_KEY_ID, aws_secret_access_key=SECRET_ACCESS_KEY)
        self.sts = self.client("sts", config=Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1}))

    def client(self, service: str, **options: Any) -> Any:
        """A boto3 client that does not try again."""
        usual = {"endpoint_url": f"http://{self.door.host}", "region_name": "us-east-1"}
        made: Any = boto3.client
        return made(service, **{**usual, "config": Config(retries={"total_max_attempts": 1}), **options})

    def role(self, conditions: Any = None, **options: Any) -> str:
        """The ARN of a fresh role that the issuer's identities may take, under these conditions."""
        statement = {"Effect": "Allow", "Principal": {"Federated": self.provider}, "Action": "sts:AssumeRoleWithWebIdentity"}
        text = json.dumps({"Version": "2012-10-17", "Statement": [{**statement, "Condition": conditions or {}}]})
        name = fresh("role")
        made = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=text, **options)
        self.iam.attach_role_policy(RoleName=name, PolicyArn=_PULL)
        return str(made["Role"]["Arn"])

    def token(self, **claims: Any) -> str:
        """A token of the issuer that is good now, but for these claims."""
        return self.issuer.token(None, None, **claims)

    def assume(self, role: str, token: str, **more: Any) -> Any:
        """The answer of STS."""
        return self.sts.assume_role_with_web_identity(
            RoleArn=role, RoleSessionName="GitHubActions", WebIdentityToken=token, **more
        )

    def unsigned(self, form: dict[str, str], path: str = "/") -> Answer:
        """A form that nobody signed."""
        return self.door.exchange("POST", path, FORM, urlencode(form).encode())


@contextmanager
def opened(folder: Path) -> Iterator[Place]:
    """Server and issuer, while the block runs."""
    trusted = folder / "authority.pem"
    AUTHORITY.cert_pem.write_to_path(str(trusted))
    settings = {"MOORAGE_WORKERS": "1", "MOORAGE_OUTGOING_NETWORKS": "127.0.0.0/8", "SSL_CERT_FILE": str(trusted)}
    server = Server(folder / "data", "fast", settings=settings)
    with Issuer(host="localhost") as issuer:
        try:
            server.start()
        except BaseException:
            server.kill()
            raise
        door = Door(server)
        made = Place(door, issuer)
        made.iam.create_open_id_connect_provider(Url=issuer.url, ClientIDList=["sts.amazonaws.com"])
        yield made
        door.close()
        server.stop()


def code_of(answer: Answer) -> str:
    """The code of an error in XML; empty where there is none."""
    found = re.search(r"<Code>(\w+)</Code>", answer.body.decode())
    return found[1] if found else ""
