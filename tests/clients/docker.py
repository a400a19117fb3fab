"""The Docker engine as a daemon of its own, on a containerd of its own, and the docker client."""

from tests.clients.containerd import Containerd, wait_for_socket
from tests.clients.tool import Daemon, Result, Sandbox, Tool, asks, on_path

DOCKERD = Tool("dockerd", on_path("dockerd"), asks("--version"), "Debian package docker.io", needs_root=True)
DOCKER = Tool("docker", on_path("docker"), asks("--version"), "Debian package docker.io")
TOOLS = (DOCKERD, DOCKER)


class Docker:
    """A Docker engine without networks, whose stores lie in a sandbox; loopback registries may speak plain HTTP."""

    def __init__(self, box: Sandbox) -> None:
        self.box = box
        self.containerd = Containerd(box)
        self._socket = box.root / "dk.sock"
        home = box.root / "dk"
        home.mkdir()
        (home / "daemon.json").write_text("{}")
        self._daemon: Daemon = box.start(
            DOCKERD.path(),
            *("--config-file", home / "daemon.json", "--data-root", home / "root", "--exec-root", home / "exec"),
            *("--pidfile", home / "pid", "-H", f"unix://{self._socket}", "--containerd", self.containerd.socket),
            *("--iptables=false", "--ip6tables=false", "--bridge=none", "--storage-driver=vfs"),
            log="dockerd.log",
        )
        wait_for_socket(self._socket, self._daemon)

    def __call__(self, *words: str, stdin: str | None = None) -> Result:
        """Run the docker client."""
        return self._client(words, stdin, check=True)

    def attempt(self, *words: str) -> Result:
        """Run the docker client where it may be refused."""
        return self._client(words, None, check=False)

    def _client(self, words: tuple[str, ...], stdin: str | None, *, check: bool) -> Result:
        # The legacy builder needs no buildx plugin, which Debian does not have.
        env = {"DOCKER_HOST": f"unix://{self._socket}", "DOCKER_BUILDKIT": "0"}
        return self.box.run(DOCKER.path(), *words, stdin=stdin, check=check, env=env)

    def stop(self) -> None:
        """End the engine, then its containerd."""
        self._daemon.stop()
        self.containerd.stop()
