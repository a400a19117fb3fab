from collections.abc import Mapping
from functools import partial
from typing import Any

import sqlalchemy as sa

from moorage.core import clock
from moorage.storage.database.jobs import MOST_ATTEMPTS
from moorage.storage.database.schema.journal import audit, events, jobs, schedule
from moorage.storage.database.transaction import Transaction
from moorage.workers.runner import Runner, Task
from moorage.workers.tasks import AUDIT_KEPT, EVENTS_KEPT, tasks
from tests.unit.ground import GRACE, RETENTION, Ground


class Handlers:
    """Remembers what was run."""

    def __init__(self) -> None:
        self.ran: list[object] = []
        self.broken = False

    def work(self, payload: Mapping[str, Any]) -> None:
        self.ran.append(payload.get("name"))
        if self.broken:
            raise ValueError("broken")

    def task(self, _payload: Mapping[str, Any]) -> None:
        self.ran.append("task")


def test_jobs_run_once_each_in_the_order_in_which_they_are_due(ground: Ground) -> None:
    handlers = Handlers()
    runner = Runner(ground.database, {}, {"work": handlers.work})
    for name, after in (("b", 2), ("a", 1), ("c", 100)):
        at = ground.clock.now() + after
        ground.write(partial(Transaction.enqueue, kind="work", payload={"name": name}, run_at=at))
    ground.clock.advance(5)
    assert (runner.run_due(), runner.run_due(), handlers.ran) == (2, 0, ["a", "b"])


def test_a_task_comes_by_itself_at_its_interval(ground: Ground) -> None:
    handlers = Handlers()
    runner = Runner(ground.database, {"task": Task(clock.MINUTE, handlers.task)})
    for _ in range(3):
        runner.run_due()
        runner.run_due()
        ground.clock.advance(clock.MINUTE)
    assert handlers.ran == ["task"] * 3


def test_a_failing_job_is_tried_again_later_and_given_up_in_the_end(ground: Ground) -> None:
    handlers = Handlers()
    handlers.broken = True
    runner = Runner(ground.database, {}, {"work": handlers.work})
    ground.write(lambda tx: tx.enqueue("work", {"name": "x"}))
    for _ in range(MOST_ATTEMPTS * 2):
        runner.run_due()
        ground.clock.advance(clock.HOUR)
    assert len(handlers.ran) == MOST_ATTEMPTS
    row = ground.rows(sa.select(jobs))[0]
    assert row.dead_at is not None and row.last_error == "ValueError: broken"


def test_a_failing_job_does_not_hold_up_the_others(ground: Ground) -> None:
    handlers = Handlers()
    runner = Runner(ground.database, {}, {"work": handlers.work})
    ground.write(lambda tx: tx.enqueue("unknown"))
    ground.write(lambda tx: tx.enqueue("work", {"name": "x"}))
    assert (runner.run_due(), handlers.ran) == (2, ["x"])


def scheduled(ground: Ground) -> Runner:
    return Runner(ground.database, tasks(ground.database, ground.blobs, grace=GRACE, retention=RETENTION))


def test_the_installations_tasks_run_on_an_empty_installation(ground: Ground) -> None:
    planned = tasks(ground.database, ground.blobs, grace=GRACE, retention=RETENTION)
    assert scheduled(ground).run_due() == len(planned) == ground.count(schedule)
    assert ground.count(jobs) == 0  # each succeeded


def test_an_image_that_is_removed_leaves_nothing_behind_in_the_end(ground: Ground) -> None:
    repository, runner = ground.repository(), scheduled(ground)
    ground.remove(repository, ground.push(repository, "app", "v1"))
    ground.begin(repository)
    for _ in range(10):
        runner.run_due()
        ground.clock.advance(clock.DAY)
    runner.run_due()
    assert ground.memory.keys() == set()
    assert ground.count(jobs) == 0


def test_events_and_audit_rows_are_kept_for_their_time(ground: Ground) -> None:
    ground.repository()
    runner = scheduled(ground)
    for kept, table in ((EVENTS_KEPT, events), (AUDIT_KEPT, audit)):
        begun = ground.rows(sa.select(sa.func.min(table.c.at)))[0][0]
        ground.clock.time = begun + kept
        runner.run_due()
        assert ground.count(table) == 1
        ground.clock.advance(clock.HOUR)
        runner.run_due()
        assert ground.count(table) == 0


def test_short_periods_are_looked_after_often_and_long_ones_every_ten_minutes(ground: Ground) -> None:
    short = tasks(ground.database, ground.blobs, grace=0, retention=80 * clock.SECOND)
    assert (short["collect"].interval, short["purge-images"].interval) == (clock.SECOND, 10 * clock.SECOND)
    long = tasks(ground.database, ground.blobs, grace=GRACE, retention=RETENTION)
    assert (long["collect"].interval, long["purge-images"].interval) == (10 * clock.MINUTE, 10 * clock.MINUTE)
