"""What happened, as a value: written in the transaction of the change, read later by jobs (the outbox)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """A change that others may care about. `detail` is JSON and uses ECR's EventBridge member names where ECR has them."""

    kind: str
    """`ECR Image Action`, or a name of our own in the same style."""
    registry_id: int
    detail: Mapping[str, Any] = field(default_factory=dict)
    repository_id: int | None = None
