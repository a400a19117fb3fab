import re
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from moorage.storage.database import migrate
from moorage.storage.database.engine import sqlite_engine
from moorage.storage.database.schema.whole import HEAD_REVISION, METADATA


def _parts(statement: str) -> list[str]:
    """What stands before, between and behind the commas of the outermost parentheses."""
    head, _, rest = statement.partition("(")
    body, _, tail = rest.rpartition(")")
    return [head.strip(), tail.strip(), *(part.strip() for part in re.split(r",(?![^(]*\))", body))]


def described(connection: sa.Connection) -> dict[str, list[str]]:
    """The statements that SQLite keeps, part by part, since constraints and added columns may come in any order."""
    rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'")
    return {name: sorted(_parts(" ".join(sql.replace('"', "").split()))) for name, sql in rows if name != "alembic_version"}


def test_the_migrations_build_exactly_the_schema(template: Path, tmp_path: Path) -> None:
    migrated = sqlite_engine(template)
    with migrated.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, METADATA) == []
        by_migration = described(connection)
    built = sqlite_engine(tmp_path / "built.db")
    METADATA.create_all(built)
    with built.connect() as connection:
        assert by_migration == described(connection)
    migrated.dispose()
    built.dispose()


def test_upgrading_again_changes_nothing(template: Path) -> None:
    before = template.read_bytes()
    migrate.upgrade(template)
    assert template.read_bytes() == before


def test_a_database_of_an_unknown_newer_revision_is_refused_and_left_as_it_is(tmp_path: Path, template: Path) -> None:
    path = tmp_path / "newer.db"
    path.write_bytes(template.read_bytes())
    engine = sqlite_engine(path)
    with engine.connect() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(migrate.NewerDatabaseError, match="9999"):
        migrate.upgrade(path)
    assert migrate.current_revision(engine) == "9999"
    engine.dispose()


def test_a_new_database_has_no_revision_and_a_migrated_one_the_newest(tmp_path: Path, template: Path) -> None:
    for path, revision in ((tmp_path / "new.db", None), (template, HEAD_REVISION)):
        engine = sqlite_engine(path)
        assert migrate.current_revision(engine) == revision
        engine.dispose()


def test_a_migration_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    engine = sqlite_engine(tmp_path / "odd.db")
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE images (id INTEGER)")  # in the way of ours
    with pytest.raises(sa.exc.OperationalError):
        migrate.upgrade(tmp_path / "odd.db")
    assert sa.inspect(engine).get_table_names() == ["images"]
    engine.dispose()
