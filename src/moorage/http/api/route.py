"""One row of the API's table: what an entry is, what it takes and gives, and what it requires."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, TypeVar

from msgspec import Struct

from moorage.access.reserved import is_of_installation
from moorage.core.call import Registry, Requirement
from moorage.core.errors import MoorageError
from moorage.http.api.exchange import Exchange, Parts
from moorage.images.subjects import Subject
from moorage.storage.database.transaction import Transaction

Q = TypeVar("Q", bound=Struct)
B = TypeVar("B", bound=Struct)
A = TypeVar("A", bound=Struct)

BASE = "/api/v1"
_PART = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True)
class Route(Generic[Q, B, A]):
    """One entry. The handler's docstring describes it to callers: its first line is the summary."""

    method: str
    path: str
    """Below `/api/v1`, such as `/tokens/{id}`. Repository names hold slashes, so they are never parts of a path."""
    handler: Callable[[Exchange, Q, B], Awaitable[A]]
    event_name: str
    """What audit calls it, and the `operationId` of the document."""
    requires: tuple[Requirement, ...]
    """The resource is `*`, the repository that the query's or the body's member `repository` names, or the robot that `name`
    does."""
    query: type[Q]
    body: type[B]
    answer: type[A]
    """`Nothing` for an answer without content."""
    status: int = 200
    changes: bool = False
    """Whether it changes something; it is then recorded in its transaction, else after the answer."""
    lasting: bool = False
    """Whether it makes, hands out or ends credentials of somebody, or changes who may do what, as IAM's operations do: session
    tokens and federated users are then refused, whatever policies say."""
    subjects: Callable[[Parts, Transaction, Registry, B], Sequence[Subject]] | None = None
    """What is acted on inside the repository, each decided for itself, where a policy reads such keys."""
    errors: tuple[type[MoorageError], ...] = field(default=())
    """What it may answer besides the errors that every entry may."""

    @property
    def installation(self) -> bool:
        """Whether it concerns the whole installation: only principals of the default account may then be allowed to."""
        return any(is_of_installation(action) for each in self.requires for action in each.actions)

    @property
    def area(self) -> str:
        """The first word of the path; the document's tag."""
        return self.path.split("/")[1]

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """The names of the path's parts."""
        return tuple(_PART.findall(self.path))

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What a request's whole path must match."""
        return re.compile(BASE + _PART.sub(r"(?P<\1>[^/]+)", self.path))


AnyRoute = Route[Any, Any, Any]
