"""Rows of the `audit` table, as calls make them."""

from typing import Any

from moorage.core.call import Call, Principal, Registry, Ruling
from moorage.core.clock import Timestamp
from moorage.storage.database.transaction import audit_row

ACCOUNT = "123456789012"
OTHER = "210987654321"
AT = Timestamp(1_767_225_600_250)
REPOSITORY = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/team/app"
USER = Principal(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/ci/bob", "IAMUser", "AKIABOB0000000000000", id="AIDABOB0000000000000")
SESSION = Principal(
    ACCOUNT,
    f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/run-17",
    "AssumedRole",
    "ASIARUN0000000000000",
    id="AROADEPLOY0000000000:run-17",
    session_id="ASIARUN0000000000000",
)
FOREIGNER = Principal(OTHER, f"arn:aws:iam::{OTHER}:user/eve", "IAMUser", "AKIAEVE0000000000000", id="AIDAEVE0000000000000")
NOBODY = Principal("", "", "Unknown", "")


def a_call(principal: Principal = USER, **changes: Any) -> Call:
    """A push that an identity policy allowed."""
    facts: dict[str, Any] = {
        "request_id": "11111111-2222-4333-a444-000000000001",
        "at": AT,
        "event_source": "ecr.amazonaws.com",
        "event_name": "PutImage",
        "principal": principal,
        "registry": Registry(1, "private", ACCOUNT, "us-east-1"),
        "source_address": "192.0.2.7",
        "user_agent": "docker/28.0.1",
        "resource": REPOSITORY,
        "read_only": False,
        "protocol": "oci",
        "ruling": Ruling("allowed", "identity-based policy", ("push#Dev",)),
        "parameters": {"repositoryName": "team/app", "imageTag": "1.0"},
    }
    return Call(**{**facts, **changes})


def a_row(call: Call, number: int = 7, **recorded: Any) -> dict[str, Any]:
    """The row of a call."""
    return {"id": number, **audit_row(call, **recorded)}
