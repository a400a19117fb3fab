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
    """Seals and opens page tokens with the installation's secret, so that any node may continue a listing.

    A token is the MAC of its position, and the position under a key stream that the MAC begins (as SIV modes do it, RFC 5297):
    positions hold ids and names that may be nobody's business.
    """

    def __init__(self, key: bytes) -> None:
        self._key = hashlib.sha256(b"moorage page tokens\0" + key).digest()
        self._mask_key = hashlib.sha256(b"moorage page positions\0" + key).digest()

    def seal(self, scope: str, position: Any) -> str:
        """A token for `position` (JSON), good only for the listing that `scope` names."""
        text = json.dumps(position, separators=(",", ":")).encode()
        mac = self._mac(scope, text)
        return base64.urlsafe_b64encode(mac + self._masked(mac, text)).decode().rstrip("=")

    def open(self, scope: str, token: str) -> Any:
        """The position inside; raises InvalidParameterError for a token that was not issued for this listing."""
        try:
            raw = base64.urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
        except (binascii.Error, ValueError):
            raw = b""
        mac = raw[:_MAC_BYTES]
        text = self._masked(mac, raw[_MAC_BYTES:])
        if not hmac.compare_digest(mac, self._mac(scope, text)):
            raise InvalidParameterError("Invalid parameter at 'nextToken' failed to satisfy constraint: 'Invalid token'")
        return json.loads(text)

    def _mac(self, scope: str, text: bytes) -> bytes:
        return hmac.new(self._key, scope.encode() + b"\0" + text, hashlib.sha256).digest()[:_MAC_BYTES]

    def _masked(self, mac: bytes, text: bytes) -> bytes:
        """The text under the stream of HMAC-SHA256 in counter mode, or back."""
        blocks = range(-(-len(text) // 32))
        stream = b"".join(hmac.new(self._mask_key, mac + block.to_bytes(4), hashlib.sha256).digest() for block in blocks)
        return bytes(left ^ right for left, right in zip(text, stream, strict=False))
