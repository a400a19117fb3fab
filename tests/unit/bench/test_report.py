"""The printed table and the kept document."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from bench.goals import DEBIAN, NEWEST, OURS
from bench.measure import Series
from bench.report import Run, document, markdown, number, write
from bench.selection import UnknownItemError, everything, select

_FACTS: dict[str, Any] = {
    "cpu": "A Processor",
    "cores": 2,
    "kernel": "6.1",
    "python": "3.11.7",
    "taken_at": "2026-01-01T00:00:00+00:00",
    "rounds": 3,
    "slice_seconds": 0.8,
    "tags": 10_000,
    "repositories": 100,
    "load_before": 0.1,
}


def _run() -> Run:
    ours = {
        "rate": Series((30_000.0, 33_000.0)),
        "cpu": Series((20.0, 22.0)),
        "p50": Series((0.3, 0.5)),
        "p99": Series((1.0, 3.0)),
    }
    newest = {
        "rate": Series((5_000.0, 5_000.0)),
        "cpu": Series((200.0, 200.0)),
        "p50": Series((2.0, 2.0)),
        "p99": Series((math.nan,) * 2),
    }
    titles = {OURS: "moorage 0.1.0", NEWEST: "distribution v3"}
    return Run(select(["tag-16", "start"]), titles, {"tag-16": {OURS: ours, NEWEST: newest}}, _FACTS, ["A note."])


def test_the_table_gives_rate_cpu_latency_and_ratio() -> None:
    text = markdown(_run())
    row = next(line for line in text.splitlines() if line.startswith("| tag-16 | req/s"))
    assert row == "| tag-16 | req/s | 31500 (21 us; 0.4/2 ms) | 5000 (200 us) | 6.30x (CPU 0.10x) | 10% |"
    assert "A note." in text
    assert "| tag-16 | rate at least 5 times distribution's | 6.3 (6 to 6.6) | yes |" in text
    assert "20 times docker-registry's" not in text, "what was not measured is only counted"
    assert "This run did not measure" in text


def test_an_item_that_was_not_taken_is_not_in_the_tables() -> None:
    assert "### Start" not in markdown(_run())


def test_peers_alone_have_a_table_without_ratios_and_goals() -> None:
    run = Run(select(["tag-16"]), {DEBIAN: "docker-registry"}, {"tag-16": {DEBIAN: {"rate": Series((1.0,))}}}, _FACTS, [])
    text = markdown(run)
    assert "| tag-16 | req/s | 1 | - |" in text
    assert "Goals" not in text


def test_the_document_is_json_without_not_a_number(tmp_path: Path) -> None:
    path = tmp_path / "results" / "one.json"
    write(_run(), path)
    kept = json.loads(path.read_text())
    assert kept == json.loads(json.dumps(document(_run())))
    assert kept["items"]["tag-16"]["ratios"][NEWEST] == {"value": 6.3, "low": 6.0, "high": 6.6}
    assert kept["items"]["tag-16"]["servers"][NEWEST]["p99"] == {"median": None, "noise": 0.0, "rounds": [None, None]}
    assert kept["machine"]["cores"] == 2


@pytest.mark.parametrize(
    ("value", "shown"), [(math.nan, "-"), (0.0123, "0.0123"), (1.5, "1.5"), (99.96, "100"), (12_345.6, "12346")]
)
def test_numbers_have_three_digits(value: float, shown: str) -> None:
    assert number(value) == shown


def test_items_are_selected_by_pattern_in_their_usual_order() -> None:
    assert [item.name for item in select(["head-1", "tag-*"])] == ["tag-1", "tag-16", "tag-64", "head-1"]


def test_an_unknown_item_is_named() -> None:
    with pytest.raises(UnknownItemError, match="no-such-item"):
        select(["no-such-item"])


def test_no_two_items_have_the_same_name() -> None:
    names = [item.name for item in everything()]
    assert len(names) == len(set(names))
