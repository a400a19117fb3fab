"""A real issuer: an HTTPS server on the loopback with its configuration and its keys, which can be turned and broken."""

import json
import socket
import time
from typing import Any

from moorage.core.clock import SECOND
from tests.unit.ground import Ground
from tests.unit.identity.signing import Key, key_set
from tests.unit.outgoing.scripted import Scripted, ok

HOST = "issuer.example"


class Issuer:
    """Publishes keys below a path of its own."""

    def __init__(self, *keys: Key, path: str = "/oidc", host: str = HOST) -> None:
        self.keys: tuple[Key, ...] = keys or (Key(),)
        self.answers: dict[str, bytes] = {}
        """By path: what is said instead of what is right."""
        self._path = path
        self._server = Scripted(self._talk, certificate_for=host)
        self.url = self._server.url(path, host)

    def __enter__(self) -> "Issuer":
        self._server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.__exit__()

    @property
    def asked(self) -> list[str]:
        """The paths that were asked for."""
        return [head.split(b" ")[1].decode() for head in self._server.heads]

    @property
    def configuration(self) -> dict[str, Any]:
        """What it says of itself."""
        return {"issuer": self.url, "jwks_uri": self.url + "/keys", "response_types_supported": ["id_token"]}

    def claims(self, ground: Ground | None = None, **members: Any) -> dict[str, Any]:
        """Claims of a token that is good now, on the ground or in the world; None leaves a claim out."""
        now = ground.clock.now() // SECOND if ground is not None else int(time.time())
        usual = {"iss": self.url, "aud": "sts.amazonaws.com", "sub": "repo:acme/app:ref:refs/heads/main", "iat": now}
        claims = {**usual, "exp": now + 300, **members}
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, ground: Ground | None = None, key: Key | None = None, **members: Any) -> str:
        """A token that is good now, but for what is said."""
        return (key or self.keys[0]).token(self.claims(ground, **members))

    def _talk(self, connected: socket.socket, head: bytes) -> None:
        path = head.split(b" ")[1].decode()
        if path in self.answers:
            connected.sendall(self.answers[path])
        elif path == f"{self._path.rstrip('/')}/.well-known/openid-configuration":
            connected.sendall(ok(json.dumps(self.configuration).encode()))
        elif path == f"{self._path}/keys":
            connected.sendall(ok(key_set(*self.keys).encode()))
        else:
            connected.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
