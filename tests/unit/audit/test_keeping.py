"""Rows go to the file in the order in which they came, and out of the database when their time is over, never before."""

import json
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from moorage.audit import keeping
from moorage.audit.file import AuditFile
from moorage.audit.keeping import Export
from moorage.core import clock
from moorage.storage.database.database import Database
from moorage.storage.database.schema.journal import audit
from moorage.storage.database.transaction import audit_row
from moorage.workers.runner import Runner
from moorage.workers.tasks import tasks
from tests.unit.audit.rows import AT, FOREIGNER, a_call
from tests.unit.audit.test_file import everything
from tests.unit.ground import GRACE, RETENTION, Ground

KEPT = 90 * clock.DAY


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit" / "audit.jsonl"


@pytest.fixture
def export(ground: Ground, path: Path) -> Iterator[Export]:
    made = Export(ground.database, AuditFile(path, retention=KEPT))
    yield made
    made.close()


def store(ground: Ground, count: int, at: int = AT) -> None:
    rows = [audit_row(a_call(at=at + number, request_id=f"{at}-{number}")) for number in range(count)]

    def work(tx: object) -> None:
        tx.execute(sa.insert(audit), rows)  # type: ignore[attr-defined]

    ground.write(work)


def test_everything_is_written_once_in_the_order_of_the_record(ground: Ground, export: Export, path: Path) -> None:
    store(ground, 1200)
    assert export.run(60) is False
    store(ground, 3, at=AT - 50)
    assert export.run(60) is False
    assert everything(path) == list(range(1, 1204))
    assert export.written == 1203


def test_a_turn_ends_and_says_that_there_is_more(ground: Ground, export: Export, path: Path) -> None:
    store(ground, 1200)
    assert export.run(0) is True
    assert len(everything(path)) == 500
    while export.run(0):
        pass
    assert everything(path) == list(range(1, 1201))


def test_another_process_goes_on_where_the_first_was_killed(ground: Ground, export: Export, path: Path) -> None:
    store(ground, 10)
    ground.write(lambda tx: tx.insert(audit, **audit_row(a_call(FOREIGNER))) and None)
    export.run(60)
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.rindex(b"\n", 0, -1) + 30])  # the second record of the last row is torn
    other = Export(ground.database, AuditFile(path, retention=KEPT))
    other.run(60)
    other.close()
    assert path.read_bytes() == whole


def test_a_file_that_cannot_be_written_is_said_once_and_stops_nothing(
    ground: Ground, export: Export, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "moorage")
    path.parent.parent.joinpath("audit").write_text("a file in the way of the folder")
    store(ground, 2)
    for _ in range(3):
        assert export.run(60) is False
    assert [record.message for record in caplog.records] == ["the audit file cannot be written; records wait in the database"]
    assert export.written == 0
    path.parent.unlink()
    export.run(60)
    assert everything(path) == [1, 2]
    assert caplog.records[-1].message == "the audit file is written again"


def test_an_older_copy_of_the_database_is_noticed(ground: Ground, path: Path, tmp_path: Path) -> None:
    store(ground, 5)
    ground.database.close()
    shutil.copyfile(ground.path, tmp_path / "older.db")
    for name in (ground.path, tmp_path / "older.db", tmp_path / "older.db"):
        database = Database(name, ground.clock)
        rows = [audit_row(a_call(at=AT + clock.HOUR, request_id=str(name))) for _ in range(3)]
        database.write(lambda tx, rows=rows: tx.execute(sa.insert(audit), rows) and None).result()  # type: ignore[misc]
        export = Export(database, AuditFile(path, retention=KEPT))
        export.run(60)
        export.close()
        database.close()
    written = [json.loads(line)["requestID"] for line in path.read_bytes().splitlines()]
    assert written == [str(tmp_path / "older.db")] * 6
    assert everything(path) == [*range(1, 9), *range(6, 12)]


def test_old_rows_go_but_none_that_is_not_in_the_file(ground: Ground) -> None:
    store(ground, 600, at=ground.clock.now() - KEPT - clock.DAY)
    store(ground, 5, at=ground.clock.now() - clock.DAY)

    def drop(written: int | None) -> int:
        return ground.write(lambda tx: keeping.drop_old(tx, KEPT, written))

    assert drop(0) == 0
    assert [drop(300), drop(300), drop(300)] == [200, 100, 0]
    assert [drop(None), drop(None), drop(None)] == [200, 100, 0]
    assert ground.count(audit) == 5


def test_the_jobs_process_writes_the_file_and_drops_what_is_old(ground: Ground, export: Export, path: Path) -> None:
    planned = tasks(ground.database, ground.blobs, grace=GRACE, retention=RETENTION, audit_retention=KEPT, export=export)
    runner = Runner(ground.database, planned)
    runner.run_due()
    store(ground, 700, at=ground.clock.now())
    ground.clock.advance(5 * clock.SECOND)
    runner.run_due()
    assert everything(path) == list(range(1, 701))
    ground.clock.advance(KEPT - clock.HOUR)
    runner.run_due()
    assert (ground.count(audit), len(everything(path))) == (700, 700)
    ground.clock.advance(2 * clock.DAY)
    runner.run_due()
    assert (ground.count(audit), len(everything(path))) == (0, 0)
    store(ground, 1, at=ground.clock.now())
    ground.clock.advance(5 * clock.SECOND)
    runner.run_due()
    assert export.written == 701
