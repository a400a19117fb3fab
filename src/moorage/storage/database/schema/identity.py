"""Accounts, their registries, the keys that sign, and the tokens of the data plane."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text, UniqueConstraint, text

from moorage.storage.database.schema.columns import Id, Time, metadata

accounts = Table(
    "accounts",
    metadata,
    Column("id", Text, primary_key=True),  # twelve digits
    Column("name", Text, nullable=False),
    Column("permission_version", Integer, nullable=False, server_default="0"),
    Column("created_at", Time, nullable=False),
)

registries = Table(
    "registries",
    metadata,
    Column("id", Id, primary_key=True),
    Column("service", Text, nullable=False),  # private | public
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False),
    Column("region", Text, nullable=False),
    Column("created_at", Time, nullable=False),
    UniqueConstraint("service", "account_id", "region"),
    sqlite_autoincrement=True,
)

access_keys = Table(
    "access_keys",
    metadata,
    Column("id", Text, primary_key=True),  # AKIA…
    Column("account_id", Text, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("principal_arn", Text, nullable=False),
    Column("principal_kind", Text, nullable=False),  # Root
    Column("sealed_secret", LargeBinary, nullable=False),  # encrypted with the installation's key
    Column("active", Boolean, nullable=False, server_default=text("1")),
    Column("created_at", Time, nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", Id, primary_key=True),
    Column("hash", LargeBinary, nullable=False, unique=True),  # SHA-256 of the password
    Column("access_key_id", Text, ForeignKey("access_keys.id", ondelete="CASCADE"), nullable=False),
    Column("region", Text, nullable=False),
    Column("created_at", Time, nullable=False),
    Column("expires_at", Time, nullable=False, index=True),
    Column("last_used_at", Time),
    Column("name", Text),  # what its maker calls it; NULL: one of GetAuthorizationToken's
    Column("scope", Text),  # JSON: what it is restricted to; NULL: all that its principal may do
    Index("ix_tokens_access_key_id", "access_key_id"),
    sqlite_autoincrement=True,
)
