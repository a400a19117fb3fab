"""Who sends a data-plane request: Basic credentials, user `AWS`, password from GetAuthorizationToken."""

import base64
import binascii
import sqlite3
from collections import OrderedDict

from moorage.core.clock import Clock
from moorage.identity.credentials import tokens
from moorage.identity.credentials.tokens import NotAuthorizedError, Token, TokenExpiredError
from moorage.identity.operations import USERNAME

_MOST_CACHED = 10_000
_LONGEST_HEADER = 8192
_LONGEST_CACHED = 512


class Authenticator:
    """Finds the token behind an `Authorization` header.

    What is cached is which token a header's bytes name, and what was found of it. That the token is still good, and that
    nothing of its account has changed since, such as a user's name, is asked of the database at each request, unless nothing
    at all was committed since it was asked last.
    """

    def __init__(self, points: sqlite3.Connection, clock: Clock) -> None:
        self._points = points
        self._clock = clock
        self._known: OrderedDict[str, Token] = OrderedDict()
        self._good: dict[int, int] = {}
        """Tokens that were seen to be good since the last commit of anybody's, and at which permission version.

        With the version, since under another spelling of the header an older one may be known.
        """
        self.moved = -1
        """What the database said last when it was asked whether anything was committed; see `Warden.enter`."""

    def token_of(self, header: str | None) -> Token:
        """The good token, with its account's present permission version; raises NotAuthorizedError or TokenExpiredError."""
        if header is None or len(header) > _LONGEST_HEADER:
            raise NotAuthorizedError
        now = self._clock.now()
        self._notice()
        token = self._known.get(header)
        if token is not None and self._is_still_good(token, now):
            self._known.move_to_end(header)
            return token
        self._known.pop(header, None)
        token = tokens.find_token(self._points, tokens.hash_of(_password(header)))
        if token is None:
            raise NotAuthorizedError
        if token.expires_at <= now:
            raise TokenExpiredError
        if len(header) > _LONGEST_CACHED:
            return token  # nobody's client pads its header; a cache of such spellings would only be filled with them
        self._known[header] = token
        if len(self._known) > _MOST_CACHED:
            self._known.popitem(last=False)
        return token

    def _notice(self) -> None:
        moved: int = self._points.execute("PRAGMA data_version").fetchone()[0]
        if moved != self.moved:
            self.moved = moved
            self._good.clear()

    def _is_still_good(self, token: Token, now: int) -> bool:
        if self._good.get(token.id) == token.permission_version and now < token.expires_at:
            return True
        if tokens.permission_version(self._points, token.id, now) != token.permission_version:
            return False
        self._good[token.id] = token.permission_version
        return True


def _password(header: str) -> str:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        raise NotAuthorizedError
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        raise NotAuthorizedError from None
    user, colon, password = decoded.partition(":")
    if user != USERNAME or not colon or not password:
        raise NotAuthorizedError
    return password
