"""The canonical form of a request that Signature Version 4 signs (IAM user guide, "Create a signed AWS API request").

Everything is octets: a header or path that is not ASCII is hashed as it came over the wire.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import quote, unquote_to_bytes


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request as it came over the wire; texts are octets decoded as latin-1, as servers hand them over."""

    method: str
    path: str
    """Raw: percent-encoding as the client wrote it, without the query."""
    query: str
    """Raw, without the question mark."""
    headers: Sequence[tuple[str, str]]
    """Lower-case names and values, in order, repeats included. `host` is what the client wrote."""

    def values(self, name: str) -> list[str]:
        """Every value of a header."""
        return [value for header, value in self.headers if header == name]


def canonical_hashes(request: SignedRequest, signed_headers: str, payload: str, *, presigned: bool) -> Iterator[str]:
    """The hex SHA-256 of the canonical request, for each spelling of the query that clients are known to sign.

    `signed_headers` is taken literally, so that no other spelling of the list passes. Every header in it must be present.
    """
    signed: dict[str, list[str]] = {name: [] for name in sorted(set(signed_headers.split(";")))}
    for name, value in request.headers:
        if name in signed:
            signed[name].append(_trimmed(value))
    lines = [f"{name}:{','.join(values)}\n" for name, values in signed.items()]
    head = f"{request.method.upper()}\n{canonical_path(request.path)}\n"
    tail = f"\n{''.join(lines)}\n{signed_headers}\n{payload}"
    for query in canonical_queries(request.query, presigned=presigned):
        yield sha256(_octets(head + query + tail)).hexdigest()


def canonical_path(path: str) -> str:
    """Dot segments and double slashes removed, then encoded once more: every service but S3 signs paths encoded twice."""
    if path == "/":
        return path
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in {"", "."}:
            kept.append(segment)
    last = "/" if kept and path.endswith("/") else ""
    return quote(_octets("/" + "/".join(kept) + last), safe="/~")


def canonical_queries(query: str, *, presigned: bool) -> Iterator[str]:
    """The query with names and values encoded anew and sorted, and, where it differs, only sorted, as botocore signs it."""
    if not query:
        yield ""
        return
    pairs = [pair.partition("=")[::2] for pair in query.split("&")]
    if presigned:
        pairs = [pair for pair in pairs if decoded(pair[0]) != "X-Amz-Signature"]
    encoded = _joined([(_encoded(name), _encoded(value)) for name, value in pairs if name or value])
    yield encoded
    if (literal := _joined(pairs)) != encoded:
        yield literal


def query_values(query: str, name: str) -> list[str]:
    """Every decoded value of a parameter, by its decoded name; a plus sign is a plus sign."""
    if not query:
        return []
    pairs = (pair.partition("=") for pair in query.split("&"))
    return [decoded(value) for key, _, value in pairs if decoded(key) == name]


def decoded(text: str) -> str:
    """Percent-encoding undone, octets again as latin-1."""
    return unquote_to_bytes(_octets(text)).decode("latin-1")


def _encoded(text: str) -> str:
    return quote(unquote_to_bytes(_octets(text)), safe="-_.~")


def _joined(pairs: Sequence[tuple[str, str]]) -> str:
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _trimmed(value: str) -> str:
    if "  " not in value and value.isascii() and value.isprintable() and value == value.strip(" "):
        return value
    return b" ".join(_octets(value).split()).decode("latin-1")


def _octets(text: str) -> bytes:
    return text.encode("latin-1", "replace")
