"""The official OCI distribution conformance program. Its exit status lies; only its result files count."""

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from tests.clients.go_programs import CONFORMANCE
from tests.clients.tool import Sandbox


@dataclass(frozen=True, slots=True)
class Report:
    """What the program counted: its checks, group nodes among them."""

    total: int
    failed: int
    skipped: int
    disabled: int
    faults: tuple[str, ...]
    """The cases that did not pass, with what the program said."""


def run_conformance(
    box: Sandbox, host: str, username: str, password: str, version: str, repositories: tuple[str, str]
) -> Report:
    """Run the whole suite at its defaults; `version` is 1.1 or dev."""
    results = box.root / f"results-{version}"
    settings = {
        "OCI_REGISTRY": host,
        "OCI_TLS": "disabled",
        "OCI_USERNAME": username,
        "OCI_PASSWORD": password,
        "OCI_VERSION": version,
        "OCI_REPO1": repositories[0],
        "OCI_REPO2": repositories[1],
        "OCI_RESULTS_DIR": str(results),
        "OCI_LOG": "error",
    }
    answer = box.run(CONFORMANCE.path(), env=settings, check=False, timeout=300)
    assert (results / "junit.xml").exists(), str(answer)
    return read_report(results / "junit.xml")


def read_report(path: Path) -> Report:
    """Read the program's junit.xml."""
    root = ElementTree.parse(path).getroot()
    suite = root if root.tag == "testsuite" else root.find("testsuite")
    assert suite is not None, path.read_text()[:2000]
    faults = [
        f"{case.get('name')} [{case.get('status')}]: {' '.join((case.findtext('system-out') or '').split())[:400]}"
        for case in suite.iter("testcase")
        if case.get("status") != "passed"
    ]
    total, failed, errors, skipped, disabled = (
        int(suite.get(name) or 0) for name in ("tests", "failures", "errors", "skipped", "disabled")
    )
    return Report(total, failed + errors, skipped, disabled, tuple(faults))
