"""Web identity tokens: JSON Web Tokens signed by an issuer (RFC 7519, RFC 7515), read strictly and in one way only."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from moorage.core.texts import is_unicode
from moorage.identity.web_identity.web_identity_errors import ExpiredIdentityTokenError, InvalidIdentityTokenError
from moorage.identity.web_identity.web_keys import ALGORITHMS, PublicKey, base64url

SKEW = 300
"""Seconds that an issuer's clock may be ahead of ours."""

_NO_TOKEN = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"  # noqa: S105


@dataclass(frozen=True, slots=True)
class WebToken:
    """A token as it was written; nothing of it is proven yet."""

    algorithm: str
    key_id: str | None
    claims: Mapping[str, Any]
    signed: bytes
    signature: bytes

    def __repr__(self) -> str:
        return f"WebToken({self.algorithm})"

    @classmethod
    def parse(cls, text: str) -> "WebToken":
        """Read a token; raises InvalidIdentityTokenError.

        Of the header only `alg` and `kid` count. `jku`, `jwk`, `x5u` and `x5c` would let the token say who verifies it, and
        are never looked at; what the header declares critical (`crit`) is not understood, and so refused (RFC 7515, 4.1.11).
        """
        parts = text.split(".")
        if len(parts) != 3 or not all(parts):
            raise InvalidIdentityTokenError(_NO_TOKEN)
        try:
            header, claims, signature = _object(parts[0]), _object(parts[1]), base64url(parts[2])
        except (ValueError, RecursionError):
            raise InvalidIdentityTokenError(_NO_TOKEN) from None
        algorithm, key_id = header.get("alg"), header.get("kid")
        if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
            raise InvalidIdentityTokenError("The token is not signed with RS256, RS384, RS512, ES256, ES384 or ES512.")
        if "crit" in header or not isinstance(key_id, str | None):
            raise InvalidIdentityTokenError(_NO_TOKEN)
        return cls(algorithm, key_id, claims, f"{parts[0]}.{parts[1]}".encode(), signature)

    @property
    def issuer(self) -> str:
        """Who claims to have issued it; raises InvalidIdentityTokenError."""
        return self.text("iss")

    def text(self, name: str) -> str:
        """A claim that must be there as a text; raises InvalidIdentityTokenError."""
        value = self.claims.get(name)
        if not isinstance(value, str) or not value:
            raise InvalidIdentityTokenError(f"Missing a required claim: {name}")
        return value

    @property
    def audiences(self) -> tuple[str, ...]:
        """`aud`, one or many; raises InvalidIdentityTokenError."""
        value = self.claims.get("aud")
        listed = [value] if isinstance(value, str) else value
        if not isinstance(listed, list) or not listed or not all(isinstance(each, str) and each for each in listed):
            raise InvalidIdentityTokenError("Missing a required claim: aud")
        return tuple(listed)

    @property
    def authorized_party(self) -> str | None:
        """`azp`, the client that it was issued to, if it says one; raises InvalidIdentityTokenError."""
        value = self.claims.get("azp")
        if isinstance(value, str | None):
            return value or None
        raise InvalidIdentityTokenError("Incorrect token audience")

    def check_signature(self, candidates: tuple[PublicKey, ...]) -> None:
        """Raise InvalidIdentityTokenError unless one of these keys signed it."""
        if not any(key.verifies(self.algorithm, self.signed, self.signature) for key in candidates):
            raise InvalidIdentityTokenError("Token signature invalid")

    def check_time(self, now: int) -> None:
        """Raise ExpiredIdentityTokenError or InvalidIdentityTokenError unless it is good at this time (seconds)."""
        expires_at = self._moment("exp")
        if expires_at is None:
            raise InvalidIdentityTokenError("Missing a required claim: exp")
        if now >= expires_at:
            raise ExpiredIdentityTokenError(now, int(expires_at))
        for name in ("nbf", "iat"):
            begins_at = self._moment(name)
            if begins_at is not None and begins_at > now + SKEW:
                raise InvalidIdentityTokenError(
                    f"Token is not valid yet: {name} is {int(begins_at)}, current date/time is {now}"
                )

    def _moment(self, name: str) -> float | None:
        value = self.claims.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1 << 53:
            raise InvalidIdentityTokenError(f"The claim {name} is not a time.")
        return value


def _object(part: str) -> dict[str, Any]:
    text = base64url(part).decode("utf-8")
    value = json.loads(text, object_pairs_hook=_once, parse_constant=_refuse)
    if isinstance(value, dict):
        return value
    raise ValueError("not an object")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names differ: of two alike, readers choose differently."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is repeated")
    if not all(_is_plain(text) for pair in pairs for text in pair if isinstance(text, str)):
        raise ValueError("a text that no database can keep")
    return found


def _is_plain(text: str) -> bool:
    return "\0" not in text and is_unicode(text)


def _refuse(name: str) -> Any:
    raise ValueError(name)
