"""The jobs table: work that happens after the answer, at least once, by whoever claims it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from moorage.core import clock
from moorage.storage.database.schema.journal import jobs, schedule
from moorage.storage.database.transaction import Transaction

LEASE = 5 * clock.MINUTE
"""A claim that is not finished by then is anybody's again: its worker is taken for dead."""

DEAD_ARE_KEPT = 30 * clock.DAY
MOST_ATTEMPTS = 8
_FIRST_BACKOFF = 2 * clock.SECOND
_LONGEST_BACKOFF = clock.HOUR


@dataclass(frozen=True, slots=True)
class Job:
    """A claimed job."""

    id: int
    kind: str
    payload: Mapping[str, Any]
    attempts: int
    """Attempts so far, this one included."""


def claim(tx: Transaction, worker: str) -> Job | None:
    """Take the job that is due longest, or None."""
    _give_up_what_kills_workers(tx)
    free = sa.or_(jobs.c.claimed_until.is_(None), jobs.c.claimed_until <= tx.now)
    row = tx.one(
        sa.select(jobs).where(jobs.c.run_at <= tx.now, jobs.c.dead_at.is_(None), free).order_by(jobs.c.run_at).limit(1)
    )
    if row is None:
        return None
    values = {"claimed_by": worker, "claimed_until": tx.now + LEASE, "attempts": row.attempts + 1}
    tx.execute(sa.update(jobs).where(jobs.c.id == row.id).values(values))
    return Job(row.id, row.kind, json.loads(row.payload), row.attempts + 1)


def _give_up_what_kills_workers(tx: Transaction) -> None:
    """A job whose worker died in each of its attempts was never reported as failed, and must not go on for ever."""
    lost = jobs.c.claimed_until <= tx.now, jobs.c.attempts >= MOST_ATTEMPTS, jobs.c.dead_at.is_(None)
    values = {"claimed_by": None, "claimed_until": None, "dead_at": tx.now, "last_error": "the worker did not come back"}
    tx.execute(sa.update(jobs).where(*lost).values(values))


def recover(tx: Transaction, workers: str) -> int:
    """Shorten the leases of workers that are known to be dead, by the beginning of their names; returns how many.

    They are retried as after a failure, later each time, since it may have been the job that killed its worker.
    """
    mine = jobs.c.claimed_by.startswith(workers, autoescape=True), jobs.c.claimed_until > tx.now
    rows = tx.all(sa.select(jobs.c.id, jobs.c.attempts, jobs.c.claimed_until).where(*mine))
    for row in rows:
        until = min(row.claimed_until, tx.now + _backoff(row.attempts))
        tx.execute(sa.update(jobs).where(jobs.c.id == row.id).values(claimed_until=until))
    return len(rows)


def _backoff(attempts: int) -> int:
    return min(_FIRST_BACKOFF << (max(attempts, 1) - 1), _LONGEST_BACKOFF)


def complete(tx: Transaction, job: Job) -> None:
    """The job is done; its row goes."""
    tx.execute(sa.delete(jobs).where(jobs.c.id == job.id))


def fail(tx: Transaction, job: Job, error: str) -> bool:
    """Put the job back for later, each time twice as late; returns whether it is a dead letter now."""
    is_dead = job.attempts >= MOST_ATTEMPTS
    values = {"claimed_by": None, "claimed_until": None, "run_at": tx.now + _backoff(job.attempts), "last_error": error[:1000]}
    tx.execute(sa.update(jobs).where(jobs.c.id == job.id).values(**values, dead_at=tx.now if is_dead else None))
    return is_dead


def drop_dead(tx: Transaction) -> int:
    """Forget dead letters of long ago; returns how many."""
    return tx.execute(sa.delete(jobs).where(jobs.c.dead_at < tx.now - DEAD_ARE_KEPT)).rowcount


def next_due(tx: Transaction) -> int | None:
    """When the next job or scheduled task is due (milliseconds), or None."""
    free_at = sa.func.max(jobs.c.run_at, sa.func.coalesce(jobs.c.claimed_until, 0))
    job = tx.execute(sa.select(sa.func.min(free_at)).where(jobs.c.dead_at.is_(None))).scalar()
    task = tx.execute(sa.select(sa.func.min(schedule.c.next_at))).scalar()
    return min((at for at in (job, task) if at is not None), default=None)


def enqueue_due(tx: Transaction, intervals: Mapping[str, int]) -> None:
    """Turn scheduled tasks that are due into jobs, one each, unless the last one has not run yet.

    `intervals` are milliseconds by name; a task that is new here is due at once, one that is gone is forgotten.
    """
    known = {row.name: row.next_at for row in tx.all(sa.select(schedule))}
    for name in known.keys() - intervals.keys():
        tx.execute(sa.delete(schedule).where(schedule.c.name == name))
    for name, interval in intervals.items():
        if name not in known:
            tx.execute(sa.insert(schedule).values(name=name, next_at=tx.now + interval))
        # A task far in the future was planned with another interval, or by a clock that was wrong.
        elif known[name] <= tx.now or known[name] > tx.now + interval:
            tx.execute(sa.update(schedule).where(schedule.c.name == name).values(next_at=tx.now + interval))
        else:
            continue
        waiting = tx.one(sa.select(jobs.c.id).where(jobs.c.kind == name, jobs.c.dead_at.is_(None)).limit(1))
        if waiting is None:
            tx.enqueue(name)
