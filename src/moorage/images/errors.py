"""Faults about images, in the words of both protocols."""

from collections.abc import Mapping, Sequence
from typing import Any

from moorage.core.call import Registry
from moorage.core.errors import InvalidDigestError, MoorageError

_MOST_NAMED = 100
"""Digests that an error names at most; a manifest can miss thousands."""


class ImageNotFoundError(MoorageError):
    """The repository has no such image."""

    aws_code = "ImageNotFoundException"
    oci_code = "MANIFEST_UNKNOWN"
    oci_status = 404

    def __init__(self, tag: str | None, digest: str | None, repository: str, registry: Registry) -> None:
        super().__init__(
            f"The image with imageId {{imageDigest:'{digest or 'null'}', imageTag:'{tag or 'null'}'}} does not exist within "
            f"the repository with name '{repository}' in the registry with id '{registry.account_id}'"
        )

    def entries(self) -> list[dict[str, Any]]:
        """In the words that the registry's own endpoint uses."""
        return [{"code": self.oci_code, "message": "Requested image not found"}]


class ImageTagAlreadyExistsError(MoorageError):
    """The tag is on another image and may not move."""

    aws_code = "ImageTagAlreadyExistsException"
    oci_code = "TAG_INVALID"
    api_status = 409

    def __init__(self, tag: str, repository: str) -> None:
        super().__init__(
            f"The image tag '{tag}' already exists in the '{repository}' repository and cannot be overwritten "
            "because the repository is immutable."
        )


class ImageAlreadyExistsError(MoorageError):
    """The very image is there with that tag already."""

    aws_code = "ImageAlreadyExistsException"

    def __init__(self, digest: str, tag: str | None, repository: str, registry: Registry) -> None:
        super().__init__(
            f"Image with digest '{digest}' and tag '{tag or 'null'}' already exists in the repository with name "
            f"'{repository}' in registry with id '{registry.account_id}'"
        )


class ImageDigestDoesNotMatchError(InvalidDigestError):
    """The manifest's bytes have another digest than the caller says."""

    aws_code = "ImageDigestDoesNotMatchException"

    def __init__(self, expected: str, found: str) -> None:
        super().__init__(
            f"The provided image digest '{expected}' does not match the calculated digest '{found}' of the manifest.",
            detail={"expected": expected, "calculated": found},
        )


class _MissingReferencesError(MoorageError):
    oci_code = "MANIFEST_BLOB_UNKNOWN"
    api_status = 409

    def __init__(self, what: str, digests: Sequence[str], repository: str, registry: Registry) -> None:
        self.digests = tuple(digests[:_MOST_NAMED])
        more = ", ..." if len(digests) > _MOST_NAMED else ""
        super().__init__(
            f"{what} with digests '[{', '.join(self.digests)}{more}]' required for pushing image into repository with name "
            f"'{repository}' in the registry with id '{registry.account_id}' do not exist"
        )

    def entries(self) -> list[dict[str, Any]]:
        """One entry for each digest that is missing; only the first says the whole, so that the answer stays small."""
        first, *others = self.digests
        entry = {"code": self.oci_code, "message": self.message, "detail": {"digest": first}}
        return [entry] + [_unknown(digest) for digest in others]


def _unknown(digest: str) -> dict[str, Any]:
    return {"code": _MissingReferencesError.oci_code, "message": f"{digest} does not exist", "detail": {"digest": digest}}


class ImageLayersNotFoundError(_MissingReferencesError):
    """A config or layer of the manifest is not in the repository."""

    aws_code = "LayersNotFoundException"

    def __init__(self, digests: Sequence[str], repository: str, registry: Registry) -> None:
        super().__init__("Layers", digests, repository, registry)


class ReferencedImagesNotFoundError(_MissingReferencesError):
    """A manifest that an index names is not in the repository."""

    aws_code = "ReferencedImagesNotFoundException"

    def __init__(self, digests: Sequence[str], repository: str, registry: Registry) -> None:
        super().__init__("Images", digests, repository, registry)


class ImageReferencedError(MoorageError):
    """An index of the repository names the image, so it cannot go before the index."""

    oci_code = "DENIED"
    oci_status = 405

    def __init__(self, indexes: Sequence[str]) -> None:
        super().__init__(f"Requested image referenced by manifest list: [{', '.join(indexes)}]")


class PreconditionFailedError(MoorageError):
    """The tag is not where the caller's If-Match or If-None-Match says (HTTP: 412)."""

    oci_code = "DENIED"
    oci_status = 412

    def __init__(self) -> None:
        super().__init__("The tag has moved: the condition of this request does not hold.")


class TagNeverThereError(MoorageError):
    """The tag has no history in the repository."""

    aws_code = "ImageNotFoundException"
    oci_code = "MANIFEST_UNKNOWN"
    oci_status = 404

    def __init__(self, tag: str, repository: str, registry: Registry) -> None:
        super().__init__(
            f"The tag '{tag}' was never on an image of the repository with name '{repository}' in the registry with id "
            f"'{registry.account_id}'"
        )


class NothingEarlierError(MoorageError):
    """The tag was not where the caller wants it back: on no other image, not on this one, or on none at that time."""

    aws_code = "ImageNotFoundException"
    oci_code = "MANIFEST_UNKNOWN"
    oci_status = 404


class ImageGoneError(MoorageError):
    """The image was removed, and the time in which it could be brought back is over."""

    aws_code = "ImageNotFoundException"
    oci_code = "MANIFEST_UNKNOWN"
    oci_status = 404

    def __init__(self, digest: str, repository: str, registry: Registry) -> None:
        super().__init__(
            f"The image with digest '{digest}' was removed from the repository with name '{repository}' in the registry with "
            f"id '{registry.account_id}', and is no longer kept. It can only be pushed again."
        )


class ImageNotRemovedError(MoorageError):
    """The image is in the repository, so that it can be neither brought back nor purged."""

    aws_code = "ImageAlreadyExistsException"
    oci_code = "DENIED"
    oci_status = 409

    def __init__(self, digest: str, repository: str, registry: Registry) -> None:
        super().__init__(
            f"The image with digest '{digest}' is in the repository with name '{repository}' in the registry with id "
            f"'{registry.account_id}': it is not removed."
        )


def failure(image_id: Mapping[str, str], code: str, reason: str) -> dict[str, Any]:
    """An entry of a batch operation's `failures`."""
    return {"imageId": dict(image_id), "failureCode": code, "failureReason": reason}
