"""Bring a database to the newest schema, through Alembic's migrations."""

from pathlib import Path

import sqlalchemy as sa

from moorage.storage.database.engine import sqlite_engine
from moorage.storage.database.schema.whole import HEAD_REVISION

MIGRATIONS = Path(__file__).parent / "migrations"


class NewerDatabaseError(RuntimeError):
    """The database was written by a newer release; opening it could lose data."""


def upgrade(path: Path) -> None:
    """Create or upgrade the database; safe to repeat. Raises NewerDatabaseError for a revision unknown here."""
    engine = sqlite_engine(path)
    try:
        if current_revision(engine) == HEAD_REVISION:
            return
        _run_alembic(engine)
    finally:
        engine.dispose()


def current_revision(engine: sa.Engine) -> str | None:
    """The revision that the database carries, or None for a new one."""
    with engine.connect() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        found: str | None = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
        return found


def _run_alembic(engine: sa.Engine) -> None:
    # Imported here, since an ordinary start finds the newest revision and needs none of it.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    current = current_revision(engine)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if current is not None and current not in known:
        raise NewerDatabaseError(
            f"The database has schema {current}, which this release does not know: it was written by a newer one. "
            "Install that release again, or restore a backup made before the upgrade."
        )
    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except BaseException:
            connection.exec_driver_sql("ROLLBACK")
            raise
        connection.exec_driver_sql("COMMIT")
