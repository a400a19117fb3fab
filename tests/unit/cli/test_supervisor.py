"""The supervisor, run as a program of its own with stand-in children."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

PROGRAM = Path(__file__).with_name("supervised.py")
PATIENCE = 20.0


def eventually(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"never came true: {what}"
        time.sleep(0.02)


class Running:
    """A supervisor and the directory in which its children leave their marks."""

    def __init__(self, directory: Path, mode: str, workers: int, shutdown_timeout: int) -> None:
        self.directory = directory
        self.log = directory / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-W", "error", str(PROGRAM), str(directory), mode, str(workers), str(shutdown_timeout)],
                stderr=log,
                start_new_session=True,
            )

    def pids(self, kind: str) -> set[int]:
        """Every process of this kind that ever started."""
        return {int(path.name.rpartition("-")[2]) for path in self.directory.glob(f"{kind}-*")}

    def ready(self) -> None:
        eventually((self.directory / "ready").exists, "ready")

    def end(self) -> int:
        return self.process.wait(PATIENCE)

    def text(self) -> str:
        return self.log.read_text()


Start = Callable[..., Running]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Running] = []

    def begin(mode: str = "steady", workers: int = 2, shutdown_timeout: int = 5000) -> Running:
        started.append(Running(tmp_path, mode, workers, shutdown_timeout))
        return started[-1]

    yield begin
    for running in started:
        # Its session is its process group, so this reaches its children and nobody else.
        if running.process.poll() is None or any(psutil.pid_exists(pid) for pid in running.pids("*")):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(running.process.pid, signal.SIGKILL)
        running.process.wait()


def test_it_is_ready_when_every_web_worker_has_said_so(start: Start) -> None:
    running = start(workers=3)
    running.ready()
    assert len(running.pids("web")) == 3
    eventually(lambda: len(running.pids("jobs")) == 1, "the jobs process runs")


def test_a_worker_wakes_the_jobs_process(start: Start) -> None:
    running = start()
    eventually((running.directory / "woken").exists, "woken")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_drains_every_child_and_the_status_is_0(start: Start, number: signal.Signals) -> None:
    running = start("slow")
    running.ready()
    eventually(lambda: running.pids("jobs"), "the jobs process runs")
    running.process.send_signal(number)
    assert running.end() == 0
    assert running.pids("drained") == running.pids("web") | running.pids("jobs")


def test_a_signal_to_the_whole_group_is_one_wish(start: Start) -> None:
    running = start("slow")
    running.ready()
    eventually(lambda: running.pids("jobs"), "the jobs process runs")
    os.killpg(running.process.pid, signal.SIGTERM)
    running.process.send_signal(signal.SIGTERM)
    assert running.end() == 0
    assert running.pids("drained") == running.pids("web") | running.pids("jobs")


def test_a_signal_during_the_start_ends_it_with_0(start: Start) -> None:
    running = start()
    eventually(lambda: running.pids("web"), "a worker runs")
    running.process.send_signal(signal.SIGTERM)
    assert running.end() == 0


def test_a_worker_killed_with_9_is_replaced_and_takes_no_other_along(start: Start) -> None:
    running = start()
    running.ready()
    eventually(lambda: running.pids("jobs"), "the jobs process runs")
    before = running.pids("web")
    victim = min(before)
    os.kill(victim, signal.SIGKILL)
    eventually(lambda: len(running.pids("web")) == 3, "another worker starts")
    assert running.process.poll() is None
    assert all(psutil.pid_exists(pid) for pid in (running.pids("web") | running.pids("jobs")) - {victim})
    assert f"warning process ended, starting another child=web-0 pid={victim} status=-9" in running.text()


def test_the_jobs_process_is_replaced_too(start: Start) -> None:
    running = start(workers=1)
    eventually(lambda: running.pids("jobs"), "the jobs process runs")
    os.kill(min(running.pids("jobs")), signal.SIGKILL)
    eventually(lambda: len(running.pids("jobs")) == 2, "another jobs process starts")


@pytest.mark.parametrize("mode", ["failing", "raising"])
def test_five_deaths_right_after_the_start_end_everything_with_1(start: Start, mode: str) -> None:
    running = start(mode, workers=1)
    assert running.end() == 1
    assert len(running.pids("web")) == 5
    assert "critical giving up: a process ends right after every start child=web-0" in running.text()
    assert not (running.directory / "ready").exists()


def test_an_exception_in_a_child_is_one_line_in_the_log(start: Start) -> None:
    running = start("raising", workers=1)
    assert running.end() == 1
    lines = [line for line in running.text().splitlines() if "process failed" in line]
    assert len(lines) == 5
    assert 'error="RuntimeError: cannot start\\nat all"' in lines[0]


def test_children_end_when_the_supervisor_is_killed_with_9(start: Start) -> None:
    running = start()
    running.ready()
    eventually(lambda: running.pids("jobs"), "the jobs process runs")
    children = [psutil.Process(pid) for pid in running.pids("web") | running.pids("jobs")]
    running.process.kill()
    running.process.wait()
    gone, alive = psutil.wait_procs(children, timeout=PATIENCE)
    assert (len(gone), alive) == (3, [])


def test_a_second_signal_kills_what_does_not_end(start: Start) -> None:
    running = start("stubborn", shutdown_timeout=60_000)
    running.ready()
    running.process.terminate()
    time.sleep(1.2)
    running.process.terminate()
    assert running.end() == 1
    assert 'killing what is left reason="told twice"' in running.text()


def test_what_outlives_the_time_out_is_killed(start: Start) -> None:
    running = start("stubborn", shutdown_timeout=0)
    running.ready()
    began = time.monotonic()
    running.process.terminate()
    assert running.end() == 1
    assert 5.0 <= time.monotonic() - began < 15.0
    assert 'killing what is left reason="time is up"' in running.text()


def test_the_children_stay_in_the_supervisors_process_group(start: Start) -> None:
    running = start()
    running.ready()
    assert {os.getpgid(pid) for pid in running.pids("web")} == {running.process.pid}
