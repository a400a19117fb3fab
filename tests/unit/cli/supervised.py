"""A program that runs the supervisor with stand-in children: `supervised.py DIRECTORY MODE [WORKERS]`.

Each child leaves a file named after what it is and its process id; `ready` appears when the supervisor says so.
"""

import os
import select
import signal
import sys
import time
from pathlib import Path

from moorage.cli import logs
from moorage.cli.supervisor import Lines, Main, Plan, Supervisor


def child(directory: Path, kind: str, mode: str) -> Main:
    """A child that lives until SIGTERM or the supervisor's end, except as `mode` says."""

    def main(lines: Lines) -> int:
        told: list[int] = []
        signal.signal(signal.SIGTERM, lambda number, _: told.append(number))
        (directory / f"{kind}-{os.getpid()}").touch()
        if mode == "failing" and kind == "web":
            return 3
        if mode == "raising" and kind == "web":
            raise RuntimeError("cannot start\nat all")
        lines.ready()
        if kind == "web":
            os.write(lines.wake_fd, b"\0")
        while not told or mode == "stubborn":
            watched = [lines.leave_fd, lines.wake_fd] if kind == "jobs" else [lines.leave_fd]
            readable, _, _ = select.select(watched, [], [], 0.05)
            if lines.leave_fd in readable:
                return 0
            if readable and os.read(lines.wake_fd, 100):
                (directory / "woken").touch()
        if mode == "slow":
            time.sleep(0.7)
            (directory / f"drained-{os.getpid()}").touch()
        return 0

    return main


def run(directory: Path, mode: str, workers: int, shutdown_timeout: int) -> int:
    """Supervise; returns the exit status."""
    logs.configure("debug")
    plan = Plan(
        web_main=child(directory, "web", mode),
        jobs_main=child(directory, "jobs", mode),
        workers=workers,
        shutdown_timeout=shutdown_timeout,
        on_ready=(directory / "ready").touch,
    )
    return Supervisor(plan).run()


if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
