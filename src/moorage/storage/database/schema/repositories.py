"""Repositories, what they are set to, and how much they hold."""

from sqlalchemy import Boolean, Column, ForeignKey, Integer, Table, Text, UniqueConstraint, text

from moorage.storage.database.schema.columns import Id, Size, Time, metadata, of_repository

repositories = Table(
    "repositories",
    metadata,
    Column("id", Id, primary_key=True),
    Column("registry_id", Id, ForeignKey("registries.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("created_at", Time, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("tag_mutability", Text, nullable=False, server_default="MUTABLE"),
    Column("mutability_exclusions", Text, nullable=False, server_default="[]"),  # JSON list of wildcard filters
    Column("scan_on_push", Boolean, nullable=False, server_default=text("0")),
    Column("encryption_type", Text, nullable=False, server_default="AES256"),
    Column("kms_key", Text),
    Column("policy_version", Integer, nullable=False, server_default="0"),  # rises with every change of its policy or its tags
    UniqueConstraint("registry_id", "name"),
    sqlite_autoincrement=True,
)

repository_policies = Table(
    "repository_policies",
    metadata,
    of_repository(primary_key=True),
    Column("text", Text, nullable=False),  # as ECR prints it
    Column(
        "principal_ids", Text, nullable=False, server_default="{}"
    ),  # JSON object: ARN in the text -> unique id that it meant
    Column("set_at", Time, nullable=False),
)

lifecycle_policies = Table(  # what creation templates gave; nothing is evaluated yet
    "lifecycle_policies",
    metadata,
    of_repository(primary_key=True),
    Column("text", Text, nullable=False),
    Column("set_at", Time, nullable=False),
)

resource_tags = Table(
    "resource_tags",
    metadata,
    of_repository(primary_key=True),
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

usage = Table(
    "usage",
    metadata,
    of_repository(primary_key=True),
    Column("images", Integer, nullable=False, server_default="0"),
    Column("bytes", Size, nullable=False, server_default="0"),
)

usage_deltas = Table(
    "usage_deltas",
    metadata,
    Column("id", Id, primary_key=True),
    of_repository(index=True),
    Column("images", Integer, nullable=False),
    Column("bytes", Size, nullable=False),
)
