"""Which items there are, and which of them a run takes. Pure."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from bench.items import blobs, control, manifests, mixed, pushes, start, tls
from bench.items.item import Item

QUICK = (
    "memory-idle",
    "tag-16",
    "digest-16",
    "head-16",
    "missing-16",
    "blob-1KiB-8",
    "blob-1MiB-8",
    "blob-256MiB-8",
    "push-*-8",
    "manifests-during-pulls",
    "memory-32-pulls",
    "start",
    "api-*-16",
)


class UnknownItemError(ValueError):
    """No item has that name."""


def everything() -> list[Item]:
    """All items in the order in which they are taken: memory first, while the servers are fresh; TLS and the AWS API last."""
    idle, during, peak = mixed.items()
    return [
        idle,
        *manifests.items(),
        *blobs.items(),
        during,
        peak,
        *pushes.items(),
        *start.items(),
        *tls.items(),
        *control.items(),
    ]


def select(patterns: Sequence[str]) -> list[Item]:
    """The items whose names match any of the patterns (`tag-*`), in their usual order; raises UnknownItemError."""
    known = everything()
    for pattern in patterns:
        if not any(fnmatchcase(item.name, pattern) for item in known):
            raise UnknownItemError(f"no item is named {pattern}; there are: {', '.join(item.name for item in known)}")
    return [item for item in known if any(fnmatchcase(item.name, pattern) for pattern in patterns)]
