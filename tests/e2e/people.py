"""Users of an installation with policies of their own, and what they see at each of its doors."""

import json
import uuid
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import boto3
from botocore.config import Config

from tests.e2e.api import Api, Key, password_of
from tests.e2e.http import Http
from tests.e2e.server import ACCESS_KEY_ID, SECRET_ACCESS_KEY, Server

DEFAULT = "123456789012"
OTHER = "210987654321"
TOKEN = {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"}
PULL = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
PUSH = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:InitiateLayerUpload",
    "ecr:UploadLayerPart",
    "ecr:CompleteLayerUpload",
    "ecr:PutImage",
)


def allow(actions: Sequence[str] | str, resource: str = "*", **elements: Any) -> dict[str, Any]:
    """A statement."""
    return {"Effect": "Allow", "Action": actions, "Resource": resource, **elements}


def deny(actions: Sequence[str] | str, resource: str = "*", **elements: Any) -> dict[str, Any]:
    """A statement that denies."""
    return {**allow(actions, resource, **elements), "Effect": "Deny"}


def policy(*statements: dict[str, Any]) -> str:
    """A policy of these statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def arn_of(repository: str, account: str = DEFAULT) -> str:
    """A repository's ARN."""
    return f"arn:aws:ecr:us-east-1:{account}:repository/{repository}"


def denial(user: str, action: str, resource: str, kind: str = "identity-based policy") -> str:
    """AWS's text for what nothing allows."""
    return f"User: {user} is not authorized to perform: {action} on resource: {resource} because no {kind} allows the {action} action"


@dataclass(frozen=True)
class Person:
    """A user with an access key."""

    town: "Town"
    name: str
    arn: str
    key: Key

    def client(self, service: str = "ecr") -> Any:
        """A boto3 client with the user's key."""
        return self.town.client(service, self.key)

    def may(self, *statements: dict[str, Any]) -> "Person":
        """The user's one inline policy from now on; none of it without statements."""
        iam = self.town.iam_of(self)
        if statements:
            iam.put_user_policy(UserName=self.name, PolicyName="own", PolicyDocument=policy(*statements))
        else:
            iam.delete_user_policy(UserName=self.name, PolicyName="own")
        return self

    def sign_in(self, account: str = DEFAULT) -> Http:
        """A session at the registry's endpoint of an account, named by Host, since such names resolve on few machines."""
        password, _ = password_of(self.client())
        session = Http(f"http://{self.town.server.host}/", "AWS", password)
        session.headers["Host"] = f"{account}.dkr.ecr.us-east-1.localhost:{self.town.server.port}"
        return session

    def api(self) -> Api:
        """The user's way to `/api/v1`."""
        return replace(Api(self.town.server.host), key=self.key)


class Town:
    """An installation with two accounts; to be closed."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._open = ExitStack()
        self.root = Key(ACCESS_KEY_ID, SECRET_ACCESS_KEY)
        made = Api(server.host).ask("POST", "/accounts", {"name": "second", "account_id": OTHER})
        assert made.status == 201, made.body
        key = made.document["root_key"]
        self.other_root = Key(key["access_key_id"], key["secret_access_key"])
        self.iam = self.client("iam", self.root)
        self.ecr = self.client("ecr", self.root)
        self._other_iam = self.client("iam", self.other_root)

    def client(self, service: str, key: Key) -> Any:
        """A boto3 client."""
        make: Any = boto3.client
        made = make(
            service,
            endpoint_url=f"http://{self.server.host}",
            region_name="us-east-1",
            aws_access_key_id=key.id,
            aws_secret_access_key=key.secret,
            config=Config(retries={"total_max_attempts": 1}, read_timeout=60),
        )
        self._open.callback(made.close)
        return made

    def iam_of(self, person: Person) -> Any:
        """IAM as the root of the person's account sees it."""
        return self.iam if f"::{DEFAULT}:" in person.arn else self._other_iam

    def person(self, *statements: dict[str, Any], account: str = DEFAULT) -> Person:
        """A new user who may do this, and sign in at registries."""
        iam = self.iam if account == DEFAULT else self._other_iam
        name = f"user-{uuid.uuid4().hex[:12]}"
        arn = iam.create_user(UserName=name)["User"]["Arn"]
        key = iam.create_access_key(UserName=name)["AccessKey"]
        person = Person(self, name, arn, Key(key["AccessKeyId"], key["SecretAccessKey"]))
        iam.put_user_policy(UserName=name, PolicyName="token", PolicyDocument=policy(TOKEN))
        return person.may(*statements) if statements else person

    def repository(self, prefix: str = "team") -> str:
        """A new repository of the default account."""
        name = f"{prefix}/r{uuid.uuid4().hex[:12]}"
        self.ecr.create_repository(repositoryName=name)
        return name

    def root_session(self) -> Http:
        """The default account's root at the registry's endpoint."""
        return Person(self, "root", f"arn:aws:iam::{DEFAULT}:root", self.root).sign_in()

    def close(self) -> None:
        """Let go of every connection."""
        self._open.close()
