"""Download URLs: what GetDownloadUrlForLayer hands out. The MAC is the permission, and it ends after at most 15 minutes."""

import hashlib
import hmac
from urllib.parse import quote

from moorage.core import clock
from moorage.core.errors import MoorageError

LIFETIME = 15 * clock.MINUTE
PREFIX = "/downloads/"


class DownloadDeniedError(MoorageError):
    """The URL was not made here, is not whole, or its time is over."""

    oci_code = "DENIED"
    oci_status = 403


class DownloadUrls:
    """Makes and checks download URLs with the installation's secret, so that any process may serve them."""

    def __init__(self, secret: bytes) -> None:
        self._key = hashlib.sha256(b"moorage download urls\0" + secret).digest()

    def make(self, authority: str, repository_id: int, digest: str, now: int) -> str:
        """A URL that downloads a layer for 15 minutes. `authority` is `scheme://host`."""
        expires = now + LIFETIME
        path = f"{PREFIX}{repository_id}/{digest}"
        return f"{authority}{quote(path, safe='/:')}?expires={expires}&mac={self._mac(path, expires)}"

    def check(self, path: str, expires: str, mac: str, now: int) -> None:
        """Raise DownloadDeniedError unless the URL was made here and still lives."""
        if not (expires.isascii() and expires.isdigit() and len(expires) < 20):
            raise DownloadDeniedError("The download URL is not valid.")
        if not hmac.compare_digest(self._mac(path, int(expires)).encode(), mac.encode("utf-8", "replace")):
            raise DownloadDeniedError("The download URL is not valid.")
        if int(expires) <= now:
            raise DownloadDeniedError("The download URL has expired.")

    def _mac(self, path: str, expires: int) -> str:
        return hmac.new(self._key, f"{path}\0{expires}".encode(), hashlib.sha256).hexdigest()
