"""What registries and repositories are set to: policies, settings, templates; names and scopes of tokens."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = _ID


def upgrade() -> None:
    """Add the tables and columns; nothing that is there changes."""
    op.add_column("tokens", sa.Column("name", sa.Text(), nullable=True))
    op.add_column("tokens", sa.Column("scope", sa.Text(), nullable=True))
    op.create_index("ix_tokens_access_key_id", "tokens", ["access_key_id"])
    _registry_tables()
    _creation_templates()
    _repository_tables()
    _search_indexes()


def _registry_tables() -> None:
    _of_registry(
        "registry_policies",
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("set_at", _TIME, nullable=False),
    )
    _of_registry(
        "account_settings",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        key=("registry_id", "name"),
    )
    _of_registry(
        "pull_time_exclusions",
        sa.Column("principal_arn", sa.Text(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        key=("registry_id", "principal_arn"),
    )
    _of_registry(
        "scanning_configurations",
        sa.Column("scan_type", sa.Text(), nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
    )


def _creation_templates() -> None:
    op.create_table(
        "creation_templates",
        sa.Column("id", _ID, nullable=False),
        sa.Column("registry_id", _ID, nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("applied_for", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("tag_mutability", sa.Text(), nullable=False),
        sa.Column("mutability_exclusions", sa.Text(), nullable=False),
        sa.Column("encryption_type", sa.Text(), nullable=False),
        sa.Column("kms_key", sa.Text(), nullable=True),
        sa.Column("resource_tags", sa.Text(), nullable=False),
        sa.Column("repository_policy", sa.Text(), nullable=True),
        sa.Column("lifecycle_policy", sa.Text(), nullable=True),
        sa.Column("custom_role_arn", sa.Text(), nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        _to("creation_templates", "registry_id", "registries.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_creation_templates")),
        sa.UniqueConstraint("registry_id", "prefix", name=op.f("uq_creation_templates_registry_id_prefix")),
        sqlite_autoincrement=True,
    )


def _repository_tables() -> None:
    for name in ("repository_policies", "lifecycle_policies"):
        op.create_table(
            name,
            sa.Column("repository_id", _ID, nullable=False),
            sa.Column("text", sa.Text(), nullable=False),
            sa.Column("set_at", _TIME, nullable=False),
            _to(name, "repository_id", "repositories.id"),
            sa.PrimaryKeyConstraint("repository_id", name=op.f(f"pk_{name}")),
        )


def _search_indexes() -> None:
    live, kept = sa.text("removed_at IS NULL"), sa.text("removed_at IS NOT NULL")
    op.create_index("ix_images_kept", "images", ["repository_id", "removed_at"], sqlite_where=kept)
    for order, column in (("pushed", "pushed_at"), ("pulled", "last_pulled_at")):
        op.create_index(f"ix_images_{order}", "images", ["repository_id", column], sqlite_where=live)
    lost = sa.text("to_digest IS NULL")
    op.create_index("ix_tag_history_lost", "tag_history", ["repository_id", "from_digest"], sqlite_where=lost)


def _of_registry(name: str, *columns: "sa.Column[object]", key: tuple[str, ...] = ("registry_id",)) -> None:
    op.create_table(
        name,
        sa.Column("registry_id", _ID, nullable=False),
        *columns,
        _to(name, "registry_id", "registries.id"),
        sa.PrimaryKeyConstraint(*key, name=op.f(f"pk_{name}")),
    )


def _to(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], name=op.f(f"fk_{table}_{column}"), ondelete="CASCADE")
