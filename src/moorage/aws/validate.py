"""The model's constraints (required, min, max, enum, pattern) on decoded parameters, in ECR's wording.

Three wordings are on record: a member's own (`'Member must have length …'`), the one of hand-written checks
(`'must satisfy regular expression …'`), and the one of a list whose elements break theirs, which names the list and
recites every constraint of an element (`'Member must satisfy constraint: […, …]'`).
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moorage.aws.model import Compiled, element_of, entry_of, members_of
from moorage.core.errors import InvalidNameError, InvalidParameterError
from moorage.core.names import REPOSITORY_PATTERN, RepositoryName, TagName

if TYPE_CHECKING:
    from botocore.model import Shape

_LINEAR: Mapping[str, str] = {
    # The model's own pattern (left) takes exponential time on a long run of letters; the right one is the same language.
    r"^[a-z0-9*](?:[._\-/a-z0-9*]?[a-z0-9*]+)*$": r"[a-z0-9*]+(?:[._\-/][a-z0-9*]+)*",
}

_MAX_MATCHED = 4096
"""No pattern but a single class is tried on a longer value: none of these languages has a longer word that means anything."""

_ONE_CLASS = re.compile(r"\[(?P<inside>(?:[^\[\]\\]|\\.)+)\](?P<times>[*+])")
_CATEGORY = re.compile(r"\\p\{([A-Z])\}")

_WHOLES = frozenset({"structure", "list", "map"})
_NULL = "Member must not be null"


@dataclass(frozen=True, slots=True)
class Constraint:
    """One condition on a value."""

    text: str
    """As AWS recites it."""
    met: Callable[[Any], bool]
    alone: str
    """As ECR words it when it is the value of a member of its own, rather than an element of a list."""


Check = Callable[[Mapping[str, Any]], None]


def checker(shape: "Shape | None") -> Check:
    """What checks decoded parameters: it raises InvalidParameterError for the first member, in the model's order, that breaks
    a constraint.
    """
    if shape is None:
        return lambda _params: None
    check = Compiled(_make).of(shape)
    return lambda params: check(params, "")


_Check = Callable[[Any, str], None]
"""The value and its path. For a structure the path is where its members stand."""
_Find = Callable[["Shape"], _Check]


def _make(shape: "Shape", find: _Find) -> _Check:
    """What checks a value of this shape, without its own constraints: those are told in the words of where it stands."""
    if shape.type_name == "structure":
        return _structure(shape, find)
    if shape.type_name == "list":
        return _list(element_of(shape), find)
    if shape.type_name == "map":
        return _map(shape, find)
    return _nothing


def _nothing(_value: Any, _path: str) -> None:
    """A scalar has nothing inside."""


def _structure(shape: "Shape", find: _Find) -> _Check:
    required = tuple(shape.required_members)
    members = [
        (name, tuple(constraints(member)), find(member) if member.type_name in _WHOLES else None)
        for name, member in members_of(shape).items()
    ]

    def check_structure(value: Any, path: str) -> None:
        prefix = f"{path}." if path else ""
        for name in required:
            if value.get(name) is None:
                raise InvalidParameterError.at(prefix + name, _NULL)
        for name, found, check_inside in members:
            if name in value:
                item = value[name]
                for constraint in found:
                    if not constraint.met(item):
                        raise InvalidParameterError.at(prefix + name, constraint.alone)
                if name == "imageTag" and not path:
                    # The model leaves tags without a pattern, and in batches a bad tag is a failure of its entry, not of
                    # the request.
                    TagName.parse(item)
                if check_inside is not None:
                    check_inside(item, prefix + name)

    return check_structure


def _list(element: "Shape", find: _Find) -> _Check:
    check_part = _part(element, find, "Member")
    if element.type_name != "structure":

        def check_scalars(value: Any, path: str) -> None:
            for item in value:
                check_part(item, path)

        return check_scalars
    check_element = find(element)

    def check_structures(value: Any, path: str) -> None:
        for number, item in enumerate(value, 1):
            if item is None:
                check_part(item, path)
            check_element(item, f"{path}.{number}.member")

    return check_structures


def _map(shape: "Shape", find: _Find) -> _Check:
    key, item_shape = entry_of(shape)
    check_key, check_value = _part(key, find, "Map keys"), _part(item_shape, find, "Map value")

    def check_map(value: Any, path: str) -> None:
        for name, item in value.items():
            check_key(name, path)
            check_value(item, path)

    return check_map


def _part(shape: "Shape", find: _Find, what: str) -> _Check:
    """For an element of a list or a map, whose fault is told of the whole."""
    found = tuple(constraints(shape))
    recited = f"{what} must satisfy constraint: [{', '.join(constraint.text for constraint in found)}]"
    check_inside = find(shape) if shape.type_name in _WHOLES else None

    def check_part(value: Any, path: str) -> None:
        if value is None:
            raise InvalidParameterError.at(path, f"{what} must satisfy constraint: [{_NULL}]")
        for constraint in found:
            if not constraint.met(value):
                raise InvalidParameterError.at(path, recited)
        if check_inside is not None:
            check_inside(value, path)

    return check_part


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
        yield _pattern(pattern, quoted, _matcher(pattern))


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


def _matcher(pattern: str) -> Callable[[str], bool]:
    """Whether the whole value fits; by ASCII rules, since the classes of Java's patterns know no other letters."""
    text = _LINEAR.get(pattern, pattern).replace(r"\u10000-\u10FFFF", r"\U00010000-\U0010FFFF")
    one_class = _ONE_CLASS.fullmatch(text)
    if one_class is not None and r"\p{" in text:
        return _unicode_matcher(one_class["inside"], may_be_empty=one_class["times"] == "*")
    compiled = re.compile(text, re.ASCII)
    if one_class is not None:
        return lambda value: compiled.fullmatch(value) is not None
    return lambda value: len(value) <= _MAX_MATCHED and compiled.fullmatch(value) is not None


def _unicode_matcher(inside: str, *, may_be_empty: bool) -> Callable[[str], bool]:
    """For a class with categories of Unicode in it, which Python's patterns do not know."""
    categories = frozenset(_CATEGORY.findall(inside))
    others = re.compile(f"[{_CATEGORY.sub('', inside)}]")

    def fits(character: str) -> bool:
        return unicodedata.category(character)[0] in categories or others.match(character) is not None

    return lambda value: all(map(fits, value)) and (may_be_empty or bool(value))


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
