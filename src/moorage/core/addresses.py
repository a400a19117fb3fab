"""How registries are addressed from outside (DESIGN section 1: MOORAGE_ADDRESS, MOORAGE_PUBLIC_ADDRESS, MOORAGE_DOMAIN)."""

import ipaddress
import re
from dataclasses import dataclass

# Amazon's own forms: dkr.ecr and dkr.ecr-fips, and under its dual-stack domains dkr-ecr and dkr-ecr-fips.
_REGISTRY_HOST = re.compile(r"(?P<account>[0-9]{12})\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-z0-9-]{2,25})\.[a-z0-9].*")
_LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_ADDRESS = re.compile(rf"(?P<host>{_LABEL}(?:\.{_LABEL})*|\[(?P<six>[0-9a-f:.]+)\])(?::(?P<port>[1-9][0-9]{{0,4}}))?")


@dataclass(frozen=True, slots=True)
class Address:
    """`host[:port]`, apart."""

    host: str
    """A name in lower case, or an IP address without brackets."""
    port: int | None

    @property
    def is_ip(self) -> bool:
        """Whether names cannot be formed below it."""
        return _is_ip(self.host)

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Raises ValueError with the second half of a sentence that begins with the setting."""
        match = _ADDRESS.fullmatch(text.lower())
        if not match or int(match["port"] or 0) > 65535 or (match["six"] and not _is_ip(match["six"])):
            raise ValueError("must be a host or host:port, without a scheme and without a path")
        return cls(match["six"] or match["host"], int(match["port"]) if match["port"] else None)


def parse_address(text: str) -> str:
    """The address of a registry, in lower case; raises ValueError."""
    address = Address.parse(text)
    if address.port is None and not address.is_ip and "." not in address.host and address.host != "localhost":
        # docker, podman and the rest tell a registry from a name on Docker Hub by a dot, a port or `localhost`.
        raise ValueError("must have a port when the host has no dot (docker would look for the images on Docker Hub)")
    return text.lower()


def parse_domain(text: str) -> str:
    """The domain below which registries have names, in lower case; raises ValueError."""
    if Address.parse(text).is_ip:
        raise ValueError(
            "must be a domain name, since <account>.dkr.ecr.<region> is written before it (or set MOORAGE_ADDRESS)"
        )
    return text.lower()


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


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
        return self.domain is not None or not Address.parse(self.address).is_ip

    def endpoint(self, account_id: str, region: str, scheme: str = "") -> str:
        """The registry's URL without a trailing slash (`proxyEndpoint`), by the scheme that the caller used, if it is known."""
        return f"{scheme or ('https' if self.secure else 'http')}://{self.registry(account_id, region)}"


def registry_named_by(host: str) -> tuple[str, str] | None:
    """The (account, region) that a `Host` header selects on the private listener, or None for the default registry.

    The registry's part decides alone; what stands behind it may be any domain, with a trailing dot and a port.
    """
    match = _REGISTRY_HOST.fullmatch(host.lower())
    return (match["account"], match["region"]) if match else None
