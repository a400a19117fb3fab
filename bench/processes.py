"""What the server's processes use, read from /proc: CPU seconds and proportional memory of the whole process tree."""

import os
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

_TICK = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")


def tree(root: int) -> list[int]:
    """The process and its descendants that live now."""
    parents: dict[int, list[int]] = {}
    for entry in _PROC.iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [root]
    for pid in found:
        found.extend(parents.get(pid, []))
    return found


def cpu_seconds(root: int) -> float:
    """User and system time of the tree so far, in seconds, in steps of the kernel's tick (10 ms on Linux).

    A parent's record of reaped children is included, so a worker that ended is not lost.
    """
    return sum(sum(map(int, fields[11:15])) for pid in tree(root) if (fields := _stat(pid))) / _TICK


def proportional_bytes(root: int) -> int:
    """The sum over the tree of PSS: pages shared by n processes count one n-th in each."""
    return sum(_pss(pid) for pid in tree(root))


class MemoryPeak:
    """Samples the tree's PSS while the block runs; `bytes` is the largest sum seen."""

    def __init__(self, root: int, every: float = 0.05) -> None:
        self.bytes = 0
        self._root = root
        self._every = every
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._done.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._done.wait(self._every):
            self.bytes = max(self.bytes, proportional_bytes(self._root))


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the third (state) on; None when the process is gone."""
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    return text[text.rindex(")") + 2 :].split()


def _pss(pid: int) -> int:
    try:
        text = (_PROC / str(pid) / "smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Pss:")), 0)
