"""Accounts, their registries, what signs requests, and the tokens of the data plane."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from moorage.storage.database.schema.columns import Id, Time, metadata

accounts = Table(
    "accounts",
    metadata,
    Column("id", Text, primary_key=True),  # twelve digits
    Column("name", Text, nullable=False),
    Column("alias", Text),
    Column("permission_version", Integer, nullable=False, server_default="0"),  # rises with every change of who may do what
    Column("created_at", Time, nullable=False),
    Index("ix_accounts_alias", "alias", unique=True),
)

registries = Table(
    "registries",
    metadata,
    Column("id", Id, primary_key=True),
    Column("service", Text, nullable=False),  # private | public
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False),
    Column("region", Text, nullable=False),
    Column("policy_version", Integer, nullable=False, server_default="0"),  # rises with every change of the registry's policy
    Column("created_at", Time, nullable=False),
    UniqueConstraint("service", "account_id", "region"),
    sqlite_autoincrement=True,
)

access_keys = Table(  # what is good until it is removed
    "access_keys",
    metadata,
    Column("id", Text, primary_key=True),  # AKIA…
    Column("account_id", Text, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("user_id", Text, ForeignKey("users.id", ondelete="CASCADE")),  # NULL: the account's root
    Column("sealed_secret", LargeBinary, nullable=False),  # encrypted with the installation's key
    Column("active", Boolean, nullable=False, server_default=text("1")),
    Column("created_at", Time, nullable=False),
    Column("last_used_at", Time),
    Column("last_used_service", Text),
    Column("last_used_region", Text),
    Index("ix_access_keys_user_id", "user_id"),
    Index("ix_access_keys_account_id", "account_id"),
)

sessions = Table(  # temporary credentials
    "sessions",
    metadata,
    Column("id", Text, primary_key=True),  # ASIA…: the access key
    Column("account_id", Text, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("kind", Text, nullable=False),  # AssumedRole | FederatedUser | SessionToken
    Column("role_id", Text, ForeignKey("roles.id", ondelete="CASCADE")),  # of an assumed role
    Column("user_id", Text, ForeignKey("users.id", ondelete="CASCADE")),  # of the other two; NULL: the account's root
    Column("access_key_id", Text, ForeignKey("access_keys.id", ondelete="CASCADE")),  # that the other two were asked for with
    Column("name", Text, nullable=False),  # the role session's or the federated user's; of a session token empty
    Column("sealed_secret", LargeBinary, nullable=False),
    Column("token_hash", LargeBinary, nullable=False),  # SHA-256 of the session token
    Column("policies", Text),  # JSON list of documents or ARNs that restrict it; NULL: none given
    Column("tags", Text, nullable=False, server_default="{}"),  # JSON object
    Column("transitive_tag_keys", Text, nullable=False, server_default="[]"),  # JSON list
    Column("source_identity", Text),
    Column("provider", Text),  # the OIDC provider's ARN, where a web identity took the role
    Column("opened_by", Text),  # the ARN of who took the role; NULL: a web identity did, or it is of no role
    Column("chained", Boolean, nullable=False, server_default=text("0")),  # a role took this role
    Column("created_at", Time, nullable=False),
    Column("expires_at", Time, nullable=False, index=True),
    CheckConstraint("(kind = 'AssumedRole') = (role_id IS NOT NULL)", name="of_role"),
    Index("ix_sessions_role_id", "role_id", "expires_at"),
    Index("ix_sessions_user_id", "user_id", "expires_at"),
    Index("ix_sessions_access_key_id", "access_key_id", "expires_at"),
    Index("ix_sessions_account_id", "account_id"),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", Id, primary_key=True),
    Column("hash", LargeBinary, nullable=False, unique=True),  # SHA-256 of the password
    # What it was asked for with, and ends with; or the user that it belongs to (a robot's).
    Column("access_key_id", Text, ForeignKey("access_keys.id", ondelete="CASCADE")),
    Column("session_id", Text, ForeignKey("sessions.id", ondelete="CASCADE")),
    Column("user_id", Text, ForeignKey("users.id", ondelete="CASCADE")),
    Column("region", Text, nullable=False),
    Column("created_at", Time, nullable=False),
    Column("expires_at", Time, nullable=False, index=True),
    Column("last_used_at", Time),
    Column("name", Text),  # what its maker calls it; NULL: one of GetAuthorizationToken's
    Column("scope", Text),  # JSON: what it is restricted to; NULL: all that its principal may do
    CheckConstraint("(access_key_id IS NOT NULL) + (session_id IS NOT NULL) + (user_id IS NOT NULL) = 1", name="of_one"),
    Index("ix_tokens_access_key_id", "access_key_id", "expires_at"),
    Index("ix_tokens_session_id", "session_id", "expires_at"),
    Index("ix_tokens_user_id", "user_id", "expires_at"),
    sqlite_autoincrement=True,
)
