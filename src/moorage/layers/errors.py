"""Faults about layers and uploads, in the words of both protocols."""

from collections.abc import Mapping, Sequence
from typing import Any

from moorage.core.call import Registry
from moorage.core.errors import InvalidDigestError, MoorageError


class LayersNotFoundError(MoorageError):
    """The repository holds no such layer."""

    aws_code = "LayersNotFoundException"
    oci_code = "BLOB_UNKNOWN"
    oci_status = 404

    def __init__(self, digest: str, repository: str, registry: Registry) -> None:
        super().__init__(
            f"The layer with digest '{digest}' does not exist within the repository with name '{repository}' "
            f"in the registry with id '{registry.account_id}'",
            detail={"digest": digest},
        )


class LayerInUseError(MoorageError):
    """An image of the repository still refers to the layer."""

    oci_code = "DENIED"
    oci_status = 405

    def __init__(self, digest: str) -> None:
        super().__init__(f"The layer {digest} belongs to an image of this repository; delete the image first.")


class UploadNotFoundError(MoorageError):
    """No such upload in this repository: unknown, finished, cancelled or expired."""

    aws_code = "UploadNotFoundException"
    oci_code = "BLOB_UPLOAD_UNKNOWN"
    oci_status = 404

    def __init__(self, upload_id: str, repository: str, registry: Registry) -> None:
        super().__init__(
            f"The upload with id '{upload_id[:80]}' does not exist within the repository with name '{repository}' "
            f"in the registry with id '{registry.account_id}'"
        )


class TooManyUploadsError(MoorageError):
    """The caller has too many uploads open."""

    aws_code = "LimitExceededException"
    oci_code = "TOOMANYREQUESTS"
    oci_status = 429

    def __init__(self, limit: int) -> None:
        super().__init__(f"More than {limit} uploads are open; finish or cancel some.", headers={"Retry-After": "60"})


class OutOfOrderError(MoorageError):
    """A chunk that does not begin where the upload stands (OCI: 416)."""

    oci_code = "BLOB_UPLOAD_INVALID"
    oci_status = 416

    def __init__(self, expected: int) -> None:
        super().__init__(f"The next byte of this upload is {expected}.")
        self.expected = expected


class SizeMismatchError(MoorageError):
    """A body that has not the length that was announced."""

    oci_code = "SIZE_INVALID"


class LayerTooLargeError(MoorageError):
    """More than ECR's layer quota, 52,000 MiB."""

    aws_code = "LimitExceededException"
    oci_code = "SIZE_INVALID"
    oci_status = 413


class DigestMismatchError(InvalidDigestError):
    """The bytes have another digest than the client says."""

    aws_code = "InvalidLayerException"

    def __init__(self, expected: str, found: str) -> None:
        super().__init__(
            "None of the provided layer digests match the calculated layer digest.",
            detail={"expected": expected, "calculated": found},
        )


class InvalidLayerPartError(MoorageError):
    """A part that does not continue the upload, or has not the size it says."""

    aws_code = "InvalidLayerPartException"

    def __init__(self, registry_id: str, repository: str, upload_id: str, last_valid_byte: int) -> None:
        super().__init__(
            f"The layer part is not the continuation of the upload '{upload_id}'; the last valid byte is {last_valid_byte}."
        )
        self._members = {
            "registryId": registry_id,
            "repositoryName": repository,
            "uploadId": upload_id,
            "lastValidByteReceived": last_valid_byte,
        }

    def members(self) -> Mapping[str, Any]:
        """Where to resume."""
        return self._members


class LayerPartTooSmallError(MoorageError):
    """A part other than the last is below 5 MiB."""

    aws_code = "LayerPartTooSmallException"

    def __init__(self) -> None:
        super().__init__("Layer parts must be at least 5 MiB in size, except the last.")


class EmptyUploadError(MoorageError):
    """An upload without any part."""

    aws_code = "EmptyUploadException"

    def __init__(self, upload_id: str) -> None:
        super().__init__(f"The upload '{upload_id}' has no layer parts.")


class LayerAlreadyExistsError(MoorageError):
    """The repository holds this layer already."""

    aws_code = "LayerAlreadyExistsException"

    def __init__(self, digests: Sequence[str], repository: str, registry: Registry) -> None:
        super().__init__(
            f"Layers with digests '[{', '.join(digests)}]' already exist in the repository with name '{repository}' "
            f"in registry with id '{registry.account_id}'"
        )


class LayerInaccessibleError(MoorageError):
    """The layer was uploaded, but no image refers to it yet."""

    aws_code = "LayerInaccessibleException"

    def __init__(self, digest: str, repository: str, registry: Registry) -> None:
        super().__init__(
            f"The layer with digest '{digest}' in the repository with name '{repository}' in the registry with id "
            f"'{registry.account_id}' is not accessible: it is not associated with an image."
        )
