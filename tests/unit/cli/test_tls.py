"""`moorage tls self-signed`: what it makes, what it keeps, and what it refuses."""

import ipaddress
import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from moorage.cli.authority import Wanted, domains_of, make, names_of
from moorage.cli.errors import CommandError
from moorage.cli.main import main
from moorage.config import load
from moorage.http.certificates import Certificate, Pair

NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)


def wanted(*names: str, days: int = 10) -> Wanted:
    return Wanted(names or ("localhost", "127.0.0.1"), ("localhost",), days)


def certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_the_names_follow_the_settings() -> None:
    loopback = ["localhost", "127.0.0.1", "::1"]
    assert names_of(load({}, {}).options) == [*loopback, "*.localhost", "*.dkr.ecr.us-east-1.localhost"]
    by_ip = load({}, {"MOORAGE_ADDRESS": "10.0.0.7:5000"}).options
    assert names_of(by_ip, ["extra.test"]) == [*loopback, "10.0.0.7", "extra.test"]
    named = load({}, {"MOORAGE_DOMAIN": "example.com:8443", "MOORAGE_ADDRESS": "r.test", "MOORAGE_REGION": "eu-west-1"}).options
    assert names_of(named) == [
        *loopback,
        *("r.test", "*.r.test", "*.dkr.ecr.eu-west-1.r.test"),
        *("*.dkr.ecr.eu-west-1.example.com", "api.ecr.eu-west-1.example.com", "ecr.eu-west-1.example.com"),
        *("sts.eu-west-1.example.com", "sts.example.com", "iam.example.com"),
        *("api.ecr-public.eu-west-1.example.com", "public.ecr.example.com"),
    ]
    assert domains_of(named) == ["r.test", "example.com"]
    amazon = load({}, {"MOORAGE_DOMAIN": "amazonaws.com"}).options
    assert {"public.ecr.aws", "ecr.us-east-1.api.aws", "*.dkr-ecr.us-east-1.on.aws"} < set(names_of(amazon))
    assert domains_of(amazon) == ["localhost", "amazonaws.com", "public.ecr.aws", "api.aws", "on.aws"]


def test_the_authority_may_sign_for_these_names_only_and_the_certificate_may_sign_nothing(tmp_path: Path) -> None:
    make(tmp_path / "tls", wanted("localhost", "*.a.localhost", "x.test", "127.0.0.1", "10.0.0.7"), force=False, now=NOW)
    authority, leaf = certificate(tmp_path / "tls/ca.pem"), certificate(tmp_path / "tls/cert.pem")
    leaf.verify_directly_issued_by(authority)
    constraints = authority.extensions.get_extension_for_class(x509.NameConstraints)
    assert constraints.critical
    networks = [ipaddress.ip_network(each) for each in ("127.0.0.0/8", "::1/128", "10.0.0.7/32")]
    assert [each.value for each in constraints.value.permitted_subtrees or []] == ["localhost", "x.test", *networks]
    assert authority.extensions.get_extension_for_class(x509.BasicConstraints).value == x509.BasicConstraints(True, 0)
    usage = authority.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.key_cert_sign, usage.crl_sign, usage.digital_signature) == (True, True, False)
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    purposes = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(purposes) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert leaf.not_valid_after_utc == NOW + timedelta(days=10)
    assert authority.not_valid_after_utc == NOW + timedelta(days=3650)


def test_keys_are_for_the_owner_alone(tmp_path: Path) -> None:
    make(tmp_path / "tls", wanted(), force=False, now=NOW)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "tls").iterdir()}
    assert modes == {"ca.key": 0o600, "key.pem": 0o600, "ca.pem": 0o644, "cert.pem": 0o644}
    assert stat.S_IMODE((tmp_path / "tls").stat().st_mode) == 0o700


def test_an_authority_is_kept_until_it_is_forced_away(tmp_path: Path) -> None:
    assert not make(tmp_path, wanted("localhost"), force=False, now=NOW).kept
    before = (tmp_path / "ca.pem").read_bytes()
    assert make(tmp_path, wanted("b.localhost"), force=False, now=NOW).kept
    assert (tmp_path / "ca.pem").read_bytes() == before
    assert Certificate.load(Pair(tmp_path / "cert.pem", tmp_path / "key.pem")).names == {"b.localhost"}
    late = make(tmp_path, wanted(days=36_500), force=False, now=NOW)
    assert late.until == certificate(tmp_path / "ca.pem").not_valid_after_utc
    assert not make(tmp_path, wanted(), force=True, now=NOW).kept
    assert (tmp_path / "ca.pem").read_bytes() != before


def test_what_it_has_not_made_is_not_replaced(tmp_path: Path) -> None:
    for name in ("cert.pem", "ca.key"):
        (folder := tmp_path / name).mkdir()
        (folder / name).write_text("somebody's own")
        with pytest.raises(CommandError, match=f"{folder} holds {name}, which are not an authority of this command"):
            make(folder, wanted(), force=False, now=NOW)
        assert (folder / name).read_text() == "somebody's own"
    make(tmp_path / "a", wanted(), force=False, now=NOW)
    make(tmp_path / "b", wanted(), force=False, now=NOW)
    (tmp_path / "b/cert.pem").rename(tmp_path / "a/cert.pem")
    with pytest.raises(CommandError, match=r"ca\.key, ca\.pem, cert\.pem, key\.pem, which are not"):
        make(tmp_path / "a", wanted(), force=False, now=NOW)


def test_an_authority_that_cannot_sign_says_so(tmp_path: Path) -> None:
    make(tmp_path, wanted(), force=False, now=NOW)
    with pytest.raises(CommandError, match=r"is not good for other\.test, 10\.0\.0\.7\. Begin anew with --force"):
        make(tmp_path, wanted("x.localhost", "other.test", "10.0.0.7", "127.9.9.9"), force=False, now=NOW)
    with pytest.raises(CommandError, match=r"expired on 2036-05-01\. Begin anew with --force"):
        make(tmp_path, wanted(), force=False, now=NOW + timedelta(days=3651))


def test_the_command_prints_a_script_and_takes_more_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "data dir"
    words = ["tls", "self-signed", "--data-dir", str(data), "--port", "5000"]
    assert main([*words, "--name", "*.Extra.test", "--name", "FE80::7", "--days", "3"]) == 0
    printed = capsys.readouterr().out
    assert f"# Authority: {data}/tls/ca.pem (new: every client has to trust it)" in printed
    assert f"\nexport MOORAGE_TLS_KEY='{data}/tls/key.pem'\n" in printed
    assert f"\ncp '{data}/tls/ca.pem' /etc/docker/certs.d/localhost:5000/ca.crt\n" in printed
    names = certificate(data / "tls/cert.pem").extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [
        "localhost",
        "*.localhost",
        "*.dkr.ecr.us-east-1.localhost",
        "*.extra.test",
    ]
    assert ipaddress.ip_address("fe80::7") in names.get_values_for_type(x509.IPAddress)
    assert main([*words, "--name", "*.extra.test"]) == 0
    assert "(kept, so clients that trust it need nothing new)" in capsys.readouterr().out
    assert main([*words, "--name", "elsewhere.test"]) == 1
    assert "is not good for elsewhere.test" in capsys.readouterr().err
    ssl.create_default_context(cafile=data / "tls/ca.pem")


@pytest.mark.parametrize(
    "words",
    [("--name", "a b"), ("--name", "*.10.0.0.1"), ("--name", "a.test:1"), ("--name", "*"), ("--days", "0"), ("--days", "x")],
)
def test_nonsense_is_asked_for_wrongly(tmp_path: Path, words: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["tls", "self-signed", "--data-dir", str(tmp_path), *words])
    assert f"argument {words[0]}: '{words[1]}' is not a " in capsys.readouterr().err
