"""Session policies in requests, and how much room they take with a session's tags (IAM user guide, "Session policies")."""

import json
import zlib
from collections.abc import Mapping
from typing import Any

from moorage.iam.errors import PackedPolicyTooLargeError
from moorage.iam.kinds import parse_session_policy
from moorage.identity.iam_errors import IamValidationError
from moorage.identity.policies import managed_policies
from moorage.storage.database.transaction import Transaction

MOST_PACKED = 4096
"""Bytes that policies and tags of a session may have together once they are compressed."""


def accepted(tx: Transaction, account_id: str, params: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The policies that restrict a session: an inline one as it is, managed ones by ARN; None where none is given.

    Managed ones are of the session's own account or of AWS. Raises MalformedPolicyError, PackedPolicyTooLargeError, and
    IamValidationError for a managed policy that is not there.
    """
    policies: list[str] = []
    if (text := params.get("Policy")) is not None:
        parse_session_policy(text)
        policies.append(text)
    for descriptor in params.get("PolicyArns") or ():
        arn = str(descriptor.get("arn") or "")
        if managed_policies.find(tx, account_id, arn) is None:
            raise IamValidationError(f"The policy {arn[:2048]} is neither one of the session's account nor of AWS.")
        policies.append(arn)
    return tuple(policies) or None


def packed_size(policies: tuple[str, ...] | None, tags: Mapping[str, str]) -> int | None:
    """How much of a session's room they take, in percent; None where there are none. Raises PackedPolicyTooLargeError."""
    if policies is None and not tags:
        return None
    size = len(zlib.compress(json.dumps([policies, dict(tags)]).encode(), 9))
    if size > MOST_PACKED:
        raise PackedPolicyTooLargeError(size, MOST_PACKED)
    return -(-100 * size // MOST_PACKED)
