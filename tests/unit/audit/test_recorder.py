import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import pytest
import sqlalchemy as sa

from moorage.audit.recorder import Recorder
from moorage.core.call import Call
from moorage.identity.credentials.user_keys import Use
from moorage.storage.database.schema.journal import audit
from moorage.storage.database.transaction import Transaction
from tests.unit.ground import ROOT, Ground

Noted = list[dict[int, int]]


class Notes:
    """Stands for the rooms that note pulls and uses of tokens."""

    def __init__(self) -> None:
        self.pulls: list[dict[tuple[int, str], int]] = []
        self.tokens: Noted = []
        self.keys: list[dict[str, Use]] = []

    def pull(self, _tx: Transaction, pulled: dict[tuple[int, str], int]) -> None:
        self.pulls.append(dict(pulled))

    def token(self, _tx: Transaction, used: dict[int, int]) -> None:
        self.tokens.append(dict(used))

    def key(self, _tx: Transaction, used: dict[str, Use]) -> None:
        self.keys.append(dict(used))


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def recorder(ground: Ground, notes: Notes) -> Iterator[Recorder]:
    made = Recorder(ground.database, notes.pull, notes.token, notes.key)
    yield made
    made.close()


def recorded(ground: Ground) -> list[tuple[object, ...]]:
    columns = audit.c.event_name, audit.c.error_code, audit.c.source_address, audit.c.count
    return [tuple(row) for row in ground.rows(sa.select(*columns).order_by(audit.c.id))]


def a_call(ground: Ground, name: str = "BatchGetImage", **changes: object) -> Call:
    return replace(ground.call(name), **{"source_address": "192.0.2.1", **changes})  # type: ignore[arg-type]


def test_calls_that_differ_only_in_time_share_a_row(ground: Ground, recorder: Recorder) -> None:
    for number in range(5):
        recorder.call(a_call(ground, request_id=f"request-{number}"))
    recorder.call(a_call(ground), count=10)
    recorder.call(a_call(ground), "ImageNotFoundException")
    recorder.call(a_call(ground, source_address="192.0.2.2"))
    recorder.call(a_call(ground, name="ListImages"))
    recorder.flush()
    totals: Counter[tuple[object, ...]] = Counter()
    for *key, count in recorded(ground):
        totals[tuple(key)] += int(str(count))
    assert totals == {
        ("BatchGetImage", None, "192.0.2.1"): 15,
        ("BatchGetImage", "ImageNotFoundException", "192.0.2.1"): 1,
        ("BatchGetImage", None, "192.0.2.2"): 1,
        ("ListImages", None, "192.0.2.1"): 1,
    }
    assert len(recorded(ground)) < 8  # four, unless an interval ended between them
    assert ground.rows(sa.select(audit.c.request_id).order_by(audit.c.id))[0].request_id == "request-0"


def test_each_interval_has_rows_of_its_own(ground: Ground, recorder: Recorder) -> None:
    for _ in range(2):
        recorder.call(a_call(ground))
        recorder.flush()
    assert [row[3] for row in recorded(ground)] == [1, 1]


def test_the_newest_pull_and_use_of_each_counts(ground: Ground, recorder: Recorder, notes: Notes) -> None:
    for image, at in ((1, 10), (2, 11), (1, 12)):
        recorder.pull(image, ROOT.arn, at)
        recorder.token(image * 10, at)
        recorder.key(f"AKIA{image}", Use(at, "ecr", "us-east-1"))
    recorder.flush()
    recorder.flush()
    assert (notes.pulls, notes.tokens) == ([{(1, ROOT.arn): 12, (2, ROOT.arn): 11}], [{10: 12, 20: 11}])
    assert notes.keys == [{"AKIA1": Use(12, "ecr", "us-east-1"), "AKIA2": Use(11, "ecr", "us-east-1")}]


def test_what_waits_is_written_by_itself_within_seconds(ground: Ground, recorder: Recorder) -> None:
    recorder.call(a_call(ground))
    deadline = time.monotonic() + 10
    while not recorded(ground) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(recorded(ground)) == 1


def test_closing_writes_what_waits(ground: Ground, notes: Notes) -> None:
    recorder = Recorder(ground.database, notes.pull, notes.token, notes.key)
    recorder.call(a_call(ground))
    recorder.pull(1, ROOT.arn, 2)
    recorder.close()
    assert len(recorded(ground)) == 1 and notes.pulls == [{(1, ROOT.arn): 2}]


def test_closing_a_recorder_that_never_recorded_is_quiet(ground: Ground, notes: Notes) -> None:
    Recorder(ground.database, notes.pull, notes.token, notes.key).close()
    assert recorded(ground) == []


def test_beyond_the_limit_records_are_dropped_and_that_is_said(
    ground: Ground, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(20_003):
        recorder.call(a_call(ground, resource=str(number % 20_002)))
    with caplog.at_level(logging.WARNING):
        recorder.close()
    written = sum(row.times for row in ground.rows(sa.select(audit.c.count.label("times"))))
    dropped = sum(getattr(record, "count", 0) for record in caplog.records if "dropped" in record.message)
    assert written + dropped == 20_003


def test_a_database_that_refuses_ends_neither_the_recorder_nor_an_orderly_stop(
    grounds: Callable[..., Ground], caplog: pytest.LogCaptureFixture
) -> None:
    ground = grounds()

    def refuse(_tx: Transaction, _noted: object) -> None:
        raise OSError("no room")

    recorder = Recorder(ground.database, refuse, refuse, refuse)
    recorder.pull(1, ROOT.arn, 2)
    recorder.call(a_call(ground))
    with pytest.raises(OSError, match="no room"):
        recorder.flush()
    assert len(recorded(ground)) == 1  # what else waited is written all the same
    recorder.token(1, 2)
    recorder.close()
    assert "could not be written" in caplog.text


def test_many_threads_may_record_at_once(ground: Ground, recorder: Recorder) -> None:
    def record(name: str) -> None:
        for _ in range(200):
            recorder.call(a_call(ground, name=name))

    threads = [threading.Thread(target=partial(record, name)) for name in ("a", "b", "a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    recorder.close()
    totals = ground.rows(sa.select(audit.c.event_name, sa.func.sum(audit.c.count)).group_by(audit.c.event_name))
    assert sorted(tuple(row) for row in totals) == [("a", 400), ("b", 400)]
