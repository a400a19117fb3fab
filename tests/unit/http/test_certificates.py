"""Certificates: what is refused and how it is said, which one a client gets, and renewal without a restart."""

import logging
import os
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from moorage.http.certificates import LOOK_AGAIN, Certificate, CertificateError, Certificates, Pair, choose

AUTHORITY = trustme.CA()


def issue(folder: Path, *names: str, file: str = "server", not_after: datetime | None = None) -> Pair:
    """Write a certificate for these names, and its key."""
    issued = AUTHORITY.issue_cert(*names, not_after=not_after)
    pair = Pair(folder / f"{file}.pem", folder / f"{file}.key")
    pair.cert.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(pair.key)
    return pair


def encrypted(pair: Pair) -> bytes:
    key = serialization.load_pem_private_key(pair.key.read_bytes(), None)
    how = serialization.BestAvailableEncryption(b"secret")
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, how)


@dataclass
class Clock:
    seconds: float = field(default=0.0)

    def __call__(self) -> float:
        return self.seconds


@contextmanager
def listening(certificates: Certificates) -> Iterator[int]:
    """A server of handshakes; yields its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def greet() -> None:
            with suppress(OSError):
                while True:
                    stream, _ = listener.accept()
                    with suppress(OSError), certificates.context.wrap_socket(stream, server_side=True) as secured:
                        secured.recv(1)

        thread = threading.Thread(target=greet, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def shown(port: int, host: str | None, version: ssl.TLSVersion | None = None) -> set[str]:
    """The DNS names of the certificate that a client of this host gets."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if version:
        context.minimum_version = context.maximum_version = version
    with (
        socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname=host) as secured,
    ):
        certificate = x509.load_der_x509_certificate(secured.getpeercert(binary_form=True) or b"")
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return set(names.get_values_for_type(x509.DNSName))


def test_the_certificate_is_chosen_by_the_name_that_the_client_asks_for(tmp_path: Path) -> None:
    pairs = [
        issue(tmp_path, "first.test", file="a"),
        issue(tmp_path, "*.dkr.ecr.us-east-1.second.test", "second.test", file="b"),
        issue(tmp_path, "one.dkr.ecr.us-east-1.second.test", "*.third.test", file="c"),
    ]
    with listening(Certificates(pairs)) as port:
        assert shown(port, "first.test") == {"first.test"}
        assert "second.test" in shown(port, "second.test")
        assert "second.test" in shown(port, "TWO.dkr.ecr.us-east-1.Second.test")
        assert "*.third.test" in shown(port, "one.dkr.ecr.us-east-1.second.test")  # the whole name before a wildcard
        assert "*.third.test" in shown(port, "x.third.test")
        for unmatched in ("third.test", "a.b.third.test", "elsewhere.test", "localhost", None):
            assert shown(port, unmatched) == {"first.test"}, unmatched


def test_of_two_certificates_for_a_name_the_first_is_shown(tmp_path: Path) -> None:
    both = [Certificate.load(issue(tmp_path, "same.test", "*.a.test", file=file)) for file in "ab"]
    assert choose(both, "same.test") is both[0]
    assert choose(both, "x.a.test.") is both[0]
    assert choose(both, "*") is both[0]


def test_tls_begins_with_1_2(tmp_path: Path) -> None:
    with listening(Certificates([issue(tmp_path, "old.test")])) as port:
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            assert shown(port, "old.test", version) == {"old.test"}
    assert Certificates([issue(tmp_path, "old.test")]).context.minimum_version == ssl.TLSVersion.TLSv1_2


def test_a_renewed_certificate_is_taken_up_at_a_later_handshake(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    caplog.set_level(logging.INFO)
    certificates = Certificates([issue(tmp_path, "default.test", file="d"), issue(tmp_path, "old.test")], clock)
    with listening(certificates) as port:
        issue(tmp_path, "new.test")
        issue(tmp_path, "other.test", file="d")
        assert shown(port, "new.test") == {"default.test"}  # nobody has looked yet
        clock.seconds += LOOK_AGAIN
        assert shown(port, "new.test") == {"new.test"}
        assert shown(port, "old.test") == {"other.test"}
        assert shown(port, None) == {"other.test"}
    assert [record.message for record in caplog.records] == ["a TLS certificate was renewed"] * 2


def test_a_link_that_is_moved_counts_as_a_change(tmp_path: Path) -> None:
    clock = Clock()
    for version, name in (("1", "one.test"), ("2", "two.test")):
        (tmp_path / version).mkdir()
        issue(tmp_path / version, name)
    link = tmp_path / "live"
    link.symlink_to("1")
    certificates = Certificates([Pair(link / "server.pem", link / "server.key")], clock)
    (tmp_path / "next").symlink_to("2")
    os.replace(tmp_path / "next", link)
    clock.seconds += LOOK_AGAIN
    with listening(certificates) as port:
        assert shown(port, None) == {"two.test"}


def test_a_broken_renewal_keeps_the_old_certificate_and_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    pair = issue(tmp_path, "good.test")
    with listening(Certificates([pair], clock)) as port:
        for breakage in (b"garbage", b"", None):
            if breakage is None:
                pair.cert.unlink()
            else:
                pair.cert.write_bytes(breakage)
            caplog.clear()
            for _ in range(3):
                clock.seconds += LOOK_AGAIN
                assert shown(port, "good.test") == {"good.test"}
            (warning,) = caplog.records
            assert warning.levelno == logging.WARNING
            assert str(pair.cert) in vars(warning)["reason"]
        issue(tmp_path, "mended.test")
        clock.seconds += LOOK_AGAIN
        assert shown(port, "good.test") == {"mended.test"}


def test_each_fault_of_the_files_is_one_sentence_that_names_them(tmp_path: Path) -> None:
    pair, other = issue(tmp_path, "a.test"), issue(tmp_path, "b.test", file="other")
    absent, folder, text = tmp_path / "absent", tmp_path, tmp_path / "text"
    text.write_text("not PEM at all")
    locked = tmp_path / "locked.key"
    locked.write_bytes(encrypted(pair))
    broken = tmp_path / "broken.pem"
    broken.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    for bad, said in (
        (Pair(absent, pair.key), f"The TLS certificate {absent} does not exist."),
        (Pair(pair.cert, absent), f"The TLS key {absent} does not exist."),
        (Pair(folder, pair.key), f"The TLS certificate {folder} cannot be read: Is a directory."),
        (Pair(pair.cert, folder), f"The TLS key {folder} cannot be read: Is a directory."),
        (Pair(text, pair.key), f"The TLS certificate {text} holds no certificate in PEM."),
        (Pair(broken, pair.key), f"The TLS certificate {broken} holds no certificate in PEM."),
        (Pair(pair.key, pair.key), f"The TLS certificate {pair.key} holds no certificate in PEM."),
        (Pair(pair.cert, text), f"The TLS key {text} holds no private key in PEM."),
        (Pair(pair.cert, pair.cert), f"The TLS key {pair.cert} holds no private key in PEM."),
        (Pair(pair.cert, locked), f"The TLS key {locked} is encrypted: decrypt it first"),
        (Pair(pair.cert, other.key), f"The TLS key {other.key} does not belong to the certificate {pair.cert}"),
    ):
        with pytest.raises(CertificateError) as raised:
            Certificate.load(bad)
        assert str(raised.value).startswith(said)
        assert "\n" not in str(raised.value)


def test_key_and_certificate_may_share_a_file(tmp_path: Path) -> None:
    pair = issue(tmp_path, "a.test")
    both = tmp_path / "both.pem"
    both.write_bytes(pair.cert.read_bytes() + b"\n" + pair.key.read_bytes())
    assert Certificate.load(Pair(both, both)).names == {"a.test"}


def test_a_certificate_outside_its_time_is_served_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    past = datetime.now(UTC) - timedelta(days=1)
    Certificates([issue(tmp_path, "a.test", not_after=past)])
    (warning,) = caplog.records
    assert warning.message.startswith("a TLS certificate expired on ")
    loaded = Certificate.load(issue(tmp_path, "a.test"))
    assert loaded.untimely(datetime(1999, 1, 1, tzinfo=UTC)) == f"is not valid before {loaded.not_before:%Y-%m-%d %H:%M} UTC"
    assert loaded.untimely(datetime.now(UTC)) is None
