"""A web worker under the supervisor, over real connections."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

PROGRAM = Path(__file__).with_name("served.py")
PATIENCE = 20.0


class Served:
    """The program and its port."""

    def __init__(self, directory: Path, connection: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", str(PROGRAM), str(directory), str(self.port), connection],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
            start_new_session=True,
        )
        deadline = time.monotonic() + PATIENCE
        while not (directory / "ready").exists():
            assert self.process.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)

    def ask(self, path: str = "/") -> http.client.HTTPConnection:
        """A connection on which the request was sent."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        connection.request("GET", path)
        return connection

    def answering(self) -> int:
        """The process id of a worker that answers."""
        connection = self.ask()
        pid = int(connection.getresponse().read())
        connection.close()
        return pid


@pytest.fixture(params=["fast", "plain"])
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Served]:
    served = Served(tmp_path, request.param)
    yield served
    if served.process.poll() is None:
        os.killpg(served.process.pid, signal.SIGKILL)
    served.process.wait()


def test_requests_in_flight_are_finished_and_idle_connections_closed(served: Served) -> None:
    idle = served.ask()
    idle.getresponse().read()
    slow = served.ask("/slow")
    time.sleep(0.3)
    served.process.terminate()
    assert slow.getresponse().read().isdigit()
    began = time.monotonic()
    assert served.process.wait(PATIENCE) == 0
    assert time.monotonic() - began < 3, "nobody waits for an idle connection"
    with pytest.raises(ConnectionRefusedError):
        served.ask()
    slow.close()
    idle.close()


def test_the_terminals_interrupt_is_one_orderly_end(served: Served) -> None:
    slow = served.ask("/slow")
    time.sleep(0.3)
    os.killpg(served.process.pid, signal.SIGINT)
    assert slow.getresponse().read().isdigit()
    assert served.process.wait(PATIENCE) == 0
    slow.close()


def test_a_dead_worker_is_replaced_while_the_other_serves(served: Served) -> None:
    victim = served.answering()
    os.kill(victim, signal.SIGKILL)
    assert {served.answering() for _ in range(20)} - {victim}
    assert served.process.poll() is None


def test_workers_finish_and_end_when_the_supervisor_is_killed_with_9(served: Served) -> None:
    children = psutil.Process(served.process.pid).children()
    slow = served.ask("/slow")
    time.sleep(0.3)
    served.process.kill()
    assert slow.getresponse().read().isdigit()
    slow.close()
    _, alive = psutil.wait_procs(children, timeout=PATIENCE)
    assert alive == []
