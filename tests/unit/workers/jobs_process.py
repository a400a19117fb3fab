"""A program that runs jobs as the jobs process does: `jobs_process.py DATABASE WAKE_FD LEAVE_FD`; says what it does."""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from moorage.core import clock
from moorage.core.clock import SystemClock
from moorage.storage.database.database import Database
from moorage.workers.runner import Runner, Task


def say(payload: Mapping[str, Any]) -> None:
    print("job", payload.get("name"), flush=True)


def slow(payload: Mapping[str, Any]) -> None:
    print("begun", flush=True)
    time.sleep(float(payload["seconds"]))
    print("done", flush=True)


def run(path: Path, wake_fd: int, leave_fd: int) -> int:
    database = Database(path, SystemClock(), readers=1)
    tasks = {"task": Task(clock.HOUR, lambda _: print("task", flush=True))}
    try:
        return Runner(database, tasks, {"say": say, "slow": slow}).run(wake_fd, leave_fd)
    finally:
        database.close()


if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
