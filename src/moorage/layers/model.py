"""A repository's hold on a blob, and an upload on its way to become one."""

from dataclasses import dataclass

from moorage.core import clock

MAX_LAYER_BYTES = 52_000 * 1024 * 1024
"""ECR's quota."""

MIN_PART_BYTES = 5 * 1024 * 1024
PART_SIZE = 10 * 1024 * 1024
"""What InitiateLayerUpload tells clients to cut."""

MAX_PARTS = 4_200
DONE_IS_REMEMBERED = clock.HOUR
"""How long the closing PUT of a finished upload may be repeated."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer that a repository holds and shows."""

    repository_id: int
    blob_id: int
    key: str
    size: int
    media_type: str | None = None
    stamped_at: int | None = None
    """When it was last touched while no image referred to it; None while one does."""


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload session. Its offset is the length of the growing object under its key."""

    id: str
    repository_id: int
    key: str
    algorithm: str
    expires_at: int
    parts: int = 0
    short_parts: int = 0
    """Parts below ECR's minimum size."""
    last_part: int = 0
    """Bytes of the newest part."""
    digest: str | None = None
    """Set when the upload is done."""
