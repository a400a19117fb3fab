"""The personas, made through the doors of a real installation, and what the samples find there."""

import base64
import json
from dataclasses import dataclass
from typing import Any

from tests.authorization.personas import EVERYTHING, INLINE, LISTS, Persona
from tests.authorization.place import ACCOUNT, ROOT, Ask, Keys, Place
from tests.authorization.samples import TRUST

_AWS = "arn:aws:iam::aws:policy/"


@dataclass(frozen=True, slots=True)
class Person:
    """A persona with its credentials."""

    persona: Persona
    arn: str
    keys: Keys | None
    password: str | None
    """Of a token that was issued before the persona had its policies."""
    identity_arn: str
    """Of the user, or of the session's role."""


def document(effect: str, **elements: Any) -> str:
    """A policy about every resource, unless the elements say otherwise."""
    statement = {"Effect": effect, "Resource": "*", **elements}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def keys_of(place: Place, user: str, by: Keys = ROOT) -> Keys:
    """A new access key of a user."""
    made = place.do(by, "iam", "CreateAccessKey", UserName=user)
    return Keys(made.element("AccessKeyId"), made.element("SecretAccessKey"))


def token_of(place: Place, keys: Keys) -> str:
    """A password of `AWS`."""
    data = place.do(keys, "ecr", "GetAuthorizationToken").document["authorizationData"][0]
    return base64.b64decode(data["authorizationToken"]).decode().partition(":")[2]


class People:
    """Makes the personas."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._abroad: Keys | None = None

    def make(self, persona: Persona) -> Person:
        """The persona, with credentials."""
        if persona.anonymous:
            return Person(persona, "anonymous", None, None, "")
        if persona.session:
            return self._session(persona)
        return self._user(persona, self._other_account() if persona.abroad else ROOT)

    def _user(self, persona: Persona, by: Keys) -> Person:
        do, name = self._place.do, persona.name
        do(by, "iam", "CreateUser", UserName=name)
        # A token outlives the policies that were there when it was issued.
        do(by, "iam", "PutUserPolicy", UserName=name, PolicyName="first", PolicyDocument=document("Allow", Action="*"))
        keys = keys_of(self._place, name, by)
        password = token_of(self._place, keys)
        arn = do(keys, "sts", "GetCallerIdentity").element("Arn")
        self._give(persona, by)
        do(by, "iam", "DeleteUserPolicy", UserName=name, PolicyName="first")
        return Person(persona, arn, keys, password, arn)

    def _give(self, persona: Persona, by: Keys) -> None:
        do, of = self._place.do, {"UserName": persona.name}
        if persona.without:
            text = document("Allow", NotAction=persona.without)
            do(by, "iam", "PutUserPolicy", **of, PolicyName="own", PolicyDocument=text)
        elif persona.identity in INLINE:
            text = document("Allow", Action=sorted(LISTS[persona.identity]), Resource=persona.only_on or "*")
            do(by, "iam", "PutUserPolicy", **of, PolicyName="own", PolicyDocument=text)
        elif persona.identity is not None:
            do(by, "iam", "AttachUserPolicy", **of, PolicyArn=_AWS + persona.identity)
        if persona.boundary:
            do(by, "iam", "PutUserPermissionsBoundary", **of, PermissionsBoundary=_AWS + persona.boundary)
        if persona.denied:
            do(by, "iam", "PutUserPolicy", **of, PolicyName="no", PolicyDocument=document("Deny", Action="*"))

    def _session(self, persona: Persona) -> Person:
        do, role = self._place.do, {"RoleName": persona.name}
        do(ROOT, "iam", "CreateRole", **role, AssumeRolePolicyDocument=TRUST)
        do(ROOT, "iam", "PutRolePolicy", **role, PolicyName="own", PolicyDocument=document("Allow", Action="*"))
        opener = self._user(Persona(f"opener-of-{persona.name}", EVERYTHING), ROOT)
        assert opener.keys is not None
        arn = f"arn:aws:iam::{ACCOUNT}:role/{persona.name}"
        limits = {"PolicyArns.member.1.arn": f"{_AWS}{persona.session}"}
        made = do(opener.keys, "sts", "AssumeRole", RoleArn=arn, RoleSessionName="it", **limits)
        keys = Keys(made.element("AccessKeyId"), made.element("SecretAccessKey"), made.element("SessionToken"))
        return Person(persona, made.element("Arn"), keys, token_of(self._place, keys), arn)

    def _other_account(self) -> Keys:
        if self._abroad is None:
            _, self._abroad = new_account(self._place)
        return self._abroad


def new_account(place: Place) -> tuple[str, Keys]:
    """An account with a free id, and its root's keys."""
    headers = {"Content-Type": "application/json"}
    made = place.ask(Ask("POST", "/api/v1/accounts", headers=headers, body=b'{"name": "other"}', service="moorage"), ROOT)
    assert made.status == 201, made
    said = made.document
    return said["account_id"], Keys(said["root_key"]["access_key_id"], said["root_key"]["secret_access_key"])


def furnish(place: Place) -> Keys:
    """Make what the samples would make, and the repositories of the mount; returns the keys of the user `holder`."""
    do, made = place.do, {"Path": "/made/"}
    plain = document("Allow", Action="ecr:GetAuthorizationToken")
    do(ROOT, "iam", "CreateUser", **made, UserName="taken")
    do(ROOT, "iam", "CreateGroup", **made, GroupName="taken")
    do(ROOT, "iam", "CreateRole", **made, RoleName="taken", AssumeRolePolicyDocument=TRUST)
    do(ROOT, "iam", "CreatePolicy", **made, PolicyName="taken", PolicyDocument=plain)
    do(ROOT, "iam", "CreateInstanceProfile", **made, InstanceProfileName="taken")
    do(ROOT, "iam", "CreateOpenIDConnectProvider", Url="https://taken.example.com")
    do(ROOT, "iam", "CreateRole", RoleName="assumable", AssumeRolePolicyDocument=TRUST)
    do(ROOT, "iam", "CreateServiceLinkedRole", AWSServiceName="replication.ecr.amazonaws.com")
    do(ROOT, "iam", "CreateAccountAlias", AccountAlias="taken")
    do(ROOT, "iam", "CreateUser", UserName="holder")
    for name in ("taken/app", "source/app", "target/app"):
        do(ROOT, "ecr", "CreateRepository", repositoryName=name)
    do(ROOT, "ecr", "PutAccountSetting", name="BLOB_MOUNTING", value="ENABLED")
    do(ROOT, "ecr", "CreateRepositoryCreationTemplate", prefix="taken", appliedFor=["PULL_THROUGH_CACHE"])
    body = json.dumps({"name": "made", "repositories": ["absent/*"], "actions": ["pull"]}).encode()
    headers = {"Content-Type": "application/json"}
    robot = place.ask(Ask("POST", "/api/v1/robots", headers=headers, body=body, service="moorage"), ROOT)
    assert robot.status == 201, robot
    return keys_of(place, "holder")
