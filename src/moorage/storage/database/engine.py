"""SQLAlchemy engines on SQLite, with the settings that the promises rest on."""

import sqlite3
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

BUSY_MILLISECONDS = 30_000
LOOP_BUSY_MILLISECONDS = 50
"""On the event loop: better an answer that says so than a wait for a lock."""

_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    # An answered write is on the disk: the WAL is synced at each commit.
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    f"PRAGMA busy_timeout={BUSY_MILLISECONDS}",
    "PRAGMA cache_size=-8192",
    "PRAGMA temp_store=MEMORY",
)


def sqlite_engine(path: Path) -> sa.Engine:
    """An engine whose connections begin and end transactions only where the code says so.

    The driver's own implicit transactions are off (`isolation_level=None`): it would begin them deferred, and a deferred
    transaction that turns to writing fails instead of waiting.
    """
    engine = sa.create_engine(
        f"sqlite:///{path}",
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
        connect_args={"check_same_thread": False, "cached_statements": 512},
    )
    sa.event.listen(engine, "connect", _configure)
    return engine


def point_reader(path: Path) -> sqlite3.Connection:
    """A plain connection in autocommit mode, for prepared point reads and nothing else."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
    for pragma in ("PRAGMA query_only=ON", f"PRAGMA busy_timeout={LOOP_BUSY_MILLISECONDS}", "PRAGMA cache_size=-8192"):
        connection.execute(pragma)
    return connection


def _configure(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    for pragma in _PRAGMAS:
        connection.execute(pragma)
