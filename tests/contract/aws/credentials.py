"""Credentials of every kind, and roles, for the tests of IAM and STS."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

ALLOW = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}})


@dataclass(frozen=True)
class Keys:
    """Credentials of any kind."""

    id: str
    secret: str
    token: str | None = None

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> "Keys":
        """What STS handed out."""
        given = answer["Credentials"]
        return cls(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])


@dataclass(frozen=True)
class User:
    """A user who may do everything in the account."""

    name: str
    arn: str
    id: str
    keys: Keys


def fresh(what: str) -> str:
    """A name that no other test has."""
    return f"{what}-{uuid.uuid4().hex[:12]}"


def new_role(iam: Any, principal: Any, *, allow: str | None = ALLOW, **statement: Any) -> dict[str, Any]:
    """A role that may do what `allow` says, and that this principal may take."""
    trust = {"Effect": "Allow", "Principal": principal, "Action": ["sts:AssumeRole", "sts:TagSession"], **statement}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role: dict[str, Any] = iam.create_role(RoleName=fresh("role"), AssumeRolePolicyDocument=document)["Role"]
    if allow is not None:
        iam.put_role_policy(RoleName=role["RoleName"], PolicyName="all", PolicyDocument=allow)
    return role


def refusal(call: Any, **members: Any) -> tuple[int, str, str]:
    """Status, code and message of a call that must be refused."""
    with pytest.raises(ClientError) as caught:
        call(**members)
    answer = caught.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"], answer["Error"]["Message"]
