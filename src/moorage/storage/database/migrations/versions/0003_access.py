"""Who may do what: IAM's resources, sessions, versions of permissions, and what audit keeps of a decision."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_TIME = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the tables and columns; keys and tokens that are there stay good."""
    op.add_column("accounts", sa.Column("alias", sa.Text(), nullable=True))
    op.create_index("ix_accounts_alias", "accounts", ["alias"], unique=True)
    op.add_column("registries", _version("policy_version"))
    op.add_column("repositories", _version("policy_version"))
    for table in ("repository_policies", "registry_policies", "creation_templates"):
        op.add_column(table, sa.Column("principal_ids", sa.Text(), server_default="{}", nullable=False))
    _resources()
    _policies()
    _providers()
    _credentials()
    _audit()


def _audit() -> None:
    for name in ("owner_account_id", "principal_kind", "principal_id", "username", "error_message", "ruling"):
        op.add_column("audit", sa.Column(name, sa.Text(), nullable=True))
    # Until now there were only roots, in their own registries.
    op.execute("UPDATE audit SET principal_kind = 'Root', principal_id = account_id, username = 'root' WHERE account_id <> ''")
    for name, columns, condition in (
        ("account", ("account_id", "at"), None),
        ("event", ("account_id", "event_name", "at"), None),
        ("username", ("account_id", "username", "at"), None),
        ("access_key", ("access_key_id", "at"), None),
        ("resource", ("resource", "at"), None),
        ("request", ("request_id",), None),
        ("change", ("account_id", "at"), "read_only = 0"),
        ("failure", ("account_id", "at"), "error_code IS NOT NULL"),
        ("owner", ("owner_account_id", "at"), "owner_account_id IS NOT NULL"),
    ):
        where = sa.text(condition) if condition else None
        op.create_index(f"ix_audit_{name}", "audit", list(columns), sqlite_where=where)


def _resources() -> None:
    op.create_table(
        "iam_resources",
        _text("id"),
        _text("account_id"),
        _text("kind"),
        _text("name"),
        _text("name_key"),
        sa.Column("path", sa.Text(), server_default="/", nullable=False),
        _text("description", nullable=True),
        _time("created_at"),
        _to("iam_resources", "account_id", "accounts.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_iam_resources")),
        sa.UniqueConstraint("account_id", "kind", "name_key", name=op.f("uq_iam_resources_account_id_kind_name_key")),
    )
    _of_resource("iam_tags", "resource_id", _text("key_key"), _text("key"), _text("value"), key=("resource_id", "key_key"))
    _of_resource(
        "users",
        "id",
        _text("password_hash", nullable=True),
        sa.Column("password_reset_required", sa.Boolean(), server_default=sa.text("0"), nullable=False),
        _time("password_set_at", nullable=True),
        _time("password_last_used_at", nullable=True),
    )
    _pair("group_members", "group_id", "user_id", "users.id")
    _of_resource(
        "roles",
        "id",
        _text("trust_policy"),
        sa.Column("trusted_ids", sa.Text(), server_default="{}", nullable=False),
        sa.Column("max_session_seconds", sa.Integer(), server_default="3600", nullable=False),
        _time("last_used_at", nullable=True),
        _text("last_used_region", nullable=True),
    )
    _pair("instance_profile_roles", "profile_id", "role_id", "roles.id")


def _policies() -> None:
    _of_resource(
        "managed_policies",
        "id",
        sa.Column("default_version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("newest_version", sa.Integer(), server_default="1", nullable=False),
        _time("updated_at"),
    )
    op.create_table(
        "policy_versions",
        _text("policy_id"),
        sa.Column("version", sa.Integer(), nullable=False),
        _text("text"),
        _time("created_at"),
        _to("policy_versions", "policy_id", "managed_policies.id"),
        sa.PrimaryKeyConstraint("policy_id", "version", name=op.f("pk_policy_versions")),
    )
    for table, columns, key in (
        ("policy_attachments", (_time("attached_at"),), ("resource_id", "policy_arn")),
        ("permissions_boundaries", (), ("resource_id",)),
    ):
        policy = sa.ForeignKeyConstraint(["policy_id"], ["managed_policies.id"], name=op.f(f"fk_{table}_policy_id"))
        _of_resource(table, "resource_id", _text("policy_arn"), _text("policy_id", nullable=True), *columns, policy, key=key)
        for column in ("policy_arn", "policy_id"):
            op.create_index(f"ix_{table}_{column}", table, [column])
    inline = (_text("name_key"), _text("name"), _text("text"))
    _of_resource("inline_policies", "resource_id", *inline, key=("resource_id", "name_key"))
    op.create_table(
        "service_control_policies",
        _text("account_id"),
        _text("name"),
        _text("text"),
        _time("set_at"),
        _to("service_control_policies", "account_id", "accounts.id"),
        sa.PrimaryKeyConstraint("account_id", "name", name=op.f("pk_service_control_policies")),
    )


def _providers() -> None:
    _of_resource(
        "oidc_providers",
        "id",
        sa.Column("client_ids", sa.Text(), server_default="[]", nullable=False),
        sa.Column("thumbprints", sa.Text(), server_default="[]", nullable=False),
        _text("given_keys", nullable=True),
        _text("fetched_keys", nullable=True),
        _time("fetched_at", nullable=True),
    )


def _credentials() -> None:
    # Both tables are made anew, under the names they have; what is in them waits elsewhere, since dropping keys drops tokens.
    kept = {"access_keys": "id, account_id, sealed_secret, active, created_at", "tokens": _OLD_COLUMNS}
    for table, columns in kept.items():
        op.execute(f"CREATE TABLE kept_{table} AS SELECT {columns} FROM {table}")  # noqa: S608 - constants
    op.drop_table("tokens")
    op.drop_table("access_keys")
    _access_keys()
    _sessions()
    _tokens()
    for table, columns in kept.items():  # until now there were only roots' keys
        op.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM kept_{table}")  # noqa: S608 - constants
        op.drop_table(f"kept_{table}")


_OLD_COLUMNS = "id, hash, access_key_id, region, created_at, expires_at, last_used_at, name, scope"


def _access_keys() -> None:
    op.create_table(
        "access_keys",
        _text("id"),
        _text("account_id"),
        _text("user_id", nullable=True),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("1"), nullable=False),
        _time("created_at"),
        _time("last_used_at", nullable=True),
        _text("last_used_service", nullable=True),
        _text("last_used_region", nullable=True),
        _to("access_keys", "account_id", "accounts.id"),
        _to("access_keys", "user_id", "users.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_keys")),
    )
    for column in ("user_id", "account_id"):
        op.create_index(f"ix_access_keys_{column}", "access_keys", [column])


def _tokens() -> None:
    one = "(access_key_id IS NOT NULL) + (session_id IS NOT NULL) + (user_id IS NOT NULL) = 1"
    op.create_table(
        "tokens",
        sa.Column("id", _TIME, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        _text("access_key_id", nullable=True),
        _text("session_id", nullable=True),
        _text("user_id", nullable=True),
        _text("region"),
        _time("created_at"),
        _time("expires_at"),
        _time("last_used_at", nullable=True),
        _text("name", nullable=True),
        _text("scope", nullable=True),
        _to("tokens", "access_key_id", "access_keys.id"),
        _to("tokens", "session_id", "sessions.id"),
        _to("tokens", "user_id", "users.id"),
        sa.CheckConstraint(one, name=op.f("ck_tokens_of_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tokens")),
        sa.UniqueConstraint("hash", name=op.f("uq_tokens_hash")),
        sqlite_autoincrement=True,
    )
    for column in ("access_key_id", "session_id", "user_id"):
        op.create_index(op.f(f"ix_tokens_{column}"), "tokens", [column, "expires_at"])
    op.create_index(op.f("ix_tokens_expires_at"), "tokens", ["expires_at"])


def _sessions() -> None:
    op.create_table(
        "sessions",
        _text("id"),
        _text("account_id"),
        _text("kind"),
        _text("role_id", nullable=True),
        _text("user_id", nullable=True),
        _text("access_key_id", nullable=True),
        _text("name"),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        _text("policies", nullable=True),
        sa.Column("tags", sa.Text(), server_default="{}", nullable=False),
        sa.Column("transitive_tag_keys", sa.Text(), server_default="[]", nullable=False),
        _text("source_identity", nullable=True),
        _text("provider", nullable=True),
        _text("opened_by", nullable=True),
        sa.Column("chained", sa.Boolean(), server_default=sa.text("0"), nullable=False),
        _time("created_at"),
        _time("expires_at"),
        _to("sessions", "account_id", "accounts.id"),
        _to("sessions", "role_id", "roles.id"),
        _to("sessions", "user_id", "users.id"),
        _to("sessions", "access_key_id", "access_keys.id"),
        sa.CheckConstraint("(kind = 'AssumedRole') = (role_id IS NOT NULL)", name=op.f("ck_sessions_of_role")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
    )
    for name in ("role_id", "user_id", "access_key_id"):
        op.create_index(op.f(f"ix_sessions_{name}"), "sessions", [name, "expires_at"])
    for name in ("account_id", "expires_at"):
        op.create_index(op.f(f"ix_sessions_{name}"), "sessions", [name])


def _of_resource(
    name: str, column: str, *columns: "sa.Column[object] | sa.ForeignKeyConstraint", key: tuple[str, ...] = ()
) -> None:
    op.create_table(
        name,
        _text(column),
        *columns,
        _to(name, column, "iam_resources.id"),
        sa.PrimaryKeyConstraint(*(key or (column,)), name=op.f(f"pk_{name}")),
    )


def _pair(name: str, first: str, second: str, target: str) -> None:
    _of_resource(name, first, _text(second), _to(name, second, target), key=(first, second))
    op.create_index(f"ix_{name}_{second}", name, [second])


def _text(name: str, *, nullable: bool = False) -> "sa.Column[object]":
    return sa.Column(name, sa.Text(), nullable=nullable)


def _time(name: str, *, nullable: bool = False) -> "sa.Column[object]":
    return sa.Column(name, _TIME, nullable=nullable)


def _version(name: str) -> "sa.Column[object]":
    return sa.Column(name, sa.Integer(), server_default="0", nullable=False)


def _to(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], name=op.f(f"fk_{table}_{column}"), ondelete="CASCADE")
