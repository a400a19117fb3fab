"""Which addresses may be connected to: the public ones, and those that the operator lists (DESIGN rule 10)."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
"""RFC 6052: the last 32 bits are an IPv4 address, which the network's own translator connects to."""

# What the standard library's tables had not from the start is listed here: they differ between versions of Python.
_NEVER = tuple(
    ipaddress.ip_network(text)
    for text in (
        "100.64.0.0/10",  # RFC 6598: behind a provider's address translation
        "168.63.129.16/32",  # public by its number, and yet a cloud's own host inside every one of its machines
        "192.0.0.0/24",  # RFC 6890: protocols of the IETF, and a cloud's metadata
        "192.88.99.0/24",  # RFC 7526: relays of 6to4, retired
        "::/96",  # RFC 4291: IPv4-compatible, retired
        "64:ff9b:1::/48",  # RFC 8215: translation inside one network
        "100::/64",  # RFC 6666: discards
        "2001::/23",  # RFC 2928: protocols of the IETF, Teredo among them, which holds an IPv4 address
        "2001:db8::/32",  # RFC 3849: documentation, and so is the next
        "3fff::/20",  # RFC 9637
        "5f00::/16",  # RFC 9602: segment routing
        "2002::/16",  # RFC 3056: 6to4, which holds an IPv4 address
        "fec0::/10",  # RFC 3879: site-local, retired
    )
)


@dataclass(frozen=True, slots=True)
class Permitted:
    """The addresses that may be connected to."""

    networks: Sequence[Network] = ()
    """What the operator lists besides the public ones."""

    def is_listed(self, address: Address) -> bool:
        """Whether the operator lists it."""
        plain = _plain(address)
        return any(each in network for each in {address, plain} for network in self.networks)

    def allows(self, address: Address) -> bool:
        """Whether it may be connected to."""
        return self.is_listed(address) or is_public(address)


def is_public(address: Address) -> bool:
    """Whether an address belongs to the internet at large.

    An IPv4 address in IPv6 clothes is judged by what is inside, so far as it could lead there.
    """
    plain = _plain(address)
    if any(plain in network for network in _NEVER):
        return False
    if isinstance(plain, ipaddress.IPv6Address) and plain in _NAT64:
        return is_public(ipaddress.IPv4Address(int(plain) & 0xFFFF_FFFF))
    special = plain.is_private or plain.is_loopback or plain.is_link_local or plain.is_multicast
    return plain.is_global and not (special or plain.is_reserved or plain.is_unspecified)


def _plain(address: Address) -> Address:
    """`::ffff:10.0.0.1` is 10.0.0.1: the system connects to that; a zone is no part of an address's meaning."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return ipaddress.IPv6Address(int(address)) if address.scope_id is not None else address
