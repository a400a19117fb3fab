"""Denials in full, sealed: what a refused caller may hand to whoever is allowed to read it (STS API reference,
"DecodeAuthorizationMessage").

A message holds all that it says; nothing is stored. Only this installation can have made one, and only callers of the account
that was refused can have it decoded.
"""

import base64
import binascii
import json
import zlib
from collections.abc import Mapping
from typing import Any

from moorage.core.call import Principal, Ruling
from moorage.core.errors import MoorageError
from moorage.identity.credentials.sealing import Sealer, WrongKeyError

LONGEST = 4000
"""Characters of a message: it has to fit into a header of an answer. What would be longer goes without its conditions."""

_LONGEST_SHOWN = 512
_CONTEXT = "authorization message of"


class InvalidAuthorizationMessageError(MoorageError):
    """No message of this installation, or not one of the caller's account."""

    aws_code = "InvalidAuthorizationMessageException"
    oci_code = "UNSUPPORTED"

    def __init__(self) -> None:
        super().__init__("EncodedMessage is not a valid authorization message.")


def encode(
    sealer: Sealer,
    principal: Principal,
    action: str,
    resource: str,
    ruling: Ruling,
    conditions: Mapping[str, tuple[str, ...]],
) -> str:
    """The message about a refused call, at most `LONGEST` characters of a header's alphabet.

    `conditions` are the context keys that the policies read, with their values.
    """
    for kept, named in ((conditions, ruling.statements), ({}, ruling.statements), ({}, ())):
        told = _told(principal, action, resource, Ruling(ruling.outcome, ruling.by, named), kept)
        message = _sealed(sealer, principal.account_id, told)
        if len(message) <= LONGEST:
            return message
    shortened = _told(principal, action[:_LONGEST_SHOWN], resource[:_LONGEST_SHOWN], Ruling(ruling.outcome, ruling.by), {})
    return _sealed(sealer, principal.account_id, shortened)


def decode(sealer: Sealer, account_id: str, message: str) -> str:
    """What a message of that account says, as JSON; raises InvalidAuthorizationMessageError for every other text."""
    try:
        sealed = base64.b64decode(message.encode("ascii"), altchars=b"-_", validate=True)
        return zlib.decompress(sealer.open_bytes(sealed, f"{_CONTEXT} {account_id}")).decode()
    except (ValueError, binascii.Error, zlib.error, WrongKeyError):
        raise InvalidAuthorizationMessageError from None


def _sealed(sealer: Sealer, account_id: str, told: Mapping[str, Any]) -> str:
    packed = zlib.compress(json.dumps(told, separators=(",", ":")).encode(), 9)
    return base64.urlsafe_b64encode(sealer.seal_bytes(packed, f"{_CONTEXT} {account_id}")).decode()


def _told(
    principal: Principal, action: str, resource: str, ruling: Ruling, conditions: Mapping[str, tuple[str, ...]]
) -> dict[str, Any]:
    explicit = ruling.outcome == "explicitDeny"
    return {
        "allowed": False,
        "explicitDeny": explicit,
        "matchedStatements": _items([_statement(each) for each in ruling.statements] if explicit else []),
        "failures": _items([]),
        "context": {
            "principal": {"id": principal.id, "name": principal.arn.rpartition("/")[2], "arn": principal.arn},
            "action": action,
            "resource": resource,
            "decidedBy": ruling.by,
            "conditions": _items(
                [
                    {"key": key, "values": _items([{"value": value} for value in values])}
                    for key, values in sorted(conditions.items())
                ]
            ),
        },
    }


def _statement(named: str) -> dict[str, str]:
    policy, _, statement = named.rpartition("#")
    return {"statementId": statement, "effect": "DENY", "policy": policy}


def _items(values: list[Any]) -> dict[str, list[Any]]:
    return {"items": values}
