"""Programs that tests drive: where they are, which version they are, and how they run without touching the machine."""

import base64
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Tool:
    """A program or library that a test needs and a machine may lack."""

    name: str
    find: Callable[[], str | None]
    """The path of the program, or None where it is missing."""
    version: Callable[[str], str]
    """The version, given the path."""
    origin: str
    """Where it comes from, for the reason of a skip."""
    needs_root: bool = False

    def absence(self) -> str | None:
        """Why it cannot run here, or None if it can."""
        if self.find() is None:
            return f"{self.name} is not installed ({self.origin})"
        if self.needs_root and os.geteuid() != 0:
            return f"{self.name} needs root"
        return None

    def path(self) -> str:
        """The program; only for tests that require it."""
        found = self.find()
        assert found is not None, self.absence()
        return found


@dataclass(frozen=True, slots=True)
class Result:
    """What a program answered."""

    argv: tuple[str, ...]
    code: int
    out: str
    err: str

    def __str__(self) -> str:
        return f"{' '.join(self.argv)}\n-> {self.code}\n{self.out[-4000:]}\n{self.err[-4000:]}"


class Sandbox:
    """A folder that stands in for the machine: home, credentials, temporary files and image stores all lie below it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("home/.config/containers", "docker", "tmp", "run"):
            (root / name).mkdir(parents=True, exist_ok=True)
        policy = root / "home/.config/containers/policy.json"
        policy.write_text('{"default": [{"type": "insecureAcceptAnything"}]}')

    def environment(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """Everything a program may see; nothing of the caller's environment but PATH."""
        root = str(self.root)
        return {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": f"{root}/home",
            "XDG_CONFIG_HOME": f"{root}/home/.config",
            "XDG_CACHE_HOME": f"{root}/home/.cache",
            "XDG_DATA_HOME": f"{root}/home/.local/share",
            "XDG_RUNTIME_DIR": f"{root}/run",
            "DOCKER_CONFIG": f"{root}/docker",
            "REGISTRY_AUTH_FILE": f"{root}/docker/config.json",
            "HELM_REGISTRY_CONFIG": f"{root}/docker/config.json",
            "TMPDIR": f"{root}/tmp",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": f"{root}/home/aws-config",
            "AWS_SHARED_CREDENTIALS_FILE": f"{root}/home/aws-credentials",
            **(extra or {}),
        }

    def sign_in(self, host: str, username: str, password: str) -> None:
        """Write the credentials where every client of the Docker family looks for them."""
        auth = base64.b64encode(f"{username}:{password}".encode()).decode()
        (self.root / "docker/config.json").write_text(json.dumps({"auths": {host: {"auth": auth}}}))

    def run(
        self,
        *argv: str | Path,
        stdin: str | None = None,
        check: bool = True,
        timeout: float = 180,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> Result:
        """Run a program to its end; fails the test, with all it said, unless its exit status is 0."""
        words = [str(word) for word in argv]
        done = subprocess.run(
            words,
            input=stdin,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            env=self.environment(env),
            cwd=cwd or self.root,
            check=False,
        )
        result = Result(tuple(words), done.returncode, done.stdout, done.stderr)
        assert not check or result.code == 0, str(result)
        return result

    def start(self, *argv: str | Path, log: str, env: Mapping[str, str] | None = None) -> "Daemon":
        """Start a program that stays; its words go to a file in the folder."""
        return Daemon([str(word) for word in argv], self.root / log, self.environment(env))


class Daemon:
    """A program that runs until it is told to stop."""

    def __init__(self, argv: Sequence[str], log: Path, env: Mapping[str, str]) -> None:
        self.log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                argv, stdout=output, stderr=output, stdin=subprocess.DEVNULL, env=dict(env), start_new_session=True
            )

    def stop(self, timeout: float = 20) -> int:
        """End it politely, then by force; returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def said(self) -> str:
        """What it has written so far."""
        return self.log.read_text(errors="replace")


def on_path(program: str, *folders: str) -> Callable[[], str | None]:
    """Look a program up on PATH and in the folders where Debian keeps what belongs to root."""
    search = os.pathsep.join([os.environ.get("PATH", ""), *folders, "/usr/sbin", "/sbin"])
    return lambda: shutil.which(program, path=search)


def asks(*words: str) -> Callable[[str], str]:
    """A version as the first line that a program prints for these arguments."""

    def version(path: str) -> str:
        done = subprocess.run([path, *words], capture_output=True, text=True, timeout=30, check=False)
        lines = (done.stdout or done.stderr).strip().splitlines()
        return lines[0].strip() if lines else "unknown"

    return version
