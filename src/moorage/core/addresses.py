"""How registries are addressed from outside (DESIGN section 1: MOORAGE_ADDRESS, MOORAGE_PUBLIC_ADDRESS, MOORAGE_DOMAIN)."""

import ipaddress
import re
from dataclasses import dataclass

_REGISTRY_HOST = re.compile(r"(?P<account>[0-9]{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]{2,25})\.(?P<rest>.+)")


@dataclass(frozen=True, slots=True)
class Addresses:
    """The names under which this installation is reached; each may hold a port."""

    default_account_id: str
    default_region: str
    address: str
    public_address: str
    domain: str | None = None
    secure: bool = False
    """Whether the outside reaches this server by https."""

    def registry(self, account_id: str, region: str) -> str:
        """`host[:port]` before the repository name in `repositoryUri`."""
        if self.domain:
            return f"{account_id}.dkr.ecr.{region}.{self.domain}"
        if (account_id, region) == (self.default_account_id, self.default_region):
            return self.address
        return f"{account_id}.dkr.ecr.{region}.{self.address}"

    @property
    def names_every_registry(self) -> bool:
        """Whether registries besides the default one have names at all: nothing can stand before an IP address."""
        return self.domain is not None or not _is_ip_address(self.address)

    def endpoint(self, account_id: str, region: str, scheme: str = "") -> str:
        """The registry's URL without a trailing slash (`proxyEndpoint`), by the scheme that the caller used, if it is known."""
        return f"{scheme or ('https' if self.secure else 'http')}://{self.registry(account_id, region)}"


def _is_ip_address(address: str) -> bool:
    host = address[1:].partition("]")[0] if address.startswith("[") else address
    if host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def registry_named_by(host: str) -> tuple[str, str] | None:
    """The (account, region) that a `Host` header selects on the private listener, or None for the default registry."""
    match = _REGISTRY_HOST.fullmatch(host.lower())
    return (match["account"], match["region"]) if match else None
