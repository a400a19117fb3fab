"""The audit file after kill -9 of whoever writes it: every record is there, once, in order."""

import gzip
import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from moorage.app import prepare
from moorage.audit.file import AuditFile
from moorage.audit.keeping import Export
from moorage.audit.record import accounts_of, event_id
from moorage.config import load
from moorage.core import clock
from moorage.core.call import Call, Principal, Registry
from moorage.core.clock import SystemClock, Timestamp
from moorage.storage.database.database import Database
from moorage.storage.database.schema.journal import audit
from moorage.storage.database.transaction import audit_row, record_rows

_ROOT = Path(__file__).parents[2]
_OWNER = Registry(1, "private", "123456789012", "us-east-1")
_CALLERS = (Principal.root("123456789012", "AKIAOWN"), Principal.root("210987654321", "AKIAOTHER"))


def _store(database: Database, choose: random.Random, first: int) -> None:
    """Some calls, every other one of another account, over several days."""
    at = Timestamp(1_767_225_600_000 + first * clock.MINUTE)
    count = choose.randrange(1, 60)
    calls = [
        Call(f"r{first + number}", at, "ecr.amazonaws.com", "PutImage", choose.choice(_CALLERS), _OWNER, read_only=False)
        for number in range(count)
    ]
    database.write(lambda tx: record_rows(tx, [audit_row(call) for call in calls])).result()


def _written(path: Path) -> list[str]:
    """The ids of all records, rotated files first, in the order in which they were rotated."""
    rotated = [each for each in path.parent.glob("audit.*.*.jsonl*") if not each.name.startswith(".")]
    rotated.sort(key=lambda each: [int(part) for part in each.name.split(".")[2].split("-")])
    contents = [gzip.decompress(each.read_bytes()) if each.suffix == ".gz" else each.read_bytes() for each in rotated]
    return [json.loads(line)["eventID"] for content in (*contents, path.read_bytes()) for line in content.splitlines()]


@pytest.mark.parametrize("seed", range(2))
def test_kill_9_of_the_writer_at_any_moment_loses_and_repeats_nothing(tmp_path: Path, seed: int) -> None:
    options = load({"data_dir": str(tmp_path / "data")}, {}).options
    options.data_dir.mkdir()
    options.key_path.write_bytes(b"k" * 32)
    prepare(options)
    database = Database(options.data_dir / "moorage.db", SystemClock())
    path, choose = tmp_path / "audit" / "audit.jsonl", random.Random(seed)
    for attempt in range(8):
        command = [sys.executable, "-m", "tests.faults.audit_writer", str(database.path), str(path)]
        with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None and writer.stdout.readline() == b"ready\n"
            ends = time.monotonic() + choose.uniform(0.02, 0.3)
            while time.monotonic() < ends:
                _store(database, choose, attempt * 1000)
            writer.kill()
    export = Export(database, AuditFile(path, retention=36_500 * clock.DAY))
    while export.run(10):
        pass
    export.close()
    rows = database.read(lambda tx: [dict(row._mapping) for row in tx.all(sa.select(audit).order_by(audit.c.id))]).result()
    database.close()
    assert len(rows) > 100
    assert _written(path) == [event_id(row, account) for row in rows for account in accounts_of(row)]
