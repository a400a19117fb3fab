"""Who is at the other end, and by which name they reached us; forwarded headers count only from trusted proxies."""

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from moorage.http.messages import Request

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Peer:
    """The client as far as can be known."""

    address: str
    scheme: str
    """`http` or `https`, as the client speaks it."""
    host: str
    """`host[:port]` that the client asked for; empty when it named none."""

    @property
    def authority(self) -> str:
        """The URL prefix by which the client reached us."""
        return f"{self.scheme}://{self.host}"


def peer_of(request: Request, trusted: Sequence[Network]) -> Peer:
    """The client of a request."""
    client = request.scope.get("client")
    address = client[0] if client else ""
    host = request.header(b"host") or ""
    scheme: str = request.scope.get("scheme", "http")
    if not _is_trusted(address, trusted):
        return Peer(address, scheme, host)
    forwarded = _forwarded(request)
    if forwarded is None:
        return Peer(address, scheme, host)
    hops = list(forwarded.hops)
    # From the right: each hop was written by the one before it, and only trusted ones are believed.
    while hops and _is_trusted(address, trusted):
        address = _bare_address(hops.pop())
    proto = forwarded.proto.lower()
    return Peer(address, proto if proto in {"http", "https"} else scheme, forwarded.host or host)


@dataclass(frozen=True, slots=True)
class _Forwarded:
    hops: tuple[str, ...]
    proto: str
    host: str
    """Scheme and host as the nearest proxy says them; empty where it does not."""


def _forwarded(request: Request) -> _Forwarded | None:
    """`Forwarded` (RFC 7239) or the X-Forwarded family; None for both, since the proxy wrote only one of them."""
    standard = request.header(b"forwarded")
    family = {name: request.header(b"x-forwarded-" + name) for name in (b"for", b"proto", b"host")}
    if standard is None:
        hops, protos, hosts = ((value or "").split(",") for value in family.values())
        return _Forwarded(_filled(hops), protos[-1].strip(), hosts[-1].strip())
    if any(value is not None for value in family.values()):
        return None
    elements = [_pairs(element) for element in standard.split(",")]
    last = elements[-1]
    return _Forwarded(_filled(pairs.get("for", "") for pairs in elements), last.get("proto", ""), last.get("host", ""))


def _pairs(element: str) -> dict[str, str]:
    split = (pair.strip().partition("=") for pair in element.split(";"))
    return {name.lower(): value.strip().strip('"') for name, _, value in split}


def _filled(hops: Iterable[str]) -> tuple[str, ...]:
    return tuple(hop.strip() for hop in hops if hop.strip())


def _bare_address(hop: str) -> str:
    hop = hop.strip('"')
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop


def _is_trusted(address: str, trusted: Sequence[Network]) -> bool:
    if not trusted:
        return False
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return any(parsed in network for network in trusted)
