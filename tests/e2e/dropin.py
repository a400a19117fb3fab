"""The server in Amazon's place: its names, its port and a certificate that is trusted, for clients that know nothing of it."""

import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.clients.tool import Daemon
from tests.e2e.namespace import ADDRESS, InsideSandbox, Namespace, absence
from tests.e2e.server import ACCESS_KEY_ID, SECRET_ACCESS_KEY

ACCOUNT, REGION, DOMAIN = "123456789012", "us-east-1", "amazonaws.com"
REGISTRY = f"{ACCOUNT}.dkr.ecr.{REGION}.{DOMAIN}"
KEYS = {
    "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
    "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
}
MOORAGE = (sys.executable, "-m", "moorage")
HOSTS = (
    REGISTRY,
    f"{ACCOUNT}.dkr.ecr.eu-west-1.{DOMAIN}",
    f"{ACCOUNT}.dkr-ecr.{REGION}.on.aws",
    f"api.ecr.{REGION}.{DOMAIN}",
    f"ecr.{REGION}.api.aws",
    f"sts.{REGION}.{DOMAIN}",
    f"sts.{DOMAIN}",
    f"iam.{DOMAIN}",
    f"api.ecr-public.{REGION}.{DOMAIN}",
    "public.ecr.aws",
)


@dataclass(frozen=True, slots=True)
class DropIn:
    """A server with TLS, and the namespace in which names lead to it."""

    root: Path
    namespace: Namespace
    authority: Path
    """The CA's certificate."""
    trust: Mapping[str, list[str]]
    """What `moorage tls self-signed` printed, by the words in its headings."""

    def box(self, root: Path) -> InsideSandbox:
        """A sandbox in the namespace, with the root key in its environment."""
        return InsideSandbox(root, self.namespace, {**KEYS, "AWS_ECR_DISABLE_CACHE": "1", "AWS_PAGER": ""})

    def lines_for(self, client: str) -> list[str]:
        """The printed lines for one client."""
        (found,) = [lines for heading, lines in self.trust.items() if client in heading]
        return found

    def trust_everywhere(self) -> None:
        """Have the namespace's system trust the CA, by the printed lines."""
        self.box(self.root / "setup").run("sh", "-e", "-c", "\n".join(self.lines_for("the system's list")))

    def aws(self, box: InsideSandbox, path: str, *words: str) -> Any:
        """Run an aws command without an endpoint; returns the JSON that it printed, or None."""
        out = box.run(path, *words, "--output", "json", env={"AWS_CA_BUNDLE": str(self.authority)}).out
        return json.loads(out) if out.strip() else None


def sections(printed: str) -> dict[str, list[str]]:
    """Commands by heading; a heading is a comment after an empty line."""
    found: dict[str, list[str]] = {}
    for block in printed.strip().split("\n\n"):
        heading, *lines = block.splitlines()
        found[heading.removeprefix("# ")] = [line for line in lines if not line.startswith("#")]
    return found


def drop_in() -> Iterator[DropIn]:
    """A server in Amazon's place, which the namespace's system trusts; skips where there can be no namespace."""
    settings = {"MOORAGE_DOMAIN": DOMAIN, "MOORAGE_PORT": "443"}
    for found in served(dict.fromkeys(HOSTS, ADDRESS), settings, "--name", f"*.dkr.ecr.eu-west-1.{DOMAIN}"):
        found.trust_everywhere()
        yield found


def served(hosts: Mapping[str, str], settings: Mapping[str, str], *words: str, tls: bool = True) -> Iterator[DropIn]:
    """A server with a certificate of `moorage tls self-signed`, to which these words are given; skips as above.

    Without `tls` the certificate is made all the same, but the server speaks plain HTTP.
    """
    if reason := absence():
        pytest.skip(reason)
    root = Path(tempfile.mkdtemp(prefix="mo-"))
    namespace = Namespace(root, hosts)
    box = InsideSandbox(root / "server", namespace)
    named = {"MOORAGE_DATA_DIR": str(root / "data"), "MOORAGE_HOST": "0.0.0.0", "MOORAGE_WORKERS": "2", **settings}
    keys = {"MOORAGE_ROOT_ACCESS_KEY_ID": ACCESS_KEY_ID, "MOORAGE_ROOT_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY}
    printed = sections(box.run(*MOORAGE, "tls", "self-signed", *words, env=named).out)
    exports = dict(line.removeprefix("export ").split("=", 1) for line in printed["serve with it"])
    server = box.start(*MOORAGE, "serve", log="log", env={**named, **keys, **(exports if tls else {})})
    try:
        _wait_until_ready(server)
        yield DropIn(root, namespace, root / "data/tls/ca.pem", printed)
        assert server.stop() == 0, server.said()
        assert "Traceback" not in server.said(), server.said()
    finally:
        server.stop()
        namespace.end()
        shutil.rmtree(root, ignore_errors=True)


def _wait_until_ready(server: Daemon, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while " info ready " not in server.said():
        assert server.process.poll() is None and time.monotonic() < deadline, server.said()
        time.sleep(0.05)
