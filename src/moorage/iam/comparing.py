"""Values of conditions, read: numbers, dates, addresses, booleans, bytes. None is what cannot be read."""

import base64
import binascii
import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address, ip_network
from typing import NamedTuple


class Address(NamedTuple):
    """An IP address."""

    version: int
    bits: int


class Network(NamedTuple):
    """A range of IP addresses."""

    version: int
    bits: int
    mask: int

    def has(self, address: Address) -> bool:
        """Whether the address lies in it; one of the other version does not."""
        return address.version == self.version and address.bits & self.mask == self.bits


_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,64}(?:\.[0-9]{0,64})?|\.[0-9]{1,64})(?:[eE][+-]?[0-9]{1,3})?")
_EPOCH_SECONDS = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{0,9})?")
_DATE = re.compile(
    r"([0-9]{4})-([0-9]{2})(?:-([0-9]{2})"
    r"(?:[Tt ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(\.[0-9]{1,9})?)?(?:([Zz])|([+-])([0-9]{2}):?([0-9]{2}))?)?)?"
)
_NETWORK = re.compile(r"([0-9A-Fa-f:.]+)(?:/([0-9]{1,3}))?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MAPPED_BITS = 96


def number(text: str) -> Decimal | None:
    """An integer or a decimal fraction."""
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def moment(text: str) -> Decimal | None:
    """Seconds since 1970, from that number or from a date of ISO 8601 (W3C's profile), which is in UTC if it names no zone."""
    if _EPOCH_SECONDS.fullmatch(text):
        return Decimal(text)
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, _utc, sign, zone_hours, zone_minutes = found.groups()
    try:
        offset = timedelta(hours=int(zone_hours or 0), minutes=int(zone_minutes or 0))
        zone = timezone(-offset if sign == "-" else offset)
        at = datetime(int(year), int(month), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0), tzinfo=zone)
    except ValueError:
        return None
    return Decimal((at - _EPOCH) // timedelta(seconds=1)) + Decimal(f"0{fraction}" if fraction else 0)


def boolean(text: str) -> bool | None:
    """`true` or `false`, in whatever case."""
    return {"true": True, "false": False}.get(text.lower())


def binary(text: str) -> bytes | None:
    """What a text in base64 stands for."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


@lru_cache(maxsize=1024)  # reading one costs more than all the rest of a condition, and most callers come again
def address(text: str) -> Address | None:
    """An IP address; one of IPv4 that is mapped into IPv6 is one of IPv4. A zone (`%eth0`) is left out."""
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, IPv6Address):
        found = found.ipv4_mapped or found
    return Address(found.version, int(found))


def network(text: str) -> Network | None:
    """A range in CIDR notation, or an address, which is a range of one; bits beyond the prefix do not matter."""
    match = _NETWORK.fullmatch(text)
    if match is None:
        return None
    try:
        found = ip_network(text, strict=False)
    except ValueError:
        return None
    if isinstance(found, IPv6Network) and found.prefixlen >= _MAPPED_BITS and found.network_address.ipv4_mapped is not None:
        found = ip_network((found.network_address.ipv4_mapped, found.prefixlen - _MAPPED_BITS))
    return Network(found.version, int(found.network_address), int(found.netmask))
