"""Long tests: a twentieth of their counts in `make test`, all of them in `make soak`, which can be cut into slices."""

import os
import time
from pathlib import Path

import pytest

FACTOR = float(os.environ.get("MOORAGE_SOAK") or 1)
"""How many times the counts of `make test` are run; `make soak` says 20."""

_LATER = "left for the next slice of the soak"
_EX_TEMPFAIL = 75


def times(count: int) -> int:
    """The count that a long test runs now, given what it runs in `make test`: `@settings(max_examples=times(50))`."""
    return max(1, round(count * FACTOR))


class SoakRecord:
    """Remembers in a file what passed; starts nothing new when the slice is over.

    Every process collects the same tests and skips what it must not run, so that a replaced worker fits in.
    """

    def __init__(self, path: Path, seconds: float) -> None:
        self._path = path
        self._end = time.monotonic() + seconds if seconds else None
        self._passed = set(path.read_text().splitlines()) if path.exists() else set()
        self._later = 0

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Keep only the tests that are long: hypothesis, the marks `soak` and `slow`, the fixture `soak`."""
        short = [item for item in items if not _is_long(item)]
        config.hook.pytest_deselected(items=short)
        items[:] = [item for item in items if _is_long(item)]

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Skip what passed before, and what would begin after the slice's end."""
        if item.nodeid in self._passed:
            pytest.skip("passed in an earlier slice of the soak")
        if self._end is not None and time.monotonic() > self._end:
            pytest.skip(_LATER)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Write down what passed, on the controlling process only, which sees the reports of all."""
        if "PYTEST_XDIST_WORKER" in os.environ:
            return
        if report.when == "call" and report.passed:
            with self._path.open("a") as file:
                file.write(f"{report.nodeid}\n")
        elif report.skipped and _LATER in str(report.longrepr):
            self._later += 1

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Say by the exit status that the soak goes on."""
        if self._later and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = _EX_TEMPFAIL


def _is_long(item: pytest.Item) -> bool:
    marked = any(item.get_closest_marker(name) for name in ("soak", "slow", "hypothesis"))
    return marked or "soak" in getattr(item, "fixturenames", ())
