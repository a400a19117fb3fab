"""Results and errors into the Query protocol's XML, by the operation's output shape (Smithy, "AWS query protocol").

XML is only ever written here. None is parsed anywhere in this program.
"""

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from moorage.aws.encode import ErrorAnswer, UnencodableResultError
from moorage.aws.model import Compiled, Service, element_of, entry_of, members_of
from moorage.aws.query import is_flattened, wire_name
from moorage.core.clock import SECOND
from moorage.core.errors import MoorageError

if TYPE_CHECKING:
    from botocore.model import OperationModel, Shape

CONTENT_TYPE = "text/xml"

FAULTS = "http://webservices.amazon.com/AWSFault/2005-15-09"
"""The namespace of errors about requests that belong to no service."""

# Whatever XML 1.0 cannot say even as a reference (section 2.2), and the line ends that a parser would make others of (2.11).
_UNSPEAKABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LINE_ENDS = {"\r": "&#xD;", "\x85": "&#x85;", "\u2028": "&#x2028;"}

_Write = Callable[[Any, str, list[str]], None]
"""Appends the value, as an element of that name, to the pieces."""
_Find = Callable[["Shape"], _Write]


def xml_encoder(operation: "OperationModel", namespace: str) -> Callable[[Mapping[str, Any] | None, str], bytes]:
    """What writes an operation's results, with the request's id, as XML documents.

    Timestamps come as integer milliseconds and become whole seconds, as IAM and STS have them; bytes become base64, a member
    whose value is None is left out. Raises UnencodableResultError for what the model does not have.
    """
    name, shape = operation.name, operation.output_shape
    head = f'<{name}Response xmlns="{namespace}">'
    wrapper = str(shape.serialization.get("resultWrapper", "")) if shape is not None else ""
    members = _members(shape, Compiled(_make).of) if shape is not None else None

    def encode_result(result: Mapping[str, Any] | None, request_id: str) -> bytes:
        pieces = [head]
        if wrapper:
            pieces.append(f"<{wrapper}>")
        if members is not None:
            members(result or {}, name, pieces)
        elif result:
            raise UnencodableResultError("The operation has no output.")
        if wrapper:
            pieces.append(f"</{wrapper}>")
        pieces.append(f"<ResponseMetadata><RequestId>{text_of(request_id)}</RequestId></ResponseMetadata></{name}Response>\n")
        return "".join(pieces).encode()

    return encode_result


def encode_xml_error(service: Service | None, error: MoorageError, request_id: str) -> ErrorAnswer:
    """An error as the Query services write it. `Receiver` is who is at fault from 500 on, `Sender` otherwise."""
    status = error.query_status or error.aws_status
    code = code_of(error)
    extra: list[str] = []
    if service is not None and (given := {name: value for name, value in error.members().items() if value is not None}):
        if (shape := service.errors.get(code)) is None:
            raise UnencodableResultError(f"{code} has no members.")
        _members(shape, Compiled(_make).of)(given, code, extra)
    body = (
        f'<ErrorResponse xmlns="{service.namespace if service is not None else FAULTS}"><Error>'
        f"<Type>{'Receiver' if status >= 500 else 'Sender'}</Type><Code>{text_of(code)}</Code>"
        f"<Message>{text_of(error.query_message)}</Message>{''.join(extra)}</Error>"
        f"<RequestId>{text_of(request_id)}</RequestId></ErrorResponse>\n"
    )
    return ErrorAnswer(status, {"Content-Type": CONTENT_TYPE}, body.encode())


def code_of(error: MoorageError) -> str:
    """What the Query services call an error."""
    return error.query_code or error.aws_code


def text_of(text: str) -> str:
    """A text between tags. What XML cannot say becomes U+FFFD, as texts from elsewhere may hold anything."""
    return escape(_UNSPEAKABLE.sub("\ufffd", text), _LINE_ENDS)


def _make(shape: "Shape", find: _Find) -> _Write:
    if shape.type_name == "structure":
        return _structure(shape, find)
    if shape.type_name == "list":
        return _list(shape, find)
    if shape.type_name == "map":
        return _map(shape, find)
    return _scalar(shape.type_name, shape.serialization.get("timestampFormat", "iso8601"))


def _members(shape: "Shape", find: _Find) -> _Write:
    """The members of a structure, without an element of its own."""
    writers = [(name, wire_name(member, name), find(member)) for name, member in members_of(shape).items()]
    known = frozenset(name for name, _, _ in writers)
    required = tuple(shape.required_members)

    def write_members(value: Any, path: str, pieces: list[str]) -> None:
        if not isinstance(value, Mapping):
            raise _unfit(value, "structure", path)
        if unknown := value.keys() - known:
            raise UnencodableResultError(f"{path} has no member {', '.join(sorted(map(str, unknown)))}.")
        if missing := [name for name in required if value.get(name) is None]:
            raise UnencodableResultError(f"{path} lacks {', '.join(missing)}.")
        for name, wire, write in writers:
            if (item := value.get(name)) is not None:
                write(item, wire, pieces)

    return write_members


def _structure(shape: "Shape", find: _Find) -> _Write:
    write_members = _members(shape, find)

    def write_structure(value: Any, name: str, pieces: list[str]) -> None:
        pieces.append(f"<{name}>")
        write_members(value, name, pieces)
        pieces.append(f"</{name}>")

    return write_structure


def _list(shape: "Shape", find: _Find) -> _Write:
    element = element_of(shape)
    write_element, flattened = find(element), is_flattened(shape)
    own = str(element.serialization.get("name", "member"))

    def write_list(value: Any, name: str, pieces: list[str]) -> None:
        if not isinstance(value, Sequence) or isinstance(value, str | bytes):
            raise _unfit(value, "list", name)
        if flattened:
            for item in value:
                write_element(item, name, pieces)
            return
        pieces.append(f"<{name}>")
        for item in value:
            write_element(item, own, pieces)
        pieces.append(f"</{name}>")

    return write_list


def _map(shape: "Shape", find: _Find) -> _Write:
    key, item = entry_of(shape)
    write_key, write_item, flattened = find(key), find(item), is_flattened(shape)
    key_name, item_name = str(key.serialization.get("name", "key")), str(item.serialization.get("name", "value"))

    def write_map(value: Any, name: str, pieces: list[str]) -> None:
        if not isinstance(value, Mapping):
            raise _unfit(value, "map", name)
        entry = name if flattened else "entry"
        if not flattened:
            pieces.append(f"<{name}>")
        for each, content in value.items():
            pieces.append(f"<{entry}>")
            write_key(each, key_name, pieces)
            write_item(content, item_name, pieces)
            pieces.append(f"</{entry}>")
        if not flattened:
            pieces.append(f"</{name}>")

    return write_map


def _scalar(kind: str, time_format: str) -> _Write:
    convert = _unix_time if kind == "timestamp" and time_format == "unixTimestamp" else _TEXTS[kind]

    def write_scalar(value: Any, name: str, pieces: list[str]) -> None:
        text = convert(value)
        if text is None:
            raise _unfit(value, kind, name)
        pieces.append(f"<{name}>{text_of(text)}</{name}>")

    return write_scalar


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _blob(value: Any) -> str | None:
    return base64.b64encode(value).decode("ascii") if isinstance(value, bytes | bytearray | memoryview) else None


def _boolean(value: Any) -> str | None:
    return ("true" if value else "false") if isinstance(value, bool) else None


def _whole_number(value: Any) -> str | None:
    return str(int(value)) if isinstance(value, int) and not isinstance(value, bool) else None


def _number(value: Any) -> str | None:
    if not isinstance(value, int | float) or isinstance(value, bool) or value - value != 0:  # NaN and the infinities
        return None
    return repr(value)


def _timestamp(value: Any) -> str | None:
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return datetime.fromtimestamp(value // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _unix_time(value: Any) -> str | None:
    return str(value // SECOND) if isinstance(value, int) and not isinstance(value, bool) else None


_TEXTS: Mapping[str, Callable[[Any], str | None]] = {
    "string": _text,
    "character": _text,
    "blob": _blob,
    "boolean": _boolean,
    "integer": _whole_number,
    "long": _whole_number,
    "float": _number,
    "double": _number,
    "timestamp": _timestamp,
}


def _unfit(value: Any, kind: str, name: str) -> UnencodableResultError:
    return UnencodableResultError(f"{name} is a {kind} and cannot be given as {type(value).__name__}.")
