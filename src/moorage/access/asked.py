"""What an edge asks of access: actions on something that a request names."""

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from moorage.access.judge import Where
from moorage.access.owner import Owner
from moorage.iam.context import NOTHING, Context


class Asked(NamedTuple):
    """One requirement of one request, on one resource."""

    actions: tuple[str, ...]
    arn: str
    """The resource as policies name it, or `*`."""
    where: Where | None
    """The repository or registry whose policies are the owner's side. None: `owner` says what is."""
    any_of: bool = False
    """Whether one of the actions is enough; otherwise all are needed."""
    filled: Context = NOTHING
    """The context keys that the entry fills."""
    subjects: Callable[[], Awaitable[Sequence[Context]]] | None = None
    """What is acted on inside the repository, each decided for itself. Asked only where a policy reads such keys."""
    owner: Owner | None = None
    """The owner's side of what is no repository: of something of IAM's, or of an account as such."""
