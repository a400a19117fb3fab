"""Certificates of the server: read, checked, chosen by the name that a client asks for, and renewed while it runs.

A client names the host it wants in the first message of its handshake (SNI, RFC 6066 section 3). The certificate is the
first one that has the name, else the first one with a wildcard for it, else the first of all.
"""

import logging
import re
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

LOOK_AGAIN = 10.0
"""Seconds between two looks whether files have changed; nobody looks while there are no handshakes."""

_KEY = re.compile(rb"-----BEGIN ((?:[A-Z0-9]+ )*PRIVATE KEY)-----.*?-----END \1-----", re.DOTALL)

_log = logging.getLogger(__name__)


class CertificateError(Exception):
    """A pair of files that TLS cannot be served with; the message is one sentence that names the file."""


@dataclass(frozen=True, slots=True)
class Pair:
    """The files of one certificate."""

    cert: Path
    """PEM: the certificate, then the chain above it."""
    key: Path
    """PEM, not encrypted; may be the same file."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate that is ready to be served."""

    context: ssl.SSLContext
    names: frozenset[str]
    """DNS names of its subjectAltName in lower case, wildcards included."""
    not_before: datetime
    not_after: datetime

    @classmethod
    def load(cls, pair: Pair) -> "Certificate":
        """Read a pair, or raise CertificateError where it is missing, unreadable, encrypted or no pair."""
        leaf = _leaf(pair.cert)
        _check_key(pair, leaf)
        return cls(_context(pair), _dns_names(leaf), leaf.not_valid_before_utc, leaf.not_valid_after_utc)

    def untimely(self, now: datetime) -> str | None:
        """Why clients will refuse it at this time, or None."""
        if now < self.not_before:
            return f"is not valid before {self.not_before:%Y-%m-%d %H:%M} UTC"
        return f"expired on {self.not_after:%Y-%m-%d %H:%M} UTC" if now >= self.not_after else None


def choose(certificates: Sequence[Certificate], host: str | None) -> Certificate:
    """The certificate for a host that a client names; without a name, or where none has it, the first."""
    wanted = (host or "").lower().removesuffix(".")
    _, dot, above = wanted.partition(".")
    for name in (wanted, f"*{dot}{above}"):
        for certificate in certificates:
            if name in certificate.names:
                return certificate
    return certificates[0]


class Certificates:
    """What a worker serves TLS with; belongs to one event loop."""

    def __init__(self, pairs: Sequence[Pair], clock: Callable[[], float] = time.monotonic) -> None:
        """Load all pairs, of which there is at least one; raises CertificateError. `clock` is in seconds."""
        self._slots = [_Slot(pair) for pair in pairs]
        self._clock = clock
        self._looked = clock()
        self.context = self._slots[0].certificate.context
        """To be given to the server. It hands each handshake over to the certificate that is chosen, and good at that time."""
        # Called for every handshake, also for one that names no host.
        self.context.sni_callback = self._greet

    def _greet(self, connection: ssl.SSLObject | ssl.SSLSocket, host: str | None, _context: ssl.SSLContext) -> None:
        now = self._clock()
        if now - self._looked >= LOOK_AGAIN:
            self._looked = now
            for slot in self._slots:
                slot.look()
        connection.context = choose([slot.certificate for slot in self._slots], host).context


class _Slot:
    """One pair, and the last certificate from it that was good."""

    def __init__(self, pair: Pair) -> None:
        self._pair = pair
        self._seen = _state(pair)
        self.certificate = Certificate.load(pair)
        if reason := self.certificate.untimely(datetime.now(UTC)):
            _log.warning(f"a TLS certificate {reason}", extra={"file": pair.cert})

    def look(self) -> None:
        """Take up what has changed; what is broken is said once, and leaves things as they are."""
        state = _state(self._pair)
        if state == self._seen:
            return
        self._seen = state
        try:
            self.certificate = Certificate.load(self._pair)
        except CertificateError as error:
            _log.warning("a TLS certificate changed and cannot be used; the one before is kept", extra={"reason": str(error)})
        else:
            _log.info("a TLS certificate was renewed", extra={"file": self._pair.cert, "until": self.certificate.not_after})


def _state(pair: Pair) -> tuple[tuple[int, ...], ...]:
    """What changes when a file is written, or a link to it is moved."""
    return tuple(_file_state(path) for path in (pair.cert, pair.key))


def _file_state(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _leaf(path: Path) -> x509.Certificate:
    try:
        leaf = x509.load_pem_x509_certificates(_read(path, "certificate"))[0]
        leaf.public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise CertificateError(f"The TLS certificate {path} holds no certificate in PEM.") from None
    return leaf


def _check_key(pair: Pair, leaf: x509.Certificate) -> None:
    # Beside the key may stand its certificate, or the parameters of its curve.
    block = _KEY.search(_read(pair.key, "key"))
    try:
        key = serialization.load_pem_private_key(block[0] if block else b"", password=None)
    except TypeError:
        raise CertificateError(
            f"The TLS key {pair.key} is encrypted: decrypt it first (openssl pkey -in {pair.key.name} -out decrypted.key)."
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise CertificateError(f"The TLS key {pair.key} holds no private key in PEM.") from None
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if key.public_key().public_bytes(*form) != leaf.public_key().public_bytes(*form):
        raise CertificateError(
            f"The TLS key {pair.key} does not belong to the certificate {pair.cert} (a chain begins with the server's own)."
        )


def _read(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise CertificateError(f"The TLS {what} {path} does not exist.") from None
    except OSError as error:
        raise CertificateError(f"The TLS {what} {path} cannot be read: {error.strerror}.") from None


def _dns_names(leaf: x509.Certificate) -> frozenset[str]:
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return frozenset()
    return frozenset(name.lower().removesuffix(".") for name in names.get_values_for_type(x509.DNSName))


def _context(pair: Pair) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # An empty password, so that nobody is asked on the terminal for one should the file change right now.
        context.load_cert_chain(pair.cert, pair.key, password="")
    except OSError as error:
        raise CertificateError(
            f"TLS cannot be served with {pair.cert} and {pair.key} as its key: {error.strerror or error}."
        ) from None
    return context
