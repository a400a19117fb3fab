"""Entries whose requirements are others than they should be."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any

from moorage.aws.form import Form
from moorage.aws.requirements import AnyCaller, Open
from moorage.core.call import Requirement
from moorage.http.api import matching
from moorage.http.api.route import AnyRoute, Route
from moorage.http.distribution import routes
from tests.authorization.matrix import OPERATIONS, Matrix
from tests.authorization.requirements import Line

_OTHER_ACTIONS = ("ecr:GetAccountSetting", "ecr:DescribeRegistry")
_OTHER_KINDS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "ecr": {"*": ("repositories",), "": ("*",), "repository": ("*", "repositories")},
    "oci": {"": ("*",), "repository": ("*", "repositories")},
    "api": {"*": ("robot", "repository"), "each": ("*",), "": ("*",)},
    "": {"*": ("user",), "": ("*",)},
}
"""By section and kind, what else it might be; an empty text stands for all others."""

Required = tuple[Requirement, ...]


@dataclass(frozen=True, slots=True)
class Mutation:
    """One entry, changed for a while."""

    what: str
    changed: Callable[[], AbstractContextManager[None]]
    """Changes it for the block."""


def mutations(matrix: Matrix, line: Line) -> list[Mutation]:
    """Every mutation of the entry that a line speaks of."""
    if line.section in OPERATIONS:
        return list(_of_operation(matrix, line))
    return list(_of_route(matrix, line) if line.section == "oci" else _of_api(matrix, line))


def variants(section: str, required: Required) -> Iterator[tuple[str, Required]]:
    """Requirements with one flipped or left out; the last to be left out leaves none."""
    kinds = _OTHER_KINDS.get(section, _OTHER_KINDS[""])
    for at, needed in enumerate(required):

        def put(*others: Requirement, at: int = at) -> Required:
            return (*required[:at], *others, *required[at + 1 :])

        for kind in kinds.get(needed.resource, kinds[""]):
            yield f"{needed} on {kind}", put(replace(needed, resource=kind))
        yield f"without {needed}", put()
        for number, action in enumerate(needed.actions):
            other = next(each for each in _OTHER_ACTIONS if each != action)
            rest = (*needed.actions[:number], *needed.actions[number + 1 :])
            swapped = (*needed.actions[:number], other, *needed.actions[number + 1 :])
            yield f"{other} for {action}", put(replace(needed, actions=swapped))
            if rest:
                yield f"without {action}", put(replace(needed, actions=rest))
        if len(needed.actions) > 1:
            yield f"{needed} any of, or all", put(replace(needed, any_of=not needed.any_of))


def _of_operation(matrix: Matrix, line: Line) -> Iterator[Mutation]:
    dispatcher = matrix.place.dispatchers[line.section]
    entry = dispatcher.find(line.entry)
    body = matrix.ask(line).body
    given = entry.decode(Form.parse(body) if entry.service.protocol == "query" else body)
    needs_nothing = AnyCaller("a mutation")
    found: list[tuple[str, Any]]
    if isinstance(entry.requires, Open):
        found = [("not open", needs_nothing)]
    elif isinstance(entry.requires, AnyCaller):
        found = [("requires something", (Requirement((_OTHER_ACTIONS[0],), "*"),))]
    else:
        required = entry.requires if isinstance(entry.requires, tuple) else entry.requires(given)
        found = [(what, changed or needs_nothing) for what, changed in variants(line.section, required)]

    @contextmanager
    def put(requires: Any) -> Iterator[None]:
        dispatcher.changed[line.entry] = replace(entry, requires=requires)
        try:
            yield
        finally:
            del dispatcher.changed[line.entry]

    for what, changed in found:
        yield Mutation(what, partial(put, changed))


def _of_route(matrix: Matrix, line: Line) -> Iterator[Mutation]:
    ask, table = matrix.ask(line), matrix.place.distribution
    route = routes.match(ask.method, ask.path, table).route
    if route.method != ask.method:
        return  # HEAD, where it is GET
    found: list[tuple[str, routes.Route]] = []
    if line.variant == "mount":
        assert route.source is not None
        others = [(what, changed) for what, changed in variants("oci", (route.source,)) if " on " not in what]
        found = [(what, replace(route, source=changed[0] if changed else None)) for what, changed in others]
    elif route.requirement is None:
        found = [("requires something", replace(route, requirement=Requirement((_OTHER_ACTIONS[0],), "*")))]
    else:
        others = list(variants("oci", (route.requirement,)))
        found = [(what, replace(route, requirement=changed[0] if changed else None)) for what, changed in others]
    for what, changed_route in found:
        yield Mutation(what, partial(_in_place, table, route, changed_route))


class _Otherwise(Route[Any, Any, Any]):
    """A row that is reserved to the default account where it should not be, and the other way round."""

    @property
    def installation(self) -> bool:
        """The contrary of what it should be."""
        return not super().installation


def _of_api(matrix: Matrix, line: Line) -> Iterator[Mutation]:
    ask, table = matrix.ask(line), matrix.place.api
    route = matching.match(table, ask.method, ask.path).route
    found: list[tuple[str, AnyRoute]] = [
        ("installation or not", _Otherwise(*(getattr(route, each.name) for each in fields(route))))
    ]
    if line.variant == "all":
        found = [(f"on {kind}", replace(route, requires=_on(route.requires, kind))) for kind in ("*", "repository")]
    else:
        found += [(what, replace(route, requires=changed)) for what, changed in variants("api", route.requires)]
    for what, changed_route in found:
        yield Mutation(what, partial(_in_place, table, route, changed_route))


def _on(required: Required, kind: str) -> Required:
    return tuple(replace(each, resource=kind) for each in required)


@contextmanager
def _in_place(table: list[Any], row: Any, other: Any) -> Iterator[None]:
    at = table.index(row)
    table[at] = other
    try:
        yield
    finally:
        table[at] = row


def survivors(matrix: Matrix, lines: Sequence[Line]) -> list[str]:
    """The mutations that the matrix does not notice."""
    found = []
    for line in lines:
        for mutation in mutations(matrix, line):
            with mutation.changed():
                if not any(matrix.complaint(line, person) for person in matrix.people_for(line)):
                    found.append(f"{line}: {mutation.what}")
    return found
