"""Is the process alive, and can it work?"""

import json

from moorage.http.context import Context
from moorage.http.messages import Response
from moorage.storage.database.transaction import Transaction


def livez() -> Response:
    """The process lives."""
    return Response(200, {"content-type": "text/plain; charset=utf-8", "content-length": "3"}, b"ok\n")


async def healthz(context: Context) -> Response:
    """200 only when the database and the blob store answer."""
    state = {"database": await _state(context, "database"), "blobs": await _state(context, "blobs")}
    body = json.dumps(state).encode()
    status = 200 if set(state.values()) == {"ok"} else 503
    return Response(status, {"content-type": "application/json", "content-length": str(len(body))}, body)


async def _state(context: Context, part: str) -> str:
    try:
        if part == "database":
            await context.read(_touch)
        else:
            await context.in_thread(context.blobs.check)
    except Exception:
        return "unavailable"
    return "ok"


def _touch(tx: Transaction) -> None:
    tx.connection.exec_driver_sql("SELECT 1 FROM accounts LIMIT 1")
