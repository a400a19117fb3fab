"""Content digests: parsing, computing and checking (OCI image-spec, descriptor.md, "Digests")."""

import hashlib
import re
from dataclasses import dataclass
from typing import Protocol

from moorage.core.errors import InvalidDigestError

_GRAMMAR = re.compile(r"[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+")
_ENCODED_LENGTH = {"sha256": 64, "sha512": 128}
_HEX = re.compile(r"[0-9a-f]+")

ALGORITHMS = tuple(_ENCODED_LENGTH)
"""The algorithms that can be computed here."""


@dataclass(frozen=True, slots=True)
class Digest:
    """`algorithm:encoded`, of a supported algorithm, with the encoded part of that algorithm's form."""

    algorithm: str
    encoded: str

    @classmethod
    def parse(cls, text: str) -> "Digest":
        """Read a digest from outside; raises InvalidDigestError for anything but lower-case hex of a supported algorithm."""
        algorithm, colon, encoded = text.partition(":")
        length = _ENCODED_LENGTH.get(algorithm)
        if not colon or length is None or len(encoded) != length or not _HEX.fullmatch(encoded):
            raise InvalidDigestError(f"The digest {_shown(text)} is malformed or of an unsupported algorithm.")
        return cls(algorithm, encoded)

    @classmethod
    def of(cls, data: bytes, algorithm: str = "sha256") -> "Digest":
        """The digest of these bytes."""
        return cls(algorithm, hashlib.new(algorithm, data, usedforsecurity=False).hexdigest())

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.encoded}"


def is_grammatical(text: str) -> bool:
    """Whether a digest fits the grammar of the image-spec, its algorithm known here or not.

    A descriptor may carry a foreign digest that fits the grammar; it names a blob that this registry cannot have.
    """
    return len(text) <= 512 and _GRAMMAR.fullmatch(text) is not None


class _Hash(Protocol):
    def update(self, data: bytes | memoryview, /) -> None: ...
    def hexdigest(self) -> str: ...


class Digester:
    """Running digests of one stream: always sha256, and sha512 when the client speaks it."""

    def __init__(self, *algorithms: str) -> None:
        wanted = dict.fromkeys(("sha256", *algorithms))
        self._hashes: dict[str, _Hash] = {name: hashlib.new(name, usedforsecurity=False) for name in wanted}
        self.size = 0
        """Bytes seen so far."""

    def update(self, data: bytes | memoryview) -> None:
        """Hash the next bytes of the stream; releases the GIL for large ones."""
        for running in self._hashes.values():
            running.update(data)
        self.size += len(data)

    def computes(self, algorithm: str) -> bool:
        """Whether this digester runs that algorithm."""
        return algorithm in self._hashes

    def digests(self) -> tuple[Digest, ...]:
        """The digests of everything seen so far, sha256 first."""
        return tuple(Digest(name, running.hexdigest()) for name, running in self._hashes.items())


def _shown(text: str) -> str:
    return repr(text if len(text) <= 160 else text[:157] + "...")
