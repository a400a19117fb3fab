"""How the record is kept: rows go to the file, and out of the database when their time is over."""

import logging
import time
from typing import Any

import sqlalchemy as sa

from moorage.audit.file import AuditFile
from moorage.audit.record import Row, accounts_of, event_id
from moorage.storage.database.database import Database
from moorage.storage.database.schema.journal import audit
from moorage.storage.database.transaction import Transaction

_log = logging.getLogger(__name__)

_ROWS = 500
"""Rows that are read at once for the file."""

DROPPED_AT_ONCE = 200
"""Old rows that go in one transaction: each is in ten indexes, and the writer must not be held for more than 50 ms."""


class Export:
    """Takes rows to the file, in the order in which they came into the record. For one process, and one thread of it."""

    def __init__(self, database: Database, file: AuditFile) -> None:
        self._database = database
        self._file = file
        self._is_checked = False
        self._failing = False

    def run(self, seconds: float) -> bool:
        """Write what is new, for about so long; returns whether there is more.

        A file that cannot be written, as on a full disk, is said in the log once, and tried again by the next run.
        """
        ends = time.monotonic() + seconds
        try:
            more = self._step()
            while more and time.monotonic() < ends:
                more = self._step()
            self._file.tidy(self._database.clock.now())
        except OSError as error:
            if not self._failing:
                _log.error("the audit file cannot be written; records wait in the database", extra={"reason": error.strerror})
            self._failing = True
            return False
        if self._failing:
            _log.info("the audit file is written again")
        self._failing = False
        return more

    @property
    def written(self) -> int:
        """The id of the last row that is in the file; 0 while that cannot be told."""
        try:
            last = self._file.last()
        except OSError:
            return 0
        return last.row_id if last is not None else 0

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _step(self) -> bool:
        last = self._file.last()
        if not self._is_checked:
            if last is not None:
                self._check(last.row_id, last.at, last.event_id)
            self._is_checked = True
            last = self._file.last()
        # The last one again: of its two records perhaps only one was written before a crash.
        after = last.row_id if last is not None else 0
        wanted = sa.select(audit).where(audit.c.id >= after).order_by(audit.c.id).limit(_ROWS)
        rows = self._database.read(lambda tx: [_row(found) for found in tx.all(wanted)]).result()
        self._file.append(rows)
        return len(rows) == _ROWS

    def _check(self, row_id: int, at: int, written: str) -> None:
        """Begin behind what the file tells of where the database has forgotten it: an older copy was put in its place."""

        def look(tx: Transaction) -> int | None:
            found = tx.one(sa.select(audit).where(audit.c.id == row_id))
            if found is not None:
                row = _row(found)
                known = not written or written in [event_id(row, account) for account in accounts_of(row)]
            else:
                newest = tx.execute(sa.select(sa.func.max(audit.c.id))).scalar()
                known = newest is not None and newest > row_id
            if known:
                return None
            return int(tx.execute(sa.select(sa.func.coalesce(sa.func.max(audit.c.id), 0)).where(audit.c.at <= at)).scalar_one())

        after = self._database.read(look).result()
        if after is not None:
            _log.warning("the audit file tells of another database; it goes on with what is newer", extra={"after": after})
            self._file.restart(after, at)


def _row(found: sa.Row[Any]) -> Row:
    return dict(found._mapping)


def drop_old(tx: Transaction, kept: int, written: int | None) -> int:
    """Forget some rows that are older than `kept` (milliseconds), none behind the one that was `written` last to the file.

    Returns how many. `written` None: there is no file.
    """
    old = sa.select(audit.c.id).where(audit.c.at < tx.now - kept).order_by(audit.c.at)
    if written is not None:
        old = old.where(audit.c.id <= written)
    return tx.execute(sa.delete(audit).where(audit.c.id.in_(old.limit(DROPPED_AT_ONCE)))).rowcount
