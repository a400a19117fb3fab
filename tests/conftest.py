"""The whole suite's rules: hypothesis counts, long tests, the summary of skips, and the list that CI compares it with."""

import os
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import hypothesis
import pytest

from tests.soak import FACTOR, SoakRecord, times

pytest_plugins = ["tests.clients.plugin"]

CI_SKIPS = Path(__file__).with_name("ci-skips.txt")

# `ci`, what `make test` runs too: the same examples every time, so that a failure belongs to the change it appears with.
# `soak`: new examples every time. No deadline in either: how long an example takes is the machine's affair.
hypothesis.settings.register_profile("ci", derandomize=True, max_examples=100, deadline=None)
hypothesis.settings.register_profile("soak", max_examples=times(100), deadline=None, print_blob=True)
hypothesis.settings.load_profile("soak" if FACTOR > 1 else "ci")


@pytest.fixture(scope="session")
def soak() -> float:
    """What a long test multiplies its counts by: 1 in `make test`, 20 in `make soak`."""
    return FACTOR


@dataclass(frozen=True, slots=True)
class Expected:
    """A line of ci-skips.txt: which tests CI may skip, and why; `*` stands for anything."""

    line: str
    test: re.Pattern[str]
    reason: re.Pattern[str]

    @classmethod
    def parse(cls, line: str) -> "Expected":
        """Read `test id -- reason`."""
        test, separator, reason = line.partition(" -- ")
        if not separator:
            raise pytest.UsageError(f"{CI_SKIPS.name}: expected `test id -- reason`, found: {line}")
        return cls(line, _wild(test.strip()), _wild(reason.strip()))

    def allows(self, test: str, reason: str) -> bool:
        """Whether this line speaks of that skip."""
        return bool(self.test.fullmatch(test) and self.reason.fullmatch(reason))


def _wild(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.DOTALL)


def expected_skips(lines: Iterable[str]) -> list[Expected]:
    """The lines of the list that say something."""
    return [Expected.parse(line.strip()) for line in lines if line.strip() and not line.startswith("#")]


@dataclass(slots=True, eq=False)
class SkipReport:
    """Gathers skips on the controlling process, where the reports of all workers arrive."""

    compare: bool
    """Whether a skip that the list does not name fails the run."""
    skipped: dict[str, str] = field(default_factory=dict)
    """Test id to reason."""
    unlisted: dict[str, str] = field(default_factory=dict)
    idle: list[str] = field(default_factory=list)
    """Lines of the list that spoke of no skip of this run."""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a skip; an expected failure is none."""
        if report.skipped and not hasattr(report, "wasxfail"):
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            self.skipped[report.nodeid] = reason.removeprefix("Skipped: ")

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Compare with the list, before the summary is written."""
        if not self.compare:
            return
        expected = expected_skips(CI_SKIPS.read_text().splitlines())
        used = {entry.line for entry in expected for skip in self.skipped.items() if entry.allows(*skip)}
        self.idle = [entry.line for entry in expected if entry.line not in used]
        self.unlisted = {
            test: reason for test, reason in self.skipped.items() if not any(entry.allows(test, reason) for entry in expected)
        }
        if self.unlisted and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Every reason once, with the tests that it kept from running."""
        by_reason: defaultdict[str, list[str]] = defaultdict(list)
        for test, reason in self.skipped.items():
            by_reason[reason].append(test)
        if by_reason:
            terminalreporter.section("skipped, and why")
        for reason, tests in sorted(by_reason.items()):
            terminalreporter.write_line(f"{len(tests):>4}  {reason}")
            for test in sorted(tests)[:5]:
                terminalreporter.write_line(f"        {test}")
            if len(tests) > 5:
                terminalreporter.write_line(f"        and {len(tests) - 5} more")
        if self.unlisted:
            terminalreporter.section(f"skips that {CI_SKIPS.name} does not list: this run fails", red=True)
        for test, reason in sorted(self.unlisted.items()):
            terminalreporter.write_line(f"{test} -- {reason}")
        for line in self.idle:
            terminalreporter.write_line(f"{CI_SKIPS.name}: nothing was skipped for: {line}")


def pytest_addoption(parser: pytest.Parser) -> None:
    """What `make soak` passes."""
    group = parser.getgroup("soak")
    group.addoption("--soak-record", type=Path, help="file that remembers which tests passed")
    group.addoption("--soak-slice", type=float, default=0, help="seconds after which no further test starts; 0: no limit")


def pytest_configure(config: pytest.Config) -> None:
    """Gather skips where the summary is written, and keep the soak's record."""
    compare = os.environ.get("CI") == "true" and not config.getoption("soak_record")
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(SkipReport(compare=compare), "moorage-skip-report")
    if record := config.getoption("soak_record"):
        config.pluginmanager.register(SoakRecord(record, config.getoption("soak_slice")), "moorage-soak-record")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave tests marked `soak` to `make soak`; they are deselected, not skipped, since nothing is missing here."""
    if FACTOR > 1:
        return
    left_out = [item for item in items if item.get_closest_marker("soak")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("soak")]
