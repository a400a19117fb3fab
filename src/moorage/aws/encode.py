"""Results and errors into the AWS JSON protocol's bytes, by the operation's output shape (Smithy, "AWS JSON 1.1")."""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from moorage.aws.model import Service, element_of, entry_of, members_of
from moorage.core.clock import SECOND
from moorage.core.errors import MoorageError

if TYPE_CHECKING:
    from botocore.model import Shape


class UnencodableResultError(Exception):
    """An operation returned what its model does not have: a fault of this program, never of a caller."""


_Encode = Callable[[Any], Any]
"""Turns a value into what the JSON encoder takes; raises _UnfitError."""


class Encoder:
    """Encodes the results of one operation. The shape is compiled once, since looking it up for each value is slow."""

    def __init__(self, shape: "Shape | None") -> None:
        self._name = shape.name if shape is not None else ""
        self._encode = _compiled(shape, {}) if shape is not None else None

    def __call__(self, result: Mapping[str, Any] | None) -> bytes:
        """An operation's result as a JSON object.

        Timestamps come as integer milliseconds and become numbers of seconds with a fraction, the only form that the Go
        SDK reads; bytes become base64; a member whose value is None is left out, since AWS sends no null. Raises
        UnencodableResultError for an unknown or missing member, or a value of another type than the model's.
        """
        if self._encode is None:
            if result:
                raise UnencodableResultError("The operation has no output.")
            return b"{}"
        return _dump(_located(self._encode, result or {}, self._name))


def encode(result: Mapping[str, Any] | None, shape: "Shape | None") -> bytes:
    """A single result; see Encoder."""
    return Encoder(shape)(result)


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
        for name, value in extra.items():
            document[name] = _located(_compiled(shapes[name], {}), value, f"{error.aws_code}.{name}")
    headers = {"Content-Type": service.content_type, "x-amzn-ErrorType": error.aws_code}
    return ErrorAnswer(error.aws_status, headers, _dump(document))


def _dump(document: Mapping[str, Any]) -> bytes:
    try:
        return msgspec.json.encode(document)
    except (
        UnicodeEncodeError,
        OverflowError,
    ):  # JSON can spell lone surrogates and huge numbers, which UTF-8 and 64 bits cannot
        return json.dumps(document, separators=(",", ":"), allow_nan=False).encode("ascii")


class _UnfitError(Exception):
    """A value that does not fit, and where it stands, told from the inside out."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text
        self.path: list[str] = []


def _located(encoder: _Encode, value: Any, path: str) -> Any:
    try:
        return encoder(value)
    except _UnfitError as fault:
        raise UnencodableResultError(f"{path}{''.join(reversed(fault.path))} {fault.text}") from None


def _compiled(shape: "Shape", structures: dict[str, _Encode]) -> _Encode:
    """The encoder of a shape. `structures` are those that are compiled or being compiled: a shape may contain itself."""
    if shape.type_name == "structure":
        return structures.get(shape.name) or _structure(shape, structures)
    if shape.type_name == "list":
        return _list(_compiled(element_of(shape), structures))
    if shape.type_name == "map":
        key, member = entry_of(shape)
        return _map(_compiled(key, structures), _compiled(member, structures))
    return _ATOMS[shape.type_name]


def _structure(shape: "Shape", structures: dict[str, _Encode]) -> _Encode:
    encoders: dict[str, _Encode] = {}
    required = tuple(shape.required_members)

    def encode_structure(value: Any) -> dict[str, Any]:
        if type(value) is not dict and not isinstance(value, Mapping):
            raise _unfit(value, "structure")
        if not value.keys() <= encoders.keys():
            raise _UnfitError(f"has no member {', '.join(sorted(map(str, value.keys() - encoders.keys())))}.")
        if required and (missing := [name for name in required if value.get(name) is None]):
            raise _UnfitError(f"lacks {', '.join(missing)}.")
        name = ""
        try:
            document = {}
            for name, item in value.items():
                if item is not None:
                    document[name] = encoders[name](item)
        except _UnfitError as fault:
            fault.path.append(f".{name}")
            raise
        return document

    structures[shape.name] = encode_structure
    encoders.update({name: _compiled(member, structures) for name, member in members_of(shape).items()})
    return encode_structure


def _list(element: _Encode) -> _Encode:
    def encode_list(value: Any) -> list[Any]:
        if type(value) is not list and (not isinstance(value, Sequence) or isinstance(value, str | bytes)):
            raise _unfit(value, "list")
        document: list[Any] = []
        try:
            for item in value:
                document.append(element(item))  # noqa: PERF401  (its length says which item did not fit)
        except _UnfitError as fault:
            fault.path.append(f"[{len(document)}]")
            raise
        return document

    return encode_list


def _map(key: _Encode, member: _Encode) -> _Encode:
    def encode_map(value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise _unfit(value, "map")
        document: dict[str, Any] = {}
        for name, item in value.items():
            encoded = key(name)
            try:
                document[encoded] = member(item)
            except _UnfitError as fault:
                fault.path.append(f"[{name}]")
                raise
        return document

    return encode_map


def _timestamp(value: Any) -> float:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _unfit(value, "timestamp")
    return value / SECOND


def _blob(value: Any) -> str:
    if not isinstance(value, bytes | bytearray | memoryview):
        raise _unfit(value, "blob")
    return base64.b64encode(value).decode("ascii")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _unfit(value, "string")
    return value if type(value) is str else str(value)  # the JSON encoder knows no kinds of text of our own


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _unfit(value, "boolean")
    return value


def _integer(kind: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _unfit(value, kind)
    return value


def _number(kind: str, value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or value - value != 0:  # NaN and the infinities
        raise _unfit(value, kind)
    return value


_ATOMS: Mapping[str, _Encode] = {
    "string": _text,
    "character": _text,
    "blob": _blob,
    "boolean": _boolean,
    "integer": partial(_integer, "integer"),
    "long": partial(_integer, "long"),
    "float": partial(_number, "float"),
    "double": partial(_number, "double"),
    "timestamp": _timestamp,
}


def _unfit(value: Any, kind: str) -> _UnfitError:
    return _UnfitError(f"is a {kind} and cannot be given as {type(value).__name__}.")
