"""Request bodies of the AWS JSON protocol into Python values, by the operation's input shape (Smithy, "AWS JSON 1.1").

Only types are decided here; `aws.validate` decides about values. A member that is null counts as absent, a member that the
model does not know is ignored.
"""

import base64
import json
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from moorage.aws.model import element_of, entry_of, members_of
from moorage.core.clock import SECOND, Timestamp
from moorage.core.errors import MoorageError

if TYPE_CHECKING:
    from botocore.model import Shape

Params = dict[str, Any]
"""The decoded members of a request: str, int, float, bool, bytes (blobs), Timestamp, lists and dicts of these."""

_LAST_SECOND = 253_402_300_799
"""The end of the year 9999, the last that AWS's timestamps can say."""


class SerializationError(MoorageError):
    """A body that is no JSON object, or a member of the wrong JSON type."""

    aws_code = "SerializationException"
    oci_code = "UNSUPPORTED"


def decode(body: bytes, shape: "Shape | None") -> Params:
    """The members of a request body; raises SerializationError.

    No body at all counts as `{}`, as Smithy asks of servers. Stricter than JSON parsers are by habit: a repeated key, NaN,
    a lone surrogate or U+0000 in a text is refused, since the parts that follow could read or store it in two ways.
    """
    document = _parse(body) if body else {}
    if not isinstance(document, dict):
        raise SerializationError("The request body must be a JSON object.")
    return _structure(document, shape) if shape is not None else {}


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


def _value(value: Any, shape: "Shape") -> Any:
    return _DECODERS[shape.type_name](value, shape)


def _structure(value: Any, shape: "Shape") -> Params:
    if not isinstance(value, dict):
        raise _unfit(value, "a Structure")
    return {name: _value(value[name], member) for name, member in members_of(shape).items() if value.get(name) is not None}


def _list(value: Any, shape: "Shape") -> list[Any]:
    if not isinstance(value, list):
        raise _unfit(value, "a List")
    member = element_of(shape)
    return [None if item is None else _value(item, member) for item in value]


def _map(value: Any, shape: "Shape") -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _unfit(value, "a Map")
    key, member = entry_of(shape)
    return {_text(name, key): None if item is None else _value(item, member) for name, item in value.items()}


def _text(value: Any, _shape: "Shape") -> str:
    if not isinstance(value, str):
        raise _unfit(value, "a String")
    if "\0" in value or not _is_unicode(value):
        raise SerializationError("A text holds a character that is not allowed.")
    return value


def _is_unicode(text: str) -> bool:
    """Whether the text has no lone surrogate, which JSON can spell and UTF-8 cannot."""
    if text.isascii():
        return True
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _blob(value: Any, _shape: "Shape") -> bytes:
    if not isinstance(value, str):
        raise _unfit(value, "a Blob")
    try:
        return base64.b64decode(value, validate=True)
    except ValueError:
        raise SerializationError("A blob is not valid base64.") from None


def _boolean(value: Any, _shape: "Shape") -> bool:
    if not isinstance(value, bool):
        raise _unfit(value, "a Boolean")
    return value


def _integer(value: Any, shape: "Shape") -> int:
    bits, name = (32, "an Integer") if shape.type_name == "integer" else (64, "a Long")
    if not isinstance(value, int) or isinstance(value, bool) or not -(1 << (bits - 1)) <= value < 1 << (bits - 1):
        raise _unfit(value, name)
    return value


def _number(value: Any, _shape: "Shape") -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise _unfit(value, "a Double")
    try:
        number = float(value)
    except OverflowError:
        raise _unfit(value, "a Double") from None
    if not math.isfinite(number):
        raise _unfit(value, "a Double")
    return number


def _timestamp(value: Any, shape: "Shape") -> Timestamp:
    """Seconds since the epoch, as a number; the JSON protocols know no other form unless the model asks for it."""
    seconds = _number(value, shape)
    if not 0 <= seconds <= _LAST_SECOND:
        raise _unfit(value, "a Timestamp")
    return Timestamp(round(seconds * SECOND))


_DECODERS: Mapping[str, Callable[[Any, "Shape"], Any]] = {
    "structure": _structure,
    "list": _list,
    "map": _map,
    "string": _text,
    "character": _text,
    "blob": _blob,
    "boolean": _boolean,
    "integer": _integer,
    "long": _integer,
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
