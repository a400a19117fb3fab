"""ECR's image identifiers: a tag, a digest, or both, which must then agree (ECR API reference, ImageIdentifier)."""

import re
from collections.abc import Mapping

from moorage.core.errors import InvalidTagError
from moorage.core.names import TagName
from moorage.images import store
from moorage.images.model import Image
from moorage.storage.database.transaction import Transaction

DIGEST_PATTERN = "[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+"
"""As the service prints it in its errors."""

_DIGEST = re.compile(r"[a-zA-Z0-9\-_+.]+:[a-fA-F0-9]+")


class FailedIdentifierError(Exception):
    """An identifier that names no image, with ECR's failure code and reason."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def resolve(tx: Transaction, repository_id: int, image_id: Mapping[str, str]) -> Image:
    """The image that an identifier names; raises FailedIdentifierError."""
    tag, digest = image_id.get("imageTag"), image_id.get("imageDigest")
    if not tag and not digest:
        reason = "Invalid request parameters: both tag and digest cannot be null"
        raise FailedIdentifierError("MissingDigestAndTag", reason)
    _check(tag, digest)
    found = store.by_tag(tx, repository_id, tag) if tag else store.by_digest(tx, repository_id, str(digest))
    if found is None:
        raise FailedIdentifierError("ImageNotFound", "Requested image not found")
    if digest and found.digest != digest:
        reason = "Invalid request parameters: given tag does not map to the given digest"
        raise FailedIdentifierError("ImageTagDoesNotMatchDigest", reason)
    return found


def is_digest(text: str) -> bool:
    """Whether ECR takes the text for an image's digest, known or not."""
    return _DIGEST.fullmatch(text) is not None


def _check(tag: str | None, digest: str | None) -> None:
    if digest and not is_digest(digest):
        reason = f"Invalid request parameters: image digest should satisfy the regex '{DIGEST_PATTERN}'"
        raise FailedIdentifierError("InvalidImageDigest", reason)
    if tag:
        try:
            TagName.parse(tag)
        except InvalidTagError as error:
            reason = "Invalid request parameters: image tag should satisfy the regex '[a-zA-Z0-9-_.]+'"
            raise FailedIdentifierError("InvalidImageTag", reason) from error
