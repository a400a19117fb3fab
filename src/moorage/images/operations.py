"""ECR's operations on images: pushing, reading and deleting (ECR API reference)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from moorage.aws.operation import Answer, operation
from moorage.core.call import Call, Requirement
from moorage.core.digest import Digest
from moorage.core.errors import InvalidParameterError
from moorage.core.manifest import parse_manifest
from moorage.core.names import TagName
from moorage.images import identifiers, remove, store, subjects
from moorage.images.errors import ImageDigestDoesNotMatchError, ImageReferencedError, failure
from moorage.images.facts import read_facts
from moorage.images.identifiers import FailedIdentifierError
from moorage.images.model import Image
from moorage.images.push import Push, put_image
from moorage.images.subjects import Subject
from moorage.repositories import store as repositories
from moorage.repositories.errors import LimitExceededError
from moorage.repositories.model import Repository
from moorage.storage.blobs.port import BlobStore
from moorage.storage.database.database import Database
from moorage.storage.database.transaction import Transaction

MOST_ANSWER = 64 * 1024 * 1024
"""Characters of manifests in one answer: an image asked for by digest is repeated for each of its tags."""


# What one transaction of a deletion does at most, so that whoever waits for two of them waits no longer than 50 ms. In units of
# a tag that goes with its image. An image alone may be more: it can have a thousand tags, and goes with all of them at once.
_MOST_WORK = 500
_WORK_OF_TAG = 10
_WORK_OF_IMAGE = 50


@dataclass(slots=True)
class _Deletion:
    """What some of the identifiers of a BatchDeleteImage came to."""

    deleted: list[Answer] = field(default_factory=list)
    failures: list[Answer] = field(default_factory=list)
    gone: dict[str, str] = field(default_factory=dict)
    """The tags that were taken off and the images that were removed, by name: the digest. An image that two identifiers hit is
    reported once."""
    left: Sequence[Mapping[str, str]] = ()
    """Identifiers for another transaction."""

    def covers(self, image_id: Mapping[str, str]) -> bool:
        """Whether what an identifier names is gone already."""
        tag, digest = image_id.get("imageTag"), image_id.get("imageDigest")
        on = self.gone.get(tag or digest or "")
        return on is not None and digest in (None, on)


class ImageOperations:
    """PutImage, BatchGetImage and BatchDeleteImage."""

    def __init__(
        self, blobs: BlobStore, note_pull: Callable[[int, str, int], None], *, grace: int, sparse_indexes: bool
    ) -> None:
        self._blobs = blobs
        self._note_pull = note_pull
        self._grace = grace
        self._sparse = sparse_indexes

    def _pushed(self, database: Database, call: Call, params: Mapping[str, Any]) -> Sequence[Subject]:
        manifest = parse_manifest(params["imageManifest"].encode(), params.get("imageManifestMediaType"))
        facts = read_facts(database, self._blobs, call.registry, params["repositoryName"], manifest)
        tag = params.get("imageTag")
        return subjects.of_push(manifest, facts, [tag] if tag else [])

    def _named(self, database: Database, call: Call, params: Mapping[str, Any]) -> Sequence[Subject]:
        return _subjects(database, call, params, deletes=False)

    def _deleted(self, database: Database, call: Call, params: Mapping[str, Any]) -> Sequence[Subject]:
        return _subjects(database, call, params, deletes=True)

    @operation("PutImage", requires=(Requirement(("ecr:PutImage",)),), mode="own", subjects=_pushed)
    def put_image(self, database: Database, call: Call, params: Mapping[str, Any]) -> Answer:
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

    @operation("BatchGetImage", requires=(Requirement(("ecr:BatchGetImage",)),), mode="own", read_only=True, subjects=_named)
    def batch_get_image(self, database: Database, call: Call, params: Mapping[str, Any]) -> Answer:
        """The manifests of the named images as they were pushed; one element per tag of an image named by digest alone."""
        name = params["repositoryName"]

        def work(tx: Transaction) -> tuple[Answer, list[int]]:
            repository = repositories.get(tx, call.registry, name)
            images: list[Answer] = []
            failures: list[Answer] = []
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

    @operation("BatchDeleteImage", requires=(Requirement(("ecr:BatchDeleteImage",)),), mode="own", subjects=_deleted)
    def batch_delete_image(self, database: Database, call: Call, params: Mapping[str, Any]) -> Answer:
        """Remove tags or whole images; an image goes with its last tag, and no image goes before an index that names it.

        Much is removed in several transactions, in the order of the request, each with the call's audit row.
        """
        done = _Deletion(left=_distinct(params["imageIds"]))
        deleted: list[Answer] = []
        failures: list[Answer] = []
        while done.left:
            step = partial(_delete_some, call=call, name=params["repositoryName"], left=done.left, gone=done.gone)
            done = database.write(step, call).result()
            deleted += done.deleted
            failures += done.failures
        return {"imageIds": deleted, "failures": failures}


def _subjects(database: Database, call: Call, params: Mapping[str, Any], *, deletes: bool) -> Sequence[Subject]:
    name, image_ids = params["repositoryName"], _distinct(params["imageIds"])
    return database.read(lambda tx: subjects.of_image_ids(tx, call.registry, name, image_ids, deletes=deletes)).result()


def _delete_some(
    tx: Transaction, call: Call, name: str, left: Sequence[Mapping[str, str]], gone: Mapping[str, str]
) -> _Deletion:
    """Carry out the first of the identifiers, at least one, as far as one transaction goes."""
    repository = repositories.get(tx, call.registry, name)
    done = _Deletion(gone=dict(gone))
    work = 0
    for position, image_id in enumerate(left):
        if done.covers(image_id):
            continue
        try:
            image = identifiers.resolve(tx, repository.id, image_id)
            tag = image_id.get("imageTag")
            is_whole = tag is None or not store.has_other_tag(tx, image.id, tag)
            more = _WORK_OF_IMAGE + store.count_tags(tx, image.id) if is_whole else _WORK_OF_TAG
            if work and work + more > _MOST_WORK:
                done.left = left[position:]
                break
            work += _WORK_OF_TAG
            if is_whole:
                _delete_image(tx, call, repository, image, done)
                work += more
            else:
                remove.remove_tag(tx, call, repository, str(tag), image)
                done.deleted.append({"imageDigest": image.digest, "imageTag": tag})
                done.gone[str(tag)] = image.digest
        except FailedIdentifierError as error:
            done.failures.append(failure(image_id, error.code, error.reason))
    return done


def _delete_image(tx: Transaction, call: Call, repository: Repository, image: Image, done: _Deletion) -> None:
    try:
        tags = remove.remove_image(tx, call, repository, image)
    except ImageReferencedError as error:
        raise FailedIdentifierError("ImageReferencedByManifestList", error.message) from error
    done.deleted += [{"imageDigest": image.digest, "imageTag": tag} for tag in tags] or [{"imageDigest": image.digest}]
    done.gone |= dict.fromkeys([image.digest, *tags], image.digest)


def _digest(body: bytes, expected: str | None) -> Digest:
    """The manifest's digest, sha256 unless the caller names another algorithm; raises ImageDigestDoesNotMatchError."""
    if expected is None:
        return Digest.of(body)
    wanted = Digest.parse(expected)
    found = Digest.of(body, wanted.algorithm)
    if found != wanted:
        raise ImageDigestDoesNotMatchError(expected, str(found))
    return found


def _image(call: Call, repository: str, digest: str, tag: str | None, text: str, media_type: str) -> Answer:
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
