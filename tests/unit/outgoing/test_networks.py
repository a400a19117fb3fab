import ipaddress

import pytest

from moorage.outgoing.networks import Permitted, is_public


@pytest.mark.parametrize("text", ["8.8.8.8", "140.82.121.4", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_addresses_may_be_connected_to(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))
    assert Permitted().allows(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    "text",
    [
        *("0.0.0.0", "0.1.2.3", "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254"),
        *("169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.168.0.1"),
        *("198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255"),
        *("168.63.129.16", "192.88.99.1"),
        *("::", "::1", "fe80::1", "fe80::1%lo", "fc00::1", "fd00:ec2::254", "ff02::1", "fec0::1", "2001:db8::1", "100::1"),
        *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1", "::127.0.0.1", "::8.8.8.8"),
        *("3fff::1", "5f00::1", "2001:20::1"),
        *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::808:808"),
        *("2002:7f00:1::", "2002:a9fe:a9fe::1", "2002:808:808::1", "2001:0:7f00:1::", "2001::1"),
    ],
)
def test_whatever_leads_inside_may_not(text: str) -> None:
    assert not is_public(ipaddress.ip_address(text))
    assert not Permitted().allows(ipaddress.ip_address(text))


def test_what_the_operator_lists_may_be_connected_to_and_nothing_beside_it() -> None:
    listed = Permitted([ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("fd00:1::/32")])
    for text in ("10.1.2.3", "::ffff:10.1.2.3", "fd00:1::5"):
        assert listed.allows(ipaddress.ip_address(text))
        assert listed.is_listed(ipaddress.ip_address(text))
    for text in ("10.2.0.1", "127.0.0.1", "fd00:2::5", "64:ff9b::a01:203"):
        assert not listed.allows(ipaddress.ip_address(text))
    assert listed.allows(ipaddress.ip_address("8.8.8.8"))
    assert not listed.is_listed(ipaddress.ip_address("8.8.8.8"))
