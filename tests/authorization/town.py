"""Two repositories with an image each, somebody who may use one of them, and somebody of another account."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from tests.authorization.people import document, keys_of, new_account, token_of
from tests.authorization.place import ACCOUNT, HOST, REGION, ROOT, Answer, Ask, Keys, Place

OPEN, CLOSED = "team/open", "team/closed"
_TYPE = "application/vnd.oci.image.manifest.v1+json"


def arn(name: str, account_id: str = ACCOUNT) -> str:
    """The ARN of a repository."""
    return f"arn:aws:ecr:{REGION}:{account_id}:repository/{name}"


def host_of(account_id: str, region: str = REGION) -> Mapping[str, str]:
    """The host of an account's registry."""
    return {"Host": f"{account_id}.dkr.ecr.{region}.{HOST}"}


def digest(data: bytes) -> str:
    """Of a blob."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


@dataclass
class Town:
    """The place, and who is there."""

    place: Place

    def __post_init__(self) -> None:
        self.root_password = token_of(self.place, ROOT)
        for name in (OPEN, CLOSED):
            self.place.do(ROOT, "ecr", "CreateRepository", repositoryName=name)
            self.push(name)
        # Everything that ECR has on one repository, and the login.
        self.keys = self.user("limited", document("Allow", Action="ecr:*", Resource=arn(OPEN)))
        self.password = token_of(self.place, self._with_login("limited"))

    def _with_login(self, name: str) -> Keys:
        text = document("Allow", Action="ecr:GetAuthorizationToken")
        self.place.do(ROOT, "iam", "PutUserPolicy", UserName=name, PolicyName="login", PolicyDocument=text)
        return self.keys

    def user(self, name: str, text: str, by: Keys = ROOT) -> Keys:
        """A user with this policy."""
        self.place.do(by, "iam", "CreateUser", UserName=name)
        self.place.do(by, "iam", "PutUserPolicy", UserName=name, PolicyName="own", PolicyDocument=text)
        return keys_of(self.place, name, by)

    @cached_property
    def foreign(self) -> tuple[str, Keys]:
        """An account and its root."""
        return new_account(self.place)

    def secret_of(self, name: str) -> bytes:
        """The one blob of a repository's image, which is its config and its layer."""
        return json.dumps({"secret": f"of {name}"}).encode()

    def manifest_of(self, name: str) -> bytes:
        """Of a repository's image."""
        data = self.secret_of(name)
        blob = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest(data), "size": len(data)}
        return json.dumps({"schemaVersion": 2, "mediaType": _TYPE, "config": blob, "layers": []}).encode()

    def push(self, name: str) -> None:
        """An image with the tag 1."""
        data = self.secret_of(name)
        upload = Ask("POST", f"/v2/{name}/blobs/uploads/", {"digest": digest(data)}, body=data)
        assert self.as_root(upload).status == 201
        put = Ask("PUT", f"/v2/{name}/manifests/1", headers={"Content-Type": _TYPE}, body=self.manifest_of(name))
        assert self.as_root(put).status == 201

    def as_root(self, ask: Ask) -> Answer:
        """On the data plane."""
        return self.place.ask(ask, password=self.root_password)

    def as_limited(self, ask: Ask) -> Answer:
        """On the data plane, by who may use one repository."""
        return self.place.ask(ask, password=self.password)

    def api(self, keys: Keys, ask: Ask, body: Mapping[str, Any] | None = None) -> Answer:
        """A request to `/api/v1`, whose path is what comes after that."""
        made = replace(ask, path=f"/api/v1{ask.path}", service="moorage")
        if body is not None:
            made = replace(made, body=json.dumps(body).encode(), headers={"Content-Type": "application/json"})
        return self.place.ask(made, keys)
