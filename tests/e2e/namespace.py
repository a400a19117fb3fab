"""A process tree with its own loopback, host names and /etc, so that clients can be shown Amazon's names (Linux, root)."""

import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from tests.clients.tool import Daemon, Result, Sandbox

ADDRESS = "198.51.100.7"
"""Lies on the namespace's loopback, but outside 127.0.0.0/8, where docker would check no certificate."""

_PROGRAMS = ("unshare", "nsenter", "mount", "ip", "update-ca-certificates")
_SETUP = """\
set -e
ip link set lo up
ip address add {address}/32 dev lo
mount -t tmpfs tmpfs {scratch}
for folder in etc usr/local/share; do
    mkdir -p {scratch}/$folder/upper {scratch}/$folder/work
    mount -t overlay overlay -o lowerdir=/$folder,upperdir={scratch}/$folder/upper,workdir={scratch}/$folder/work /$folder
done
printf '%s\\n' {hosts} > /etc/hosts
echo ready
exec sleep 100000
"""


def absence() -> str | None:
    """Why there can be no namespace here, or None."""
    if os.geteuid() != 0:
        return "a namespace with names of its own needs root"
    missing = [name for name in _PROGRAMS if shutil.which(name) is None]
    if missing:
        return f"a namespace with names of its own needs {', '.join(missing)}"
    tried = subprocess.run(["unshare", "-mn", "true"], capture_output=True, text=True, check=False)
    return f"no namespaces here: {tried.stderr.strip()}" if tried.returncode else None


class Namespace:
    """Begins when it is made; what is changed in it below /etc and /usr/local/share is gone at its end."""

    def __init__(self, root: Path, hosts: Mapping[str, str]) -> None:
        """`hosts` leads names to addresses: ADDRESS, or one in 127.0.0.0/8."""
        scratch = root / "changed"
        scratch.mkdir(parents=True)
        lines = ["127.0.0.1 localhost", *(f"{address} {host}" for host, address in hosts.items())]
        script = _SETUP.format(address=ADDRESS, scratch=shlex.quote(str(scratch)), hosts=shlex.join(lines))
        self._holder = Daemon(["unshare", "-mn", "sh", "-c", script], root / "namespace.log", {"PATH": os.environ["PATH"]})
        deadline = time.monotonic() + 20
        while "ready" not in self._holder.said():
            assert self._holder.process.poll() is None and time.monotonic() < deadline, self._holder.said()
            time.sleep(0.02)

    def inside(self, folder: Path) -> tuple[str, ...]:
        """What stands before a command so that it runs in here, in this folder."""
        enter = ("nsenter", "--target", str(self._holder.process.pid), "--mount", "--net", "--")
        # The folder as it stands in there; nsenter's own flag means the one out here, whose path programs cannot find.
        return (*enter, "sh", "-c", 'cd "$0" && exec "$@"', str(folder))

    def end(self) -> None:
        """Let it go; what runs in it must have ended."""
        self._holder.stop()


class InsideSandbox(Sandbox):
    """A sandbox whose programs run in a namespace; `always` is part of their environment."""

    def __init__(self, root: Path, namespace: Namespace, always: Mapping[str, str] | None = None) -> None:
        super().__init__(root)
        self._namespace = namespace
        self._always = dict(always or {})

    def environment(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """As without a namespace."""
        return super().environment({**self._always, **(extra or {})})

    def run(
        self,
        *argv: str | Path,
        stdin: str | None = None,
        check: bool = True,
        timeout: float = 180,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> Result:
        """As without a namespace."""
        words = (*self._namespace.inside(cwd or self.root), *argv)
        return super().run(*words, stdin=stdin, check=check, timeout=timeout, env=env)

    def start(self, *argv: str | Path, log: str, env: Mapping[str, str] | None = None) -> Daemon:
        """As without a namespace."""
        return super().start(*self._namespace.inside(self.root), *argv, log=log, env=env)
