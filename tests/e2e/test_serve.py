"""`moorage serve` as a person meets it: the first start, the message, the refusals, the end."""

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import sqlite3
import ssl
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import psutil
import pytest
import trustme

PATIENCE = 60.0
MOORAGE = (sys.executable, "-m", "moorage")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(directory: Path, settings: Mapping[str, str]) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    return {**kept, "HOME": str(directory), "LANG": "C.UTF-8", "MOORAGE_WORKERS": "2", **settings}


class Started:
    """A server with its standard output and error in files; the current directory is the test's own."""

    def __init__(self, directory: Path, settings: Mapping[str, str], prefix: Sequence[str] = ()) -> None:
        self.directory = directory
        self.data = directory / "moorage-data"
        self.output, self.log = directory / "stdout", directory / "stderr"
        with self.output.open("wb") as output, self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*prefix, *MOORAGE, "serve"],
                cwd=directory,
                env=environment(directory, settings),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=log,
                start_new_session=True,
            )

    def ready(self) -> str:
        """Wait for the message and return it."""
        deadline = time.monotonic() + PATIENCE
        while " info ready " not in self.log.read_text():
            assert self.process.poll() is None and time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)
        return self.output.read_text()

    def end(self) -> int:
        """SIGTERM; returns the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def refused(self, status: int = 1) -> str:
        """Wait for it to give up with this exit status; returns the complaint."""
        assert self.process.wait(PATIENCE) == status
        assert "Traceback" not in self.log.read_text()
        return self.log.read_text().splitlines()[-1]


Serve = Callable[..., Started]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    started: list[Started] = []

    def begin(prefix: Sequence[str] = (), **settings: str) -> Started:
        directory = tmp_path if not started else tmp_path / f"server-{len(started)}"
        directory.mkdir(exist_ok=True)
        started.append(Started(directory, settings, prefix))
        return started[-1]

    yield begin
    for each in started:
        if each.process.poll() is None:
            os.killpg(each.process.pid, signal.SIGKILL)
        each.process.wait()


def moorage(directory: Path, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*MOORAGE, *words],
        cwd=directory,
        env=environment(directory, settings),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def status(port: int, path: str = "/livez", context: ssl.SSLContext | None = None) -> int:
    if context:
        connection: http.client.HTTPConnection = http.client.HTTPSConnection("localhost", port, timeout=10, context=context)
    else:
        connection = http.client.HTTPConnection("localhost", port, timeout=10)
    with contextlib.closing(connection):
        connection.request("GET", path)
        return connection.getresponse().status


def make_certificate(directory: Path, settings: dict[str, str], host: str = "localhost") -> ssl.SSLContext:
    """Has the server serve TLS; returns the context of a client that trusts it."""
    authority = trustme.CA()
    issued = authority.issue_cert(host)
    cert, key = directory / "cert.pem", directory / "key.pem"
    cert.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(str(key))
    settings.update(MOORAGE_TLS_CERT=str(cert), MOORAGE_TLS_KEY=str(key))
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_first_start_makes_everything_and_says_what_to_paste(serve: Serve) -> None:
    port = free_port()
    server = serve(MOORAGE_PORT=str(port))
    message = server.ready()
    assert status(port) == 200, "the message comes only when connections are answered"
    assert f"Moorage is ready at http://localhost:{port}, its data in moorage-data." in message
    assert f'eval "$({sys.executable} -m moorage env)"' in message
    assert f"aws ecr create-repository --repository-name hello --endpoint-url http://localhost:{port}" in message
    assert f"docker login --username AWS --password-stdin localhost:{port}" in message
    assert "root-credentials.json" in message
    secret = json.loads((server.data / "root-credentials.json").read_bytes())["secret_access_key"]
    assert secret not in message + server.log.read_text()
    assert mode(server.data) == 0o700
    assert {mode(server.data / name) for name in ("secret.key", "root-credentials.json", "lock")} == {0o600}
    assert server.end() == 0


def test_a_second_start_keeps_the_key_and_says_nothing_of_it(serve: Serve) -> None:
    port = free_port()
    first = serve(MOORAGE_PORT=str(port))
    first.ready()
    key = (first.data / "root-credentials.json").read_bytes()
    assert first.end() == 0
    second = serve(MOORAGE_PORT=str(port), MOORAGE_DATA_DIR=str(first.data))
    assert "root-credentials.json" not in second.ready()
    assert (first.data / "root-credentials.json").read_bytes() == key


def test_env_finds_the_running_server_and_login_signs_a_client_in(serve: Serve, tmp_path: Path) -> None:
    port = free_port()
    server = serve(MOORAGE_PORT=str(port))
    server.ready()
    shown = moorage(server.directory, "env")
    assert shown.returncode == 0
    assert f"export AWS_ENDPOINT_URL=http://localhost:{port}\n" in shown.stdout
    tools = tmp_path / "tools"
    tools.mkdir()
    client = tools / "podman"
    client.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/arguments\n/bin/cat > {tmp_path}/password\n')
    client.chmod(0o755)
    signed = moorage(server.directory, "login", "--client", "podman", PATH=str(tools))
    assert signed.returncode == 0, signed.stderr
    arguments = (tmp_path / "arguments").read_text()
    assert arguments == f"login --username AWS --password-stdin --tls-verify=false localhost:{port}\n"
    assert len((tmp_path / "password").read_text()) > 20


def test_a_configured_port_that_is_taken_is_named(serve: Serve) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        complaint = serve(MOORAGE_PORT=str(port)).refused()
    assert complaint.startswith(f"moorage: port {port} is taken. ")
    assert "--port" in complaint


def test_without_a_configured_port_the_next_free_pair_is_used_said_and_kept(serve: Serve) -> None:
    with contextlib.ExitStack() as stack:
        # Somebody else may have it already, which is as good.
        with contextlib.suppress(OSError):
            stack.enter_context(socket.create_server(("127.0.0.1", 5000)))
        server = serve()
        message = server.ready()
        port = json.loads((server.data / "listen.json").read_bytes())["port"]
        assert port >= 5002 and port % 2 == 0
        assert f"Note: port 5000 is taken, using {port} from now on." in message
        assert status(port) == 200
        assert server.end() == 0
    assert f"http://localhost:{port}" in moorage(server.directory, "env").stdout


def test_a_second_server_on_the_same_data_is_refused_and_told_of_the_first(serve: Serve) -> None:
    port = free_port()
    first = serve(MOORAGE_PORT=str(port))
    first.ready()
    complaint = serve(MOORAGE_PORT=str(free_port()), MOORAGE_DATA_DIR=str(first.data)).refused()
    assert f"Another server (process {first.process.pid}, http://localhost:{port}) holds the data directory" in complaint
    assert status(port) == 200


def test_a_lost_key_is_said_and_not_replaced(serve: Serve) -> None:
    first = serve(MOORAGE_PORT="0")
    first.ready()
    assert first.end() == 0
    key = first.data / "secret.key"
    kept = key.read_bytes()
    key.unlink()
    complaint = serve(MOORAGE_PORT="0", MOORAGE_DATA_DIR=str(first.data)).refused()
    assert complaint.startswith(f"moorage: The secret key file {key} is missing")
    assert not key.exists()
    key.write_bytes(kept)
    key.chmod(0o600)
    again = serve(MOORAGE_PORT="0", MOORAGE_DATA_DIR=str(first.data))
    again.ready()
    assert again.end() == 0


def test_another_key_than_the_databases_is_said(serve: Serve) -> None:
    first = serve(MOORAGE_PORT="0")
    first.ready()
    assert first.end() == 0
    (first.data / "secret.key").write_bytes(bytes(32))
    complaint = serve(MOORAGE_PORT="0", MOORAGE_DATA_DIR=str(first.data)).refused()
    assert complaint.endswith(
        "secret.key is not the one that the database in " + f"{first.data} was written with: restore that key from a backup."
    )


def test_a_newer_database_is_said(serve: Serve) -> None:
    first = serve(MOORAGE_PORT="0")
    first.ready()
    assert first.end() == 0
    with contextlib.closing(sqlite3.connect(first.data / "moorage.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    complaint = serve(MOORAGE_PORT="0", MOORAGE_DATA_DIR=str(first.data)).refused()
    assert complaint.startswith("moorage: The database has schema 9999, which this release does not know")


@pytest.mark.parametrize("tls", [False, True])
def test_silent_connections_exhaust_nothing(serve: Serve, tmp_path: Path, tls: bool) -> None:
    port = free_port()
    settings = {"MOORAGE_PORT": str(port), "MOORAGE_WORKERS": "1"}
    context = make_certificate(tmp_path, settings) if tls else None
    server = serve(("sh", "-c", 'ulimit -Sn 160 && ulimit -Hn 320 && exec "$@"', "sh"), **settings)
    server.ready()
    with contextlib.ExitStack() as stack:
        for _ in range(500):
            stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        for _ in range(20):
            assert status(port, "/healthz", context) == 200
        for child in psutil.Process(server.process.pid).children():
            assert child.num_fds() < 200
    assert server.end() == 0
    assert [line for line in server.log.read_text().splitlines() if " error " in line] == []


def test_a_bad_setting_is_one_sentence_and_2(tmp_path: Path) -> None:
    found = moorage(tmp_path, "serve", MOORAGE_RETENTION="a week")
    assert found.returncode == 2
    assert re.fullmatch(
        r"moorage: MOORAGE_RETENTION \(from the variable MOORAGE_RETENTION\) must be a duration.*\n", found.stderr
    )
    assert list(tmp_path.iterdir()) == [], "nothing is made before the settings are known to be good"


def test_a_worker_killed_with_9_is_replaced(serve: Serve) -> None:
    port = free_port()
    server = serve(MOORAGE_PORT=str(port))
    server.ready()
    children = psutil.Process(server.process.pid).children()
    assert len(children) == 3, "two web workers and the jobs process"
    for child in children:
        child.kill()
    deadline = time.monotonic() + PATIENCE
    while len(psutil.Process(server.process.pid).children()) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert status(port) == 200
    assert server.end() == 0


def test_everything_ends_when_the_supervisor_is_killed_with_9_and_the_next_start_takes_over(serve: Serve) -> None:
    port = free_port()
    server = serve(MOORAGE_PORT=str(port))
    server.ready()
    children = psutil.Process(server.process.pid).children()
    server.process.kill()
    server.process.wait()
    again = serve(MOORAGE_PORT=str(port), MOORAGE_DATA_DIR=str(server.data))
    again.ready()
    _, alive = psutil.wait_procs(children, timeout=PATIENCE)
    assert alive == []
    assert again.end() == 0


def test_the_terminals_interrupt_ends_it_with_0(serve: Serve) -> None:
    server = serve(MOORAGE_PORT="0")
    server.ready()
    os.killpg(server.process.pid, signal.SIGINT)
    assert server.process.wait(PATIENCE) == 0
    assert "Traceback" not in server.log.read_text()


def test_tls_is_served_and_named_in_every_address(serve: Serve, tmp_path: Path) -> None:
    port = free_port()
    settings = {"MOORAGE_PORT": str(port)}
    context = make_certificate(tmp_path, settings)
    server = serve(**settings)
    assert f"ready at https://localhost:{port}" in server.ready()
    assert status(port, context=context) == 200
    assert server.end() == 0


@pytest.mark.parametrize("connection", ["fast", "plain"])
def test_each_host_gets_its_own_certificate(serve: Serve, tmp_path: Path, connection: str) -> None:
    port, settings = free_port(), {"MOORAGE_CONNECTION": connection}
    more: dict[str, str] = {}
    default = make_certificate(tmp_path, settings)
    (other := tmp_path / "other").mkdir()
    trusts_other = make_certificate(other, more, "registry.test")
    for name, value in more.items():
        settings[name] += f",{value}"
    serve(MOORAGE_PORT=str(port), **settings).ready()
    assert status(port, context=default) == 200
    for host, context in (("localhost", default), ("registry.test", trusts_other)):
        with socket.create_connection(("127.0.0.1", port)) as plain, context.wrap_socket(plain, server_hostname=host) as wire:
            wire.sendall(f"GET /livez HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            assert wire.recv(100).startswith(b"HTTP/1.1 200")


def test_certificates_that_cannot_be_used_are_said_before_anything_is_made(serve: Serve, tmp_path: Path) -> None:
    good: dict[str, str] = {}
    make_certificate(tmp_path, good)
    (tmp_path / "empty.pem").write_text("no certificate")
    for cert, key, said in (
        (tmp_path / "empty.pem", good["MOORAGE_TLS_KEY"], "holds no certificate in PEM."),
        (good["MOORAGE_TLS_CERT"], tmp_path / "none.pem", "none.pem does not exist."),
        (f"{tmp_path}/cert.pem,{tmp_path}/cert.pem", good["MOORAGE_TLS_KEY"], "as many certificates as keys, not 2 and 1."),
    ):
        server = serve(MOORAGE_PORT="0", MOORAGE_TLS_CERT=str(cert), MOORAGE_TLS_KEY=str(key))
        complaint = server.refused(2)
        assert complaint.startswith("moorage: ")
        assert complaint.endswith(said)
        assert not server.data.exists()
