"""Public keys of token issuers, as a JSON Web Key Set (RFC 7517), and what they verify (RFC 7518, section 3).

A key is good for one family of algorithms: what verifies is decided by the key's kind together with the token's `alg`, never by
`alg` alone.
"""

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm

MOST_KEYS = 100
MOST_BYTES = 1024 * 1024
"""Of a JWKS."""

_RSA: Final[Mapping[str, type[HashAlgorithm]]] = {"RS256": SHA256, "RS384": SHA384, "RS512": SHA512}
_EC: Final[Mapping[str, tuple[type[HashAlgorithm], str, int]]] = {
    "ES256": (SHA256, "P-256", 32),
    "ES384": (SHA384, "P-384", 48),
    "ES512": (SHA512, "P-521", 66),
}
_CURVES: Final[Mapping[str, ec.EllipticCurve]] = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
ALGORITHMS: Final = frozenset(_RSA) | frozenset(_EC)
"""Those of STS. `none` and the symmetric ones are not among them."""

_RSA_BITS = (2048, 8192)
_MOST_EXPONENT = 1 << 32
_LONGEST_NUMBER = 2048
"""Characters of a number in base64url."""
_MEMBERS = ("kty", "kid", "use", "key_ops", "alg", "n", "e", "crv", "x", "y")
_SECRET = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


class KeySetError(ValueError):
    """What is wrong with a JWKS, as a sentence."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """One key of an issuer."""

    id: str | None
    """`kid`."""
    algorithm: str | None
    """The only algorithm that it is for, if it says one."""
    curve: str | None
    """`P-256`, `P-384`, `P-521`; None for RSA."""
    key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey

    def fits(self, algorithm: str) -> bool:
        """Whether it verifies signatures of the algorithm."""
        if self.algorithm not in {None, algorithm}:
            return False
        return algorithm in _RSA if self.curve is None else algorithm in _EC and _EC[algorithm][1] == self.curve

    def verifies(self, algorithm: str, signed: bytes, signature: bytes) -> bool:
        """Whether its owner signed this."""
        if not self.fits(algorithm):
            return False
        try:
            if isinstance(self.key, rsa.RSAPublicKey):
                self.key.verify(signature, signed, padding.PKCS1v15(), _RSA[algorithm]())
                return True
            digest, _, size = _EC[algorithm]
            if len(signature) != 2 * size:
                return False
            parts = int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")
            self.key.verify(encode_dss_signature(*parts), signed, ec.ECDSA(digest()))
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class KeySet:
    """The keys of an issuer."""

    keys: tuple[PublicKey, ...]

    @classmethod
    def read(cls, text: str) -> "KeySet":
        """The usable keys of what an issuer published; raises KeySetError where it is no set, or too large.

        Keys of other kinds and for other uses are passed over, as RFC 7517 (section 5) has it.
        """
        found = (_usable(entry) for entry in _entries(text))
        return cls(tuple(key for key in found if key is not None))

    @classmethod
    def read_given(cls, text: str) -> "KeySet":
        """The keys that somebody gives; raises KeySetError where one is secret, or none is usable."""
        entries = _entries(text)
        if any(isinstance(entry, dict) and not _SECRET.isdisjoint(entry) for entry in entries):
            raise KeySetError("The key set holds private or symmetric keys. Give public keys only, and replace these.")
        found = cls.read(text)
        if not found.keys:
            raise KeySetError("The key set holds no public key for RS256, RS384, RS512, ES256, ES384 or ES512.")
        return found

    @classmethod
    def slim(cls, text: str) -> str:
        """A key set with its usable keys only, and of these only what makes them; raises KeySetError."""
        usable = [entry for entry in _entries(text) if _usable(entry) is not None]
        return json.dumps({"keys": [{name: entry[name] for name in _MEMBERS if name in entry} for entry in usable]})

    def candidates(self, key_id: str | None, algorithm: str) -> tuple[PublicKey, ...]:
        """The keys that may have signed: of that id, or of any where a token names none."""
        return tuple(key for key in self.keys if key.fits(algorithm) and (key_id is None or key.id == key_id))


def base64url(text: str) -> bytes:
    """Bytes of base64url without padding (RFC 7515, section 2); raises ValueError."""
    if not text.isascii() or any(character in text for character in "+/=\r\n \t"):
        raise ValueError("not base64url")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise ValueError("not base64url") from None


def _entries(text: str) -> list[Any]:
    if len(text) > MOST_BYTES:
        raise KeySetError(f"A key set has at most {MOST_BYTES} bytes.")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise KeySetError("The key set is not JSON.") from None
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise KeySetError('A key set is a JSON object with a list "keys".')
    if len(entries) > MOST_KEYS:
        raise KeySetError(f"A key set has at most {MOST_KEYS} keys.")
    return entries


def _usable(entry: Any) -> PublicKey | None:
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig" or not _may_verify(entry.get("key_ops")):
        return None
    key_id, algorithm = entry.get("kid"), entry.get("alg")
    if not isinstance(key_id, str | None) or not isinstance(algorithm, str | None):
        return None
    try:
        if entry.get("kty") == "RSA":
            return PublicKey(key_id, algorithm, None, _rsa(entry))
        if entry.get("kty") == "EC" and entry.get("crv") in _CURVES:
            return PublicKey(key_id, algorithm, entry["crv"], _ec(entry))
    except ValueError:
        return None
    return None


def _may_verify(uses: Any) -> bool:
    return uses is None or (isinstance(uses, Iterable) and not isinstance(uses, str) and "verify" in uses)


def _rsa(entry: Mapping[str, Any]) -> rsa.RSAPublicKey:
    modulus, exponent = _number(entry.get("n")), _number(entry.get("e"))
    if not _RSA_BITS[0] <= modulus.bit_length() <= _RSA_BITS[1] or not 3 <= exponent <= _MOST_EXPONENT:
        raise ValueError("a key of another size")
    return rsa.RSAPublicNumbers(exponent, modulus).public_key()


def _ec(entry: Mapping[str, Any]) -> ec.EllipticCurvePublicKey:
    # Raises ValueError for a point that is not on the curve.
    return ec.EllipticCurvePublicNumbers(_number(entry.get("x")), _number(entry.get("y")), _CURVES[entry["crv"]]).public_key()


def _number(text: Any) -> int:
    if not isinstance(text, str) or not 0 < len(text) <= _LONGEST_NUMBER:
        raise ValueError("not a number")
    return int.from_bytes(base64url(text), "big")
