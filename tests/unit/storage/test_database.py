import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from moorage.core import clock
from moorage.core.errors import UnavailableError
from moorage.core.events import Event
from moorage.storage.database import engine
from moorage.storage.database.database import run_once
from moorage.storage.database.schema.identity import accounts, registries
from moorage.storage.database.schema.journal import audit, events, jobs
from moorage.storage.database.schema.repositories import repositories
from moorage.storage.database.transaction import Transaction
from moorage.storage.database.writer import Write, Writer
from tests.unit.ground import ACCOUNT, ROOT, Ground


def add(tx: Transaction, name: str) -> str:
    tx.execute(sa.insert(accounts).values(id=name, name=name, created_at=tx.now))
    return name


def names(tx: Transaction) -> list[str]:
    return [row.id for row in tx.all(sa.select(accounts.c.id).where(accounts.c.id != ACCOUNT).order_by(accounts.c.id))]


class Gate:
    """A write that holds the writer until it is let go, so that what comes meanwhile shares one commit."""

    def __init__(self, ground: Ground) -> None:
        self._go = threading.Event()
        entered = threading.Event()

        def hold(_tx: Transaction) -> None:
            entered.set()
            assert self._go.wait(10)

        self.future = ground.database.write(hold)
        assert entered.wait(10)

    def open(self) -> None:
        self._go.set()


def test_a_write_is_seen_once_its_future_resolves(ground: Ground) -> None:
    assert ground.write(partial(add, name="a")) == "a"
    assert ground.read(names) == ["a"]


def test_a_read_stays_on_its_snapshot_whatever_is_written_meanwhile(ground: Ground) -> None:
    begun, written = threading.Event(), threading.Event()

    def look(tx: Transaction) -> tuple[list[str], list[str]]:
        before = names(tx)
        begun.set()
        assert written.wait(10)
        return before, names(tx)

    reading = ground.database.read(look)
    assert begun.wait(10)
    ground.write(partial(add, name="a"))
    written.set()
    assert reading.result(10) == ([], [])
    assert ground.read(names) == ["a"]


def test_a_read_cannot_write(ground: Ground) -> None:
    with pytest.raises(UnavailableError):
        ground.read(partial(add, name="a"))
    assert ground.read(names) == []


def test_a_failing_read_leaves_its_connection_usable(ground: Ground) -> None:
    for _ in range(8):
        with pytest.raises(ZeroDivisionError):
            ground.read(lambda tx: len(names(tx)) // 0)
    assert ground.read(names) == []


def test_an_exception_undoes_only_its_own_work_of_a_shared_commit(ground: Ground) -> None:
    def add_and_fail(tx: Transaction) -> None:
        add(tx, "broken")
        raise ValueError("no")

    gate = Gate(ground)
    before = ground.database.write(partial(add, name="before"))
    broken = ground.database.write(add_and_fail)
    twice = ground.database.write(partial(add, name="before"))
    after = ground.database.write(partial(add, name="after"))
    gate.open()
    assert (before.result(10), after.result(10)) == ("before", "after")
    with pytest.raises(ValueError, match="no"):
        broken.result(10)
    with pytest.raises(sa.exc.IntegrityError):
        twice.result(10)
    assert ground.read(names) == ["after", "before"]


def test_writes_that_share_a_commit_see_those_before_them(ground: Ground) -> None:
    gate = Gate(ground)
    ground.database.write(partial(add, name="a"))
    seen = ground.database.write(names)
    gate.open()
    assert seen.result(10) == ["a"]


def test_a_change_and_its_audit_row_stand_or_fall_together(ground: Ground) -> None:
    call = ground.call("CreateAccount")
    ground.write(partial(add, name="good"), call)
    with pytest.raises(sa.exc.IntegrityError):
        ground.write(partial(add, name="good"), call)
    rows = ground.rows(sa.select(audit.c.event_name, audit.c.principal_arn, audit.c.error_code))
    assert [tuple(row) for row in rows] == [("CreateAccount", ROOT.arn, None)]


def test_a_change_is_undone_when_its_audit_row_cannot_be_written(ground: Ground) -> None:
    ground.write(
        lambda tx: tx.connection.exec_driver_sql(
            "CREATE TRIGGER no BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
    )
    with pytest.raises(sa.exc.IntegrityError):
        ground.write(partial(add, name="a"), ground.call())
    assert ground.read(names) == []


def test_events_and_jobs_are_part_of_the_transaction(grounds: Callable[..., Ground]) -> None:
    woken: list[None] = []
    ground = grounds(wake=lambda: woken.append(None))

    def work(tx: Transaction, *, fail: bool) -> None:
        tx.emit(Event("Kind", ground.registry.id, {"name": "\u00e4"}))
        tx.enqueue("job", {"a": 1}, run_at=tx.now + 5)
        assert not fail

    ground.write(partial(work, fail=False), ground.call())
    with pytest.raises(AssertionError):
        ground.write(partial(work, fail=True), ground.call())
    row = ground.rows(sa.select(events))[0]
    assert (ground.count(events), row.kind, row.detail, row.request_id) == (1, "Kind", '{"name": "\u00e4"}', "request")
    due = [(row.kind, row.payload, row.run_at) for row in ground.rows(sa.select(jobs))]
    assert due == [("job", '{"a": 1}', ground.clock.now() + 5)]
    assert len(woken) == 1


def test_closing_carries_out_every_write_that_was_accepted(ground: Ground) -> None:
    gate = Gate(ground)
    futures = [ground.database.write(partial(add, name=f"{number:03}")) for number in range(200)]
    closing = threading.Thread(target=ground.database.close)
    closing.start()
    gate.open()
    assert [future.result(10) for future in futures] == [f"{number:03}" for number in range(200)]
    closing.join(10)
    with pytest.raises(RuntimeError, match="closed"):
        ground.database.write(names)
    assert len(run_once(ground.path, ground.clock, names)) == 200


def test_a_write_that_races_with_closing_is_carried_out_or_refused(grounds: Callable[..., Ground]) -> None:
    for _ in range(10):
        ground = grounds()
        accepted: list[Future[str]] = []

        def write(ground: Ground = ground, accepted: list[Future[str]] = accepted) -> None:
            for number in range(1000):
                try:
                    accepted.append(ground.database.write(partial(add, name=str(number))))
                except RuntimeError:
                    return

        thread = threading.Thread(target=write)
        thread.start()
        ground.database.close()
        thread.join(10)
        assert all(future.result(10) for future in accepted)


def test_closing_a_database_that_never_wrote_is_quick_and_repeatable(ground: Ground) -> None:
    ground.read(names)
    ground.database.close()
    ground.database.close()
    assert ground.path.exists()


def test_a_cancelled_future_harms_no_other(ground: Ground) -> None:
    gate = Gate(ground)
    cancelled, other = ground.database.write(partial(add, name="a")), ground.database.write(partial(add, name="b"))
    assert cancelled.cancel()
    gate.open()
    assert other.result(10) == "b"


def test_foreign_keys_are_enforced_for_every_connection(ground: Ground) -> None:
    def orphan(tx: Transaction) -> None:
        tx.execute(sa.insert(registries).values(service="private", account_id="nobody", region="x", created_at=tx.now))

    with pytest.raises(sa.exc.IntegrityError):
        ground.write(orphan)
    with pytest.raises(sa.exc.IntegrityError):
        run_once(ground.path, ground.clock, orphan)
    assert ground.read(lambda tx: tx.execute(sa.text("PRAGMA foreign_keys")).scalar()) == 1
    assert ground.read(lambda tx: tx.execute(sa.text("PRAGMA foreign_key_check")).all()) == []


def test_an_answered_write_is_synced_to_the_disk(ground: Ground) -> None:
    def settings(tx: Transaction) -> tuple[object, object]:
        return tx.execute(sa.text("PRAGMA synchronous")).scalar(), tx.execute(sa.text("PRAGMA journal_mode")).scalar()

    assert ground.write(settings) == (2, "wal")


def test_an_id_is_never_given_twice(ground: Ground) -> None:
    first = ground.repository("one/app").id
    ground.do("DeleteRepository", repositoryName="one/app")
    ground.drop()
    assert ground.count(repositories) == 0
    assert ground.repository("one/app").id > first


def test_a_point_reader_sees_commits_at_once_and_cannot_write(ground: Ground) -> None:
    points = ground.database.point_reader()
    query = "SELECT count(*) FROM accounts"
    before = points.execute(query).fetchone()[0]
    ground.write(partial(add, name="a"))
    assert points.execute(query).fetchone()[0] == before + 1
    with pytest.raises(Exception, match="readonly"):
        points.execute("DELETE FROM accounts")
    points.close()


def test_work_is_told_the_time_of_the_clock(ground: Ground) -> None:
    ground.clock.advance(clock.HOUR)
    assert ground.write(lambda tx: tx.now) == ground.read(lambda tx: tx.now) == ground.clock.now()


def test_run_once_undoes_what_failed(ground: Ground) -> None:
    def work(tx: Transaction) -> None:
        add(tx, "a")
        raise KeyError

    with pytest.raises(KeyError):
        run_once(ground.path, ground.clock, work)
    assert ground.read(names) == []


def test_a_writer_that_cannot_open_its_lock_says_so_and_tries_again(ground: Ground, tmp_path: Path) -> None:
    folder = tmp_path / "later"
    writer = Writer(engine.sqlite_engine(ground.path), str(folder / "lock"), ground.clock, lambda: None)
    refused: Future[list[str]] = Future()
    writer.submit(Write(names, None, refused))
    with pytest.raises(FileNotFoundError):
        refused.result(10)
    folder.mkdir()
    accepted: Future[list[str]] = Future()
    writer.submit(Write(names, None, accepted))
    assert accepted.result(10) == []
    writer.close()
