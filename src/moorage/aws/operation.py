"""AWS operations as decorated methods, and the table of those that are implemented (DESIGN rule 5).

A room's `operations` module marks methods with `@operation`; the composition root hands the rooms to a `Dispatcher`, the edge
asks it for an `Entry`, decodes, authorizes what the entry requires, opens the transaction that its mode asks for, calls and
encodes. Nothing is registered on import.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeVar

from moorage.aws.decode import Params, decode
from moorage.aws.encode import Encoder
from moorage.aws.model import Service, members_of
from moorage.aws.requirements import Need, OperationTableError, faults_of, named_registry, needs_of
from moorage.aws.validate import validate
from moorage.core.call import Requirement
from moorage.core.errors import MoorageError

Mode = Literal["read", "write", "own"]
"""`read` and `write`: method(tx, call, params) inside such a transaction, with no I/O of its own and perhaps run again;
`own`: method(database, call, params), which opens its transactions itself, between its I/O. One that changes something hands
`call` to its one write, so that change and audit row are one; one that is marked `read_only` leaves the record to the edge."""

Requires = tuple[Requirement, ...] | Callable[[Params], tuple[Requirement, ...]]
"""What a caller must be allowed to do: always the same, or as a function of the decoded parameters."""

_MARK = "moorage_operation"
_Method = TypeVar("_Method", bound=Callable[..., Any])


class UnknownOperationError(MoorageError):
    """The target names an operation that the service does not have, or that is not implemented here."""

    aws_code = "UnknownOperationException"
    aws_status = 404
    oci_code = "UNSUPPORTED"
    oci_status = 404

    def __init__(self, name: str) -> None:
        super().__init__(f"The operation {name[:128]!r} is unknown or not supported by this server.")


@dataclass(frozen=True, slots=True)
class _Mark:
    name: str
    requires: Requires
    mode: Mode
    read_only: bool


def operation(name: str, *, requires: Requires, mode: Mode, read_only: bool = False) -> Callable[[_Method], _Method]:
    """Mark a method as the implementation of an AWS operation; see `Mode` for what it is called with.

    It returns the members of the output shape as a mapping (timestamps in milliseconds), or None for an empty output.
    `read_only` is said of those that read with a mode of their `own`, as CloudTrail's `readOnly` has it.
    """

    def mark(method: _Method) -> _Method:
        setattr(method, _MARK, _Mark(name, requires, mode, read_only or mode == "read"))
        return method

    return mark


@dataclass(frozen=True)
class Entry:
    """One operation, implemented."""

    name: str
    mode: Mode
    method: Callable[..., Any]
    requires: Requires
    service: Service
    read_only: bool = False
    """Whether it changes nothing that a caller could see; the edge records such calls after the answer."""

    def decode(self, body: bytes) -> Params:
        """The request's members, of the right types and within the model's constraints.

        Raises SerializationError or InvalidParameterError, and nothing else, whatever the bytes are.
        """
        shape = self.service.operation(self.name).input_shape
        params = decode(body, shape)
        validate(params, shape)
        return params

    def requirements(self, params: Params) -> tuple[Need, ...]:
        """What the caller must be allowed to do, and on which repositories. Never empty.

        Raises InvalidParameterError for a `resourceArn` that names no repository.
        """
        required = self.requires if isinstance(self.requires, tuple) else self.requires(params)
        return needs_of(self.name, required, params)

    def registry_id(self, params: Mapping[str, Any]) -> str | None:
        """The account whose registry the request names, or None for the caller's own."""
        return named_registry(params)

    def encode(self, result: Mapping[str, Any] | None) -> bytes:
        """The answer's body; raises UnencodableResultError for what the model does not have."""
        return self._encoder(result)

    @cached_property
    def _encoder(self) -> Encoder:
        return Encoder(self.service.operation(self.name).output_shape)


class Dispatcher:
    """The operations of one service that are implemented: every marked method of the given objects."""

    def __init__(self, service: Service, rooms: Collection[object]) -> None:
        self.service = service
        self._entries = tuple(entry for room in rooms for entry in _entries(service, room))

    def find(self, name: str) -> Entry:
        """The entry of an operation; raises UnknownOperationError. The first call loads the model and checks the table."""
        entry = self._table.get(name)
        if entry is None:
            raise UnknownOperationError(name)
        return entry

    def names(self) -> frozenset[str]:
        """The names of what is implemented."""
        return frozenset(entry.name for entry in self._entries)

    def check(self) -> None:
        """Raise OperationTableError unless every name is in the model and taken once, and every requirement is well formed."""
        if faults := tuple(self._faults()):
            raise OperationTableError(" ".join(faults))

    @cached_property
    def _table(self) -> Mapping[str, Entry]:
        self.check()
        return {entry.name: entry for entry in self._entries}

    def _faults(self) -> Iterator[str]:
        seen: set[str] = set()
        for entry in self._entries:
            if entry.name in seen:
                yield f"{entry.name} is implemented twice."
            seen.add(entry.name)
            if entry.name not in self.service.operation_names:
                yield f"{self.service.name} has no operation {entry.name}."
                continue
            if entry.mode not in {"read", "write", "own"}:
                yield f"{entry.name} has an unknown mode."
            if isinstance(entry.requires, tuple):
                shape = self.service.operation(entry.name).input_shape
                yield from faults_of(entry.name, entry.requires, frozenset(members_of(shape)) if shape else frozenset())


def _entries(service: Service, room: object) -> Iterator[Entry]:
    for attribute in dir(type(room)):
        mark = getattr(getattr(type(room), attribute, None), _MARK, None)
        if isinstance(mark, _Mark):
            yield Entry(mark.name, mark.mode, getattr(room, attribute), mark.requires, service, mark.read_only)
