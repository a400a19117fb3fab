"""Stored secrets, encrypted with the installation's key (AES-256-GCM)."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE_BYTES = 12
_WRONG_KEY = "the secret key file does not fit the database: a stored secret cannot be opened"


class WrongKeyError(RuntimeError):
    """The secret key file is not the one that the stored secrets were sealed with."""


class Sealer:
    """Seals and opens secrets; `context` binds a sealed secret to the row it was made for."""

    def __init__(self, installation_key: bytes) -> None:
        derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"moorage stored secrets").derive(installation_key)
        self._cipher = AESGCM(derived)

    def seal(self, secret: str, context: str) -> bytes:
        """Encrypt a secret."""
        return self.seal_bytes(secret.encode(), context)

    def open(self, sealed: bytes, context: str) -> str:
        """Decrypt a secret; raises WrongKeyError when the key or the context is another one."""
        return self.open_bytes(sealed, context).decode()

    def seal_bytes(self, data: bytes, context: str) -> bytes:
        """Encrypt what is no text."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, data, context.encode())

    def open_bytes(self, sealed: bytes, context: str) -> bytes:
        """Decrypt it; raises WrongKeyError, also for what was never sealed."""
        if len(sealed) < _NONCE_BYTES:
            raise WrongKeyError(_WRONG_KEY)
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context.encode())
        except InvalidTag:
            raise WrongKeyError(_WRONG_KEY) from None
