"""The server under test as its users run it: `moorage serve` in a process of its own."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil
import requests

ACCESS_KEY_ID = "AKIAMOORAGETESTROOT1"
SECRET_ACCESS_KEY = "moorage/test/root/secret/access/key/0001"


def free_port() -> int:
    """A port that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """One installation: its data directory stays while its processes come and go."""

    def __init__(
        self, data: Path, connection: str, *, settings: Mapping[str, str] | None = None, wrapper: Sequence[str] = ()
    ) -> None:
        self.data = data
        self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.log = data.parent / f"{data.name}.stderr"
        self._wrapper = tuple(wrapper)
        self._process: subprocess.Popen[bytes] | None = None
        self._environment = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(data.parent),
            "PYTHONWARNINGS": "error::DeprecationWarning:moorage",
            "MOORAGE_DATA_DIR": str(data),
            "MOORAGE_HOST": "127.0.0.1",
            "MOORAGE_PORT": str(self.port),
            "MOORAGE_ADDRESS": self.host,
            "MOORAGE_WORKERS": "2",
            "MOORAGE_CONNECTION": connection,
            "MOORAGE_ROOT_ACCESS_KEY_ID": ACCESS_KEY_ID,
            "MOORAGE_ROOT_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
            **(settings or {}),
        }

    def named(self, name: str) -> "Server":
        """Before it starts: let its address be this name with its port, as is usual, instead of the bare IP address."""
        self._environment["MOORAGE_ADDRESS"] = f"{name}:{self.port}"
        return self

    @property
    def process(self) -> psutil.Process:
        """The supervisor."""
        assert self._process is not None
        return psutil.Process(self._process.pid)

    def start(self, seconds: float = 30) -> None:
        """Start it and wait until it lives."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._wrapper, sys.executable, "-m", "moorage", "serve"],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + seconds
        while not self._lives():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise AssertionError(f"It did not come up within {seconds} s.\n{self.said()}")
            time.sleep(0.05)

    def _lives(self) -> bool:
        try:
            return requests.get(f"http://{self.host}/livez", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def stop(self, seconds: float = 40) -> None:
        """SIGTERM; it must end with exit status 0 and have written no traceback."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"SIGTERM was not enough within {seconds} s.\n{self.said()}") from None
        assert code == 0, f"exit status {code}\n{self.said()}"
        log = self.log.read_text(errors="replace")
        assert "Traceback" not in log, log[max(0, log.index("Traceback") - 300) :][:3000]

    def kill(self) -> None:
        """kill -9, every process at once, as a power cut would. The supervisor leads its own process group."""
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def workers(self) -> list[psutil.Process]:
        """Every process below the supervisor: the web workers and the one for jobs."""
        return [child for child in self.process.children(recursive=True) if child.is_running()]

    def proportional_memory(self) -> int:
        """Bytes of memory that all its processes take together, shared pages counted once (PSS)."""
        total = 0
        for process in (self.process, *self.workers()):
            rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
            total += sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
        return total * 1024

    def said(self) -> str:
        """The end of what it has written to stderr."""
        return self.log.read_text(errors="replace")[-3000:]
