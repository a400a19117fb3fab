"""Opaque page tokens: what a client gives back to continue a listing, and can neither read nor forge usefully."""

import base64
import binascii
import hashlib
import hmac
import json
from typing import Any

from moorage.core.errors import InvalidParameterError

_MAC_BYTES = 16


class PageTokens:
    """Seals and opens page tokens with the installation's secret, so that any node may continue a listing."""

    def __init__(self, key: bytes) -> None:
        self._key = hashlib.sha256(b"moorage page tokens\0" + key).digest()

    def seal(self, scope: str, position: Any) -> str:
        """A token for `position` (JSON), good only for the listing that `scope` names."""
        body = json.dumps(position, separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._mac(scope, body) + body).decode().rstrip("=")

    def open(self, scope: str, token: str) -> Any:
        """The position inside; raises InvalidParameterError for a token that was not issued for this listing."""
        try:
            raw = base64.urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
        except (binascii.Error, ValueError):
            raw = b""
        mac, body = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(scope, body)):
            raise InvalidParameterError("Invalid parameter at 'nextToken' failed to satisfy constraint: 'Invalid token'")
        return json.loads(body)

    def _mac(self, scope: str, body: bytes) -> bytes:
        return hmac.new(self._key, scope.encode() + b"\0" + body, hashlib.sha256).digest()[:_MAC_BYTES]
