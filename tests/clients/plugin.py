"""pytest plugin: `requires_client` skips with a reason what cannot run here, and the summary says what ran per client."""

from collections import Counter, defaultdict

import pytest

from tests.clients import (
    aws_cli,
    containerd,
    containers_tools,
    distribution,
    docker,
    go_programs,
    python_libraries,
    runtimes,
    terraform,
)
from tests.clients.tool import Tool

_FAMILIES = (containers_tools, containerd, docker, go_programs, aws_cli, python_libraries, distribution, runtimes, terraform)
CLIENTS: dict[str, Tool] = {tool.name: tool for family in _FAMILIES for tool in family.TOOLS}
"""Every client that a test may name."""

_PROPERTY = "client"


class ClientReport:
    """Counts outcomes per client on the controlling process, where the reports of all workers arrive."""

    def __init__(self) -> None:
        self._outcomes: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count one test: its call, or what kept it from being called."""
        if report.when == "call" or (report.when == "setup" and not report.passed):
            for kind, name in report.user_properties:
                if kind == _PROPERTY:
                    self._outcomes[str(name)][report.outcome] += 1

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """One line per client: version, ran, failed, skipped."""
        if not self._outcomes:
            return
        terminalreporter.section("real clients")
        for name, outcomes in sorted(self._outcomes.items()):
            tool = CLIENTS[name]
            path = tool.find()
            version = tool.version(path) if path else "missing"
            ran = outcomes["passed"] + outcomes["failed"]
            line = f"{name:<16} ran {ran:>4}  failed {outcomes['failed']:>3}  skipped {outcomes['skipped']:>3}  {version}"
            terminalreporter.write_line(line)


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker, and count where the summary is written."""
    config.addinivalue_line("markers", "requires_client(*names): skips, with the reason, where a client program is missing")
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(ClientReport(), "moorage-client-report")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Note which clients a test drives; skip it where one is missing."""
    names = [name for marker in item.iter_markers("requires_client") for name in marker.args]
    item.user_properties.extend((_PROPERTY, name) for name in names)
    absent = [reason for name in names if (reason := CLIENTS[name].absence())]
    if absent:
        pytest.skip("; ".join(absent))
