"""The private listener's ASGI application: which part answers which path."""

import asyncio
from typing import Any

from moorage.http import health
from moorage.http.api.application import DOCUMENT_PATH, Api
from moorage.http.context import Context
from moorage.http.control import Control
from moorage.http.distribution.application import Distribution
from moorage.http.distribution.hot import HotAnswers
from moorage.http.downloads import SAFE_HEADERS, download
from moorage.http.limits import AddressLimit
from moorage.http.messages import DisconnectedError, NotFoundError, Receive, Request, Response, Send
from moorage.http.peer import peer_of
from moorage.http.problems import in_oci, known
from moorage.http.streaming import respond
from moorage.http.tongues import OPEN_OPERATIONS, is_query_url
from moorage.layers.download_urls import PREFIX, DownloadUrls

_OPEN_PATHS = (PREFIX, "/livez", "/healthz", DOCUMENT_PATH)

OPEN_ENTRIES = (*_OPEN_PATHS, *(f"POST / Action={name}" for name in OPEN_OPERATIONS))
"""What is answered without a principal; each address has a rate. A test compares this list literally."""


_REPORT_SECONDS = 1.0


class PrivateApplication:
    """Plain ASGI; correct under any server."""

    def __init__(
        self,
        context: Context,
        distribution: Distribution,
        control: Control,
        api: Api,
        urls: DownloadUrls,
        hot: HotAnswers,
    ) -> None:
        self._context = context
        self._hot = hot
        self._distribution = distribution
        self._control = control
        self._api = api
        self._urls = urls
        self._limit = AddressLimit(context.clock, per_second=500, burst=1000)

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """One connection's event, as ASGI has it."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
            await respond(scope, send, response, self._context.threads)
        except DisconnectedError:
            return

    async def _answer(self, request: Request) -> Response:
        path = request.path
        if path.startswith("/v2/") or path == "/v2":
            return await self._distribution.answer(request)
        if path == "/" and (request.method == "POST" or (request.method == "GET" and is_query_url(request))):
            return await self._control.answer(request)
        if path.startswith("/api/") and path != DOCUMENT_PATH:
            return await self._api.answer(request)
        return await self._open(request, path)

    async def _open(self, request: Request, path: str) -> Response:
        try:
            return await self._open_entry(request, path)
        except Exception as error:
            if isinstance(error, DisconnectedError):
                raise
            if path == DOCUMENT_PATH:
                return self._api.refusal(request, error)
            response = in_oci(known(error, self._context.ids.next()), "")
            body = response.body if isinstance(response.body, bytes) else b""
            response.headers |= {"content-length": str(len(body)), **SAFE_HEADERS}
            return response

    async def _open_entry(self, request: Request, path: str) -> Response:
        if not path.startswith(_OPEN_PATHS):
            raise NotFoundError("There is nothing at this address.")
        self._limit.take(peer_of(request, self._context.policy.trusted_proxies).address)
        if path == "/livez":
            return health.livez()
        if path == "/healthz":
            return await health.healthz(self._context)
        if path == DOCUMENT_PATH:
            return await self._api.describe(request)
        return await download(self._context, self._urls, request)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        """Between start-up and shutdown, what the hot responder answered is reported once a second."""
        await receive()
        reporting = asyncio.create_task(self._report())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        reporting.cancel()
        self._hot.report()
        await send({"type": "lifespan.shutdown.complete"})

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(_REPORT_SECONDS)
            self._hot.report()
