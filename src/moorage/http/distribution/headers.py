"""The headers of data-plane answers (distribution-spec; reference: RFC 9110)."""

from moorage.core.digest import Digest
from moorage.images.model import Image

COMMON_HEADERS = {
    "docker-distribution-api-version": "registry/2.0",
    "x-content-type-options": "nosniff",
    "content-security-policy": "sandbox",
}
"""On every answer below `/v2/`."""


def manifest_headers(image: Image) -> dict[str, str]:
    """The headers of a manifest's GET and HEAD."""
    return {
        "content-type": image.media_type,
        "content-length": str(image.size),
        "docker-content-digest": image.digest,
        "etag": f'"{image.digest}"',
    }


def blob_headers(digest: Digest) -> dict[str, str]:
    """The headers of every answer that shows a blob. What a digest names never changes."""
    return {
        "content-type": "application/octet-stream",
        "docker-content-digest": str(digest),
        "etag": f'"{digest}"',
        "accept-ranges": "bytes",
        "cache-control": "private, max-age=31536000, immutable",
    }
