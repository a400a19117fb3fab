"""Pushing a manifest: both doors end in `put_image` (distribution-spec, "Pushing manifests"; ECR: PutImage)."""

from collections.abc import Container, Sequence
from dataclasses import dataclass, field

from moorage.core.call import Call
from moorage.core.descriptor import MAX_SIZE, Descriptor, InvalidManifestError
from moorage.core.events import Event
from moorage.core.manifest import Manifest
from moorage.core.names import TagName
from moorage.images import accounting, store, tagging
from moorage.images.errors import ImageAlreadyExistsError, ImageLayersNotFoundError, ReferencedImagesNotFoundError
from moorage.images.model import Image, ImageFacts, Pushed, TagCondition
from moorage.layers import store as layers
from moorage.layers.model import Layer
from moorage.repositories import store as repositories
from moorage.repositories.errors import LimitExceededError
from moorage.repositories.model import Repository
from moorage.storage.database.transaction import Transaction

MOST_IMAGES = 100_000
"""ECR's quota of images in one repository."""


@dataclass(frozen=True, slots=True)
class Push:
    """A manifest on its way in."""

    repository: str
    manifest: Manifest
    body: bytes
    digest: str
    """Of the body, in the algorithm that the client speaks."""
    tags: tuple[TagName, ...] = ()
    condition: TagCondition | None = None
    facts: ImageFacts = field(default_factory=ImageFacts)
    grace: int = 0
    """Milliseconds that a layer is kept for those who were told that it is here."""
    sparse: bool = False
    """Whether an index may name manifests that the repository does not hold."""
    repeatable: bool = True
    """Whether pushing the same image and tag again succeeds (OCI) or is ImageAlreadyExists (ECR)."""
    restores: bool = False
    """Whether a removed image comes back as it was, with its own push time, instead of as pushed now."""


@dataclass(frozen=True, slots=True)
class _References:
    """What a manifest names, as found in the repository."""

    layers: dict[str, Layer]
    children: dict[str, Image]

    @property
    def blob_ids(self) -> list[int]:
        return list({layer.blob_id for layer in self.layers.values()})


def put_image(tx: Transaction, call: Call, push: Push) -> Pushed:
    """Store a manifest, its edges and its tags in one transaction.

    Raises RepositoryNotFoundError, ImageLayersNotFoundError, ReferencedImagesNotFoundError, InvalidManifestError for
    sizes that lie, ImageTagAlreadyExistsError, ImageAlreadyExistsError, LimitExceededError, PreconditionFailedError.
    """
    repository = repositories.get(tx, call.registry, push.repository)
    found = _references(tx, call, repository, push)
    image, is_new = _store(tx, call, repository, push, found)
    moved = [tag for tag in push.tags if tagging.move(tx, call, repository, tag, image, push.condition)]
    if not is_new and not moved and not push.repeatable:
        raise ImageAlreadyExistsError(push.digest, push.tags[0] if push.tags else None, repository.name, call.registry)
    if is_new or moved:
        _announce(tx, call, repository, push, moved)
    subject = push.manifest.subject
    return Pushed(push.digest, push.manifest.media_type, subject.digest if subject else None, push.tags)


def _references(tx: Transaction, call: Call, repository: Repository, push: Push) -> _References:
    manifest = push.manifest
    needed = [blob for blob in manifest.blobs if not blob.may_be_absent]
    # Whoever was told that a layer is here may rely on it, even if another caller has removed its last image meanwhile.
    since = tx.now - push.grace
    found = layers.find_many(tx, repository.id, [blob.digest for blob in manifest.blobs], hidden_since=since)
    missing = _absent(needed, found)
    if missing:
        raise ImageLayersNotFoundError(missing, repository.name, call.registry)
    children = store.by_digests(tx, repository.id, [child.digest for child in manifest.manifests])
    # BuildKit's registry cache before 0.21 is an index whose manifests are really layers and a config.
    others = [child.digest for child in manifest.manifests if child.digest not in children]
    found |= layers.find_many(tx, repository.id, others, hidden_since=since)
    absent = _absent([child for child in manifest.manifests if not child.may_be_absent], found.keys() | children.keys())
    if absent and not push.sparse:
        raise ReferencedImagesNotFoundError(absent, repository.name, call.registry)
    sizes = {digest: item.size for items in (found, children) for digest, item in items.items()}
    _refuse_wrong_sizes((*manifest.blobs, *manifest.manifests), sizes)
    return _References(found, children)


def _absent(wanted: Sequence[Descriptor], found: Container[str]) -> list[str]:
    return list(dict.fromkeys(descriptor.digest for descriptor in wanted if descriptor.digest not in found))


def _refuse_wrong_sizes(descriptors: Sequence[Descriptor], sizes: dict[str, int]) -> None:
    for descriptor in descriptors:
        size = sizes.get(descriptor.digest, descriptor.size)
        if size != descriptor.size:
            raise InvalidManifestError(f"{descriptor.digest} has {size} bytes, not {descriptor.size} as the manifest says.")


def _store(tx: Transaction, call: Call, repository: Repository, push: Push, found: _References) -> tuple[Image, bool]:
    """The image's row with its edges, and whether it is new or revived."""
    known = store.by_digest(tx, repository.id, push.digest, removed=True)
    if known and known.removed_at is None:
        if known.media_type != push.manifest.media_type:
            raise InvalidManifestError(f"{push.digest} is stored with the media type {known.media_type!r}.")
        _complete(tx, known, push.manifest, found)
        return known, False
    if accounting.images_in(tx, repository.id) >= MOST_IMAGES:
        raise LimitExceededError(f"The repository already has {MOST_IMAGES} images.")
    columns = store.columns_of(push.manifest, len(push.body), _image_size(tx, push.manifest, found), push.facts)
    if known:
        image = store.revive(tx, known, columns, None if push.restores else call.principal.arn)
    else:
        manifest_id = store.keep_body(tx, push.digest, push.body)
        image = store.insert(tx, repository.id, push.digest, manifest_id, columns, call.principal.arn)
    _connect(tx, image, push.manifest, found)
    # A revived image has its earlier edges too.
    blob_ids = accounting.layers_of(tx, image.id)
    layers.refer(tx, repository.id, blob_ids)
    added = accounting.exclusive_bytes(tx, repository.id, blob_ids, image.id) + len(push.body)
    accounting.change(tx, repository.id, images=1, size=added)
    return image, True


def _complete(tx: Transaction, image: Image, manifest: Manifest, found: _References) -> None:
    """Connect an image with what it could do without when it came first, such as foreign layers, and has now."""
    added = list({*found.blob_ids} - {*accounting.layers_of(tx, image.id)})
    if added:
        accounting.change(
            tx, image.repository_id, images=0, size=accounting.exclusive_bytes(tx, image.repository_id, added, image.id)
        )
        _connect(tx, image, manifest, found)
        layers.refer(tx, image.repository_id, added)


def _connect(tx: Transaction, image: Image, manifest: Manifest, found: _References) -> None:
    ids = {digest: child.id for digest, child in found.children.items()}
    edges = {child.digest: ids.get(child.digest) for child in manifest.manifests if child.digest not in found.layers}
    store.connect(tx, image, found.blob_ids, edges)
    store.adopt(tx, image)
    named = (*manifest.blobs, *manifest.manifests)
    types = {found.layers[item.digest].blob_id: item.media_type for item in named if item.digest in found.layers}
    if types:
        layers.name_types(tx, image.repository_id, types)


def _image_size(tx: Transaction, manifest: Manifest, found: _References) -> int:
    """Config and layers, each digest once; of an index, its largest member (ECR: imageSizeInBytes)."""
    if found.children:
        return store.largest(tx, [child.id for child in found.children.values()])
    sizes = {item.digest: item.size for item in (*manifest.blobs, *manifest.manifests)}
    return min(sum(sizes.values()), MAX_SIZE)  # content that lies elsewhere may claim any size


def _announce(tx: Transaction, call: Call, repository: Repository, push: Push, moved: Sequence[str]) -> None:
    manifest = push.manifest
    for tag in moved or [""]:
        detail = {
            "result": "SUCCESS",
            "repository-name": repository.name,
            "image-digest": push.digest,
            "action-type": "PUSH",
            "image-tag": tag,
            "manifest-media-type": manifest.media_type,
            "artifact-media-type": manifest.config.media_type if manifest.config else None,
        }
        shown = {name: value for name, value in detail.items() if value is not None}
        tx.emit(Event("ECR Image Action", call.registry.id, shown, repository.id))
