"""ECR's operations on layers (ECR API reference); clients that speak no `/v2/` push and pull with these."""

import re
from collections.abc import Mapping
from typing import Any

from moorage.aws.operation import Answer, operation
from moorage.core.call import Call, Requirement
from moorage.core.digest import Digest
from moorage.layers import reads, store, uploads
from moorage.layers.download_urls import DownloadUrls
from moorage.layers.errors import (
    DigestMismatchError,
    EmptyUploadError,
    InvalidLayerPartError,
    LayerAlreadyExistsError,
    LayerInaccessibleError,
    LayerPartTooSmallError,
    LayersNotFoundError,
    LayerTooLargeError,
    OutOfOrderError,
    UploadNotFoundError,
)
from moorage.layers.intake import Intake
from moorage.layers.model import MAX_PARTS, MIN_PART_BYTES, PART_SIZE, Layer, Upload
from moorage.layers.service import UploadService
from moorage.repositories import store as repositories
from moorage.repositories.creation import CREATE_ACTION
from moorage.storage.blobs.port import BlobMissingError
from moorage.storage.database.database import Database
from moorage.storage.database.transaction import Transaction

_DIGEST = re.compile(r"[a-zA-Z0-9\-_+.]+:[a-fA-F0-9]+")
"""The model's `LayerDigest`, which also a digest of an unknown algorithm fits: a layer that nobody can have."""


class LayerOperations:
    """The existence check, the multipart upload and the download URL."""

    def __init__(self, service: UploadService, urls: DownloadUrls, grace: int) -> None:
        self._service = service
        self._urls = urls
        self._grace = grace

    @operation(
        "BatchCheckLayerAvailability",
        requires=(Requirement(("ecr:BatchCheckLayerAvailability",)),),
        mode="own",
        read_only=True,
    )
    def batch_check_layer_availability(self, database: Database, call: Call, params: Mapping[str, Any]) -> Answer:
        """Which of these layers the repository holds. Who is told that a layer is there may rely on it for a while."""
        name, digests = params["repositoryName"], params["layerDigests"]

        def find(tx: Transaction) -> dict[str, Layer]:
            repository = repositories.get(tx, call.registry, name)
            return store.find_many(tx, repository.id, filter(_DIGEST.fullmatch, digests))

        def touch(tx: Transaction) -> dict[str, Layer]:
            found = find(tx)
            for layer in found.values():
                if reads.wants_touch(layer, call.at, self._grace):
                    store.touch(tx, layer.repository_id, [layer.blob_id])
            return found

        found = database.read(find).result()
        if any(reads.wants_touch(layer, call.at, self._grace) for layer in found.values()):
            found = database.write(touch).result()
        known = [digest for digest in dict.fromkeys(digests) if _DIGEST.fullmatch(digest)]
        return {
            "layers": [_shown(digest, found.get(digest)) for digest in known],
            "failures": [_failure(digest) for digest in digests if not _DIGEST.fullmatch(digest)],
        }

    @operation("InitiateLayerUpload", requires=(Requirement(("ecr:InitiateLayerUpload",)),), mode="own", asks=(CREATE_ACTION,))
    def initiate_layer_upload(self, database: Database, call: Call, params: Mapping[str, Any]) -> Answer:
        """Open an upload; clients cut their parts to `partSize` bytes. The first one may create the repository."""
        upload = self._service.begin(call, params["repositoryName"])
        return {"uploadId": upload.id, "partSize": PART_SIZE}

    @operation("UploadLayerPart", requires=(Requirement(("ecr:UploadLayerPart",)),), mode="own")
    def upload_layer_part(self, database: Database, call: Call, params: Mapping[str, Any]) -> Answer:
        """Append a part; it must continue exactly where the upload stands."""
        name, first, last = params["repositoryName"], params["partFirstByte"], params["partLastByte"]
        data: bytes = params["layerPartBlob"]
        upload, intake = self._open(database, call, name, params["uploadId"])
        try:
            if first != intake.offset or last - first + 1 != len(data) or not data:
                raise InvalidLayerPartError(call.registry.account_id, name, upload.id, intake.offset - 1)
            if upload.parts >= MAX_PARTS:
                raise LayerTooLargeError(f"A layer can have at most {MAX_PARTS} parts.")
            intake.write(data)
        finally:
            self._service.close(upload, intake)
        database.write(lambda tx: uploads.count_part(tx, upload.id, len(data)), call).result()
        return {
            "registryId": call.registry.account_id,
            "repositoryName": name,
            "uploadId": upload.id,
            "lastByteReceived": last,
        }

    @operation("CompleteLayerUpload", requires=(Requirement(("ecr:CompleteLayerUpload",)),), mode="own")
    def complete_layer_upload(self, database: Database, call: Call, params: Mapping[str, Any]) -> Answer:
        """Seal the upload; the answer is the sha256 that was computed, whatever algorithm the request named."""
        name = params["repositoryName"]
        upload, intake = self._open(database, call, name, params["uploadId"])
        try:
            if not intake.offset and not upload.parts:
                raise EmptyUploadError(upload.id)
            if upload.short_parts > (1 if upload.last_part < MIN_PART_BYTES else 0):  # only the last may be short
                raise LayerPartTooSmallError
            digest = self._expected(upload, intake, params["layerDigests"])
            known = database.read(lambda tx: store.find(tx, upload.repository_id, str(digest))).result()
            if known is None:
                self._service.finish(call, upload, intake, digest)
        finally:
            self._service.close(upload, intake)
        if known is not None:
            # Not a change of its own in the audit record, where this call is a failure; the reaper frees the bytes.
            database.write(lambda tx: uploads.cancel(tx, upload.id)).result()
            raise LayerAlreadyExistsError([str(digest)], name, call.registry)
        return {
            "registryId": call.registry.account_id,
            "repositoryName": name,
            "uploadId": upload.id,
            "layerDigest": str(digest),
        }

    @operation("GetDownloadUrlForLayer", requires=(Requirement(("ecr:GetDownloadUrlForLayer",)),), mode="read")
    def get_download_url_for_layer(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> Answer:
        """A URL that downloads a layer for 15 minutes, once an image refers to it."""
        name, digest = params["repositoryName"], params["layerDigest"]
        repository = repositories.get(tx, call.registry, name)
        layer = store.find(tx, repository.id, digest)
        if layer is None:
            raise LayersNotFoundError(digest, name, call.registry)
        if layer.stamped_at is not None:
            raise LayerInaccessibleError(digest, name, call.registry)
        return {"downloadUrl": self._urls.make(call.authority, repository.id, digest, call.at), "layerDigest": digest}

    def _open(self, database: Database, call: Call, name: str, upload_id: str) -> tuple[Upload, Intake]:
        def find(tx: Transaction) -> Upload | None:
            return uploads.find(tx, repositories.get(tx, call.registry, name).id, upload_id)

        upload = database.read(find).result()
        if upload is None or upload.digest is not None:
            raise UploadNotFoundError(upload_id, name, call.registry)
        try:
            return upload, self._service.open(upload)
        except BlobMissingError:
            raise UploadNotFoundError(upload_id, name, call.registry) from None
        except OutOfOrderError as error:
            raise InvalidLayerPartError(call.registry.account_id, name, upload_id, error.expected - 1) from error

    def _expected(self, upload: Upload, intake: Intake, digests: list[str]) -> Digest:
        """The sha256 that the bytes must have: the one named, or the computed one where only others are named."""
        computed = self._service.computed(upload, intake)
        named = [text for text in digests if text.startswith("sha256:")]
        if named and str(computed) not in named:
            raise DigestMismatchError(named[0], str(computed))
        return computed


def _shown(digest: str, layer: Layer | None) -> Answer:
    if layer is None:
        return {"layerDigest": digest, "layerAvailability": "UNAVAILABLE"}
    return {
        "layerDigest": digest,
        "layerAvailability": "AVAILABLE",
        "layerSize": layer.size,
        "mediaType": layer.media_type,
    }


def _failure(digest: str) -> Answer:
    if not digest:
        return {
            "layerDigest": digest,
            "failureCode": "MissingLayerDigest",
            "failureReason": "Invalid request parameters: layer digest cannot be null or empty",
        }
    return {
        "layerDigest": digest,
        "failureCode": "InvalidLayerDigest",
        "failureReason": "Invalid request parameters: layer digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'",
    }
