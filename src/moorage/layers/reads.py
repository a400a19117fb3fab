"""What others may ask of layers: is it there, mount it, unlink it."""

from moorage.core.call import Registry
from moorage.core.digest import Digest
from moorage.layers import store
from moorage.layers.errors import LayerInUseError, LayersNotFoundError
from moorage.layers.model import Layer
from moorage.storage.database.transaction import Transaction


def mount(tx: Transaction, repository_id: int, digest: Digest, source_id: int) -> bool:
    """Link a layer of another repository into this one; False when the source does not show it."""
    layer = store.find(tx, source_id, str(digest))
    if layer is None:
        return False
    store.link(tx, repository_id, layer.blob_id)
    return True


def unlink(tx: Transaction, registry: Registry, repository_id: int, repository: str, digest: Digest) -> None:
    """Remove a layer from a repository; raises LayersNotFoundError, or LayerInUseError while an image refers to it."""
    layer = store.find(tx, repository_id, str(digest))
    if layer is None:
        raise LayersNotFoundError(str(digest), repository, registry)
    if store.is_referred(tx, repository_id, layer.blob_id):
        raise LayerInUseError(str(digest))
    store.hide(tx, repository_id, layer.blob_id)


def wants_touch(layer: Layer, now: int, grace: int) -> bool:
    """Whether an existence check must renew the layer's stamp: only once half of its grace period is over."""
    return layer.stamped_at is not None and now - layer.stamped_at > grace // 2
