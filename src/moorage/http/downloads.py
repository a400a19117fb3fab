"""GET of download URLs: open to whoever has one, for as long as it lives."""

import re

from moorage.core.digest import Digest
from moorage.http.context import Context
from moorage.http.messages import FileBody, Request, Response
from moorage.http.ranges import byte_range
from moorage.layers import store
from moorage.layers.download_urls import DownloadDeniedError, DownloadUrls
from moorage.storage.blobs.port import BlobMissingError

_PATH = re.compile(r"/downloads/(?P<repository>[0-9]{1,18})/(?P<digest>[a-z0-9]+:[a-f0-9]+)")
SAFE_HEADERS = {"x-content-type-options": "nosniff", "content-security-policy": "sandbox", "cache-control": "private"}
"""What keeps a browser from running what it downloads."""


async def download(context: Context, urls: DownloadUrls, request: Request) -> Response:
    """GET and HEAD of a download URL."""
    match = _PATH.fullmatch(request.path)
    if match is None or request.method not in {"GET", "HEAD"}:
        raise DownloadDeniedError("The download URL is not valid.")
    urls.check(request.path, request.parameter("expires") or "", request.parameter("mac") or "", context.clock.now())
    digest = Digest.parse(match["digest"])
    layer = store.find_shown_now(context.points, int(match["repository"]), str(digest))
    if layer is None:
        raise DownloadDeniedError("The layer is no longer available.")
    try:
        reader = context.blobs.open(layer.key, layer.size)
    except BlobMissingError:
        raise DownloadDeniedError("The layer is no longer available.") from None
    try:
        part = byte_range(request.header(b"range"), layer.size) if request.method == "GET" else None
    except BaseException:
        reader.close()
        raise
    offset, count = part or (0, layer.size)
    headers = {
        **SAFE_HEADERS,
        "content-type": "application/octet-stream",
        "content-length": str(count),
        "accept-ranges": "bytes",
    }
    if part:
        headers["content-range"] = f"bytes {offset}-{offset + count - 1}/{layer.size}"
    if request.method == "HEAD":
        reader.close()
        return Response(200, headers, head_only=True)
    return Response(206 if part else 200, headers, FileBody(reader, offset, count))
