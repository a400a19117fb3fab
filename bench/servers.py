"""The registries under test: how each is started, stopped and prepared. One live process tree per server."""

import secrets
import socket
import ssl
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPException
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from bench.places import built_program, clean_environment, pinned_version, system_program
from bench.wire import Target, UnexpectedAnswerError

_START_LIMIT = 20.0
_STOP_LIMIT = 35.0
_POLL = 0.005
_ANSWER_LIMIT = 2.0


class ServerError(Exception):
    """A registry did not start, or died."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """The one certificate that every server presents, and the context in which a client trusts it."""

    chain: Path
    key: Path
    trust: ssl.SSLContext


class Server(ABC):
    """One registry with its data under `home`. Started and stopped several times in a run, on a fresh port each time."""

    name: str
    title: str
    is_registry = True
    """Whether it holds images: answers `/v2/`."""
    keys: tuple[str, str] | None = None
    """The access key and secret with which it lets callers of the AWS API in; None where it has none."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.authorization: str | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._target = Target(0)

    @property
    def target(self) -> Target:
        """Where it listens now."""
        return self._target

    @property
    def pid(self) -> int:
        """The process at the root of its tree; raises ServerError when it is not running."""
        if self._process is None or self._process.poll() is not None:
            raise ServerError(f"{self.title} is not running\n{self.log_tail()}")
        return self._process.pid

    def start(self, certificate: Certificate | None = None, ready: str | None = None) -> float:
        """Start it and wait until `ready` (its own readiness address by default) answers 200.

        Returns the seconds from exec to that answer, looked for every 5 ms. Raises ServerError.
        """
        self.home.mkdir(parents=True, exist_ok=True)
        port = free_port()
        self._target = Target(port, self.authorization, certificate.trust if certificate else None)
        command = self._command(port, certificate)
        with (self.home / "log").open("ab") as log:
            began = time.perf_counter()
            self._process = subprocess.Popen(
                command,
                cwd=self.home,
                env=self._environment(port, certificate),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        while not self._answers(ready or self.ready):
            if self._process.poll() is not None or time.perf_counter() - began > _START_LIMIT:
                self.stop()
                raise ServerError(f"{self.title} did not start\n{self.log_tail()}")
            time.sleep(_POLL)
        return time.perf_counter() - began

    def stop(self) -> None:
        """Ask it to end, wait, and kill it when it does not; nothing happens when it is not running."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_STOP_LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def log_tail(self) -> str:
        """The last lines that it printed."""
        log = self.home / "log"
        lines = log.read_text(errors="replace").splitlines()[-8:] if log.is_file() else []
        return "\n".join(line[:300] for line in lines)

    def create_repositories(self, names: Sequence[str]) -> None:  # noqa: B027  (a registry that creates them on push needs nothing)
        """Make the repositories that are pushed to."""

    ready = "/v2/"

    @abstractmethod
    def _command(self, port: int, certificate: Certificate | None) -> list[str]: ...

    def _environment(self, port: int, certificate: Certificate | None) -> dict[str, str]:
        return dict(clean_environment(OTEL_TRACES_EXPORTER="none", OTEL_METRICS_EXPORTER="none"))

    def _answers(self, path: str) -> bool:
        try:
            with self._target.connect(_ANSWER_LIMIT) as wire:
                wire.ask("GET", path, 200)
        except (OSError, HTTPException, UnexpectedAnswerError):
            return False
        return True


class Moorage(Server):
    """This project, with authentication on, two workers and its default durability."""

    name = "moorage"
    ready = "/livez"

    def __init__(self, home: Path, workers: int) -> None:
        super().__init__(home)
        self.title = f"moorage {version('moorage')}"
        self._workers = workers
        self._access_key = "AKIA" + "".join(secrets.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") for _ in range(16))
        self._secret_key = secrets.token_hex(20)
        self.keys = (self._access_key, self._secret_key)

    def create_repositories(self, names: Sequence[str]) -> None:
        """Create them through the AWS API and fetch the token that all later requests carry."""
        client = self.client()
        for name in names:
            client.create_repository(repositoryName=name)
        token = client.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        self.authorization = f"Basic {token}"
        self._target = Target(self.target.port, self.authorization, self.target.tls)

    def client(self) -> Any:
        """A client of the AWS API."""
        return boto3.client(
            "ecr",
            endpoint_url=f"http://127.0.0.1:{self.target.port}",
            region_name="us-east-1",
            aws_access_key_id=self._access_key,
            aws_secret_access_key=self._secret_key,
            config=Config(proxies={}),  # a proxy of the environment does not stand between this machine and itself
        )

    def sign(self, operation: str, body: bytes) -> dict[str, str]:
        """The headers of a signed request for an operation of ECR's API."""
        headers = {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"AmazonEC2ContainerRegistry_V20150921.{operation}",
        }
        request = AWSRequest("POST", f"http://127.0.0.1:{self.target.port}/", headers=headers, data=body)
        SigV4Auth(Credentials(self._access_key, self._secret_key), "ecr", "us-east-1").add_auth(request)
        return {str(name): str(value) for name, value in request.headers.items()}

    @property
    def database(self) -> Path:
        """Its SQLite file."""
        return self.home / "data" / "moorage.db"

    def _command(self, port: int, certificate: Certificate | None) -> list[str]:
        return [sys.executable, "-m", "moorage", "serve"]

    def _environment(self, port: int, certificate: Certificate | None) -> dict[str, str]:
        settings = {
            "MOORAGE_DATA_DIR": str(self.home / "data"),
            "MOORAGE_HOST": "127.0.0.1",
            "MOORAGE_PORT": str(port),
            "MOORAGE_WORKERS": str(self._workers),
            "MOORAGE_ROOT_ACCESS_KEY_ID": self._access_key,
            "MOORAGE_ROOT_SECRET_ACCESS_KEY": self._secret_key,
        }
        if certificate:
            settings |= {"MOORAGE_TLS_CERT": str(certificate.chain), "MOORAGE_TLS_KEY": str(certificate.key)}
        return dict(clean_environment(**settings))


class Moto(Server):
    """moto's server, which imitates AWS for tests: no authentication, everything in memory, one process with threads."""

    name = "moto"
    ready = "/moto-api/"
    is_registry = False
    keys = ("AKIAIOSFODNN7EXAMPLE", "any secret will do")

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.title = f"moto {version('moto')}"

    def _command(self, port: int, certificate: Certificate | None) -> list[str]:
        return [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]


class Distribution(Server):
    """CNCF distribution, of either major version: no authentication, no access log, descriptors cached in memory."""

    def __init__(self, home: Path, name: str, title: str, program: Path) -> None:
        super().__init__(home)
        self.name = name
        self.title = title
        self._program = program

    def _command(self, port: int, certificate: Certificate | None) -> list[str]:
        config = self.home / "config.yml"
        config.write_text(_configuration(self.home / "data", port, certificate))
        return [str(self._program), "serve", str(config)]


def _configuration(data: Path, port: int, certificate: Certificate | None) -> str:
    tls = f"\n  tls: {{certificate: {certificate.chain}, key: {certificate.key}}}" if certificate else ""
    return f"""version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage:
  filesystem: {{rootdirectory: {data}}}
  delete: {{enabled: true}}
  cache: {{blobdescriptor: inmemory}}
http:
  addr: 127.0.0.1:{port}{tls}
"""


def available(wanted: Sequence[str], home: Path, workers: int) -> tuple[list[Server], list[str]]:
    """The wanted servers that can run here, in the order of the table, and a line about each that cannot."""
    made: list[Server] = []
    missing: list[str] = []
    if "moorage" in wanted:
        made.append(Moorage(home / "moorage", workers))
    if "moto" in wanted:
        if find_spec("moto") is None:
            missing.append("moto is left out: it is not installed")
        else:
            made.append(Moto(home / "moto"))
    for name, title, program, reason in _peers():
        if name not in wanted:
            continue
        if program is None:
            missing.append(f"{title} is left out: {reason}")
        else:
            made.append(Distribution(home / name, name, title, program))
    return made, missing


def _peers() -> list[tuple[str, str, Path | None, str]]:
    newest = built_program("registry")
    debian = system_program("docker-registry")
    return [
        (
            "distribution",
            f"distribution {pinned_version('registry')}",
            newest,
            "not built; scripts/build-go-programs builds it",
        ),
        ("docker-registry", f"docker-registry {_debian_version(debian)}", debian, "the Debian package is not installed"),
    ]


def _debian_version(program: Path | None) -> str:
    if program is None:
        return "(Debian)"
    said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10, check=False).stdout
    return said.split()[-1].removeprefix("v").split("+")[0] if said.split() else "(unknown version)"


def free_port() -> int:
    """A port of 127.0.0.1 that the kernel says is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
