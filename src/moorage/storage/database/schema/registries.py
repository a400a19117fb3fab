"""What registries are set to."""

from sqlalchemy import Column, Table, Text, UniqueConstraint

from moorage.storage.database.schema.columns import Id, Time, metadata, of_registry

registry_policies = Table(
    "registry_policies",
    metadata,
    of_registry(primary_key=True),
    Column("text", Text, nullable=False),  # as ECR prints it
    Column(
        "principal_ids", Text, nullable=False, server_default="{}"
    ),  # JSON object: ARN in the text -> unique id that it meant
    Column("set_at", Time, nullable=False),
)

account_settings = Table(  # those that are not at their default
    "account_settings",
    metadata,
    of_registry(primary_key=True),
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

pull_time_exclusions = Table(
    "pull_time_exclusions",
    metadata,
    of_registry(primary_key=True),
    Column("principal_arn", Text, primary_key=True),
    Column("created_at", Time, nullable=False),
)

scanning_configurations = Table(
    "scanning_configurations",
    metadata,
    of_registry(primary_key=True),
    Column("scan_type", Text, nullable=False),  # BASIC | ENHANCED
    Column("rules", Text, nullable=False),  # JSON list, as the API has it
)

creation_templates = Table(
    "creation_templates",
    metadata,
    Column("id", Id, primary_key=True),
    of_registry(),
    Column("prefix", Text, nullable=False),  # or ROOT
    Column("applied_for", Text, nullable=False),  # JSON list
    Column("description", Text),
    Column("tag_mutability", Text, nullable=False),
    Column("mutability_exclusions", Text, nullable=False),  # JSON list of wildcard filters
    Column("encryption_type", Text, nullable=False),
    Column("kms_key", Text),
    Column("resource_tags", Text, nullable=False),  # JSON object
    Column("repository_policy", Text),
    Column("principal_ids", Text, nullable=False, server_default="{}"),  # as of registry_policies, of the repository_policy
    Column("lifecycle_policy", Text),
    Column("custom_role_arn", Text),
    Column("created_at", Time, nullable=False),
    Column("updated_at", Time, nullable=False),
    UniqueConstraint("registry_id", "prefix"),
    sqlite_autoincrement=True,
)
