"""What happened and what is to be done: the outbox, jobs, the record of calls."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, Table, Text, text

from moorage.storage.database.schema.columns import Id, Time, metadata

events = Table(
    "events",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", Time, nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("registry_id", Id, ForeignKey("registries.id", ondelete="CASCADE"), nullable=False),
    Column("repository_id", Id),
    Column("request_id", Text, nullable=False),
    Column("detail", Text, nullable=False),  # JSON
    sqlite_autoincrement=True,
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("payload", Text, nullable=False, server_default="{}"),  # JSON
    Column("run_at", Time, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("claimed_by", Text),
    Column("claimed_until", Time),
    Column("dead_at", Time),  # a dead letter: it failed too often
    Column("last_error", Text),
    Column("created_at", Time, nullable=False),
    Index("ix_jobs_due", "run_at", sqlite_where=text("dead_at IS NULL")),
    sqlite_autoincrement=True,
)

schedule = Table(
    "schedule",
    metadata,
    Column("name", Text, primary_key=True),
    Column("next_at", Time, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", Time, nullable=False, index=True),
    Column("request_id", Text, nullable=False),
    Column("event_source", Text, nullable=False),
    Column("event_name", Text, nullable=False),
    Column("protocol", Text, nullable=False),  # aws | oci | api
    Column("account_id", Text),  # the caller's
    Column("owner_account_id", Text),  # the resource's, where it is another one; the row is both accounts' record
    Column("principal_arn", Text),
    Column("principal_kind", Text),  # Root | IAMUser | AssumedRole | FederatedUser | Unknown
    Column("principal_id", Text),
    Column("username", Text),  # the end of the ARN: a user's name, a session's name, root
    Column("access_key_id", Text),
    Column("region", Text),
    Column("resource", Text),
    Column("source_address", Text),
    Column("user_agent", Text),
    Column("read_only", Boolean, nullable=False),
    Column("error_code", Text),  # NULL: it succeeded
    Column("error_message", Text),
    Column(
        "ruling", Text
    ),  # JSON of a Ruling: whether it was allowed, by which kind of policy, which statements; NULL: nothing was asked
    Column("parameters", Text),  # JSON, never a secret
    Column("count", Integer, nullable=False, server_default="1"),  # like reads of one second share a row
    # Each is for the newest rows of one account that have one thing in common; keys and resources are one account's anyway.
    Index("ix_audit_account", "account_id", "at"),
    Index("ix_audit_event", "account_id", "event_name", "at"),
    Index("ix_audit_username", "account_id", "username", "at"),
    Index("ix_audit_access_key", "access_key_id", "at"),
    Index("ix_audit_resource", "resource", "at"),
    Index("ix_audit_request", "request_id"),
    Index("ix_audit_change", "account_id", "at", sqlite_where=text("read_only = 0")),
    Index("ix_audit_failure", "account_id", "at", sqlite_where=text("error_code IS NOT NULL")),
    Index("ix_audit_owner", "owner_account_id", "at", sqlite_where=text("owner_account_id IS NOT NULL")),
    sqlite_autoincrement=True,
)
