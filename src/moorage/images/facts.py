"""Reading an image's config out of the blob store, before the push's transaction, which does no I/O."""

from moorage.core import media_types
from moorage.core.call import Registry
from moorage.core.descriptor import Descriptor
from moorage.core.manifest import Manifest
from moorage.images.model import MAX_CONFIG_BYTES, ImageFacts
from moorage.layers import store
from moorage.layers.model import Layer
from moorage.repositories import store as repositories
from moorage.storage.blobs.port import BlobMissingError, BlobStore
from moorage.storage.database.database import Database
from moorage.storage.database.transaction import Transaction


def read_facts(database: Database, blobs: BlobStore, registry: Registry, repository: str, manifest: Manifest) -> ImageFacts:
    """What the image's config says; nothing where there is no image config here to read. Blocks."""
    config = manifest.config
    if config is None or config.media_type not in media_types.IMAGE_CONFIGS or config.size > MAX_CONFIG_BYTES:
        return ImageFacts()

    def find(tx: Transaction, wanted: Descriptor = config) -> Layer | None:
        found = repositories.find(tx, registry, repository)
        return store.find(tx, found.id, wanted.digest) if found else None

    layer = database.read(find).result()
    if layer is None or layer.size > MAX_CONFIG_BYTES:
        return ImageFacts()
    try:
        reader = blobs.open(layer.key, layer.size)
    except BlobMissingError:
        return ImageFacts()
    try:
        return ImageFacts.parse(reader.read_at(0, layer.size))
    finally:
        reader.close()
