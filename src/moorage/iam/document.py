"""Policy documents as values (IAM user guide, "Grammar of the IAM JSON policy language").

What is decided here is the grammar that every kind of policy shares. Which elements a kind must or must not have is asked of
`Document.require`; what a service's own policies may say further is the service's business.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from moorage.iam import json_text
from moorage.iam.errors import MalformedPolicyError
from moorage.iam.principal import ANYONE, NamedPrincipal

T = TypeVar("T")
Effect = Literal["Allow", "Deny"]

MOST_CHARACTERS = 131_072
"""The longest text that any kind of policy may have (IAM API reference, PolicyDocument); most kinds allow less."""

DEFAULT_VERSION = "2008-10-17"
"""What a document without `Version` is read as: `${…}` stays literal text."""

_VERSIONS = frozenset({DEFAULT_VERSION, "2012-10-17"})
_DOCUMENT = frozenset({"Version", "Id", "Statement"})
_STATEMENT = frozenset(
    "Sid Effect Principal NotPrincipal Action NotAction Resource NotResource Condition".split(),
)
_FORBIDDEN = re.compile(r"[^\t\n\r\x20-\xff]")
_ACTION = re.compile(r"\*|[A-Za-z0-9-]+:[A-Za-z0-9*?]+")
_RESOURCE = re.compile(r"\*|arn:[^:]*:[^:]*:[^:]*:[^:]*:.+", re.DOTALL)
_KEY = re.compile(r"[^:\s]+:\S(?:.*\S)?", re.DOTALL)
_OPERATOR = re.compile(
    r"(?:(?P<set>ForAllValues|ForAnyValue):)?"
    r"(?P<base>String(?:Not)?(?:Equals|EqualsIgnoreCase|Like)|(?:Numeric|Date)(?:Not)?Equals"
    r"|(?:Numeric|Date)(?:LessThan|GreaterThan)(?:Equals)?|Bool|BinaryEquals|IpAddress|NotIpAddress|Arn(?:Not)?(?:Equals|Like))"
    r"(?P<if_exists>IfExists)?|(?:(?P<null_set>ForAllValues|ForAnyValue):)?(?P<null>Null)"
)


@dataclass(frozen=True, slots=True)
class Condition:
    """One key under one operator. All conditions of a statement must hold."""

    operator: str
    """The operator itself, such as `StringLike`, without the prefix and the suffix that the next two are."""
    key: str
    """As it is written; keys are compared without regard to case."""
    values: tuple[str, ...]
    """Booleans are `true` and `false`, numbers as they are written."""
    over: Literal["ForAllValues", "ForAnyValue"] | None = None
    if_exists: bool = False


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement. Of each pair (`actions`, `not_actions`), …, at most one is given; the other is None."""

    effect: Effect
    actions: tuple[str, ...] | None = None
    not_actions: tuple[str, ...] | None = None
    principals: tuple[NamedPrincipal, ...] | None = None
    not_principals: tuple[NamedPrincipal, ...] | None = None
    resources: tuple[str, ...] | None = None
    not_resources: tuple[str, ...] | None = None
    conditions: tuple[Condition, ...] = ()
    sid: str | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A policy."""

    statements: tuple[Statement, ...]
    version: str = DEFAULT_VERSION
    id: str | None = None

    @classmethod
    def parse(cls, text: str) -> "Document":
        """Read a policy; raises MalformedPolicyError with the reason, and nothing else, whatever the text is."""
        if len(text) > MOST_CHARACTERS:
            raise MalformedPolicyError(f"A policy has at most {MOST_CHARACTERS} characters.")
        if found := _FORBIDDEN.search(text):
            raise MalformedPolicyError(f"The character U+{ord(found[0]):04X} may stand in a policy only as an escape.")
        value = _object(json_text.read(text), "The policy", _DOCUMENT)
        version = _string(value.get("Version", DEFAULT_VERSION), "Version")
        if version not in _VERSIONS:
            raise MalformedPolicyError(f"Version must be one of {', '.join(sorted(_VERSIONS))}.")
        given = value.get("Statement")
        listed = given if isinstance(given, list) else [given]
        if given is None or not listed:
            raise MalformedPolicyError("The policy has no statement.")
        statements = tuple(_statement(item, f"Statement {number}") for number, item in enumerate(listed, 1))
        return cls(statements, version, _optional(value, "Id", _string))

    def require(self, *, principal: bool, resource: bool | None) -> None:
        """Raise MalformedPolicyError unless each statement has, or has not, what this kind of policy needs.

        True: it must be there; False: it must not; None: it may.
        """
        for number, statement in enumerate(self.statements, 1):
            has_principal = statement.principals is not None or statement.not_principals is not None
            has_resource = statement.resources is not None or statement.not_resources is not None
            for wanted, has, element in ((principal, has_principal, "Principal"), (resource, has_resource, "Resource")):
                if wanted is not None and wanted != has:
                    verb = "must have" if wanted else "must not have"
                    raise MalformedPolicyError(f"Statement {number} {verb} the element {element} in this kind of policy.")


def _statement(value: Any, where: str) -> Statement:
    given = _object(value, where, _STATEMENT)
    effect = given.get("Effect")
    if effect not in ("Allow", "Deny"):  # it may be a list, which no set can look up
        raise MalformedPolicyError(f"{where}: Effect must be Allow or Deny.")
    for name in ("Principal", "Action", "Resource"):
        if name in given and f"Not{name}" in given:
            raise MalformedPolicyError(f"{where} has both {name} and Not{name}.")
    if "Action" not in given and "NotAction" not in given:
        raise MalformedPolicyError(f"{where} has neither Action nor NotAction.")
    return Statement(
        effect="Allow" if effect == "Allow" else "Deny",
        actions=_optional(given, "Action", _actions),
        not_actions=_optional(given, "NotAction", _actions),
        principals=_optional(given, "Principal", _principals),
        not_principals=_optional(given, "NotPrincipal", _principals),
        resources=_optional(given, "Resource", _resources),
        not_resources=_optional(given, "NotResource", _resources),
        conditions=_optional(given, "Condition", _conditions) or (),
        sid=_optional(given, "Sid", _string),
    )


def _principals(value: Any, where: str) -> tuple[NamedPrincipal, ...]:
    if value == "*" and isinstance(value, str):
        return (ANYONE,)
    if not isinstance(value, dict) or not value:
        raise MalformedPolicyError(f'{where} must be "*" or an object with at least one kind of principal.')
    return tuple(NamedPrincipal.parse(key, text) for key, item in value.items() for text in _strings(item, f"{where}.{key}"))


def _actions(value: Any, where: str) -> tuple[str, ...]:
    return _fitting(value, where, _ACTION, "an action such as ecr:PutImage")


def _resources(value: Any, where: str) -> tuple[str, ...]:
    return _fitting(value, where, _RESOURCE, "an ARN or *")


def _fitting(value: Any, where: str, pattern: re.Pattern[str], noun: str) -> tuple[str, ...]:
    texts = _strings(value, where)
    for text in texts:
        if not pattern.fullmatch(text):
            raise MalformedPolicyError(f"{where}: {text[:256]!r} is not {noun}.")
    return texts


def _conditions(value: Any, where: str) -> tuple[Condition, ...]:
    found: list[Condition] = []
    for operator, keys in _object(value, where).items():
        parts = _OPERATOR.fullmatch(operator)
        if parts is None:
            raise MalformedPolicyError(f"{where}: {operator[:64]!r} is no condition operator.")
        seen: set[str] = set()
        for key, item in _object(keys, f"{where}.{operator}").items():
            if not _KEY.fullmatch(key):
                raise MalformedPolicyError(f"{where}: {key[:256]!r} is no condition key.")
            if key.lower() in seen:
                raise MalformedPolicyError(f"{where}: the key {key[:256]!r} is repeated under {operator}.")
            seen.add(key.lower())
            items = item if isinstance(item, list) else [item]
            values = tuple(_condition_value(each, f"{where}.{operator}") for each in items)
            found.append(Condition(parts["base"] or parts["null"], key, values, _over(parts), bool(parts["if_exists"])))
    return tuple(found)


def _over(parts: re.Match[str]) -> Literal["ForAllValues", "ForAnyValue"] | None:
    match parts["set"] or parts["null_set"]:
        case "ForAllValues":
            return "ForAllValues"
        case "ForAnyValue":
            return "ForAnyValue"
        case _:
            return None


def _condition_value(value: Any, where: str) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, json_text.Literal) else _string(value, where)


def _object(value: Any, where: str, known: frozenset[str] | None = None) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise MalformedPolicyError(f"{where} must be an object.")
    if known is not None and (unknown := [key for key in value if key not in known]):
        raise MalformedPolicyError(f"{where} has an unknown element {unknown[0][:64]!r}.")
    return value


def _string(value: Any, where: str) -> str:
    if not isinstance(value, str) or isinstance(value, json_text.Literal):
        raise MalformedPolicyError(f"{where} must be a string.")
    return json_text.checked(value)


def _strings(value: Any, where: str) -> tuple[str, ...]:
    """A string or a list of at least one."""
    texts = tuple(_string(item, where) for item in (value if isinstance(value, list) else [value]))
    if not texts:
        raise MalformedPolicyError(f"{where} must not be empty.")
    return texts


def _optional(given: Mapping[str, Any], name: str, parser: Callable[[Any, str], T]) -> T | None:
    return parser(given[name], name) if name in given else None
