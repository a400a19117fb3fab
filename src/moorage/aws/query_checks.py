"""The model's constraints on decoded parameters, in the wording of the Query services, which tell every fault at once."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from moorage.aws.model import Compiled, element_of, entry_of, members_of
from moorage.aws.validate import Check, Constraint, constraints
from moorage.core.errors import MoorageError

if TYPE_CHECKING:
    from botocore.model import Shape

_MOST_TOLD = 20
_LONGEST_SHOWN = 256


class ValidationError(MoorageError):
    """Members of the request that break their constraints."""

    aws_code = "ValidationError"
    oci_code = "UNSUPPORTED"


_CHARACTERS = "contain only alphanumeric characters and/or"
_OWN_WORDS = {
    r"[\w+=,.@-]+": f"It must {_CHARACTERS} the following: +=,.@_-",
    r"(\u002F)|(\u002F[\u0021-\u007E]+\u002F)": f"It must begin and end with / and {_CHARACTERS} / characters.",
    r"\u002F[\u0021-\u007F]*": f"It must begin with the / character and {_CHARACTERS} / characters.",
}
"""What IAM says of names, paths and their prefixes, instead of reciting the pattern."""


class _OwnWords(str):
    """A fault that is told alone, and only where no other one is."""

    __slots__ = ()


_Check = Callable[[Any, str, list[str]], None]
"""Appends the faults inside a value that stands at that path."""
_Find = Callable[["Shape"], _Check]


def query_checker(shape: "Shape | None") -> Check:
    """What checks decoded parameters; it raises ValidationError with the faults in the model's order, the first twenty."""
    if shape is None:
        return lambda _params: None
    check = Compiled(_make).of(shape)

    def check_params(params: Mapping[str, Any]) -> None:
        faults: list[str] = []
        check(params, "", faults)
        recited = [fault for fault in faults if not isinstance(fault, _OwnWords)]
        if recited:
            errors = "1 validation error" if len(recited) == 1 else f"{len(recited)} validation errors"
            raise ValidationError(f"{errors} detected: {'; '.join(recited[:_MOST_TOLD])}")
        if faults:
            raise ValidationError(faults[0])

    return check_params


def _make(shape: "Shape", find: _Find) -> _Check:
    if shape.type_name == "structure":
        return _structure(shape, find)
    if shape.type_name == "list":
        return _list(element_of(shape), find)
    if shape.type_name == "map":
        return _map(shape, find)
    return lambda _value, _path, _faults: None


def _structure(shape: "Shape", find: _Find) -> _Check:
    required = frozenset(shape.required_members)
    members = [(name, name in required, _member(member, find)) for name, member in members_of(shape).items()]

    def check_structure(value: Any, path: str, faults: list[str]) -> None:
        prefix = f"{path}." if path else ""
        for name, needed, check in members:
            item = value.get(name)
            if item is not None:
                check(item, prefix + _lower(name), faults)
            elif needed:
                faults.append(f"Value null at '{prefix}{_lower(name)}' failed to satisfy constraint: Member must not be null")

    return check_structure


def _member(shape: "Shape", find: _Find) -> _Check:
    """A value's own constraints, and then what is inside it."""
    found, check_inside, hidden = tuple(constraints(shape)), find(shape), bool(shape.metadata.get("sensitive"))
    pattern = shape.metadata.get("pattern", "")
    own_words = _OWN_WORDS.get(pattern)

    def check_member(value: Any, path: str, faults: list[str]) -> None:
        for constraint in found:
            if not constraint.met(value):
                if own_words and constraint.text.endswith(pattern):
                    faults.append(_OwnWords(f"The specified value for {path} is invalid. {own_words}"))
                else:
                    faults.append(_fault(value, path, constraint, hidden=hidden))
                break  # the constraints after a broken bound rely on it
        else:
            check_inside(value, path, faults)

    return check_member


def _list(element: "Shape", find: _Find) -> _Check:
    check = _member(element, find)

    def check_list(value: Any, path: str, faults: list[str]) -> None:
        for number, item in enumerate(value, 1):
            check(item, f"{path}.{number}.member", faults)

    return check_list


def _map(shape: "Shape", find: _Find) -> _Check:
    key, item_shape = entry_of(shape)
    check_key, check_item = _member(key, find), _member(item_shape, find)

    def check_map(value: Any, path: str, faults: list[str]) -> None:
        for name, item in value.items():
            check_key(name, path, faults)
            check_item(item, f"{path}.{name}.member", faults)

    return check_map


def _fault(value: Any, path: str, constraint: Constraint, *, hidden: bool) -> str:
    shown = "Value" if hidden or isinstance(value, bytes) else f"Value '{_shown(value)}'"
    return f"{shown} at '{path}' failed to satisfy constraint: {constraint.text}"


def _shown(value: Any) -> str:
    text = f"[{', '.join(map(str, value))}]" if isinstance(value, list) else str(value)
    return text[:_LONGEST_SHOWN]


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]
