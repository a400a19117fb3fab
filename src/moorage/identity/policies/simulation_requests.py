"""What a request to the simulator asks, checked and made of values (IAM API reference, SimulateCustomPolicy)."""

import base64
import ipaddress
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from moorage.core.wildcard import matches_glob
from moorage.iam.context import Context
from moorage.iam.document import Document
from moorage.iam.errors import MalformedPolicyError
from moorage.iam.kinds import parse_identity_policy, parse_resource_policy
from moorage.iam.policy import Source, SourceKind
from moorage.iam.simulate import Posed
from moorage.identity.iam_errors import InvalidInputError
from moorage.identity.policies.held_policies import Held

MOST_RESOURCES = 1000
"""Resources that one request may ask about."""
MOST_DECISIONS = 1000
"""Actions times resources of one page: IAM, too, may show less than `MaxItems` at a time."""
MOST_STEPS = 1_000_000
"""Steps that the decisions of one page may take, as `Stage.weight` counts them."""
MOST_CHARACTERS = 262_144
"""Characters of all policies of one request."""

_ACTION = re.compile(r"[A-Za-z0-9-]+:[A-Za-z0-9]+")
_RESOURCE = re.compile(r"\*|arn:[^:\s]+:[^:\s]+:[^:]*:[^:]*:.+", re.DOTALL)
_OWNER = re.compile(r"(?:arn:aws[a-z-]*:iam::)?([0-9]{12})(?::root)?")
_NUMBER = re.compile(r"[+-]?[0-9]{1,40}(?:\.[0-9]{1,40})?")
_EPOCH = re.compile(r"[0-9]{1,19}")
_MANAGED = re.compile(r"arn:aws[a-z-]*:iam::(?:aws|[0-9]{12}):policy/[^:]+")

Parse = Callable[[str], Document]


def posed(params: Mapping[str, Any], member: str, parse: Parse = parse_identity_policy) -> tuple[Posed, ...]:
    """The policies in a list of the request, `PolicyInputList.1` and on; raises InvalidInputError."""
    return tuple(
        _posed(f"{member}.{number}", text, SourceKind.NONE, parse) for number, text in enumerate(params.get(member) or (), 1)
    )


def boundary(params: Mapping[str, Any]) -> tuple[Posed, ...] | None:
    """The permissions boundary of the request, or None; raises InvalidInputError for more than one."""
    found = posed(params, "PermissionsBoundaryPolicyInputList")
    if len(found) > 1:
        raise InvalidInputError("You can input only one permissions boundary.")
    return found or None


def organization(params: Mapping[str, Any]) -> tuple[tuple[Posed, ...], ...] | None:
    """The levels of the request's organization, its root first, or None; raises InvalidInputError."""
    levels = params.get("OrderedOrganizationPolicyInputList")
    if not levels:
        return None
    return tuple(
        tuple(
            _posed(f"OrderedOrganizationPolicyInputList.{level}.{number}", text, SourceKind.NONE, parse_identity_policy)
            for number, text in enumerate(entry.get("ServiceControlPolicyInputList") or (), 1)
        )
        for level, entry in enumerate(levels, 1)
    )


def resource_policy(params: Mapping[str, Any]) -> Posed | None:
    """The resources' policy, or None; raises InvalidInputError."""
    text = params.get("ResourcePolicy")
    return _posed("ResourcePolicy", text, SourceKind.RESOURCE, parse_resource_policy) if text is not None else None


def owner(params: Mapping[str, Any]) -> str | None:
    """The account that owns the resources, if the request says so; raises InvalidInputError."""
    given = params.get("ResourceOwner")
    if given is None:
        return None
    found = _OWNER.fullmatch(given)
    if found is None:
        raise InvalidInputError(f"The resource owner {given} is not an account.")
    return found[1]


def actions_and_resources(params: Mapping[str, Any]) -> tuple[Sequence[str], Sequence[str]]:
    """What is asked about, each once, in the request's order; raises InvalidInputError."""
    actions = list(dict.fromkeys(params["ActionNames"]))
    resources = list(dict.fromkeys(params.get("ResourceArns") or ("*",)))
    for action in actions:
        if not _ACTION.fullmatch(action):
            raise InvalidInputError(
                f"The action name {action} is not valid: it must be a service and an operation, without wildcards."
            )
    for resource in resources:
        if not _RESOURCE.fullmatch(resource):
            raise InvalidInputError(f"The resource {resource} is not valid: it must be an ARN or *.")
    if not actions:
        raise InvalidInputError("At least one action name is needed.")
    if len(resources) > MOST_RESOURCES:
        raise InvalidInputError(f"A simulation may ask about at most {MOST_RESOURCES} resources.")
    return actions, resources


def context(params: Mapping[str, Any]) -> Context:
    """The context keys of the request; raises InvalidInputError for values that are not of their type."""
    found: dict[str, tuple[str, ...]] = {}
    for entry in params.get("ContextEntries") or ():
        name, kind = entry.get("ContextKeyName"), entry.get("ContextKeyType") or "string"
        values = tuple(entry.get("ContextKeyValues") or ())
        if name is None:
            raise InvalidInputError("A context entry must have a key name.")
        if name.lower() in found:
            raise InvalidInputError(f"The context key {name} is given twice.")
        if not kind.endswith("List") and len(values) > 1:
            raise InvalidInputError(f"The context key {name} is of the type {kind} and can have only one value.")
        is_right = _TYPES[kind.removesuffix("List")]
        if wrong := [value for value in values if not is_right(value)]:
            raise InvalidInputError(f"The value {wrong[0]} of the context key {name} is not of the type {kind}.")
        found[name.lower()] = values
    return found


def check_size(params: Mapping[str, Any]) -> None:
    """Raise InvalidInputError where the policies of a request are so long together that reading them takes too long."""
    lists = [params.get(member) or () for member in ("PolicyInputList", "PermissionsBoundaryPolicyInputList")]
    levels = params.get("OrderedOrganizationPolicyInputList") or ()
    lists += [level.get("ServiceControlPolicyInputList") or () for level in levels]
    lists.append((params.get("ResourcePolicy") or "",))
    if sum(len(text) for texts in lists for text in texts) > MOST_CHARACTERS:
        raise InvalidInputError(f"The policies of a simulation may have {MOST_CHARACTERS} characters together.")


def most_actions(weight: int, resources: int) -> int:
    """How many actions one page may show; raises InvalidInputError where even one is too much for so many resources.

    `weight` is how many steps one decision takes.
    """
    if weight * resources > MOST_STEPS:
        raise InvalidInputError(
            "The policies are too large to be tried on so many resources and context values at once; ask about fewer."
        )
    return min(MOST_DECISIONS, MOST_STEPS // weight) // resources or 1


class Exclusions:
    """Policies that a simulation leaves out."""

    def __init__(self, given: Collection[Mapping[str, Any]]) -> None:
        """Of PolicyExclusionList; raises InvalidInputError."""
        for entry in given:
            if len([value for value in entry.values() if value is not None]) != 1:
                raise InvalidInputError(
                    "A policy identifier must have exactly one of PolicyType, PolicyArn and InlinePolicyIdentifier."
                )
        self._types = frozenset(entry["PolicyType"] for entry in given if entry.get("PolicyType"))
        self._arns = [entry["PolicyArn"] for entry in given if entry.get("PolicyArn")]
        self._inline = [entry["InlinePolicyIdentifier"] for entry in given if entry.get("InlinePolicyIdentifier")]
        for arn in self._arns:
            fixed, _, name = arn.partition(":policy/")
            if not _MANAGED.fullmatch(arn) or {"*", "?"} & set(fixed) or name.count("*") > 1:
                raise InvalidInputError(f"The policy ARN {arn} is not valid.")

    def take_out(self, held: Held) -> bool:
        """Whether one of the entries names this policy."""
        if held.arn is None:
            return "inline" in self._types or any(self._names(entry, held) for entry in self._inline)
        return held.posed.source.kind in self._types or any(matches_glob(arn, held.arn) for arn in self._arns)

    def take_out_kind(self, kind: str) -> bool:
        """Whether all policies of a kind are left out: `permission-boundary`, `scp`."""
        return kind in self._types

    @staticmethod
    def _names(entry: Mapping[str, Any], held: Held) -> bool:
        return (
            entry["PolicyName"].lower() == held.posed.source.name.lower()
            and entry["AttachmentType"] == held.holder.kind
            and matches_glob(entry["AttachmentName"].lower(), held.holder.name.lower())
        )


def _posed(name: str, text: str, kind: SourceKind, parse: Parse) -> Posed:
    try:
        parse(text)
    except MalformedPolicyError as error:
        raise InvalidInputError(f"{name}: {error.message}", detail=error.detail) from None
    return Posed(Source(kind, name), text)


def _is_date(text: str) -> bool:
    if _EPOCH.fullmatch(text):
        return True
    try:
        datetime.fromisoformat(text[:64])
    except ValueError:
        return False
    return True


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _is_binary(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except ValueError:
        return False
    return True


_TYPES: Mapping[str, Callable[[str], bool]] = {
    "string": lambda _text: True,
    "numeric": lambda text: _NUMBER.fullmatch(text) is not None,
    "boolean": lambda text: text.lower() in {"true", "false"},
    "ip": _is_address,
    "binary": _is_binary,
    "date": _is_date,
}
