"""Manifests: from bytes to what a registry must know of them (OCI image-spec; distribution-spec, "Pushing manifests").

The bytes are kept as they came; nothing here is ever used to write a manifest again.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from moorage.core import media_types
from moorage.core.descriptor import Descriptor, InvalidManifestError, annotations_of, optional_text
from moorage.core.errors import InvalidParameterError

MAX_MANIFEST_BYTES = 4 * 1024 * 1024
"""ECR's ImageManifest limit: 4,194,304."""

MAX_DESCRIPTORS = 10_000
_MAX_DEPTH = 100

# RFC 6838, section 4.2. What is accepted here is sent back as a header, so it must be no more than this.
_MEDIA_TYPE = re.compile(r"application/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a manifest says of itself."""

    media_type: str
    artifact_type: str | None = None
    """The manifest's own `artifactType`."""
    config: Descriptor | None = None
    layers: tuple[Descriptor, ...] = ()
    manifests: tuple[Descriptor, ...] = ()
    subject: Descriptor | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)
    is_index: bool = False

    @property
    def effective_artifact_type(self) -> str | None:
        """What the referrers listing shows: `artifactType`, else the config's media type (distribution-spec)."""
        if self.artifact_type:
            return self.artifact_type
        return self.config.media_type if self.config and not self.is_index else None

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """Config and layers, in the manifest's order."""
        return ((self.config,) if self.config else ()) + self.layers


def parse_manifest(body: bytes, content_type: str | None) -> Manifest:
    """Read a manifest from the bytes and media type that a client sent.

    The media type is the one that the client states, else the one in the body. Raises InvalidManifestError, or
    InvalidParameterError in ECR's words for bytes that are no JSON object at all.
    """
    document = _parse_json(body)
    own = media_types.bare(optional_text(document, "mediaType", "manifest") or "")
    stated = media_types.bare(content_type or "")
    media_type = stated or own
    if not media_type:
        raise InvalidManifestError("The manifest states no media type, and neither does the request.")
    if stated and own and own != stated:
        raise InvalidManifestError(f"The manifest's mediaType {own!r} contradicts the request's {stated!r}.")
    if not _MEDIA_TYPE.fullmatch(media_type) or media_type in media_types.SCHEMA1:
        raise InvalidManifestError(f"Manifests of the type {media_type!r} are not supported.")
    _refuse_ambiguity(document, media_type)
    return _read(document, media_type)


def _read(document: Mapping[str, Any], media_type: str) -> Manifest:
    config, subject = document.get("config"), document.get("subject")
    is_index = media_type in media_types.INDEXES or "manifests" in document
    manifest = Manifest(
        media_type=media_type,
        artifact_type=optional_text(document, "artifactType", "manifest") or None,
        config=Descriptor.parse(config, "config") if config is not None else None,
        # The ORAS artifact manifest, withdrawn before OCI 1.1 and still in the wild, calls its layers blobs.
        layers=_descriptors(document, "layers") + _descriptors(document, "blobs"),
        manifests=_descriptors(document, "manifests"),
        subject=Descriptor.parse(subject, "subject") if subject is not None else None,
        annotations=annotations_of(document, "manifest"),
        is_index=is_index,
    )
    if media_type in {media_types.OCI_MANIFEST, media_types.DOCKER_MANIFEST} and manifest.config is None:
        raise InvalidManifestError("An image manifest must have a config.")
    return manifest


def _refuse_ambiguity(document: Mapping[str, Any], media_type: str) -> None:
    """One document must not be an image to one client and an index to another (CVE-2021-41190)."""
    image_like = document.keys() & {"config", "layers", "blobs"}
    if "manifests" in document and image_like:
        raise InvalidManifestError("A manifest must not have both manifests and config or layers.")
    if media_type in media_types.INDEXES:
        if image_like or "manifests" not in document:
            raise InvalidManifestError("An index must have manifests, and neither config nor layers.")
    elif "manifests" in document and media_type in {media_types.OCI_MANIFEST, media_types.DOCKER_MANIFEST}:
        raise InvalidManifestError("An image manifest must not have manifests.")
    if document.get("schemaVersion", 2) != 2:
        raise InvalidManifestError("schemaVersion must be 2.")


def _descriptors(document: Mapping[str, Any], member: str) -> tuple[Descriptor, ...]:
    value = document.get(member)
    if value is None:
        return ()
    if not isinstance(value, list):
        raise InvalidManifestError(f"{member} must be a list.")
    if len(value) > MAX_DESCRIPTORS:
        raise InvalidManifestError(f"{member} must have at most {MAX_DESCRIPTORS} entries.")
    return tuple(Descriptor.parse(entry, f"{member}[{number}]") for number, entry in enumerate(value))


class _NotJsonError(InvalidParameterError):
    oci_code = "MANIFEST_INVALID"


def _parse_json(body: bytes) -> dict[str, Any]:
    """Strict JSON: UTF-8 without a byte-order mark, one object, no repeated keys, no NaN, no bombs."""
    try:
        document = json.loads(body.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse_constant)
        if b"\\ud" in body.lower():
            json.dumps(document, ensure_ascii=False).encode()  # a lone surrogate is no text
    except (ValueError, RecursionError):
        raise _NotJsonError.at("ImageManifest", "Invalid JSON syntax") from None
    if not isinstance(document, dict) or _depth_exceeds(document, _MAX_DEPTH):
        raise _NotJsonError.at("ImageManifest", "Invalid JSON syntax")
    return document


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("repeated key")
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _depth_exceeds(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        inner: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                inner.extend(item.values())
            elif isinstance(item, list):
                inner.extend(item)
        level = [item for item in inner if isinstance(item, dict | list)]
        if not level:
            return False
    return True
