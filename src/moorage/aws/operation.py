"""AWS operations as decorated methods, and the table of those that are implemented (DESIGN rule 5).

A room's `operations` module marks methods with `@operation`; the composition root hands the rooms to a `Dispatcher`, the edge
asks it for an `Entry`, decodes, authorizes what the entry requires, opens the transaction that its mode asks for, calls and
encodes. Nothing is registered on import.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Literal, TypeVar

from moorage.aws.decode import Params, decoder
from moorage.aws.encode import encoder
from moorage.aws.form import Form
from moorage.aws.model import Service, members_of
from moorage.aws.query import form_decoder
from moorage.aws.query_checks import query_checker
from moorage.aws.requirements import AnyCaller, Need, Open, OperationTableError, faults_of, named_registry, needs_of
from moorage.aws.validate import Check, checker
from moorage.aws.xml import xml_encoder
from moorage.core.call import Requirement
from moorage.core.errors import MoorageError

Mode = Literal["read", "write", "own", "plain"]
"""`plain`: method(call, params), which needs nothing but these. `read` and `write`: method(tx, call, params) inside such a
transaction, with no I/O of its own and perhaps run again. `own`: method(database, call, params), which opens its transactions
itself, between its I/O. One that changes something hands `call` to each of its writes, so that change and audit row are one;
one that is marked `read_only` leaves the record to the edge."""

Answer = dict[str, Any]
"""The members of an operation's output shape."""

Requires = tuple[Requirement, ...] | Callable[[Params], tuple[Requirement, ...]] | AnyCaller | Open
"""What a caller must be allowed to do: always the same, or as a function of the decoded parameters, or nothing.
Only what is `Open` is reached without a signature."""

Brief = Callable[[Params], bool]
"""Whether a read is brief with these parameters."""

Values = Mapping[str, tuple[str, ...]]
"""Context keys, in lower case, with their values; what is absent has no key."""

FillsContext = Callable[[Params], Values]
"""The context keys that an operation fills besides those that every request has, from its decoded parameters; such as
`iam:policyarn`, `aws:requesttag/team`, `aws:tagkeys`. The keys that tell who asks, from where and when cannot be set by it."""

LooksUpContext = Callable[..., Values]
"""function(tx, call, params): those that must be looked up, such as `iam:permissionsboundary` of a user that exists."""

Subjects = Callable[..., Sequence[Values]]
"""function(room, database, call, params): what is acted on inside a repository, each decided for itself: of an image that is
named, its tag, platform and artifact type. Asked only where a policy reads such a key, and in a thread."""

_MARK = "moorage_operation"
_Method = TypeVar("_Method", bound=Callable[..., Any])


class UnknownOperationError(MoorageError):
    """The request names an operation that the service does not have, or that is not implemented here."""

    aws_code = "UnknownOperationException"
    aws_status = 404
    query_code = "InvalidAction"
    query_status = 400
    oci_code = "UNSUPPORTED"
    oci_status = 404

    def __init__(self, name: str, version: str = "") -> None:
        super().__init__(f"The operation {name[:128]!r} is unknown or not supported by this server.")
        self._name = name[:128]
        self._version = version[:128] or "NO_VERSION_SPECIFIED"

    @property
    def query_message(self) -> str:
        """The Query services name the version, too."""
        return f"Could not find operation {self._name} for version {self._version}"


def _never(_params: Params) -> bool:
    return False


def _nothing(*_given: Any) -> Values:
    return {}


def _in_lower_case(filled: Values) -> Values:
    """Keys of tags are whatever callers chose; of two that differ in case only, each has its say."""
    merged: dict[str, tuple[str, ...]] = {}
    for key, values in filled.items():
        merged[key.lower()] = (*merged.get(key.lower(), ()), *values)
    return merged


@dataclass(frozen=True, slots=True)
class _Filled:
    """How an operation fills context keys."""

    context: FillsContext = _nothing
    context_from: LooksUpContext | None = None
    subjects: Subjects | None = None


@dataclass(frozen=True, slots=True)
class _Mark:
    name: str
    requires: Requires
    mode: Mode
    read_only: bool
    brief: Brief
    asks: tuple[str, ...]
    filled: _Filled
    check: Check | None


def operation(
    name: str,
    *,
    requires: Requires,
    mode: Mode,
    read_only: bool = False,
    brief: Brief = _never,
    asks: tuple[str, ...] = (),
    context: FillsContext = _nothing,
    context_from: LooksUpContext | None = None,
    subjects: Subjects | None = None,
    check: Check | None = None,
) -> Callable[[_Method], _Method]:
    """Mark a method as the implementation of an AWS operation; see `Mode` for what it is called with.

    It returns the members of the output shape as a mapping (timestamps in milliseconds), or None for an empty output.
    `read_only` is said of those that read with a mode of their `own`, as CloudTrail's `readOnly` has it. `brief` is said of
    reads whose queries find a handful of rows by an index with these parameters: they run on the event loop. `asks`
    are actions on the same resource that are not needed, but made use of when the caller may do them (`Call.also_allowed`).
    `context`, `context_from` and `subjects` fill context keys; see their types. `check` stands in for the model's constraints
    where the service tells a breach of them by errors of its own.
    """
    filled = _Filled(context, context_from, subjects)

    def mark(method: _Method) -> _Method:
        is_read = read_only or mode in {"read", "plain"}
        setattr(method, _MARK, _Mark(name, requires, mode, is_read, brief, asks, filled, check))
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
    brief: Brief = _never
    """Whether a read with these parameters is so short that it may run on the event loop."""
    asks: tuple[str, ...] = ()
    filled: _Filled = _Filled()
    room: object = None
    """The object whose method it is."""
    check: Check | None = None
    """What checks the parameters in place of the model's constraints."""

    def decode(self, given: bytes | Form) -> Params:
        """The request's members, of the right types and within the model's constraints.

        `given` is a body in the JSON protocols, a form in the Query protocol. Raises SerializationError or
        InvalidParameterError in the former, MalformedInputError or ValidationError in the latter, and nothing else, whatever
        is given.
        """
        params = self._decoder(given)
        self._checker(params)
        return params

    def encode(self, result: Mapping[str, Any] | None, request_id: str = "") -> bytes:
        """The answer's body; raises UnencodableResultError for what the model does not have.

        The Query protocol writes the request's id into it.
        """
        return self._encoder(result, request_id)

    def prepare(self) -> None:
        """Make what decodes and encodes, which takes a moment; otherwise the first request waits for it."""
        _ = self._decoder, self._checker, self._encoder

    @cached_property
    def _decoder(self) -> Callable[[Any], Params]:
        shape = self.service.operation(self.name).input_shape
        return form_decoder(shape) if self.service.protocol == "query" else decoder(shape)

    @cached_property
    def _checker(self) -> Check:
        if self.check is not None:
            return self.check
        shape = self.service.operation(self.name).input_shape
        return query_checker(shape) if self.service.protocol == "query" else checker(shape)

    @cached_property
    def _encoder(self) -> Callable[[Mapping[str, Any] | None, str], bytes]:
        model = self.service.operation(self.name)
        if self.service.protocol == "query":
            return xml_encoder(model, self.service.namespace)
        encode = encoder(model.output_shape)
        return lambda result, _request_id: encode(result)

    def requirements(self, params: Params) -> tuple[Need, ...]:
        """What the caller must be allowed to do, and on which repositories. Empty only where any caller may.

        Raises InvalidParameterError for a `resourceArn` that names no repository.
        """
        if isinstance(self.requires, AnyCaller | Open):
            return ()
        required = self.requires if isinstance(self.requires, tuple) else self.requires(params)
        return needs_of(self.name, required, params)

    def context(self, params: Params) -> Values:
        """The context keys that the request's parameters fill."""
        return _in_lower_case(self.filled.context(params))

    @property
    def context_from(self) -> LooksUpContext | None:
        """function(tx, call, params): context keys that must be looked up; None where there are none."""
        look_up = self.filled.context_from
        return None if look_up is None else lambda tx, call, params: _in_lower_case(look_up(tx, call, params))

    @property
    def subjects(self) -> Callable[..., Sequence[Values]] | None:
        """function(database, call, params): see `Subjects`; None where a repository as a whole is acted on."""
        return partial(self.filled.subjects, self.room) if self.filled.subjects is not None else None

    def registry_id(self, params: Mapping[str, Any]) -> str | None:
        """The account whose registry the request names, or None for the caller's own."""
        return named_registry(params)


class Dispatcher:
    """The operations of one service that are implemented: every marked method of the given objects."""

    def __init__(self, service: Service, rooms: Collection[object]) -> None:
        self.service = service
        self._entries = tuple(entry for room in rooms for entry in _entries(service, room))
        self._ready: dict[str, Entry] = {}

    def find(self, name: str) -> Entry:
        """The entry of an operation; raises UnknownOperationError. The first call loads the model and checks the table."""
        entry = self._table.get(name)
        if entry is None:
            raise UnknownOperationError(name, self.service.version)
        entry.prepare()
        self._ready[name] = entry
        return entry

    def ready(self, name: str) -> Entry | None:
        """The entry of an operation that was found before; never blocks."""
        return self._ready.get(name)

    def names(self) -> frozenset[str]:
        """The names of what is implemented."""
        return frozenset(entry.name for entry in self._entries)

    def open_names(self) -> frozenset[str]:
        """The names of what needs no signature."""
        return frozenset(entry.name for entry in self._entries if isinstance(entry.requires, Open))

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
            if entry.mode not in {"read", "write", "own", "plain"}:
                yield f"{entry.name} has an unknown mode."
            if isinstance(entry.requires, tuple):
                shape = self.service.operation(entry.name).input_shape
                yield from faults_of(entry.name, entry.requires, frozenset(members_of(shape)) if shape else frozenset())


def _entries(service: Service, room: object) -> Iterator[Entry]:
    for attribute in dir(type(room)):
        mark = getattr(getattr(type(room), attribute, None), _MARK, None)
        if isinstance(mark, _Mark):
            yield Entry(
                mark.name,
                mark.mode,
                getattr(room, attribute),
                mark.requires,
                service,
                read_only=mark.read_only,
                brief=mark.brief,
                asks=mark.asks,
                filled=mark.filled,
                room=room,
                check=mark.check,
            )
