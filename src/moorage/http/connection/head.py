"""Parse and judge one request head (RFC 9112 sections 2 to 6), more strictly than the RFC asks where strictness prevents
two readers from seeing two different requests.

Whatever is accepted has one meaning only: one framing, one host, one target, no line folding, no lone CR or LF.
"""

import re
from typing import NamedTuple
from urllib.parse import unquote

from moorage.http.connection.limits import Limits

END = b"\r\n\r\n"

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
_REQUEST_LINE = re.compile(rb"(" + _TOKEN + rb"{1,32}+) ([\x21\x22\x24-\x7e]++) HTTP/([0-9])\.([0-9])\r\n")
_FIELDS = re.compile(rb"(?:" + _TOKEN + rb"++:[\t\x20-\x7e\x80-\xff]*+\r\n)*+\r\n")
_FIELD = re.compile(rb"([^:\r]++):[ \t]*+([^\r]*+)\r\n")
_NAME = re.compile(_TOKEN + rb"++")
_METHOD = re.compile(_TOKEN + rb"{1,32}+")
_LONE = re.compile(rb"(?<!\r)\n|\r(?!\n)")
_LONE_SO_FAR = re.compile(rb"(?<!\r)\n|\r(?!\n|\Z)")
_VERSION = re.compile(rb"HTTP/[0-9]+(?:\.[0-9]+)?")
_AUTHORITY = re.compile(rb"[A-Za-z0-9\-._~!$&'()*+,;=:\[\]%]*+")
_ABSOLUTE = re.compile(rb"(?i:(https?))://([^/?]*+)(.*+)")
_LENGTH = re.compile(rb"[0-9]{1,19}")

_JUDGED = frozenset((b"host", b"content-length", b"transfer-encoding", b"connection", b"expect"))
_DEFAULT_PORTS = {b"http": b":80", b"https": b":443"}


class RefusedRequestError(Exception):
    """The request is not answered by the application: `status` and `message` are the whole answer, and the connection
    ends with it.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class RequestHead(NamedTuple):
    """A judged request head."""

    method: str
    path: str
    """Percent-decoded."""
    raw_path: bytes
    query: bytes
    version: str
    """`1.0` or `1.1`."""
    headers: list[tuple[bytes, bytes]]
    """Names in lower case, values without surrounding white space, in the order of arrival."""
    keep_alive: bool
    length: int
    """Content-Length; 0 without one."""
    chunked: bool
    expects_continue: bool
    plain: bool
    """HTTP/1.1, kept alive, no body, no expectation: nothing but its bytes decides how it is answered."""


def parse(head: bytes, limits: Limits) -> RequestHead:
    """Read a head, from the first byte of the request line to the empty line inclusive.

    Raises RefusedRequestError with 400, 414, 417, 431 or 505.
    """
    line = _REQUEST_LINE.match(head)
    if line is None or len(head) > limits.head_bytes or _FIELDS.fullmatch(head, line.end()) is None:
        raise _explain(head, limits)
    method, target, major, minor = line.groups()
    if len(target) > limits.target_bytes:
        raise RefusedRequestError(414, "The request target is too long.")
    if major != b"1" or minor not in (b"0", b"1"):
        raise RefusedRequestError(505, "Only HTTP/1.0 and HTTP/1.1 are spoken here.")
    fields = _FIELD.findall(head, line.end())
    if len(fields) > limits.head_fields:
        raise RefusedRequestError(431, "The request has too many header lines.")
    headers: list[tuple[bytes, bytes]] = []
    judged: dict[bytes, list[bytes]] = {}
    for written, padded in fields:
        name, value = written.lower(), padded.rstrip(b" \t")
        headers.append((name, value))
        if name in _JUDGED:
            judged.setdefault(name, []).append(value)
    modern = minor == b"1"
    host = _host(judged.get(b"host", []), modern)
    raw_path, query = _target(target, host)
    length, chunked = _framing(judged, modern)
    keep_alive, quiet = _connection(judged.get(b"connection"), modern)
    expects = modern and _expects_continue(judged.get(b"expect"))
    path = raw_path.decode("ascii")
    return RequestHead(
        method.decode("ascii"),
        unquote(path) if "%" in path else path,
        raw_path,
        query,
        "1.1" if modern else "1.0",
        headers,
        keep_alive,
        length,
        chunked,
        expects,
        modern and quiet and not chunked and not length and b"expect" not in judged,
    )


def judge_beginning(data: bytes, known: int, limits: Limits) -> None:
    """Refuse an incomplete head as soon as it cannot become a good one; its first `known` bytes were judged before."""
    if _LONE_SO_FAR.search(data, max(0, known - 1)):
        raise RefusedRequestError(400, "The request head contains a lone CR or LF.")
    if known < 32 and _METHOD.match(data) is None:
        raise RefusedRequestError(400, "The method is not a token.")
    if len(data) > limits.target_bytes + 64 and data.find(b"\r\n", 0, limits.target_bytes + 64) < 0:
        raise RefusedRequestError(414, "The request target is too long.")
    if len(data) > limits.head_bytes:
        raise RefusedRequestError(431, "The request head is too large.")


def _host(hosts: list[bytes], modern: bool) -> bytes | None:
    if len(hosts) > 1:
        raise RefusedRequestError(400, "There is more than one Host header.")
    if not hosts:
        if modern:
            raise RefusedRequestError(400, "HTTP/1.1 requires a Host header.")
        return None
    if _AUTHORITY.fullmatch(hosts[0]) is None:
        raise RefusedRequestError(400, "The Host header is not a host.")
    return hosts[0]


def _target(target: bytes, host: bytes | None) -> tuple[bytes, bytes]:
    """Path and query of an origin-form or absolute-form target (RFC 9112 section 3.2)."""
    if target[:1] != b"/":
        absolute = _ABSOLUTE.fullmatch(target)
        if absolute is None:
            raise RefusedRequestError(400, "The request target must be a path or an absolute http URL.")
        scheme, authority, target = absolute.groups()
        if not authority or _AUTHORITY.fullmatch(authority) is None:
            raise RefusedRequestError(400, "The request target names no valid host.")
        port = _DEFAULT_PORTS[scheme.lower()]
        if host is not None and host.lower().removesuffix(port) != authority.lower().removesuffix(port):
            raise RefusedRequestError(400, "The Host header differs from the request target.")
        if target[:1] != b"/":
            target = b"/" + target
    path, _, query = target.partition(b"?")
    return path, query


def _framing(judged: dict[bytes, list[bytes]], modern: bool) -> tuple[int, bool]:
    """How long the body is, and whether it is chunked (RFC 9112 section 6)."""
    lengths = judged.get(b"content-length")
    encodings = judged.get(b"transfer-encoding")
    if encodings is not None:
        if lengths is not None:
            raise RefusedRequestError(400, "Content-Length and Transfer-Encoding exclude each other.")
        if not modern:
            raise RefusedRequestError(400, "HTTP/1.0 has no Transfer-Encoding.")
        if encodings != [b"chunked"]:
            raise RefusedRequestError(400, "The only Transfer-Encoding understood is chunked.")
        return 0, True
    if lengths is None:
        return 0, False
    if len(lengths) > 1:
        raise RefusedRequestError(400, "There is more than one Content-Length header.")
    if _LENGTH.fullmatch(lengths[0]) is None:
        raise RefusedRequestError(400, "The Content-Length is not a number.")
    return int(lengths[0]), False


def _connection(values: list[bytes] | None, modern: bool) -> tuple[bool, bool]:
    """Whether the connection is kept after the response, and whether no other connection option is given."""
    if values is None:
        return modern, True
    options = {option.strip(b" \t") for value in values for option in value.lower().split(b",")}
    keep_alive = b"close" not in options and (modern or b"keep-alive" in options)
    return keep_alive, options == {b"keep-alive"}


def _expects_continue(values: list[bytes] | None) -> bool:
    if values is None:
        return False
    if any(value.lower() != b"100-continue" for value in values):
        raise RefusedRequestError(417, "The only expectation understood is 100-continue.")
    return True


def _explain(head: bytes, limits: Limits) -> RefusedRequestError:
    """What is wrong with a head that does not match the grammar; only the answer depends on it, never the refusal."""
    if head.find(b"\r\n") > limits.target_bytes + 64:
        return RefusedRequestError(414, "The request target is too long.")
    if len(head) > limits.head_bytes:
        return RefusedRequestError(431, "The request head is too large.")
    if _LONE.search(head):
        return RefusedRequestError(400, "The request head contains a lone CR or LF.")
    first, *fields = head.removesuffix(END).split(b"\r\n")
    if _REQUEST_LINE.match(first + b"\r\n") is None:
        return _explain_request_line(first)
    for field in fields:
        name, colon, _ = field.partition(b":")
        if field[:1] in (b" ", b"\t"):
            return RefusedRequestError(400, "Folded header lines are not allowed.")
        if not colon or not name:
            return RefusedRequestError(400, "A header line has no name.")
        if name[-1:] in (b" ", b"\t"):
            return RefusedRequestError(400, "There is white space before the colon of a header line.")
        if _NAME.fullmatch(name) is None:
            return RefusedRequestError(400, "A header name is not a token.")
    return RefusedRequestError(400, "A header value contains a control character.")


def _explain_request_line(line: bytes) -> RefusedRequestError:
    parts = line.split(b" ")
    if _METHOD.fullmatch(parts[0]) is None:
        return RefusedRequestError(400, "The method is not a token.")
    if len(parts) != 3 or not parts[1]:
        return RefusedRequestError(400, "The request line is not a method, a target and a version.")
    if re.fullmatch(rb"[\x21\x22\x24-\x7e]+", parts[1]) is None:
        return RefusedRequestError(400, "The request target contains a character that must be percent-encoded, or a fragment.")
    if _VERSION.fullmatch(parts[2]):
        return RefusedRequestError(505, "Only HTTP/1.0 and HTTP/1.1 are spoken here.")
    return RefusedRequestError(400, "The request line ends in no HTTP version.")
