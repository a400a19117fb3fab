"""What bringing tags and images back must do, on the plain dictionaries of `model`."""

from moorage.core.errors import MoorageError
from moorage.images.errors import (
    ImageGoneError,
    ImageNotFoundError,
    ImageNotRemovedError,
    NothingEarlierError,
    ReferencedImagesNotFoundError,
    TagNeverThereError,
)
from tests.property.model import ModelRepository

Refusal = type[MoorageError] | None


def is_kept(model: ModelRepository, digest: str, now: int, retention: int) -> bool:
    """Whether an image is removed and can come back."""
    removed = model.images[digest].removed if digest in model.images else None
    return removed is not None and now - removed < retention


def undelete(model: ModelRepository, digest: str, now: int, retention: int) -> Refusal:
    """Bring an image back as it was; returns the error instead where it cannot come."""
    if digest not in model.images:
        return ImageNotFoundError
    if model.images[digest].removed is None:
        return ImageNotRemovedError
    order = _coming(model, digest, now, retention)
    if isinstance(order, type):
        return order
    for each in order:
        _show(model, each)
        for tag in model.images[each].lost:
            if tag not in model.tags:
                model.move(tag, each)
    return None


def roll_back(model: ModelRepository, tag: str, to: str | None, now: int, retention: int) -> Refusal:
    """Put a tag back on `to`, or on the image before the present one; returns the error instead where it cannot go."""
    moves = [(before, after) for name, before, after in model.history if name == tag]
    if not moves:
        return TagNeverThereError
    present = moves[-1][1]
    earlier = [before for before, _ in moves if before not in {None, present}]
    if (to is None and not earlier) or (to is not None and to not in {after for _, after in moves}):
        return NothingEarlierError
    target = to or earlier[-1]
    assert target is not None
    if target not in model.live():
        order = _coming(model, target, now, retention)
        if isinstance(order, type):
            return order
        for each in order:
            _show(model, each)
            model.images[each].pushed = now
    model.move(tag, target)
    return None


def purge(model: ModelRepository, digest: str, now: int) -> None:
    """Forget one removed image."""
    for blob in model.images.pop(digest).blobs:
        if not model.refers(blob):
            model.holds[blob].touched = now


def _coming(model: ModelRepository, digest: str, now: int, retention: int) -> list[str] | type[MoorageError]:
    """The removed images that come together, an index last, or why they cannot."""
    if not is_kept(model, digest, now, retention):
        return ImageGoneError
    names = model.images[digest].names
    removed = {name for name in names if is_kept(model, name, now, retention)}
    if not names <= removed | model.live().keys():
        return ReferencedImagesNotFoundError
    return [*sorted(removed, reverse=True), digest]


def _show(model: ModelRepository, digest: str) -> None:
    model.images[digest].removed = None
    for blob in model.images[digest].blobs:
        model.holds[blob].shown = True
