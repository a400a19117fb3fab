"""Results and errors into the AWS JSON protocol's bytes, by the operation's output shape (Smithy, "AWS JSON 1.1")."""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moorage.aws.model import Service, element_of, entry_of, members_of
from moorage.core.clock import SECOND
from moorage.core.errors import MoorageError

if TYPE_CHECKING:
    from botocore.model import Shape


class UnencodableResultError(Exception):
    """An operation returned what its model does not have: a fault of this program, never of a caller."""


def encode(result: Mapping[str, Any] | None, shape: "Shape | None") -> bytes:
    """An operation's result as a JSON object.

    Timestamps come as integer milliseconds and become numbers of seconds with a fraction, the only form that the Go SDK
    reads; bytes become base64; a member whose value is None is left out, since AWS sends no null. Raises
    UnencodableResultError for an unknown or missing member, or a value of another type than the model's.
    """
    document = _structure(result or {}, shape, shape.name) if shape is not None else {}
    if shape is None and result:
        raise UnencodableResultError("The operation has no output.")
    return _dump(document)


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """An error, ready to be sent."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def encode_error(service: Service, error: MoorageError) -> ErrorAnswer:
    """An error in the service's tongue: the code in the body for botocore, and in a header for the Go and Java SDKs.

    Members that the model declares for the exception stand next to the message; others are a fault of this program.
    """
    document: dict[str, Any] = {"__type": error.aws_code, "message": error.message}
    if extra := {name: value for name, value in error.members().items() if value is not None}:
        known = service.error_members.get(error.aws_code, frozenset())
        if unknown := extra.keys() - known:
            raise UnencodableResultError(f"{error.aws_code} has no member {', '.join(sorted(unknown))}.")
        shapes = members_of(service.errors[error.aws_code])
        document |= {name: _value(value, shapes[name], f"{error.aws_code}.{name}") for name, value in extra.items()}
    headers = {"Content-Type": service.content_type, "x-amzn-ErrorType": error.aws_code}
    return ErrorAnswer(error.aws_status, headers, _dump(document))


def _dump(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":"), allow_nan=False).encode("ascii")


def _value(value: Any, shape: "Shape", path: str) -> Any:
    return _ENCODERS[shape.type_name](value, shape, path)


def _structure(value: Any, shape: "Shape", path: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise _unfit(value, shape, path)
    members = members_of(shape)
    if unknown := value.keys() - members.keys():
        raise UnencodableResultError(f"{path} has no member {', '.join(sorted(map(str, unknown)))}.")
    if missing := [name for name in shape.required_members if value.get(name) is None]:
        raise UnencodableResultError(f"{path} lacks {', '.join(missing)}.")
    return {name: _value(item, members[name], f"{path}.{name}") for name, item in value.items() if item is not None}


def _list(value: Any, shape: "Shape", path: str) -> list[Any]:
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        raise _unfit(value, shape, path)
    element = element_of(shape)
    return [_value(item, element, f"{path}[{number}]") for number, item in enumerate(value)]


def _map(value: Any, shape: "Shape", path: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise _unfit(value, shape, path)
    key, member = entry_of(shape)
    return {_value(name, key, path): _value(item, member, f"{path}[{name}]") for name, item in value.items()}


def _timestamp(value: Any, shape: "Shape", path: str) -> float:
    return int(_integer(value, shape, path)) / SECOND


def _blob(value: Any, shape: "Shape", path: str) -> str:
    if not isinstance(value, bytes | bytearray | memoryview):
        raise _unfit(value, shape, path)
    return base64.b64encode(value).decode("ascii")


def _text(value: Any, shape: "Shape", path: str) -> str:
    if not isinstance(value, str):
        raise _unfit(value, shape, path)
    return value


def _boolean(value: Any, shape: "Shape", path: str) -> bool:
    if not isinstance(value, bool):
        raise _unfit(value, shape, path)
    return value


def _integer(value: Any, shape: "Shape", path: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _unfit(value, shape, path)
    return value


def _number(value: Any, shape: "Shape", path: str) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or value - value != 0:  # NaN and the infinities
        raise _unfit(value, shape, path)
    return value


_ENCODERS: Mapping[str, Callable[[Any, "Shape", str], Any]] = {
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


def _unfit(value: Any, shape: "Shape", path: str) -> UnencodableResultError:
    return UnencodableResultError(f"{path} is a {shape.type_name} and cannot be given as {type(value).__name__}.")
