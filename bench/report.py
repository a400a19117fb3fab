"""The tables that are printed and the JSON that is kept. Pure, except for `machine`, which looks at this machine."""

import json
import math
import os
import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.goals import OURS, Outcome, Results, check
from bench.items.item import Item
from bench.measure import Ratio, Series


@dataclass(frozen=True)
class Run:
    """A finished run: what was measured, on whom, and how."""

    items: Sequence[Item]
    titles: Mapping[str, str]
    """The servers' names and titles, in the order of the table."""
    results: Results
    facts: Mapping[str, Any]
    notes: Sequence[str]

    @property
    def peers(self) -> list[str]:
        return [name for name in self.titles if name != OURS]


def machine() -> dict[str, Any]:
    """The facts without which a figure means nothing."""
    cpu = next((line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "unknown")
    memory = next((int(line.split()[1]) * 1024 for line in _lines("/proc/meminfo") if line.startswith("MemTotal:")), 0)
    return {
        "taken_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": cpu,
        "cores": os.cpu_count(),
        "memory_bytes": memory,
        "kernel": platform.release(),
        "python": sys.version.split()[0],
        "load_before": os.getloadavg()[0],
    }


def markdown(run: Run) -> str:
    """The whole report: machine, notes, one table for each group of items, the goals."""
    facts = run.facts
    head = (
        f"{facts['cpu']}, {facts['cores']} cores shared by servers and clients, Linux {facts['kernel']}, "
        f"Python {facts['python']}, {facts['taken_at']}; load average before the run {facts['load_before']:.1f}; "
        f"rounds: {facts['rounds']}, slices of {facts['slice_seconds']:g} s, medians; "
        f"{facts['tags']} tags in {facts['repositories']} repositories."
    )
    groups = dict.fromkeys(item.group for item in run.items if item.name in run.results)
    parts = [head, *run.notes, *(_group(run, group) for group in groups)]
    if OURS in run.titles:
        parts.append(_goals(check(run.results)))
    return "\n\n".join(parts) + "\n"


def document(run: Run) -> dict[str, Any]:
    """Everything that was measured, for the file of results. Not-a-number is null."""
    items = {
        item.name: {
            "group": item.group,
            "headline": item.headline,
            "unit": item.unit,
            "better": item.better,
            "servers": {
                server: {figure: _series(series) for figure, series in figures.items()}
                for server, figures in run.results[item.name].items()
            },
            "ratios": {peer: _ratio(ratio) for peer in run.peers if (ratio := _against(run, item, peer, item.headline))},
        }
        for item in run.items
        if item.name in run.results
    }
    outcomes = check(run.results) if OURS in run.titles else []
    goals = [
        {
            "item": one.goal.item,
            "goal": one.goal.text,
            "measured": _ratio(one.measured) if one.measured else None,
            "held": one.held,
        }
        for one in outcomes
    ]
    return {"machine": dict(run.facts), "servers": dict(run.titles), "notes": list(run.notes), "items": items, "goals": goals}


def write(run: Run, path: Path) -> None:
    """Keep the run's document as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document(run), indent=1, allow_nan=False) + "\n")


def _group(run: Run, group: str) -> str:
    ours = OURS in run.titles
    columns = ["item", "unit", *run.titles.values(), *(f"to {run.titles[peer]}" for peer in run.peers if ours), "noise"]
    rows = [_row(run, item) for item in run.items if item.group == group and item.name in run.results]
    return f"### {group}\n\n" + _table(columns, rows)


def _row(run: Run, item: Item) -> list[str]:
    measured = run.results[item.name]
    cells = [_cell(item, measured.get(server, {})) for server in run.titles]
    ratios = [_ratio_cell(run, item, peer) for peer in run.peers] if OURS in run.titles else []
    headlines = [figures[item.headline] for figures in measured.values() if item.headline in figures]
    noise = max((series.noise for series in headlines if len(series.values) > 1), default=math.nan)
    return [item.name, item.unit, *cells, *ratios, "-" if math.isnan(noise) else f"{noise:.0%}"]


def _cell(item: Item, figures: Mapping[str, Series]) -> str:
    if item.headline not in figures:
        return "-"
    details = []
    if "cpu" in figures:
        unit = "us" if item.unit == "req/s" else "s/GB"
        details.append(f"{number(figures['cpu'].median)} {unit}")
    if item.headline != "p99" and "p99" in figures and not math.isnan(figures["p99"].median):
        details.append(f"{number(figures['p50'].median)}/{number(figures['p99'].median)} ms")
    if item.headline == "p99":
        details += [f"p50 {number(figures['p50'].median)} ms", f"{number(figures['rate'].median)} req/s"]
        details.append(f"pulled {number(figures['pulled'].median)} MB/s")
    main = number(figures[item.headline].median)
    return f"{main} ({'; '.join(details)})" if details else main


def _ratio_cell(run: Run, item: Item, peer: str) -> str:
    ratio = _against(run, item, peer, item.headline)
    if ratio is None:
        return "-"
    cpu = _against(run, item, peer, "cpu")
    return f"{ratio.value:.2f}x" + (f" (CPU {cpu.value:.2f}x)" if cpu else "")


def _against(run: Run, item: Item, peer: str, figure: str) -> Ratio | None:
    measured = run.results[item.name]
    ours, theirs = measured.get(OURS, {}).get(figure), measured.get(peer, {}).get(figure)
    ratio = ours.over(theirs) if ours and theirs else None
    return None if ratio is None or math.isnan(ratio.value) else ratio


def _goals(outcomes: Sequence[Outcome]) -> str:
    rows = []
    for one in outcomes:
        if one.measured:
            value = f"{number(one.measured.value)} ({number(one.measured.low)} to {number(one.measured.high)})"
            rows.append([one.goal.item, one.goal.text, value, "yes" if one.held else "**no**"])
    table = _table(["item", "goal", "measured (lowest to highest within one round)", "held"], rows)
    left = len(outcomes) - len(rows)
    return f"### Goals\n\n{table}" + (f"\n\nThis run did not measure {left} of {len(outcomes)} goals." if left else "")


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def number(value: float) -> str:
    """Three significant digits, thousands in full; a dash for what was not measured."""
    if math.isnan(value):
        return "-"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _series(series: Series) -> dict[str, Any]:
    return {
        "median": _known(series.median),
        "noise": round(series.noise, 4),
        "rounds": [_known(value) for value in series.values],
    }


def _ratio(ratio: Ratio) -> dict[str, float | None]:
    return {"value": _known(ratio.value), "low": _known(ratio.low), "high": _known(ratio.high)}


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(f"{value:.6g}")


def _lines(path: str) -> list[str]:
    file = Path(path)
    return file.read_text().splitlines() if file.is_file() else []
