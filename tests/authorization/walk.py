"""A walk over everything that can be asked for: what has no line, or names no action and resource."""

import re
from collections.abc import Iterator

from moorage.aws.form import Form
from moorage.aws.operation import Entry
from moorage.aws.requirements import AnyCaller, Open
from moorage.core.call import Requirement
from moorage.http.api import matching
from moorage.http.distribution import routes
from tests.authorization.matrix import OPERATIONS, ROUTES, Matrix, name_of
from tests.authorization.place import Place
from tests.authorization.requirements import Line

_ACTION = re.compile(r"(ecr|iam|sts|cloudtrail|moorage):[A-Z][A-Za-z]+")
ANY_CALLER = {("sts", "GetCallerIdentity"), ("sts", "GetSessionToken")}
"""Which operations every caller may use, as STS's reference has it."""
OPEN = {("sts", "AssumeRoleWithWebIdentity")}
"""Which operations need no signature."""
WITHOUT_REQUIREMENT = {("GET", "/v2/?")}
"""Which route asks only for a login."""


def without_requirement(matrix: Matrix, lines: tuple[Line, ...]) -> list[str]:
    """The entries of every table, in all of whose forms it is not said which action on which resource they require."""
    return [*_of_operations(matrix, lines), *_of_routes(matrix.place)]


def _of_operations(matrix: Matrix, lines: tuple[Line, ...]) -> Iterator[str]:
    for service, dispatcher in matrix.place.dispatchers.items():
        for name in sorted(dispatcher.names()):
            entry = dispatcher.find(name)
            if isinstance(entry.requires, AnyCaller) or (service, name) in ANY_CALLER:
                fine = isinstance(entry.requires, AnyCaller) and (service, name) in ANY_CALLER
            elif isinstance(entry.requires, Open) or (service, name) in OPEN:
                fine = isinstance(entry.requires, Open) and (service, name) in OPEN
            else:
                forms = [line for line in lines if (line.section, line.entry) == (service, name)]
                fine = bool(forms) and all(_is_whole(_required(matrix, entry, line)) for line in forms)
            if not fine:
                yield f"{service} {name}"


def _of_routes(place: Place) -> Iterator[str]:
    for route in place.distribution:
        asks_nothing = (route.method, route.pattern.pattern) in WITHOUT_REQUIREMENT
        if asks_nothing != (route.requirement is None) or not _is_whole((route.requirement or _SOMETHING,)):
            yield f"{route.method} {route.pattern.pattern}"
    for row in place.api:
        if not _is_whole(row.requires):
            yield f"{row.method} {row.path}"


_SOMETHING = Requirement(("ecr:PutImage",))


def _required(matrix: Matrix, entry: Entry, line: Line) -> tuple[Requirement, ...]:
    assert not isinstance(entry.requires, AnyCaller | Open)
    if isinstance(entry.requires, tuple):
        return entry.requires
    body = matrix.ask(line).body
    return entry.requires(entry.decode(Form.parse(body) if entry.service.protocol == "query" else body))


def _is_whole(required: tuple[Requirement, ...]) -> bool:
    return bool(required) and all(
        each.resource and each.actions and all(_ACTION.fullmatch(action) for action in each.actions) for each in required
    )


def without_line(place: Place, lines: tuple[Line, ...]) -> list[str]:
    """Operations and routes that no line speaks of."""
    typed = {(line.section, line.entry) for line in lines}
    found = [
        f"{service} {name}"
        for service, dispatcher in place.dispatchers.items()
        for name in sorted(dispatcher.names())
        if (service, name) not in typed
    ]
    reached = {id(_route(place, line)) for line in lines if line.section == "oci"}
    found += [f"{route.method} {route.pattern.pattern}" for route in place.distribution if id(route) not in reached]
    return found + [f"{row.method} {row.path}" for row in place.api if ("api", f"{row.method} {row.path}") not in typed]


def without_entry(place: Place, lines: tuple[Line, ...]) -> list[str]:
    """Lines that speak of no operation and no route, or whose sample asks for another one."""
    found = []
    for line in lines:
        if line.section in OPERATIONS:
            there = line.section in place.dispatchers and line.entry in place.dispatchers[line.section].names()
        elif line.section == "oci":
            there = _route(place, line) is not None
        else:
            ask = ROUTES["api"][0][name_of(line)]
            row = matching.match(place.api, ask.method, ask.path).route
            there = f"{row.method} {row.path}" == line.entry
        if not there:
            found.append(str(line))
    return found


def _route(place: Place, line: Line) -> routes.Route | None:
    ask = ROUTES["oci"][0][name_of(line)]
    try:
        return routes.match(ask.method, ask.path, place.distribution).route
    except routes.NoSuchRouteError:
        return None


def without_sample(lines: tuple[Line, ...]) -> list[str]:
    """Lines without a sample request, and samples without a line."""
    wanted = {(line.section, name_of(line)) for line in lines}
    there = {(section, name) for section, table in OPERATIONS.items() for name in table}
    there |= {(section, name) for section, (table, _) in ROUTES.items() for name in table}
    return sorted(f"{section} {name}" for section, name in wanted ^ there)
