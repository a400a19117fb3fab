"""`python -m bench`: Moorage beside CNCF distribution, in one run on the same disk. See bench/README.md."""

import argparse
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

from bench import report
from bench.content import Content, Scale
from bench.goals import DEBIAN, MOTO, NEWEST, OURS
from bench.items.item import Item, Stage
from bench.load import LoadError, build
from bench.places import RESULTS, cache, system_program
from bench.push import BlobSource
from bench.run import say, take
from bench.selection import QUICK, UnknownItemError, everything, select
from bench.servers import ServerError, available
from bench.wire import UnexpectedAnswerError

_ROOM = 24 << 30
_PUSH_SIZE = 64 << 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 0 when it was taken (whether or not the goals hold), 1 when it could not be, 2 for wrong usage."""
    options = _options(arguments)
    try:
        chosen = select(options.items.split(",")) if options.items else select(QUICK) if options.quick else everything()
    except UnknownItemError as error:
        say(str(error))
        return 2
    base = Path(options.directory) if options.directory else cache()
    base.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(base).free < _ROOM:
        say(f"{base} has less than 24 GB free; name another directory with --directory")
        return 1
    signal.signal(signal.SIGTERM, _ended)
    began = time.monotonic()
    home = Path(tempfile.mkdtemp(prefix="run-", dir=base))
    try:
        return _measure(options, chosen, home)
    except (ServerError, LoadError, UnexpectedAnswerError) as error:
        say(f"the benchmark could not be taken: {error}")
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        _remove(home)
        say(f"took {time.monotonic() - began:.0f} s")


def _remove(home: Path) -> None:
    """Remove a run's data: some hundred thousand small files, at which one rm for each server is much faster than Python."""
    say("removing the data of the run")
    for running in [subprocess.Popen(["rm", "-rf", "--", path]) for path in home.iterdir()]:
        running.wait()
    home.rmdir()


def _measure(options: argparse.Namespace, chosen: Sequence[Item], home: Path) -> int:
    servers, notes = available(options.servers.split(","), home, options.workers)
    if not servers:
        say("none of the servers can run here")
        return 1
    wrk = system_program("wrk")
    items = [item for item in chosen if wrk or item.phase != "tls" or "push" in item.name]
    if len(items) < len(chosen):
        notes.append("The pulls over TLS are left out: wrk is not installed.")
    notes.append(
        "Moorage: authentication on, fsync on. Registries beside it: no authentication, no access log, blob descriptors cached "
        "in memory. moto: no authentication, nothing on the disk."
    )
    rounds = options.rounds or (1 if options.quick else 3)
    scale = Scale(options.repositories or (20 if options.quick else 100))
    facts = report.machine() | {
        "complete": _is_whole(options),
        "rounds": rounds,
        "slice_seconds": options.slice,
        "workers": options.workers,
        "client_copies": options.copies,
        "tags": scale.tags,
        "repositories": scale.repositories,
    }
    for note in notes:
        say(note)
    stage = Stage(Content.make(scale), BlobSource(_PUSH_SIZE), build(), wrk, home, options.slice, options.copies)
    results = take(stage, servers, items, rounds)
    _finish(options, report.Run(items, {server.name: server.title for server in servers}, results, facts, notes))
    return 0


def _finish(options: argparse.Namespace, run: report.Run) -> None:
    whole = _is_whole(options)
    today = datetime.now(UTC).date().isoformat()
    path = RESULTS / (f"{today}.json" if whole else f"{today}.tmp.json")
    report.write(run, path)
    sys.stdout.write(report.markdown(run))
    say(f"written to {path}")


def _is_whole(options: argparse.Namespace) -> bool:
    partial = options.quick or options.items or options.copies or options.repositories or (options.rounds or 3) < 3
    return not partial and options.servers == _ALL


_ALL = f"{OURS},{NEWEST},{DEBIAN},{MOTO}"


def _options(arguments: Sequence[str] | None) -> Any:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small selection, one round, fewer tags; less than a minute")
    parser.add_argument("--items", help="the items to take, by name or pattern, separated by commas: tag-*,push-monolithic-8")
    parser.add_argument("--servers", default=_ALL, help="the servers to take, separated by commas (default: %(default)s)")
    parser.add_argument("--rounds", type=int, choices=range(1, 21), metavar="1-20", help="rounds of each item (default 3)")
    parser.add_argument("--slice", type=float, default=0.8, help="seconds of one slice of load (default %(default)s)")
    parser.add_argument("--workers", type=int, default=2, help="Moorage's worker processes (default %(default)s)")
    parser.add_argument(
        "--repositories", type=int, choices=range(1, 1001), metavar="1-1000", help="how many, of 100 tags each (default 100)"
    )
    parser.add_argument(
        "--copies", action="store_true", help="the client copies bodies out instead of letting the kernel drop them"
    )
    parser.add_argument("--directory", help="where the servers keep their data during the run (default: in the cache)")
    return parser.parse_args(arguments)


def _ended(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001  (the signal's own signature)
    raise KeyboardInterrupt


if __name__ == "__main__":
    raise SystemExit(main())
