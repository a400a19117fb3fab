"""ECR's operations on images: pushing, reading and deleting (ECR API reference)."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from moorage.aws.operation import operation
from moorage.core.call import Call, Requirement
from moorage.core.digest import Digest
from moorage.core.errors import InvalidParameterError
from moorage.core.manifest import parse_manifest
from moorage.core.names import TagName
from moorage.images import identifiers, remove, store
from moorage.images.errors import ImageDigestDoesNotMatchError, failure
from moorage.images.facts import read_facts
from moorage.images.identifiers import FailedIdentifierError
from moorage.images.model import Image
from moorage.images.push import Push, put_image
from moorage.repositories import store as repositories
from moorage.repositories.errors import LimitExceededError
from moorage.repositories.model import Repository
from moorage.storage.blobs.port import BlobStore
from moorage.storage.database.database import Database
from moorage.storage.database.transaction import Transaction

_Answer = dict[str, Any]

MOST_ANSWER = 64 * 1024 * 1024
"""Characters of manifests in one answer: an image asked for by digest is repeated for each of its tags."""


class ImageOperations:
    """PutImage, BatchGetImage and BatchDeleteImage."""

    def __init__(
        self, blobs: BlobStore, note_pull: Callable[[int, str, int], None], *, grace: int, sparse_indexes: bool
    ) -> None:
        self._blobs = blobs
        self._note_pull = note_pull
        self._grace = grace
        self._sparse = sparse_indexes

    @operation("PutImage", requires=(Requirement(("ecr:PutImage",)),), mode="own")
    def put_image(self, database: Database, call: Call, params: Mapping[str, Any]) -> _Answer:
        """Store a manifest byte for byte and put a tag on it; the very image with that tag is ImageAlreadyExists."""
        text: str = params["imageManifest"]
        body = text.encode()
        manifest = parse_manifest(body, params.get("imageManifestMediaType"))
        digest = _digest(body, params.get("imageDigest"))
        name, tag = params["repositoryName"], params.get("imageTag")
        push = Push(
            repository=name,
            manifest=manifest,
            body=body,
            digest=str(digest),
            tags=(TagName.parse(tag),) if tag else (),
            facts=read_facts(database, self._blobs, call.registry, name, manifest),
            grace=self._grace,
            sparse=self._sparse,
            repeatable=False,
        )
        pushed = database.write(partial(put_image, call=call, push=push), call).result()
        return {"image": _image(call, name, pushed.digest, tag, text, pushed.media_type)}

    @operation("BatchGetImage", requires=(Requirement(("ecr:BatchGetImage",)),), mode="own", read_only=True)
    def batch_get_image(self, database: Database, call: Call, params: Mapping[str, Any]) -> _Answer:
        """The manifests of the named images as they were pushed; one element per tag of an image named by digest alone."""
        name = params["repositoryName"]

        def work(tx: Transaction) -> tuple[_Answer, list[int]]:
            repository = repositories.get(tx, call.registry, name)
            images: list[_Answer] = []
            failures: list[_Answer] = []
            pulled: list[int] = []
            room = MOST_ANSWER
            for image_id in _distinct(params["imageIds"]):
                try:
                    found = identifiers.resolve(tx, repository.id, image_id)
                except FailedIdentifierError as error:
                    failures.append(failure(image_id, error.code, error.reason))
                    continue
                pulled.append(found.id)
                named = image_id.get("imageTag")
                tags: list[str | None] = [named] if named else [*store.tags_of(tx, found.id)] or [None]
                text = store.body(tx, found.digest).decode()
                room -= len(text) * len(tags)
                if room < 0:
                    raise LimitExceededError(f"The answer would have more than {MOST_ANSWER} characters; ask for fewer images.")
                images += [_image(call, name, found.digest, tag, text, found.media_type) for tag in tags]
            return {"images": images, "failures": failures}, pulled

        answer, pulled = database.read(work).result()
        for image in pulled:
            self._note_pull(image, call.principal.arn, call.at)
        return answer

    @operation("BatchDeleteImage", requires=(Requirement(("ecr:BatchDeleteImage",)),), mode="write")
    def batch_delete_image(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> _Answer:
        """Remove tags or whole images; an image goes with its last tag, and no image goes before an index that names it."""
        repository = repositories.get(tx, call.registry, params["repositoryName"])
        deleted: list[_Answer] = []
        failures: list[_Answer] = []
        named = _distinct(params["imageIds"])
        # What they hit is what they named before this request, and an image that two of them hit is reported once.
        for image_id, hit in zip(named, [_hit(tx, repository, image_id) for image_id in named], strict=True):
            try:
                deleted += _delete(tx, call, repository, image_id, identifiers.resolve(tx, repository.id, image_id))
            except FailedIdentifierError as error:
                gone_already = error.code == "ImageNotFound" and any(hit == entry["imageDigest"] for entry in deleted)
                if not gone_already:
                    failures.append(failure(image_id, error.code, error.reason))
        return {"imageIds": deleted, "failures": failures}


def _hit(tx: Transaction, repository: Repository, image_id: Mapping[str, str]) -> str | None:
    """The digest of the image that an identifier names now, or None."""
    try:
        return identifiers.resolve(tx, repository.id, image_id).digest
    except FailedIdentifierError:
        return None


def _delete(tx: Transaction, call: Call, repository: Repository, image_id: Mapping[str, str], image: Image) -> list[_Answer]:
    tag = image_id.get("imageTag")
    if tag and store.tags_of(tx, image.id) != [tag]:
        remove.remove_tag(tx, call, repository, tag, image)
        return [{"imageDigest": image.digest, "imageTag": tag}]
    indexes = store.indexes_naming(tx, image.id)
    if indexes:
        reason = f"Requested image referenced by manifest list: [{', '.join(indexes)}]"
        raise FailedIdentifierError("ImageReferencedByManifestList", reason)
    tags = remove.remove_image(tx, call, repository, image)
    return [{"imageDigest": image.digest, "imageTag": name} for name in tags] or [{"imageDigest": image.digest}]


def _digest(body: bytes, expected: str | None) -> Digest:
    """The manifest's digest, sha256 unless the caller names another algorithm; raises ImageDigestDoesNotMatchError."""
    if expected is None:
        return Digest.of(body)
    wanted = Digest.parse(expected)
    found = Digest.of(body, wanted.algorithm)
    if found != wanted:
        raise ImageDigestDoesNotMatchError(expected, str(found))
    return found


def _image(call: Call, repository: str, digest: str, tag: str | None, text: str, media_type: str) -> _Answer:
    image_id = {"imageDigest": digest, "imageTag": tag}
    return {
        "registryId": call.registry.account_id,
        "repositoryName": repository,
        "imageId": image_id,
        "imageManifest": text,
        "imageManifestMediaType": media_type,
    }


def _distinct(image_ids: list[dict[str, str]]) -> list[dict[str, str]]:
    """Each identifier once, in the order given."""
    return list({(entry.get("imageDigest"), entry.get("imageTag")): entry for entry in image_ids}.values())


def refuse_together(params: Mapping[str, Any], member: str) -> None:
    """Page members may not accompany a list of identifiers."""
    if params.get(member) is not None and (params.get("nextToken") is not None or params.get("maxResults") is not None):
        raise InvalidParameterError.at(member, "must not be combined with nextToken or maxResults")
