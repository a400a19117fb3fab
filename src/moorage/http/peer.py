"""Who is at the other end, and by which name they reached us; forwarded headers count only from trusted proxies."""

import ipaddress
from collections.abc import Sequence
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
    hops = [hop.strip() for hop in forwarded.get("for", "").split(",") if hop.strip()]
    # From the right: each hop was written by the one before it, and only trusted ones are believed.
    while hops and _is_trusted(address, trusted):
        address = _bare_address(hops.pop())
    proto = forwarded.get("proto", "").split(",")[-1].strip().lower()
    named = forwarded.get("host", "").split(",")[-1].strip()
    return Peer(address, proto if proto in {"http", "https"} else scheme, named or host)


def _forwarded(request: Request) -> dict[str, str]:
    """`Forwarded` (RFC 7239) if it is there, else the X-Forwarded family."""
    header = request.header(b"forwarded")
    if header is None:
        names = {"for": b"x-forwarded-for", "proto": b"x-forwarded-proto", "host": b"x-forwarded-host"}
        return {part: request.header(name) or "" for part, name in names.items()}
    found: dict[str, list[str]] = {"for": [], "proto": [], "host": []}
    for element in header.split(","):
        for pair in element.split(";"):
            name, _, value = pair.strip().partition("=")
            if name.lower() in found:
                found[name.lower()].append(value.strip().strip('"'))
    return {name: ",".join(values) for name, values in found.items()}


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
    return any(parsed in network for network in trusted)
