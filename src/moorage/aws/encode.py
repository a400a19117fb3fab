"""Results and errors into the AWS JSON protocol's bytes, by the operation's output shape (Smithy, "AWS JSON 1.1")."""

import base64
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from moorage.aws.model import Compiled, Service, element_of, entry_of, members_of
from moorage.core.clock import SECOND
from moorage.core.errors import MoorageError

if TYPE_CHECKING:
    from botocore.model import Shape


class UnencodableResultError(Exception):
    """An operation returned what its model does not have: a fault of this program, never of a caller."""


def encoder(shape: "Shape | None") -> Callable[[Mapping[str, Any] | None], bytes]:
    """What writes an operation's results as JSON objects.

    Timestamps come as integer milliseconds and become numbers of seconds with a fraction, the only form that the Go SDK
    reads; bytes become base64; a member whose value is None is left out, since AWS sends no null. Raises
    UnencodableResultError for an unknown or missing member, or a value of another type than the model's.
    """
    if shape is None:
        return _encode_nothing
    structure, name = Compiled(_make).of(shape), shape.name

    def encode_result(result: Mapping[str, Any] | None) -> bytes:
        try:
            return _dump(structure(result or {}))
        except _MisfitError as error:
            raise UnencodableResultError(f"{name}{error.path}{error.what}") from None

    return encode_result


def _encode_nothing(result: Mapping[str, Any] | None) -> bytes:
    if result:
        raise UnencodableResultError("The operation has no output.")
    return b"{}"


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
        shapes, compiled = members_of(service.errors[error.aws_code]), Compiled(_make)
        try:
            document |= {name: compiled.of(shapes[name])(value) for name, value in extra.items()}
        except _MisfitError as misfit:
            raise UnencodableResultError(f"{error.aws_code}{misfit.path}{misfit.what}") from None
    headers = {"Content-Type": service.content_type, "x-amzn-ErrorType": error.aws_code}
    return ErrorAnswer(error.aws_status, headers, _dump(document))


def _dump(document: Mapping[str, Any]) -> bytes:
    try:
        return msgspec.json.encode(document)
    except (UnicodeEncodeError, OverflowError):  # JSON can spell lone surrogates and huge numbers, UTF-8 and 64 bits cannot
        return json.dumps(document, separators=(",", ":"), allow_nan=False).encode("ascii")


_Encode = Callable[[Any], Any]
_Find = Callable[["Shape"], _Encode]


class _MisfitError(Exception):
    """A value that the model does not have. Where it stands is only found out when there is one."""

    def __init__(self, what: str, path: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.path = path

    def inside(self, step: str) -> "_MisfitError":
        return _MisfitError(self.what, step + self.path)


def _make(shape: "Shape", find: _Find) -> _Encode:
    whole = {"structure": _structure, "list": _list, "map": _map}.get(shape.type_name)
    return whole(shape, find) if whole is not None else _SCALARS[shape.type_name]


def _structure(shape: "Shape", find: _Find) -> _Encode:
    encoders = {name: find(member) for name, member in members_of(shape).items()}
    required = tuple(shape.required_members)

    def encode_structure(value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise _unfit(value, "structure")
        try:
            document = {name: encoders[name](item) for name, item in value.items() if item is not None}
        except (KeyError, _MisfitError):
            raise _located(value, encoders) from None
        if missing := [name for name in required if name not in document]:
            raise _MisfitError(f" lacks {', '.join(missing)}.")
        return document

    return encode_structure


def _located(value: Mapping[str, Any], encoders: Mapping[str, _Encode]) -> _MisfitError:
    if unknown := value.keys() - encoders.keys():
        return _MisfitError(f" has no member {', '.join(sorted(map(str, unknown)))}.")
    return _first_misfit((f".{name}", encoders[name], item) for name, item in value.items() if item is not None)


def _first_misfit(parts: Iterable[tuple[str, _Encode, Any]]) -> _MisfitError:
    for step, encode_part, item in parts:
        try:
            encode_part(item)
        except _MisfitError as error:
            return error.inside(step)
    raise AssertionError("what failed once fails again")


def _list(shape: "Shape", find: _Find) -> _Encode:
    element = find(element_of(shape))

    def encode_list(value: Any) -> list[Any]:
        if not isinstance(value, Sequence) or isinstance(value, str | bytes):
            raise _unfit(value, "list")
        try:
            return [element(item) for item in value]
        except _MisfitError:
            raise _first_misfit((f"[{number}]", element, item) for number, item in enumerate(value)) from None

    return encode_list


def _map(shape: "Shape", find: _Find) -> _Encode:
    key, member = map(find, entry_of(shape))

    def encode_map(value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise _unfit(value, "map")
        try:
            return {key(name): member(item) for name, item in value.items()}
        except _MisfitError:
            keys = ((f"[{name}]", key, name) for name in value)
            raise _first_misfit((*keys, *((f"[{name}]", member, item) for name, item in value.items()))) from None

    return encode_map


def _timestamp(value: Any) -> float:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _unfit(value, "timestamp")
    return int(value) / SECOND


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


def _whole_number(kind: str) -> _Encode:
    def encode_whole_number(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise _unfit(value, kind)
        return value

    return encode_whole_number


def _number(kind: str) -> _Encode:
    def encode_number(value: Any) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool) or value - value != 0:  # NaN and the infinities
            raise _unfit(value, kind)
        return value

    return encode_number


_SCALARS: Mapping[str, _Encode] = {
    "string": _text,
    "character": _text,
    "blob": _blob,
    "boolean": _boolean,
    "integer": _whole_number("integer"),
    "long": _whole_number("long"),
    "float": _number("float"),
    "double": _number("double"),
    "timestamp": _timestamp,
}


def _unfit(value: Any, kind: str) -> _MisfitError:
    return _MisfitError(f" is a {kind} and cannot be given as {type(value).__name__}.")
