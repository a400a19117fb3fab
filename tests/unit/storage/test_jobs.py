from functools import partial

import sqlalchemy as sa

from moorage.core import clock
from moorage.storage.database import jobs
from moorage.storage.database.jobs import LEASE, MOST_ATTEMPTS, Job
from moorage.storage.database.schema.journal import jobs as table
from moorage.storage.database.schema.journal import schedule
from tests.unit.ground import Ground


def enqueue(ground: Ground, kind: str, *, after: int = 0) -> None:
    ground.write(lambda tx: tx.enqueue(kind, {"of": kind}, run_at=tx.now + after))


def claim(ground: Ground, worker: str = "w") -> Job | None:
    return ground.write(partial(jobs.claim, worker=worker))


def claimed(ground: Ground) -> Job:
    job = claim(ground)
    assert job is not None
    return job


def test_the_job_that_is_due_longest_is_claimed_first_and_by_one_worker_only(ground: Ground) -> None:
    enqueue(ground, "later", after=2)
    enqueue(ground, "sooner", after=1)
    assert claim(ground) is None
    ground.clock.advance(5)
    first, second = claimed(ground), claimed(ground)
    assert (first.kind, first.payload, first.attempts, second.kind) == ("sooner", {"of": "sooner"}, 1, "later")
    assert claim(ground) is None


def test_a_completed_job_is_gone(ground: Ground) -> None:
    enqueue(ground, "job")
    job = claimed(ground)
    ground.write(partial(jobs.complete, job=job))
    ground.clock.advance(clock.DAY)
    assert claim(ground) is None and ground.count(table) == 0


def test_a_claim_that_is_not_finished_in_time_is_anybodys_again(ground: Ground) -> None:
    enqueue(ground, "job")
    claimed(ground)
    ground.clock.advance(LEASE - 1)
    assert claim(ground) is None
    ground.clock.advance(1)
    assert claimed(ground).attempts == 2


def test_a_claim_of_a_worker_that_is_known_to_be_dead_ends_soon(ground: Ground) -> None:
    enqueue(ground, "mine")
    enqueue(ground, "elsewhere", after=1)
    ground.clock.advance(1)
    assert claim(ground, "host:1") and claim(ground, "host.example:1")
    assert ground.write(partial(jobs.recover, workers="host:")) == 1
    ground.clock.advance(1999)
    assert claim(ground) is None
    ground.clock.advance(1)
    again = claimed(ground)
    assert (again.kind, again.attempts) == ("mine", 2)
    assert claim(ground) is None


def test_each_failure_puts_a_job_off_twice_as_long_and_the_last_makes_it_a_dead_letter(ground: Ground) -> None:
    enqueue(ground, "job")
    waits: list[int] = []
    for attempt in range(1, MOST_ATTEMPTS + 1):
        job = claimed(ground)
        assert job.attempts == attempt
        is_dead = ground.write(partial(jobs.fail, job=job, error="x" * 5000))
        assert is_dead is (attempt == MOST_ATTEMPTS)
        row = ground.rows(sa.select(table))[0]
        assert row.last_error == "x" * 1000
        waits.append(row.run_at - ground.clock.now())
        ground.clock.advance(waits[-1] - 1)
        assert claim(ground) is None
        ground.clock.advance(1)
    assert waits == [2000 * 2**number for number in range(MOST_ATTEMPTS)]
    assert claim(ground) is None
    assert ground.rows(sa.select(table.c.dead_at))[0].dead_at is not None


def test_a_job_that_kills_its_worker_each_time_is_given_up_too(ground: Ground) -> None:
    enqueue(ground, "killer")
    enqueue(ground, "other", after=LEASE * (MOST_ATTEMPTS + 1))
    for _ in range(MOST_ATTEMPTS):
        claimed(ground)
        ground.clock.advance(LEASE)
    assert claim(ground) is None
    row = ground.rows(sa.select(table).where(table.c.kind == "killer"))[0]
    assert (row.dead_at, row.claimed_by) == (ground.clock.now(), None) and row.last_error
    ground.clock.advance(LEASE)
    assert claimed(ground).kind == "other"


def test_the_next_due_time_counts_jobs_leases_and_scheduled_tasks(ground: Ground) -> None:
    def due() -> int | None:
        found = ground.read(jobs.next_due)
        return None if found is None else found - ground.clock.now()

    assert due() is None
    enqueue(ground, "job", after=500)
    assert due() == 500
    ground.clock.advance(500)
    claimed(ground)
    assert due() == LEASE
    ground.write(lambda tx: tx.execute(sa.insert(schedule).values(name="task", next_at=tx.now + 7)))
    assert due() == 7
    ground.write(lambda tx: tx.execute(sa.delete(schedule)))
    ground.write(lambda tx: tx.execute(sa.update(table).values(dead_at=1)))
    assert due() is None


def kinds(ground: Ground) -> list[str]:
    return [row.kind for row in ground.rows(sa.select(table.c.kind).where(table.c.dead_at.is_(None)).order_by(table.c.kind))]


def test_a_scheduled_task_is_due_at_once_and_then_at_its_interval_without_piling_up(ground: Ground) -> None:
    plan = partial(jobs.enqueue_due, intervals={"a": 100, "b": 1000})
    ground.write(plan)
    assert kinds(ground) == ["a", "b"]
    ground.clock.advance(100)
    ground.write(plan)
    assert kinds(ground) == ["a", "b"]  # the last `a` has not run yet
    ground.write(lambda tx: tx.execute(sa.delete(table)))
    ground.write(plan)
    assert kinds(ground) == []
    ground.clock.advance(100)
    ground.write(plan)
    assert kinds(ground) == ["a"]


def test_a_task_whose_job_is_a_dead_letter_comes_again(ground: Ground) -> None:
    plan = partial(jobs.enqueue_due, intervals={"a": 100})
    ground.write(plan)
    ground.write(lambda tx: tx.execute(sa.update(table).values(dead_at=tx.now)))
    ground.clock.advance(100)
    ground.write(plan)
    assert kinds(ground) == ["a"]


def test_a_task_that_is_gone_is_forgotten_and_a_plan_too_far_ahead_is_made_anew(ground: Ground) -> None:
    ground.write(partial(jobs.enqueue_due, intervals={"gone": 100, "kept": clock.DAY}))
    ground.write(lambda tx: tx.execute(sa.delete(table)))
    ground.write(partial(jobs.enqueue_due, intervals={"kept": 100}))
    rows = [tuple(row) for row in ground.rows(sa.select(schedule))]
    assert rows == [("kept", ground.clock.now() + 100)] and kinds(ground) == ["kept"]
