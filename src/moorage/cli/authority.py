"""A private certificate authority for trials: made once, kept, and good for a few names only."""

import ipaddress
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from moorage.cli.errors import CommandError
from moorage.config import Options
from moorage.core.addresses import Address
from moorage.storage.private_file import write_private

FOLDER = "tls"
"""Name of the folder in the data directory."""
AUTHORITY_DAYS = 3650
_LOOPBACK = ("127.0.0.0/8", "::1/128")
_CLOCKS_DIFFER = timedelta(hours=1)
_AMAZON = "amazonaws.com"
_AMAZON_TOO = ("public.ecr.aws", "api.aws", "on.aws")
"""Where Amazon's clients look besides, for the public registry and for dual-stack names."""


def names_of(options: Options, more: Iterable[str] = ()) -> list[str]:
    """Every name and IP address under which the settings say that this installation is reached, each once, in order."""
    addresses, region = options.addresses, options.identity.region
    names = ["localhost", "127.0.0.1", "::1"]
    address = Address.parse(addresses.address)
    names.append(address.host)
    if not address.is_ip:
        names += [f"*.{address.host}", f"*.dkr.ecr.{region}.{address.host}"]
    if addresses.domain:
        domain = Address.parse(addresses.domain).host
        names += [f"*.dkr.ecr.{region}.{domain}", f"api.ecr.{region}.{domain}", f"ecr.{region}.{domain}"]
        names += [f"sts.{region}.{domain}", f"sts.{domain}", f"iam.{domain}", f"api.ecr-public.{region}.{domain}"]
        if domain == _AMAZON:
            names += ["public.ecr.aws", f"ecr.{region}.api.aws", f"*.dkr-ecr.{region}.on.aws"]
        else:
            names.append(f"public.ecr.{domain}")
    return list(dict.fromkeys([*names, *more]))


def domains_of(options: Options) -> list[str]:
    """The domains that those names lie in."""
    domains = [Address.parse(each).host for each in (options.addresses.address, options.addresses.domain) if each]
    return [*domains, *(_AMAZON_TOO if _AMAZON in domains else ())]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a certificate is asked for."""

    names: Sequence[str]
    domains: Sequence[str]
    """A new authority may sign for everything below these, and for the names."""
    days: int


@dataclass(frozen=True, slots=True)
class Made:
    """What was written."""

    folder: Path
    kept: bool
    """Whether the authority was there before, so that clients which trust it need nothing new."""
    names: tuple[str, ...]
    until: datetime

    @property
    def authority(self) -> Path:
        """The certificate that clients are to trust."""
        return self.folder / "ca.pem"


@dataclass(frozen=True, slots=True)
class _Authority:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def make(folder: Path, wanted: Wanted, *, force: bool, now: datetime) -> Made:
    """Write `cert.pem` and `key.pem`, signed by the authority in the folder, which is made if there is none.

    `force` makes a new authority in any case. Without it nothing is replaced but what this authority has signed, and
    CommandError is raised where it cannot sign or something else is in the way.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    kept = None if force else _kept(folder, wanted.names, now)
    authority = kept or _new_authority(wanted, now)
    until = min(now + timedelta(days=wanted.days), authority.certificate.not_valid_after_utc)
    key = ec.generate_private_key(ec.SECP256R1())
    leaf = _leaf(authority, key, wanted.names, now, until)
    if kept is None:
        write_private(folder / "ca.key", _pem_of_key(authority.key))
        _write_public(folder / "ca.pem", authority.certificate)
    write_private(folder / "key.pem", _pem_of_key(key))
    _write_public(folder / "cert.pem", leaf)
    return Made(folder, kept is not None, tuple(wanted.names), leaf.not_valid_after_utc)


def _kept(folder: Path, names: Sequence[str], now: datetime) -> _Authority | None:
    """The authority that is there; CommandError when it will not do."""
    there = {name for name in ("ca.pem", "ca.key", "cert.pem", "key.pem") if (folder / name).exists()}
    if not there:
        return None
    anew = "Begin anew with --force, and have the clients trust the new one."
    authority = _read_authority(folder)
    if authority is None:
        raise CommandError(
            f"{folder} holds {', '.join(sorted(there))}, which are not an authority of this command and its certificate. {anew}"
        )
    certificate = authority.certificate
    if certificate.not_valid_after_utc <= now:
        raise CommandError(f"The authority {folder / 'ca.pem'} expired on {certificate.not_valid_after_utc:%Y-%m-%d}. {anew}")
    if outside := [name for name in names if not _may_sign(certificate, name)]:
        raise CommandError(f"The authority {folder / 'ca.pem'} is not good for {', '.join(outside)}. {anew}")
    return authority


def _read_authority(folder: Path) -> _Authority | None:
    """The authority, or None where it is not whole or the certificate beside it is not its own."""
    try:
        certificate = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
        key = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), None)
        if (folder / "cert.pem").exists():
            x509.load_pem_x509_certificate((folder / "cert.pem").read_bytes()).verify_directly_issued_by(certificate)
    except (OSError, ValueError, TypeError, InvalidSignature):
        return None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        return None
    return _Authority(certificate, key)


def _may_sign(authority: x509.Certificate, name: str) -> bool:
    try:
        constraints = authority.extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees or []
    except x509.ExtensionNotFound:
        return True  # somebody's own authority, put here in place of ours
    if Address.parse(_bracketed(name.removeprefix("*."))).is_ip:
        address = ipaddress.ip_address(name)
        networks = [ipaddress.ip_network(str(each.value)) for each in constraints if isinstance(each, x509.IPAddress)]
        return any(address in network for network in networks)
    trees = [each.value for each in constraints if isinstance(each, x509.DNSName)]
    return any(f".{name}".endswith(f".{tree}") for tree in trees)


def _new_authority(wanted: Wanted, now: datetime) -> _Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    # A name with a space is never mistaken for a host's; the time tells authorities apart in a list of many.
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Moorage trial authority {now:%Y-%m-%d %H:%M:%S}")])
    certificate = (
        _builder(name, name, key.public_key(), now, now + timedelta(days=max(wanted.days, AUTHORITY_DAYS)))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        # Whoever steals the key can pass for these hosts, but for no others.
        .add_extension(x509.NameConstraints(_permitted([*wanted.names, *wanted.domains]), None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return _Authority(certificate, key)


def _permitted(names: Sequence[str]) -> list[x509.GeneralName]:
    """The smallest set of domains and networks that holds all names."""
    hosts, networks = set[str](), [ipaddress.ip_network(each) for each in _LOOPBACK]
    for name in names:
        bare = name.removeprefix("*.")
        if not Address.parse(_bracketed(bare)).is_ip:
            hosts.add(bare)
        elif not any(ipaddress.ip_address(bare) in network for network in networks):
            networks.append(ipaddress.ip_network(bare))
    domains = sorted(host for host in hosts if not any(host.endswith(f".{other}") for other in hosts))
    return [*(x509.DNSName(domain) for domain in domains), *(x509.IPAddress(network) for network in networks)]


def _leaf(
    authority: _Authority, key: ec.EllipticCurvePrivateKey, names: Sequence[str], now: datetime, until: datetime
) -> x509.Certificate:
    issuer = authority.certificate
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Moorage trial server")])
    return (
        _builder(name, issuer.subject, key.public_key(), now, until)
        .add_extension(x509.SubjectAlternativeName([_general_name(each) for each in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False)
        .sign(authority.key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, until: datetime
) -> x509.CertificateBuilder:
    return x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=subject,
        public_key=key,
        serial_number=x509.random_serial_number(),
        not_valid_before=now - _CLOCKS_DIFFER,
        not_valid_after=until,
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    if Address.parse(_bracketed(name.removeprefix("*."))).is_ip:
        return x509.IPAddress(ipaddress.ip_address(name))
    return x509.DNSName(name)


def _bracketed(name: str) -> str:
    return f"[{name}]" if ":" in name else name


def _pem_of_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def _write_public(path: Path, certificate: x509.Certificate) -> None:
    write_private(path, certificate.public_bytes(serialization.Encoding.PEM))
    os.chmod(path, 0o644)


def now() -> datetime:
    """The time that certificates are made with: whole seconds, UTC."""
    return datetime.now(UTC).replace(microsecond=0)
