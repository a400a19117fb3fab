import ipaddress

import pytest

from moorage.http.peer import Peer, peer_of
from tests.unit.http.asked import Header, request

_PROXIES = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8"))
_CLIENT = "198.51.100.7"


def _seen(*headers: Header, client: str | None = "10.0.0.1") -> Peer:
    return peer_of(request(("Host", "inner:5000"), *headers, client=client), _PROXIES)


def _for(*hops: str) -> Header:
    return "X-Forwarded-For", ", ".join(hops)


def test_without_proxies_the_connection_says_who_it_is() -> None:
    peer = peer_of(request(("Host", "registry:5000"), client="10.0.0.1"), ())
    assert peer == Peer("10.0.0.1", "http", "registry:5000")
    assert peer.authority == "http://registry:5000"


@pytest.mark.parametrize(
    "header",
    [
        ("X-Forwarded-For", "127.0.0.1"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "elsewhere"),
        ("Forwarded", "for=127.0.0.1;proto=https;host=elsewhere"),
    ],
)
@pytest.mark.parametrize("client", ["192.0.2.1", "11.0.0.1", "2001:db8::1", "", "no address"])
def test_nobody_but_a_trusted_proxy_is_believed(client: str, header: Header) -> None:
    assert _seen(header, client=client) == Peer(client, "http", "inner:5000")


def test_a_trusted_proxy_is_believed() -> None:
    headers = (_for(_CLIENT), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "registry.example"))
    peer = _seen(*headers)
    assert peer == Peer(_CLIENT, "https", "registry.example")
    assert peer.authority == "https://registry.example"


@pytest.mark.parametrize(
    ("hops", "found"),
    [
        ((_CLIENT,), _CLIENT),
        (("127.0.0.1", _CLIENT), _CLIENT),
        (("127.0.0.1", "10.9.9.9", _CLIENT), _CLIENT),
        ((_CLIENT, "10.0.0.2"), _CLIENT),
        ((_CLIENT, "10.0.0.3", "fd00::1"), _CLIENT),
        (("1.2.3.4", _CLIENT, "10.0.0.3", "10.0.0.2"), _CLIENT),
        (("10.0.0.3", "10.0.0.2"), "10.0.0.3"),
        ((), "10.0.0.1"),
        (("", " ", ""), "10.0.0.1"),
        (("127.0.0.1", "unknown"), "unknown"),
    ],
)
def test_a_chain_is_read_from_the_right_up_to_the_first_that_is_not_trusted(hops: tuple[str, ...], found: str) -> None:
    assert _seen(_for(*hops)).address == found


def test_repeated_headers_are_one_chain() -> None:
    assert _seen(_for("127.0.0.1"), _for(_CLIENT)).address == _CLIENT
    assert _seen(_for(_CLIENT), _for("10.0.0.2")).address == _CLIENT


@pytest.mark.parametrize(
    ("hop", "found"),
    [
        ("198.51.100.7:4711", "198.51.100.7"),
        ("2001:db8::7", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("[2001:db8::7]:4711", "2001:db8::7"),
        ('"[2001:db8::7]:4711"', "2001:db8::7"),
    ],
)
def test_an_address_may_have_brackets_and_a_port(hop: str, found: str) -> None:
    assert _seen(_for(hop)).address == found
    assert _seen(("Forwarded", f"for={hop}")).address == found


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (f"for={_CLIENT};proto=https;host=registry.example", Peer(_CLIENT, "https", "registry.example")),
        (f'For="{_CLIENT}"; Proto=HTTPS; Host="registry.example:443"', Peer(_CLIENT, "https", "registry.example:443")),
        (f"for=127.0.0.1, for={_CLIENT};by=10.0.0.1", Peer(_CLIENT, "http", "inner:5000")),
        (f"for={_CLIENT}, for=10.0.0.2", Peer(_CLIENT, "http", "inner:5000")),
        ("by=10.0.0.1", Peer("10.0.0.1", "http", "inner:5000")),
        ("", Peer("10.0.0.1", "http", "inner:5000")),
        (";;,,=;for", Peer("10.0.0.1", "http", "inner:5000")),
    ],
)
def test_the_standard_header_is_read(value: str, expected: Peer) -> None:
    assert _seen(("Forwarded", value)) == expected


@pytest.mark.parametrize("proto", ["", "ftp", "javascript", "https://x", "http2"])
def test_a_scheme_that_is_none_counts_as_unsaid(proto: str) -> None:
    assert _seen(_for(_CLIENT), ("X-Forwarded-Proto", proto)).scheme == "http"


def test_the_nearest_proxys_word_on_scheme_and_host_counts() -> None:
    peer = _seen(_for(_CLIENT), ("X-Forwarded-Proto", "http, https"), ("X-Forwarded-Host", "forged, registry.example"))
    assert (peer.scheme, peer.host) == ("https", "registry.example")


@pytest.mark.parametrize(
    "headers",
    [
        (("Forwarded", "for=127.0.0.1;host=forged"), _for(_CLIENT)),
        (("Forwarded", f"for={_CLIENT}"), _for("127.0.0.1"), ("X-Forwarded-Host", "forged")),
    ],
)
def test_a_client_cannot_slip_in_the_family_of_headers_that_its_proxy_leaves_alone(headers: tuple[Header, ...]) -> None:
    peer = _seen(*headers)
    assert peer.address != "127.0.0.1" and peer.host != "forged"


def test_only_the_element_that_the_proxy_wrote_tells_scheme_and_host() -> None:
    assert _seen(("Forwarded", f"proto=https;host=forged, for={_CLIENT}")) == Peer(_CLIENT, "http", "inner:5000")


def test_a_connection_without_an_address_is_nobodys() -> None:
    assert _seen(_for(_CLIENT), client=None) == Peer("", "http", "inner:5000")


def test_a_request_without_a_host_has_none() -> None:
    assert peer_of(request(), ()).host == ""
