"""The scheduled tasks of an installation."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import sqlalchemy as sa

from moorage.audit import keeping
from moorage.audit.keeping import Export
from moorage.core import clock
from moorage.identity.credentials import sessions, tokens
from moorage.images import accounting, drop, remove
from moorage.layers import collect
from moorage.storage.blobs.port import BlobStore
from moorage.storage.database import jobs
from moorage.storage.database.database import Database
from moorage.storage.database.schema.journal import events
from moorage.storage.database.transaction import Transaction
from moorage.workers.runner import Task

EVENTS_KEPT = 7 * clock.DAY
AUDIT_KEPT = 90 * clock.DAY
_AUDIT_FILE = "write-audit-file"
_STEP = 1000
_TURN_SECONDS = 2.0
_LONGEST_REST_SECONDS = 0.02
"""Between two steps of a long job, which rests as long as it worked, but no longer than this."""


def tasks(
    database: Database,
    blobs: BlobStore,
    *,
    grace: int,
    retention: int,
    audit_retention: int = AUDIT_KEPT,
    export: Export | None = None,
) -> Mapping[str, Task]:
    """Every scheduled task by name. Times are milliseconds; `export` takes the record to its file, if there is one."""

    def steps(work: Callable[[Transaction], int]) -> Callable[[Mapping[str, Any]], None]:
        def run(_payload: Mapping[str, Any]) -> None:
            while database.write(work).result():
                pass

        return run

    def in_turns(name: str, work: Callable[[Transaction], int]) -> Callable[[Mapping[str, Any]], None]:
        """For what can take minutes: other jobs, an orderly stop and those who wait for the write lock get their turn."""

        def run(_payload: Mapping[str, Any]) -> None:
            ends = time.monotonic() + _TURN_SECONDS
            began = time.monotonic()
            while database.write(work).result():
                now = time.monotonic()
                if now > ends:
                    database.write(lambda tx: tx.enqueue(name)).result()
                    return
                time.sleep(min(now - began, _LONGEST_REST_SECONDS))
                began = time.monotonic()

        return run

    def write_audit_file(_payload: Mapping[str, Any]) -> None:
        if export is not None and export.run(_TURN_SECONDS):
            database.write(lambda tx: tx.enqueue(_AUDIT_FILE)).result()

    def drop_old_calls(tx: Transaction) -> int:
        return keeping.drop_old(tx, audit_retention, export.written if export is not None else None)

    return {
        "reap-uploads": Task(10 * clock.MINUTE, lambda _: ignore(collect.reap_uploads(database, blobs))),
        "purge-tokens": Task(clock.HOUR, steps(tokens.purge)),
        "purge-sessions": Task(clock.HOUR, steps(sessions.purge)),
        "purge-events": Task(clock.HOUR, steps(partial(_drop_old, table=events, kept=EVENTS_KEPT))),
        "purge-audit": Task(min(_often(audit_retention), clock.HOUR), in_turns("purge-audit", drop_old_calls)),
        _AUDIT_FILE: Task(5 * clock.SECOND, write_audit_file),
        "purge-images": Task(_often(retention), steps(partial(remove.purge, retention=retention))),
        "purge-dead-jobs": Task(clock.HOUR, steps(jobs.drop_dead)),
        drop.JOB: Task(10 * clock.MINUTE, in_turns(drop.JOB, drop.drop_step)),
        "collect": Task(_often(grace), lambda _: ignore(collect.collect(database, blobs, grace))),
        "fold-usage": Task(clock.MINUTE, steps(accounting.fold)),
    }


def ignore(_result: object) -> None:
    """A task's result is for those who call it by hand."""


def _often(period: int) -> int:
    """How often to look for what a period ends: an eighth of it, within a second and ten minutes."""
    return min(max(period // 8, clock.SECOND), 10 * clock.MINUTE)


def _drop_old(tx: Transaction, table: sa.Table, kept: int) -> int:
    old = sa.select(table.c.id).where(table.c.at < tx.now - kept).limit(_STEP)
    return tx.execute(sa.delete(table).where(table.c.id.in_(old))).rowcount
