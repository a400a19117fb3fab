"""What the application learns of a request: ASGI's HTTP scope, version 2.3."""

from typing import Any

from moorage.http.connection.channel import Channel
from moorage.http.connection.head import RequestHead


def scope_of(request: RequestHead, head: bytes, channel: Channel, state: dict[str, Any]) -> dict[str, Any]:
    """The scope of one request; `head` is it as it was received, `state` what the application's start left for all."""
    extensions: dict[str, dict[str, Any]] = {}
    if channel.direct:
        extensions["http.response.zerocopysend"] = {}
    if request.plain:
        extensions["moorage.hot"] = {"head": head}
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": request.version,
        "server": channel.server,
        "client": channel.client,
        "scheme": "https" if channel.secure else "http",
        "method": request.method,
        "root_path": "",
        "path": request.path,
        "raw_path": request.raw_path,
        "query_string": request.query,
        "headers": request.headers,
        "state": state.copy(),
        "extensions": extensions,
    }
