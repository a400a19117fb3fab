"""URLs that are asked, read once: what is checked is what is connected to."""

import re
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from moorage.outgoing.errors import RefusedUrlError

_LONGEST = 2048
_PRINTABLE = re.compile(r"[\x21-\x7e]+")
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252}[A-Za-z0-9_.])?|[0-9A-Fa-f:.]{2,45}")
_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Target:
    """One URL, in parts."""

    scheme: str
    """`https` or `http`."""
    host: str
    """Lower case, without brackets."""
    port: int
    path: str
    """With the query, without the fragment; begins with a slash."""

    @classmethod
    def parse(cls, url: str) -> "Target":
        """Read a URL; raises RefusedUrlError."""
        if len(url) > _LONGEST or not _PRINTABLE.fullmatch(url) or "\\" in url:
            raise RefusedUrlError("The URL is not one that can be asked.")
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise RefusedUrlError("The URL is not one that can be asked.") from None
        if parts.scheme not in _PORTS:
            raise RefusedUrlError("The URL must begin with https://.")
        host = parts.hostname or ""
        if "@" in parts.netloc or not _HOST.fullmatch(host) or port == 0:
            raise RefusedUrlError("The URL must name a host, and no user.")
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(parts.scheme, host.lower(), port or _PORTS[parts.scheme], path)

    @property
    def url(self) -> str:
        """The URL again."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path}"

    def redirected(self, location: str) -> "Target":
        """Where a redirect leads; raises RefusedUrlError."""
        try:
            return Target.parse(urljoin(self.url, location))
        except ValueError:
            raise RefusedUrlError("The redirect leads nowhere.") from None
