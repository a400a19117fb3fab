"""containerd as a daemon of its own, and its client ctr."""

import time
from pathlib import Path

from tests.clients.tool import Daemon, Result, Sandbox, Tool, asks, on_path

CONTAINERD = Tool("containerd", on_path("containerd"), asks("--version"), "Debian package containerd", needs_root=True)
CTR = Tool("ctr", on_path("ctr"), asks("--version"), "Debian package containerd", needs_root=True)
TOOLS = (CONTAINERD, CTR)

_CONFIG = """\
version = 2
root = "{root}/ctd/root"
state = "{root}/ctd/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "{root}/ctd.sock"
[ttrpc]
  address = "{root}/ctd.sock.ttrpc"
"""


class Containerd:
    """A containerd whose stores lie in a sandbox. The path must be short: a socket's name has at most 107 bytes."""

    def __init__(self, box: Sandbox) -> None:
        self.box = box
        self.socket = box.root / "ctd.sock"
        (box.root / "ctd").mkdir(exist_ok=True)
        config = box.root / "ctd/config.toml"
        config.write_text(_CONFIG.format(root=box.root))
        self._daemon: Daemon = box.start(CONTAINERD.path(), "-c", config, log="containerd.log")
        wait_for_socket(self.socket, self._daemon)

    @property
    def blobs(self) -> Path:
        """The content store: one file per blob, named by its digest."""
        return self.box.root / "ctd/root/io.containerd.content.v1.content/blobs/sha256"

    def ctr(self, *words: str) -> Result:
        """Run ctr against this daemon."""
        return self.box.run(CTR.path(), "-a", self.socket, *words)

    def stop(self) -> None:
        """End the daemon."""
        self._daemon.stop()


def wait_for_socket(socket: Path, daemon: Daemon, seconds: float = 30) -> None:
    """Wait until a daemon has made its socket; fails with the daemon's words if it ended instead."""
    deadline = time.monotonic() + seconds
    while not socket.exists():
        assert daemon.process.poll() is None and time.monotonic() < deadline, daemon.said()
        time.sleep(0.05)
