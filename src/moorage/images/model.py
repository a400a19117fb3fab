"""What an image is to a repository."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from moorage.core.names import TagName
from moorage.core.texts import is_unicode

MAX_CONFIG_BYTES = 8 * 1024 * 1024
"""A larger config is stored like any blob, but not looked into."""

_MAX_LABELS = 1000
_MAX_LABEL_CHARACTERS = 64 * 1024
"""Beyond these bounds labels are not kept for searching; the config itself is kept as it is."""


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What a config says of its image (OCI image-spec, config.md)."""

    os: str | None = None
    architecture: str | None = None
    variant: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    built_at: int | None = None
    """Milliseconds since the epoch."""

    @classmethod
    def parse(cls, body: bytes) -> "ImageFacts":
        """Read what can be read; a config that makes no sense has no facts, and is nobody's error."""
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            return cls()
        if not isinstance(document, dict):
            return cls()
        runtime = document.get("config")
        labels = runtime.get("Labels") if isinstance(runtime, dict) else None
        return cls(
            os=_text(document.get("os")),
            architecture=_text(document.get("architecture")),
            variant=_text(document.get("variant")),
            labels=_labels(labels),
            built_at=_time(document.get("created")),
        )


@dataclass(frozen=True, slots=True)
class Image:
    """An image of a repository, tagged or not."""

    id: int
    repository_id: int
    digest: str
    media_type: str
    size: int
    """Bytes of the manifest."""
    removed_at: int | None = None


@dataclass(frozen=True, slots=True)
class TagCondition:
    """What must hold of a tag before it moves (RFC 9110, If-Match and If-None-Match)."""

    must_be: frozenset[str] | None = None
    """Digests, one of which the tag must be on; `*` is any."""
    must_not_be: frozenset[str] | None = None

    def holds(self, digest: str | None) -> bool:
        """Whether it holds of a tag that is on `digest`, or on nothing."""
        if self.must_be is not None and not _named(self.must_be, digest):
            return False
        return self.must_not_be is None or not _named(self.must_not_be, digest)


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a push did."""

    digest: str
    media_type: str
    subject: str | None
    tags: tuple[TagName, ...] = ()


def _named(digests: frozenset[str], digest: str | None) -> bool:
    return digest is not None and ("*" in digests or digest in digests)


def _text(value: Any) -> str | None:
    return value[:256] if isinstance(value, str) and value and is_unicode(value) else None


def _labels(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        return {}
    pairs = [(key, text) for key, text in value.items() if isinstance(text, str) and is_unicode(key + text)]
    kept = dict(pairs[:_MAX_LABELS])
    return kept if sum(map(len, [*kept, *kept.values()])) <= _MAX_LABEL_CHARACTERS else {}


def _time(value: Any) -> int | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    try:
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
    except (OverflowError, ValueError):
        return None
