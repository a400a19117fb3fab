"""Request bodies of the AWS JSON protocol into Python values, by the operation's input shape (Smithy, "AWS JSON 1.1").

Only types are decided here; `aws.validate` decides about values. A member that is null counts as absent, a member that the
model does not know is ignored.
"""

import base64
import json
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from moorage.aws.model import Compiled, element_of, entry_of, members_of
from moorage.core.clock import SECOND, Timestamp
from moorage.core.errors import MoorageError
from moorage.core.texts import is_unicode

if TYPE_CHECKING:
    from botocore.model import Shape

Params = dict[str, Any]
"""The decoded members of a request: str, int, float, bool, bytes (blobs), Timestamp, lists and dicts of these."""

LAST_SECOND = 253_402_300_799
"""The end of the year 9999, the last that AWS's timestamps can say."""


class SerializationError(MoorageError):
    """A body that is no JSON object, or a member of the wrong JSON type."""

    aws_code = "SerializationException"
    oci_code = "UNSUPPORTED"


def decoder(shape: "Shape | None") -> Callable[[bytes], Params]:
    """What reads request bodies of this shape; it raises SerializationError, and nothing else.

    No body at all counts as `{}`, as Smithy asks of servers. Stricter than JSON parsers are by habit: a repeated key, NaN,
    a lone surrogate or U+0000 in a text is refused, since the parts that follow could read or store it in two ways.
    """
    structure = Compiled(_make).of(shape) if shape is not None else lambda _document: {}

    def decode_body(body: bytes) -> Params:
        document = _parse(body) if body else {}
        if not isinstance(document, dict):
            raise SerializationError("The request body must be a JSON object.")
        params: Params = structure(document)
        return params

    return decode_body


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise SerializationError("The request body is not valid JSON.") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("repeated key")
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


_Decode = Callable[[Any], Any]
_Find = Callable[["Shape"], _Decode]


def _make(shape: "Shape", find: _Find) -> _Decode:
    whole = {"structure": _structure, "list": _list, "map": _map}.get(shape.type_name)
    return whole(shape, find) if whole is not None else _SCALARS[shape.type_name]


def _structure(shape: "Shape", find: _Find) -> _Decode:
    # In the model's order, so that of several faults the same one is told, whatever the order in the document.
    members = [(name, find(member)) for name, member in members_of(shape).items()]

    def decode_structure(value: Any) -> Params:
        if not isinstance(value, dict):
            raise _unfit(value, "a Structure")
        return {name: decode_member(item) for name, decode_member in members if (item := value.get(name)) is not None}

    return decode_structure


def _list(shape: "Shape", find: _Find) -> _Decode:
    decode_element = find(element_of(shape))

    def decode_list(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise _unfit(value, "a List")
        return [None if item is None else decode_element(item) for item in value]

    return decode_list


def _map(shape: "Shape", find: _Find) -> _Decode:
    decode_item = find(entry_of(shape)[1])

    def decode_map(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _unfit(value, "a Map")
        return {_text(name): None if item is None else decode_item(item) for name, item in value.items()}

    return decode_map


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _unfit(value, "a String")
    if "\0" in value or not is_unicode(value):
        raise SerializationError("A text holds a character that is not allowed.")
    return value


def _blob(value: Any) -> bytes:
    if not isinstance(value, str):
        raise _unfit(value, "a Blob")
    try:
        return base64.b64decode(value, validate=True)
    except ValueError:
        raise SerializationError("A blob is not valid base64.") from None


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _unfit(value, "a Boolean")
    return value


def _whole_number(bits: int, kind: str) -> _Decode:
    bound = 1 << (bits - 1)

    def decode_whole_number(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not -bound <= value < bound:
            raise _unfit(value, kind)
        return value

    return decode_whole_number


def _number(value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise _unfit(value, "a Double")
    try:
        number = float(value)
    except OverflowError:
        raise _unfit(value, "a Double") from None
    if not math.isfinite(number):
        raise _unfit(value, "a Double")
    return number


def _timestamp(value: Any) -> Timestamp:
    """Seconds since the epoch, as a number; the JSON protocols know no other form unless the model asks for it."""
    seconds = _number(value)
    if not 0 <= seconds <= LAST_SECOND:
        raise _unfit(value, "a Timestamp")
    return Timestamp(round(seconds * SECOND))


_SCALARS: Mapping[str, _Decode] = {
    "string": _text,
    "character": _text,
    "blob": _blob,
    "boolean": _boolean,
    "integer": _whole_number(32, "an Integer"),
    "long": _whole_number(64, "a Long"),
    "float": _number,
    "double": _number,
    "timestamp": _timestamp,
}


def _unfit(value: Any, wanted: str) -> SerializationError:
    """In the words of AWS's JSON services, which never show the value."""
    if isinstance(value, dict):
        return SerializationError("Start of structure or map found where not expected.")
    if isinstance(value, list):
        return SerializationError("Start of list found where not expected.")
    return SerializationError(f"{_kind(value)}_VALUE can not be converted to {wanted}")


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).upper()
    return "STRING" if isinstance(value, str) else "NUMBER"
