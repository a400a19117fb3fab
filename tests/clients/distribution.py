"""Debian's docker-registry: a peer that proves the tests themselves where they ask for nothing of ours."""

from pathlib import Path

from tests.clients.tool import Daemon, Sandbox, Tool, asks, on_path

DOCKER_REGISTRY = Tool("docker-registry", on_path("docker-registry"), asks("--version"), "Debian package docker-registry")
TOOLS = (DOCKER_REGISTRY,)

PASSWORD = "stand-in-password"
_HTPASSWD = "AWS:$2b$04$abcdefghijklmnopqrstuuvXgBhv8nvdeYdjaHfQMOfU3I00nR8Ku\n"

_CONFIG = """\
version: 0.1
log: {{level: warn}}
storage: {{filesystem: {{rootdirectory: {root}/data}}, delete: {{enabled: true}}}}
http: {{addr: "{host}"}}
auth: {{htpasswd: {{realm: peer, path: {root}/htpasswd}}}}
"""


def start_distribution(root: Path, host: str) -> Daemon:
    """Start it on `host` (address:port); user AWS, password PASSWORD."""
    box = Sandbox(root)
    (root / "htpasswd").write_text(_HTPASSWD)
    (root / "registry.yml").write_text(_CONFIG.format(root=root, host=host))
    # It reads settings from REGISTRY_*, and would take the clients' REGISTRY_AUTH_FILE for one.
    environment = {name: text for name, text in box.environment().items() if not name.startswith("REGISTRY_")}
    return Daemon([DOCKER_REGISTRY.path(), "serve", str(root / "registry.yml")], root / "registry.log", environment)
