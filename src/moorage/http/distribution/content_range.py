"""The `Content-Range` of upload chunks, which is not HTTP's: `<first>-<last>` without a unit (distribution-spec)."""

import re

from moorage.core.errors import MoorageError

_CHUNK = re.compile(r"(?:bytes[ =])?([0-9]{1,18})-([0-9]{1,18})(?:/(?:\*|[0-9]{1,18}))?")


class InvalidContentRangeError(MoorageError):
    """A Content-Range that is none."""

    oci_code = "BLOB_UPLOAD_INVALID"


def chunk_range(header: str | None) -> tuple[int, int] | None:
    """The (first byte, number of bytes) that a chunk claims, or None where it claims nothing.

    HTTP's own form with `bytes` is taken too, since some clients send it. Raises InvalidContentRangeError.
    """
    if header is None:
        return None
    match = _CHUNK.fullmatch(header.strip())
    if match is None:
        raise InvalidContentRangeError("Content-Range must be <first byte>-<last byte>.")
    first, last = int(match[1]), int(match[2])
    if last < first:
        raise InvalidContentRangeError("Content-Range must not end before it begins.")
    return first, last - first + 1
