"""What a piece of work is given: a connection inside a transaction, the time, and the call it serves."""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from moorage.core.call import Call, Ruling
from moorage.core.clock import Timestamp
from moorage.core.events import Event
from moorage.storage.database.prepared import Prepared
from moorage.storage.database.schema.journal import audit, events, jobs

_EMIT = Prepared(sa.insert(events), "at", "kind", "registry_id", "repository_id", "request_id", "detail")
_AUDIT = Prepared(
    sa.insert(audit),
    *(column.name for column in audit.columns if column.name != "id"),
)


class Transaction:
    """One piece of work's view of the database. Not to be kept after the work returns."""

    def __init__(self, connection: sa.Connection, now: Timestamp, call: Call | None) -> None:
        self.connection = connection
        self.now = now
        self.call = call
        self.wakes_jobs = False
        self._driver: Any = connection.connection.driver_connection

    def execute(self, statement: sa.Executable, parameters: Any = None) -> sa.CursorResult[Any]:
        """Run a statement of SQLAlchemy Core."""
        return self.connection.execute(statement, parameters)

    def insert(self, table: sa.Table, **values: Any) -> int:
        """Add a row; returns the id that the database gave it."""
        added = self.connection.execute(sa.insert(table).values(values).returning(*table.primary_key))
        return int(added.scalar_one())

    def one(self, statement: sa.Executable) -> sa.Row[Any] | None:
        """The first row, or None."""
        return self.connection.execute(statement).first()

    def all(self, statement: sa.Executable) -> list[sa.Row[Any]]:
        """Every row."""
        return list(self.connection.execute(statement))

    def run(self, statement: Prepared, **parameters: Any) -> list[tuple[Any, ...]]:
        """Run a statement that was compiled once; returns its rows as the driver has them."""
        text, values = statement.values(self.connection.dialect, parameters)
        try:
            rows: list[tuple[Any, ...]] = self._driver.execute(text, values).fetchall()
        except sqlite3.Error as error:
            raise _as_core_raises_it(text, error) from error
        return rows

    def run_many(self, statement: Prepared, rows: Iterable[Mapping[str, Any]]) -> None:
        """Run a statement that was compiled once, for each of these parameters."""
        dialect = self.connection.dialect
        text = statement.text(dialect)[0]
        try:
            self._driver.executemany(text, [statement.values(dialect, row)[1] for row in rows])
        except sqlite3.Error as error:
            raise _as_core_raises_it(text, error) from error

    def emit(self, event: Event, call: Call | None = None) -> None:
        """Write an event to the outbox, in this transaction; of `call`, where it is not the transaction's own."""
        self.emit_all([event], call)

    def emit_all(self, occurred: Iterable[Event], call: Call | None = None) -> None:
        """Write events to the outbox as `emit` does, all in one go."""
        source = call or self.call
        rows = (
            {
                "at": self.now,
                "kind": event.kind,
                "registry_id": event.registry_id,
                "repository_id": event.repository_id,
                "request_id": source.request_id if source else "",
                "detail": json.dumps(event.detail, ensure_ascii=False),
            }
            for event in occurred
        )
        self.run_many(_EMIT, rows)

    def enqueue(self, kind: str, payload: Mapping[str, Any] | None = None, *, run_at: int | None = None) -> None:
        """Add a job, in this transaction; it runs after the commit, at `run_at` (milliseconds) at the earliest."""
        due = self.now if run_at is None else run_at
        self.execute(sa.insert(jobs).values(kind=kind, payload=json.dumps(payload or {}), run_at=due, created_at=self.now))
        self.wakes_jobs = True


def _as_core_raises_it(text: str, error: sqlite3.Error) -> Exception:
    made: Exception = sa.exc.DBAPIError.instance(text, None, error, sqlite3.Error, hide_parameters=True)
    return made


_LONGEST_MESSAGE = 1024


def audit_row(call: Call, *, error_code: str | None = None, error_message: str | None = None, count: int = 1) -> dict[str, Any]:
    """The audit table's row for a call."""
    principal, ruling = call.principal, call.ruling
    return {
        "at": call.at,
        "request_id": call.request_id,
        "event_source": call.event_source,
        "event_name": call.event_name,
        "protocol": call.protocol,
        "account_id": principal.account_id or None,
        "owner_account_id": call.owner_account_id,
        "principal_arn": principal.arn or None,
        "principal_kind": principal.kind,
        "principal_id": principal.id or None,
        "username": principal.name or None,
        "access_key_id": principal.access_key_id or None,
        "region": call.registry.region or None,
        "resource": call.resource,
        "source_address": call.source_address,
        "user_agent": call.user_agent[:512],
        "read_only": call.read_only,
        "error_code": error_code,
        "error_message": error_message[:_LONGEST_MESSAGE] if error_message else None,
        "ruling": _json(_told(ruling)) if ruling else None,
        "parameters": _json(call.parameters) if call.parameters else None,
        "count": count,
    }


def _told(ruling: Ruling) -> dict[str, Any]:
    return {"outcome": ruling.outcome, "by": ruling.by, "statements": ruling.statements, "theirs": ruling.theirs}


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def record(transaction: Transaction, calls: Iterable[Call]) -> None:
    """Insert the audit rows of calls whose work is part of the transaction."""
    record_rows(transaction, [audit_row(call) for call in calls])


def record_rows(transaction: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that `audit_row` made."""
    if rows:
        transaction.run_many(_AUDIT, rows)
