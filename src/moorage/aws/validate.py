"""The model's constraints (required, min, max, enum, pattern) on decoded parameters, in ECR's wording.

Three wordings are on record: a member's own (`'Member must have length …'`), the one of hand-written checks
(`'must satisfy regular expression …'`), and the one of a list whose elements break theirs, which names the list and
recites every constraint of an element (`'Member must satisfy constraint: […, …]'`).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moorage.aws.model import element_of, entry_of, members_of
from moorage.core.errors import InvalidNameError, InvalidParameterError
from moorage.core.names import REPOSITORY_PATTERN, RepositoryName, TagName

if TYPE_CHECKING:
    from botocore.model import Shape

_LINEAR: Mapping[str, str] = {
    # The model's own pattern (left) takes exponential time on a long run of letters; the right one is the same language.
    r"^[a-z0-9*](?:[._\-/a-z0-9*]?[a-z0-9*]+)*$": r"[a-z0-9*]+(?:[._\-/][a-z0-9*]+)*",
}

_MAX_MATCHED = 4096
"""No pattern is tried on a longer value: none of the model's languages has a longer word that means anything."""

_NULL = "Member must not be null"


@dataclass(frozen=True, slots=True)
class Constraint:
    """One condition on a value."""

    text: str
    """As AWS recites it."""
    met: Callable[[Any], bool]
    alone: str
    """As ECR words it when it is the value of a member of its own, rather than an element of a list."""


def validate(params: Mapping[str, Any], shape: "Shape | None") -> None:
    """Raise InvalidParameterError for the first member, in the model's order, that breaks a constraint."""
    if shape is not None:
        _structure(params, shape, "")


def _structure(value: Mapping[str, Any], shape: "Shape", path: str) -> None:
    prefix = f"{path}." if path else ""
    for name in shape.required_members:
        if value.get(name) is None:
            raise InvalidParameterError.at(prefix + name, _NULL)
    for name, member in members_of(shape).items():
        if name in value:
            _member(value[name], member, prefix + name)


def _member(value: Any, shape: "Shape", path: str) -> None:
    for constraint in constraints(shape):
        if not constraint.met(value):
            raise InvalidParameterError.at(path, constraint.alone)
    if path == "imageTag":
        # The model leaves tags without a pattern, and in batches a bad tag is a failure of its entry, not of the request.
        TagName.parse(value)
    if shape.type_name == "structure":
        _structure(value, shape, path)
    elif shape.type_name == "list":
        element = element_of(shape)
        for number, item in enumerate(value, 1):
            _element(item, element, path, number)
    elif shape.type_name == "map":
        key, item_shape = entry_of(shape)
        for name, item in value.items():
            _part(name, key, path, "Map keys")
            _part(item, item_shape, path, "Map value")


def _element(value: Any, shape: "Shape", path: str, number: int) -> None:
    if shape.type_name == "structure" and value is not None:
        _structure(value, shape, f"{path}.{number}.member")
    else:
        _part(value, shape, path, "Member")


def _part(value: Any, shape: "Shape", path: str, what: str) -> None:
    """An element of a list or a map, whose fault is told of the whole."""
    found = tuple(constraints(shape))
    if value is None or not all(constraint.met(value) for constraint in found):
        texts = [constraint.text for constraint in found] if value is not None else [_NULL]
        raise InvalidParameterError.at(path, f"{what} must satisfy constraint: [{', '.join(texts)}]")
    if shape.type_name in {"structure", "list", "map"}:
        _member(value, shape, path)


def constraints(shape: "Shape") -> Iterator[Constraint]:
    """A shape's constraints in the order in which AWS recites them; bounds come before the pattern, which relies on them."""
    facts, counted = shape.metadata, shape.type_name in {"string", "list", "map", "blob"}
    measure: Callable[[Any], float] = len if counted else _itself
    noun = "length" if counted else "value"
    if (most := facts.get("max")) is not None:
        yield _own(f"Member must have {noun} less than or equal to {most}", lambda value: measure(value) <= most)
    if (least := facts.get("min")) is not None:
        yield _own(f"Member must have {noun} greater than or equal to {least}", lambda value: measure(value) >= least)
    if enum := facts.get("enum"):
        yield _own(f"Member must satisfy enum value set: [{', '.join(hash_set_order(enum))}]", lambda value: value in enum)
    pattern = facts.get("pattern", "").replace(r"\/", "/")  # the service prints its slashes without the model's escapes
    if pattern == REPOSITORY_PATTERN:
        yield _pattern(pattern, f"'{pattern}'", _is_repository_name)
    elif pattern:
        quoted = pattern if shape.name == "RegistryId" else f"'{pattern}'"
        yield _pattern(pattern, quoted, lambda value: _matches(pattern, value))


def _own(text: str, met: Callable[[Any], bool]) -> Constraint:
    return Constraint(text, met, text)


def _pattern(pattern: str, quoted: str, met: Callable[[Any], bool]) -> Constraint:
    recited = f"Member must satisfy regular expression pattern: {pattern}"
    return Constraint(recited, met, f"must satisfy regular expression {quoted}")


def _itself(value: float) -> float:
    return value


def _is_repository_name(value: str) -> bool:
    try:
        RepositoryName.parse(value)
    except InvalidNameError:
        return False
    return True


def _matches(pattern: str, value: str) -> bool:
    """Whether the whole value fits; by ASCII rules, since the classes of Java's patterns know no other letters."""
    return len(value) <= _MAX_MATCHED and re.fullmatch(_LINEAR.get(pattern, pattern), value, re.ASCII) is not None


def hash_set_order(values: list[str]) -> list[str]:
    """The order in which a Java HashSet of these strings is printed, which is how the service lists an enum."""
    buckets = 16
    while len(values) > buckets * 3 // 4:
        buckets *= 2
    return sorted(values, key=lambda value: _java_hash(value) % buckets)


def _java_hash(text: str) -> int:
    code = 0
    for character in text:
        code = (31 * code + ord(character)) & 0xFFFFFFFF
    return code ^ (code >> 16)
