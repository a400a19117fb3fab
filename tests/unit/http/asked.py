"""Requests as the handlers get them, made without a server."""

from collections.abc import Sequence
from typing import Any

from moorage.http.messages import Request

Header = tuple[str, str]


def request(
    *headers: Header,
    client: str | None = "192.0.2.1",
    method: str = "GET",
    path: str = "/",
    query: str = "",
    body: Sequence[bytes] = (),
    whole: bool = True,
) -> Request:
    """A request with these headers and this body in pieces; a body that is not whole ends in a disconnect."""
    scope: dict[str, Any] = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode("latin-1"),
        "scheme": "http",
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers],
        "client": (client, 50000) if client is not None else None,
    }
    last = len(body) - 1
    messages = [{"type": "http.request", "body": piece, "more_body": at < last or not whole} for at, piece in enumerate(body)]
    if not whole:
        messages.append({"type": "http.disconnect"})
    elif not messages:
        messages.append({"type": "http.request"})

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    return Request(scope, receive)
