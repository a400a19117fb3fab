"""Clients written in Go, pinned in go-programs.txt and built once into a cache outside the tree."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.clients.tool import Result, Sandbox, Tool

PINS = Path(__file__).with_name("go-programs.txt")


def pinned() -> dict[str, str]:
    """The pinned version of each program, by name."""
    lines = [line.split() for line in PINS.read_text().splitlines() if line.strip() and not line.startswith("#")]
    return {name: version for name, _module, version, *_ in lines}


def cache() -> Path:
    """Where the built programs lie: `<name>-<version>`."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("MOORAGE_TOOL_CACHE") or base / "moorage/go")


def _built(name: str) -> Callable[[], str | None]:
    def find() -> str | None:
        path = cache() / f"{name}-{pinned()[name]}"
        return str(path) if os.access(path, os.X_OK) else None

    return find


def _tool(name: str) -> Tool:
    return Tool(name, _built(name), lambda _path: f"{name} {pinned()[name]}", "built where Go is: scripts/build-go-programs")


CRANE, ORAS, REGCTL, HELM, COSIGN, CONFORMANCE, ECR_LOGIN, SDK_GO = TOOLS = tuple(
    _tool(name) for name in ("crane", "oras", "regctl", "helm", "cosign", "conformance", "ecr-login", "sdk-go")
)


def crane(box: Sandbox, *words: str) -> Result:
    """Run crane; it finds out by itself that a loopback registry speaks plain HTTP."""
    return box.run(CRANE.path(), "--insecure", *words)


def oras(box: Sandbox, *words: str) -> Result:
    """Run oras; commands that talk to a registry take their own `--plain-http`."""
    return box.run(ORAS.path(), *words)


def regctl(box: Sandbox, host: str, *words: str) -> Result:
    """Run regctl against a registry without TLS; credentials come from the Docker configuration."""
    return box.run(REGCTL.path(), "--host", f"reg={host},tls=disabled", *words)


def helm(box: Sandbox, *words: str) -> Result:
    """Run helm."""
    return box.run(HELM.path(), *words)


def cosign(box: Sandbox, *words: str, env: Mapping[str, str] | None = None) -> Result:
    """Run cosign with an empty key password, without any transparency service."""
    return box.run(COSIGN.path(), *words, env={"COSIGN_PASSWORD": "", "COSIGN_YES": "true", **(env or {})})
