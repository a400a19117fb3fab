"""Content descriptors inside manifests (OCI image-spec, descriptor.md)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from moorage.core import media_types
from moorage.core.digest import is_grammatical
from moorage.core.errors import MoorageError

MAX_SIZE = 2**63 - 1
"""Bytes; what databases and Go clients can count."""


class InvalidManifestError(MoorageError):
    """A manifest that is not what its type says it must be (OCI: MANIFEST_INVALID)."""

    aws_code = "InvalidParameterException"
    oci_code = "MANIFEST_INVALID"


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A manifest's pointer to other content. The digest fits the grammar; it may be of an algorithm unknown here."""

    media_type: str
    digest: str
    size: int
    """Bytes."""
    artifact_type: str | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)
    urls: tuple[str, ...] = ()
    platform: Mapping[str, Any] | None = None

    @classmethod
    def parse(cls, value: Any, where: str) -> "Descriptor":
        """Read a descriptor from parsed JSON; raises InvalidManifestError that says where."""
        if not isinstance(value, dict):
            raise InvalidManifestError(f"{where} must be a descriptor object.")
        digest, size = value.get("digest"), value.get("size")
        if not isinstance(digest, str) or not is_grammatical(digest):
            raise InvalidManifestError(f"{where}.digest is missing or malformed.")
        if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= MAX_SIZE:
            raise InvalidManifestError(f"{where}.size must be a whole number of bytes.")
        platform = value.get("platform")
        if platform is not None and not isinstance(platform, dict):
            raise InvalidManifestError(f"{where}.platform must be an object.")
        return cls(
            media_type=optional_text(value, "mediaType", where) or "",
            digest=digest,
            size=size,
            artifact_type=optional_text(value, "artifactType", where),
            annotations=annotations_of(value, where),
            urls=_urls(value.get("urls"), where),
            platform=platform,
        )

    @property
    def may_be_absent(self) -> bool:
        """Whether the registry need not hold this content, because clients fetch it from elsewhere."""
        return bool(self.urls) or media_types.is_foreign(self.media_type)


def optional_text(value: Mapping[str, Any], member: str, where: str) -> str | None:
    """A member that is a string or absent."""
    found = value.get(member)
    if found is not None and not isinstance(found, str):
        raise InvalidManifestError(f"{where}.{member} must be a string.")
    return found


def annotations_of(value: Mapping[str, Any], where: str) -> Mapping[str, str]:
    """The `annotations` member: absent, null or an object of strings."""
    found = value.get("annotations")
    if found is None:
        return {}
    if not isinstance(found, dict) or not all(isinstance(text, str) for text in found.values()):
        raise InvalidManifestError(f"{where}.annotations must be an object of strings.")
    return found


def _urls(value: Any, where: str) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(url, str) for url in value):
        raise InvalidManifestError(f"{where}.urls must be a list of strings.")
    return tuple(value)
