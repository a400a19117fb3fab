"""The official OCI distribution conformance program, at its defaults."""

import pytest

from tests.clients.conformance import run_conformance
from tests.clients.tool import Sandbox
from tests.e2e.registry import Registry

pytestmark = [pytest.mark.ours, pytest.mark.requires_client("conformance")]


@pytest.mark.parametrize(("version", "least", "disabled"), [("1.1", 858, 2), ("dev", 982, 0)])
def test_every_case_of_the_official_suite_passes(
    registry: Registry, box: Sandbox, version: str, least: int, disabled: int
) -> None:
    repositories = (registry.new("conformance"), registry.new("conformance"))
    report = run_conformance(box, registry.host, registry.username, registry.password, version, repositories)
    assert (report.failed, report.skipped, report.disabled) == (0, 0, disabled), "\n".join(report.faults)
    assert report.total >= least
