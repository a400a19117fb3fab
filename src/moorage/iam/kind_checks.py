"""What IAM checks in the statements of every kind of its policies, on the JSON itself, in its own words.

Only faults that IAM has a sentence for are found here; the grammar is `iam.document`'s. Whatever is of an unexpected type is
passed over, since it is a fault of the grammar.
"""

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

Fault = str
"""A sentence of IAM's."""
Statements = Sequence[Mapping[str, Any]]

LEGACY = "The policy failed legacy parsing"

_SID = re.compile(r"[0-9A-Za-z]*")
_VENDOR = re.compile(r"[a-zA-Z0-9.-]+")
_PARTITION = re.compile(r"aws(?:-[a-z]+)*")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")
_SHORT_DATE = re.compile(r"[0-9]{1,19}|[0-9]{4}-(?:0[1-9]|1[0-2])")
_CONDITION = re.compile(r"(?:For(?:AllValues|AnyValue):)?(Date|Numeric|IpAddress|NotIpAddress)[A-Za-z]*")


def listed(value: Any) -> list[Any]:
    """A value that may be one or a list of them, as a list; nothing is an empty one."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def check_conditions(statements: Statements) -> Iterator[Fault]:
    """Effects, and values that dates, numbers or addresses are compared with, that a comparison could make nothing of."""
    for statement in statements:
        effect = statement.get("Effect")
        if isinstance(effect, str) and effect not in {"Allow", "Deny"} and effect.capitalize() in {"Allow", "Deny"}:
            yield LEGACY
        condition = statement.get("Condition")
        for operator, keys in condition.items() if isinstance(condition, dict) else ():
            found = _CONDITION.fullmatch(operator)
            if found is None or not isinstance(keys, dict):
                continue
            is_right = _RIGHT[found[1]]
            for value in (item for items in keys.values() for item in listed(items)):
                if isinstance(value, str) and "${" not in value and not is_right(value):
                    yield LEGACY


def check_sids(statements: Statements) -> Iterator[Fault]:
    """Sids outside the alphabet, and repeated ones; an empty one is none."""
    seen: set[str] = set()
    for statement in statements:
        sid = statement.get("Sid", "")
        if not isinstance(sid, str) or not sid:
            continue
        if not _SID.fullmatch(sid):
            yield (
                "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"
            )
        if sid in seen:
            yield "Statement IDs (SID) in a single policy must be unique."
        seen.add(sid)


def check_resources(statements: Statements) -> Iterator[Fault]:
    """Resources that are no ARN of a service."""
    for statement in statements:
        for resource in listed(statement.get("Resource")) + listed(statement.get("NotResource")):
            if isinstance(resource, str) and resource != "*":
                yield from _resource_faults(resource)


def check_actions(statements: Statements) -> Iterator[Fault]:
    """Statements without actions, and actions that name no service."""
    for statement in statements:
        if statement.get("Action", []) == [] and statement.get("NotAction", []) == []:
            yield "Policy statement must contain actions."
    for statement in statements:
        for action in listed(statement.get("Action")) + listed(statement.get("NotAction")):
            if isinstance(action, str) and action != "*":
                yield from _action_faults(action)


def _resource_faults(resource: str) -> Iterator[Fault]:
    parts = resource.split(":", 5)
    if parts[0] != "arn" or len(parts) < 2:
        yield f'Resource {resource[:2048]} must be in ARN format or "*".'
        return
    partition = parts[1]
    if not _PARTITION.fullmatch(partition) and not {"*", "?"} & set(partition):
        yield f'Partition "{partition[:64]}" is not valid for resource "{resource[:2048]}".'
    elif len(parts) < 3 or not parts[2] or {"*", "?"} & set(parts[2]):
        yield "Resource vendor must be fully qualified and cannot contain regexes."
    elif len(parts) < 6 or not parts[5]:
        yield LEGACY


def _action_faults(action: str) -> Iterator[Fault]:
    vendor, colon, name = action.partition(":")
    if not colon:
        yield "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
    elif ":" in name:
        yield "Actions/Condition can contain only one colon."
    elif not _VENDOR.fullmatch(vendor):
        yield f"Vendor {vendor[:128]} is not valid"


def _is_date(text: str) -> bool:
    if _SHORT_DATE.fullmatch(text):
        return True
    try:
        datetime.fromisoformat(text[:64])
    except ValueError:
        return False
    return True


def _is_number(text: str) -> bool:
    return _NUMBER.fullmatch(text) is not None


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


_RIGHT: Mapping[str, Callable[[str], bool]] = {
    "Date": _is_date,
    "Numeric": _is_number,
    "IpAddress": _is_network,
    "NotIpAddress": _is_network,
}
