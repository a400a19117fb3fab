"""A row of the `audit` table as a CloudTrail record (CloudTrail user guide, "CloudTrail record contents", version 1.11).

Pure: the same row gives the same record, also the same `eventID`, however often and wherever it is written.
"""

import hashlib
import json
import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from moorage.core.clock import SECOND

EVENT_VERSION = "1.11"

Row = Mapping[str, Any]
"""The columns of the `audit` table by name."""

_GLOBAL_REGION = "us-east-1"
"""Where CloudTrail records what belongs to no region."""

_RESOURCE_ARN = re.compile(
    r"arn:aws:(?P<service>ecr|iam|sts):[a-z0-9-]*:(?P<account>[0-9]{12}|aws):(?P<kind>[a-z-]+)/(?P<name>.+)"
)
_TYPES = {
    ("ecr", "repository"): "AWS::ECR::Repository",
    ("iam", "user"): "AWS::IAM::User",
    ("iam", "group"): "AWS::IAM::Group",
    ("iam", "role"): "AWS::IAM::Role",
    ("iam", "policy"): "AWS::IAM::Policy",
    ("iam", "instance-profile"): "AWS::IAM::InstanceProfile",
    ("iam", "oidc-provider"): "AWS::IAM::OIDCProvider",
}
RESOURCE_TYPES: Mapping[str, str] = {name: f"arn:aws:{service}:%:{kind}/%" for (service, kind), name in _TYPES.items()}
"""Every type of resource that a record can have, with the pattern (SQL's LIKE) of its ARNs."""

_ASSUMED_ROLE = re.compile(r"arn:aws:sts::(?P<account>[0-9]{12}):assumed-role/(?P<role>[^/]+)/(?P<session>.+)")
_RESOURCE_BASED = "resource-based policy"
_OF_RESOURCES = frozenset({_RESOURCE_BASED, "role trust policy"})
"""The kinds of policies that belong to the owner of a resource."""


def accounts_of(row: Row) -> list[str | None]:
    """The accounts that have a record of the call: the caller's, and the resource's where it is another one.

    Nobody's, `[None]`, where it was never found out who called for what.
    """
    found = [account for account in (row["account_id"], row["owner_account_id"]) if account]
    return found or [None]


def record_of(row: Row, account_id: str | None) -> dict[str, Any]:
    """The record that one of the accounts of `accounts_of` has of the call.

    A caller of another account is shown to the owner of the resource by account, ARN and id; which key signed is the caller's
    account's business. Of the statements that decided each account is shown its own.
    """
    foreign = account_id is not None and account_id != row["account_id"] and row["account_id"] is not None
    document: dict[str, Any] = {
        "eventVersion": EVENT_VERSION,
        "userIdentity": _foreign_identity(row) if foreign else _identity(row),
        "eventTime": _time(row["at"]),
        "eventSource": row["event_source"],
        "eventName": row["event_name"],
        "awsRegion": row["region"] or _GLOBAL_REGION,
        "sourceIPAddress": row["source_address"] or "",
        "userAgent": row["user_agent"] or "",
    }
    if row["error_code"]:
        document["errorCode"] = row["error_code"]
        if row["error_message"]:
            document["errorMessage"] = row["error_message"]
    document |= {
        "requestParameters": json.loads(row["parameters"]) if row["parameters"] else None,
        "responseElements": None,
        "additionalEventData": _additional(row, foreign=foreign),
        "requestID": row["request_id"],
        "eventID": event_id(row, account_id),
        "readOnly": bool(row["read_only"]),
    }
    if resources := resources_of(row):
        document["resources"] = resources
    document |= {"eventType": "AwsApiCall", "managementEvent": True}
    if account_id is not None:
        document["recipientAccountId"] = account_id
    if len(accounts_of(row)) > 1:
        document["sharedEventID"] = str(_shared_id(row))
    document["eventCategory"] = "Management"
    return document


def resources_of(row: Row) -> list[dict[str, str]]:
    """What the call was about: the ARN, the account that it belongs to and its type; empty where that is no single thing."""
    found = _RESOURCE_ARN.fullmatch(row["resource"] or "")
    kind = _TYPES.get((found["service"], found["kind"])) if found else None
    if found is None or kind is None or "*" in found["name"]:
        return []
    return [{"ARN": row["resource"], "accountId": found["account"], "type": kind}]


def event_id(row: Row, account_id: str | None) -> str:
    """The id of an account's record, a UUID of version 8 (RFC 9562) in which the row's id stands beside a digest of the row."""
    copy = accounts_of(row).index(account_id)
    head = _digest(row)[:8]
    return str(uuid.UUID(int=int.from_bytes(head) << 64 & _NO_VERSION | 8 << 76 | 2 << 62 | row["id"] << 2 | copy))


_NO_VERSION = ~(0xF << 76)


def row_id_of(event: str) -> int | None:
    """The id of the row that an event's id speaks of, if it is one at all; whether it is that row's, `event_id` says."""
    try:
        number = uuid.UUID(event)
    except ValueError:
        return None
    if str(number) != event.lower() or number.version != 8:
        return None
    return (number.int & ((1 << 62) - 1)) >> 2


def _shared_id(row: Row) -> uuid.UUID:
    """What the records of both accounts have in common."""
    return uuid.UUID(bytes=_digest(row)[16:], version=4)


def _digest(row: Row) -> bytes:
    return hashlib.sha256(f"{row['id']} {row['at']} {row['request_id']}".encode()).digest()


def _identity(row: Row) -> dict[str, Any]:
    arn, kind = row["principal_arn"] or "", row["principal_kind"] or "Unknown"
    document: dict[str, Any] = {"type": kind}
    for member, column in (
        ("principalId", "principal_id"),
        ("arn", "principal_arn"),
        ("accountId", "account_id"),
        ("accessKeyId", "access_key_id"),
    ):
        if row[column]:
            document[member] = row[column]
    if kind == "WebIdentityUser" and "arn" in document:
        document["identityProvider"] = document.pop("arn")
    if kind in {"IAMUser", "WebIdentityUser"} and row["username"]:
        document["userName"] = row["username"]
    if context := _session(row, _ASSUMED_ROLE.fullmatch(arn)):
        document["sessionContext"] = context
    return document


def _session(row: Row, role: re.Match[str] | None) -> dict[str, Any]:
    """Of temporary credentials: that there was no MFA, and for a role's session whose it is; its path is not known."""
    if role is None and not (row["access_key_id"] or "").startswith("ASIA"):
        return {}
    document: dict[str, Any] = {"attributes": {"mfaAuthenticated": "false"}}
    if role is not None:
        document["sessionIssuer"] = {
            "type": "Role",
            "principalId": (row["principal_id"] or "").partition(":")[0],
            "arn": f"arn:aws:iam::{role['account']}:role/{role['role']}",
            "accountId": role["account"],
            "userName": role["role"],
        }
    return document


def _foreign_identity(row: Row) -> dict[str, Any]:
    document = {
        "type": "AWSAccount",
        "principalId": row["principal_id"],
        "arn": row["principal_arn"],
        "accountId": row["account_id"],
    }
    return {name: value for name, value in document.items() if value}


def _additional(row: Row, *, foreign: bool) -> dict[str, Any]:
    document: dict[str, Any] = {"protocol": row["protocol"]}
    if row["ruling"]:
        document["authorization"] = _ruling(json.loads(row["ruling"]), foreign=foreign)
    if row["count"] > 1:
        document["count"] = row["count"]
    return document


def _ruling(ruling: Mapping[str, Any], *, foreign: bool) -> dict[str, Any]:
    """What decided, as one side is told it: the caller what its denial tells, the owner what its own policies did."""
    statements = ruling["theirs" if foreign else "statements"]
    if foreign and not statements and ruling["by"] not in _OF_RESOURCES:
        return {"outcome": ruling["outcome"]}
    by = ruling["by"] if not foreign or ruling["by"] in _OF_RESOURCES else _RESOURCE_BASED
    return {"outcome": ruling["outcome"], "by": by, "statements": statements}


def _time(at: int) -> str:
    return f"{datetime.fromtimestamp(at // SECOND, UTC):%Y-%m-%dT%H:%M:%SZ}"
