import pytest

from moorage.core.addresses import Addresses, parse_address, parse_domain, registry_named_by
from moorage.core.arn import root_arn
from moorage.core.call import Registry

HERE = Addresses("123456789012", "us-east-1", "localhost:5000", "localhost:5001")


@pytest.mark.parametrize(
    ("addresses", "account", "region", "expected"),
    [
        (HERE, "123456789012", "us-east-1", "localhost:5000"),
        (HERE, "123456789012", "eu-west-1", "123456789012.dkr.ecr.eu-west-1.localhost:5000"),
        (HERE, "999999999999", "us-east-1", "999999999999.dkr.ecr.us-east-1.localhost:5000"),
    ],
)
def test_the_default_registry_has_the_plain_address(addresses: Addresses, account: str, region: str, expected: str) -> None:
    assert addresses.registry(account, region) == expected
    assert addresses.endpoint(account, region) == f"http://{expected}"


def test_a_domain_wins_over_the_addresses() -> None:
    addresses = Addresses("123456789012", "us-east-1", "a:1", "b:2", domain="amazonaws.com", secure=True)
    expected = "https://123456789012.dkr.ecr.us-east-1.amazonaws.com"
    assert addresses.endpoint("123456789012", "us-east-1") == expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("123456789012.dkr.ecr.us-east-1.amazonaws.com", ("123456789012", "us-east-1")),
        ("123456789012.DKR.ECR.us-east-1.LOCALHOST:5000", ("123456789012", "us-east-1")),
        ("123456789012.dkr.ecr.us-east-1.amazonaws.com.", ("123456789012", "us-east-1")),
        ("123456789012.dkr.ecr.us-east-1.amazonaws.com.:443", ("123456789012", "us-east-1")),
        ("123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com", ("123456789012", "us-gov-west-1")),
        ("123456789012.dkr-ecr.us-east-1.on.aws", ("123456789012", "us-east-1")),
        ("123456789012.dkr-ecr-fips.us-east-1.on.aws:8443", ("123456789012", "us-east-1")),
        ("123456789012.dkr.ecr.us-east-1", None),
        ("123456789012.dkr.ecr.us-east-1.", None),
        ("123456789012.dkr.ecr.us-east-1.:5000", None),
        ("123456789012.dkr-ecr-other.us-east-1.on.aws", None),
        ("api.ecr.us-east-1.amazonaws.com", None),
        ("[::1]:5000", None),
        ("[fe80::1]", None),
        ("12345678901.dkr.ecr.us-east-1.localhost", None),
        ("x123456789012.dkr.ecr.us-east-1.localhost", None),
        ("localhost:5000", None),
        ("", None),
    ],
)
def test_a_host_selects_a_registry_or_none(host: str, expected: tuple[str, str] | None) -> None:
    assert registry_named_by(host) == expected


def test_what_is_addressed_is_selected_again() -> None:
    assert registry_named_by(HERE.registry("999999999999", "eu-west-1")) == ("999999999999", "eu-west-1")


@pytest.mark.parametrize(
    "address",
    ["localhost", "localhost:5000", "registry:5000", "registry.example.com", "10.0.0.7:5000", "[::1]:5000", "[2001:DB8::1]"],
)
def test_what_clients_take_for_a_registry_is_an_address(address: str) -> None:
    assert parse_address(address) == address.lower()


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("registry", "must have a port when the host has no dot"),
        ("https://registry.example.com", "must be a host or host:port"),
        ("registry.example.com/team", "must be a host or host:port"),
        ("registry.example.com.", "must be a host or host:port"),
        ("registry..example.com", "must be a host or host:port"),
        ("registry.example.com:", "must be a host or host:port"),
        ("registry.example.com:0", "must be a host or host:port"),
        ("registry.example.com:65536", "must be a host or host:port"),
        ("[::::]:5000", "must be a host or host:port"),
        ("::1", "must be a host or host:port"),
        ("under_score:5000", "must be a host or host:port"),
        ("", "must be a host or host:port"),
    ],
)
def test_what_they_would_not_reach_is_refused(address: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_address(address)


def test_a_domain_is_a_name() -> None:
    assert parse_domain("Localhost:5000") == "localhost:5000"
    for address in ("10.0.0.7", "10.0.0.7:443", "[::1]"):
        with pytest.raises(ValueError, match="must be a domain name"):
            parse_domain(address)


def test_arns_are_amazons() -> None:
    assert root_arn("123456789012") == "arn:aws:iam::123456789012:root"
    registry = Registry(1, "private", "123456789012", "us-east-1")
    assert registry.repository_arn("team/app") == "arn:aws:ecr:us-east-1:123456789012:repository/team/app"


@pytest.mark.parametrize("address", ["localhost", "localhost:5000", "registry.example:443", "1.2.3.4.example", "5000"])
def test_below_a_name_every_registry_has_one(address: str) -> None:
    assert Addresses("123456789012", "us-east-1", address, "").names_every_registry


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.1:5000", "[::1]", "[::1]:5000", "10.0.0.7:80"])
def test_nothing_can_stand_before_an_ip_address_but_a_domain_helps(address: str) -> None:
    assert not Addresses("123456789012", "us-east-1", address, "").names_every_registry
    assert Addresses("123456789012", "us-east-1", address, "", domain="example.com").names_every_registry
