"""Which row of the API's table answers a request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from moorage.http.api.route import AnyRoute
from moorage.http.messages import MethodNotAllowedError, NotFoundError


@dataclass(frozen=True, slots=True)
class Match:
    """A row, and the parts of the path; they are not parsed yet."""

    route: AnyRoute
    parts: Mapping[str, str]


def match(routes: Sequence[AnyRoute], method: str, path: str) -> Match:
    """The row for a request; raises NotFoundError or MethodNotAllowedError. HEAD is GET."""
    found = [(route, fitting) for route in routes if (fitting := route.pattern.fullmatch(path))]
    if not found:
        raise NotFoundError("There is nothing at this address.")
    wanted = "GET" if method == "HEAD" else method
    for route, fitting in found:
        if route.method == wanted:
            return Match(route, fitting.groupdict())
    allowed = sorted({route.method for route, _ in found})
    raise MethodNotAllowedError("This method is not supported here.", headers={"Allow": ", ".join(allowed)})
