"""Byte ranges and entity tags (RFC 9110, sections 13 and 14)."""

import re

from moorage.core.errors import MoorageError

_RANGE = re.compile(r"bytes=\s*(?:([0-9]{1,19})-([0-9]{0,19})|-([0-9]{1,19}))\s*")


class RangeNotSatisfiableError(MoorageError):
    """A range that begins behind the end, or ends before it begins."""

    oci_code = "SIZE_INVALID"
    oci_status = 416

    def __init__(self, size: int) -> None:
        super().__init__("The requested range cannot be satisfied.", headers={"Content-Range": f"bytes */{size}"})


def byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """The (offset, count) that a `Range` header asks for, or None for the whole.

    What is not one range of bytes is ignored, as the RFC allows; raises RangeNotSatisfiableError.
    """
    match = _RANGE.fullmatch(header) if header else None
    if match is None:
        return None
    first, last, suffix = match.groups()
    if suffix is not None:
        count = min(int(suffix), size)
        if count == 0:
            raise RangeNotSatisfiableError(size)
        return size - count, count
    start = int(first)
    stop = min(int(last) + 1, size) if last else size
    if start >= size or start >= stop:
        raise RangeNotSatisfiableError(size)
    return start, stop - start


def entity_tags(header: str | None) -> frozenset[str] | None:
    """The tags of an If-Match or If-None-Match header, without quotes; `*` stands for itself. None: no such header."""
    if header is None:
        return None
    return frozenset(part.strip().removeprefix("W/").strip('"') for part in header.split(","))


def is_unchanged(if_none_match: str | None, digest: str) -> bool:
    """Whether the client has this content already."""
    tags = entity_tags(if_none_match)
    return tags is not None and (digest in tags or "*" in tags)
