"""Requests of the Query protocol into Python values, by the operation's input shape (Smithy, "AWS query protocol").

The same values as `aws.decode` makes of JSON. Only types are decided here. A member that the model does not know is ignored.
"""

import base64
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from moorage.aws.decode import LAST_SECOND, Params
from moorage.aws.form import Form, MalformedInputError, Node
from moorage.aws.model import Compiled, element_of, entry_of, members_of
from moorage.core.clock import SECOND, Timestamp

if TYPE_CHECKING:
    from botocore.model import Shape

_WHOLE = re.compile(r"[+-]?[0-9]{1,19}")
_DECIMAL = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,4})?")
_LONGEST_TIME = 40

_Decode = Callable[[Node], Any]
_Find = Callable[["Shape"], _Decode]


def form_decoder(shape: "Shape | None") -> Callable[[Form], Params]:
    """What reads forms of this shape; it raises MalformedInputError, and nothing else."""
    if shape is None:
        return lambda _form: {}
    structure = Compiled(_make).of(shape)

    def decode_form(form: Form) -> Params:
        params: Params = structure(form.tree())
        return params

    return decode_form


def wire_name(member: "Shape", name: str) -> str:
    """What a structure's member is called on the wire; a list that is flattened is called as its elements are."""
    if member.type_name == "list" and is_flattened(member) and (own := element_of(member).serialization.get("name")):
        return str(own)
    return str(member.serialization.get("name", name))


def is_flattened(shape: "Shape") -> bool:
    """Whether a list's or map's entries stand where the list itself would."""
    return bool(shape.serialization.get("flattened"))


def _make(shape: "Shape", find: _Find) -> _Decode:
    whole = {"structure": _structure, "list": _list, "map": _map}.get(shape.type_name)
    return whole(shape, find) if whole is not None else _scalar(_TEXTS[shape.type_name])


def _structure(shape: "Shape", find: _Find) -> _Decode:
    members = [(name, wire_name(member, name), find(member)) for name, member in members_of(shape).items()]

    def decode_structure(node: Node) -> Params:
        if node.value:
            raise MalformedInputError("A value was found where a structure was expected.")
        below = node.below
        return {name: decode_member(below[wire]) for name, wire, decode_member in members if wire in below}

    return decode_structure


def _list(shape: "Shape", find: _Find) -> _Decode:
    element = element_of(shape)
    decode_element = find(element)
    step = None if is_flattened(shape) else str(element.serialization.get("name", "member"))

    def decode_list(node: Node) -> list[Any]:
        return [decode_element(item) for item in _entries(node, step).numbered()]

    return decode_list


def _map(shape: "Shape", find: _Find) -> _Decode:
    key, item = entry_of(shape)
    decode_key, decode_item = find(key), find(item)
    key_name, item_name = key.serialization.get("name", "key"), item.serialization.get("name", "value")
    step = None if is_flattened(shape) else "entry"

    def decode_map(node: Node) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for entry in _entries(node, step).numbered():
            if key_name not in entry.below or item_name not in entry.below:
                raise MalformedInputError("A map's entry must have a key and a value.")
            name = decode_key(entry.below[key_name])
            if name in found:
                raise MalformedInputError("A map has a key twice.")
            found[name] = decode_item(entry.below[item_name])
        return found

    return decode_map


def _entries(node: Node, step: str | None) -> Node:
    """Where a list's or map's numbers stand. `Tags=` is how an empty one is sent."""
    if node.value:
        raise MalformedInputError("A value was found where a list was expected.")
    return node if step is None else node.below.get(step, Node())


def _scalar(convert: Callable[[str], Any]) -> _Decode:
    def decode_scalar(node: Node) -> Any:
        if node.value is None:
            raise MalformedInputError("A structure or list was found where a value was expected.")
        return convert(node.value)

    return decode_scalar


def _boolean(text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise _unfit("a Boolean")
    return text.lower() == "true"


def _whole_number(bits: int, kind: str) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not _WHOLE.fullmatch(text) or not -(1 << (bits - 1)) <= int(text) < 1 << (bits - 1):
            raise _unfit(kind)
        return int(text)

    return read


def _number(text: str) -> float:
    number = float(text) if _DECIMAL.fullmatch(text) else math.nan
    if not math.isfinite(number):
        raise _unfit("a Double")
    return number


def _blob(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise MalformedInputError("A blob is not valid base64.") from None


def _timestamp(text: str) -> Timestamp:
    """ISO 8601; what has no zone is UTC."""
    try:
        moment = datetime.fromisoformat(text if len(text) <= _LONGEST_TIME else "")
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        seconds = moment.timestamp()
    except (ValueError, OverflowError):
        raise _unfit("a Timestamp") from None
    if not 0 <= seconds <= LAST_SECOND:
        raise _unfit("a Timestamp")
    return Timestamp(round(seconds * SECOND))


_TEXTS: Mapping[str, Callable[[str], Any]] = {
    "string": str,
    "character": str,
    "blob": _blob,
    "boolean": _boolean,
    "integer": _whole_number(32, "an Integer"),
    "long": _whole_number(64, "a Long"),
    "float": _number,
    "double": _number,
    "timestamp": _timestamp,
}


def _unfit(wanted: str) -> MalformedInputError:
    return MalformedInputError(f"STRING_VALUE can not be converted to {wanted}")
