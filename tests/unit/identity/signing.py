"""Issuers' keys and tokens, made with plain cryptography, so that tests can make wrong ones too."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512

_HASHES: dict[str, type[SHA256 | SHA384 | SHA512]] = {"256": SHA256, "384": SHA384, "512": SHA512}
_CURVES: dict[str, tuple[type[ec.EllipticCurve], str, int]] = {
    "ES256": (ec.SECP256R1, "P-256", 32),
    "ES384": (ec.SECP384R1, "P-384", 48),
    "ES512": (ec.SECP521R1, "P-521", 66),
}


def encoded(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def part(value: Any) -> str:
    """A token's part."""
    return encoded(value.encode() if isinstance(value, str) else json.dumps(value).encode())


def _number(value: int, size: int | None = None) -> str:
    return encoded(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


@cache
def _rsa(_number_of_key: int, bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


@dataclass(frozen=True)
class Key:
    """A key of an issuer; keys of one kind and number are the same within a run."""

    algorithm: str = "RS256"
    id: str = "key-1"
    number: int = 1
    bits: int = 2048
    _curve_keys: dict[str, ec.EllipticCurvePrivateKey] = field(default_factory=dict)

    @property
    def private(self) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
        """The key itself."""
        if self.algorithm.startswith("RS"):
            return _rsa(self.number, self.bits)
        return self._curve_keys.setdefault("", ec.generate_private_key(_CURVES[self.algorithm][0]()))

    @property
    def jwk(self) -> dict[str, Any]:
        """Its public half as issuers publish it."""
        numbers: Any = self.private.public_key().public_numbers()
        common = {"kid": self.id, "use": "sig", "alg": self.algorithm}
        if self.algorithm.startswith("RS"):
            return {**common, "kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e)}
        _, curve, size = _CURVES[self.algorithm]
        return {**common, "kty": "EC", "crv": curve, "x": _number(numbers.x, size), "y": _number(numbers.y, size)}

    def signature(self, signed: bytes) -> bytes:
        """Of these bytes."""
        digest, key = _HASHES[self.algorithm[2:]](), self.private
        if isinstance(key, rsa.RSAPrivateKey):
            return key.sign(signed, padding.PKCS1v15(), digest)
        size = _CURVES[self.algorithm][2]
        r, s = decode_dss_signature(key.sign(signed, ec.ECDSA(digest)))
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")

    def token(self, claims: Mapping[str, Any] | str, header: Mapping[str, Any] | str | None = None) -> str:
        """A token with these claims; a text stands for itself."""
        usual = {"alg": self.algorithm, "kid": self.id, "typ": "JWT"}
        signed = f"{part(header if header is not None else usual)}.{part(claims)}"
        return f"{signed}.{encoded(self.signature(signed.encode()))}"


def key_set(*keys: Key | Mapping[str, Any]) -> str:
    """A JWKS."""
    return json.dumps({"keys": [key.jwk if isinstance(key, Key) else dict(key) for key in keys]})
