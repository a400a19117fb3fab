"""Every table, in one place. The migrations under `migrations/` build exactly this; a test compares the two.

Times are milliseconds since the epoch, sizes bytes. What may be referred to has an enforced foreign key, what must be
unique has an index, so that no code path can break either.
"""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from moorage.storage.database.columns import Id, Size, Time, metadata

HEAD_REVISION = "0002"
"""The newest migration; a database that carries it needs no Alembic at start."""


def _repository(*, primary_key: bool = False, index: bool = False) -> Column[int]:
    reference = ForeignKey("repositories.id", ondelete="CASCADE")
    return Column("repository_id", Id, reference, nullable=False, primary_key=primary_key, index=index)


# --- identity -------------------------------------------------------------------------------------------------------

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

# --- settings of registries -----------------------------------------------------------------------------------------


def _registry(*, primary_key: bool = False) -> Column[int]:
    reference = ForeignKey("registries.id", ondelete="CASCADE")
    return Column("registry_id", Id, reference, nullable=False, primary_key=primary_key)


registry_policies = Table(
    "registry_policies",
    metadata,
    _registry(primary_key=True),
    Column("text", Text, nullable=False),  # as ECR prints it
    Column("set_at", Time, nullable=False),
)

account_settings = Table(  # those that are not at their default
    "account_settings",
    metadata,
    _registry(primary_key=True),
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

pull_time_exclusions = Table(
    "pull_time_exclusions",
    metadata,
    _registry(primary_key=True),
    Column("principal_arn", Text, primary_key=True),
    Column("created_at", Time, nullable=False),
)

scanning_configurations = Table(
    "scanning_configurations",
    metadata,
    _registry(primary_key=True),
    Column("scan_type", Text, nullable=False),  # BASIC | ENHANCED
    Column("rules", Text, nullable=False),  # JSON list, as the API has it
)

creation_templates = Table(
    "creation_templates",
    metadata,
    Column("id", Id, primary_key=True),
    _registry(),
    Column("prefix", Text, nullable=False),  # or ROOT
    Column("applied_for", Text, nullable=False),  # JSON list
    Column("description", Text),
    Column("tag_mutability", Text, nullable=False),
    Column("mutability_exclusions", Text, nullable=False),  # JSON list of wildcard filters
    Column("encryption_type", Text, nullable=False),
    Column("kms_key", Text),
    Column("resource_tags", Text, nullable=False),  # JSON object
    Column("repository_policy", Text),
    Column("lifecycle_policy", Text),
    Column("custom_role_arn", Text),
    Column("created_at", Time, nullable=False),
    Column("updated_at", Time, nullable=False),
    UniqueConstraint("registry_id", "prefix"),
    sqlite_autoincrement=True,
)

# --- repositories ---------------------------------------------------------------------------------------------------

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
    UniqueConstraint("registry_id", "name"),
    sqlite_autoincrement=True,
)

repository_policies = Table(
    "repository_policies",
    metadata,
    _repository(primary_key=True),
    Column("text", Text, nullable=False),  # as ECR prints it
    Column("set_at", Time, nullable=False),
)

lifecycle_policies = Table(  # what creation templates gave; nothing is evaluated yet
    "lifecycle_policies",
    metadata,
    _repository(primary_key=True),
    Column("text", Text, nullable=False),
    Column("set_at", Time, nullable=False),
)

resource_tags = Table(
    "resource_tags",
    metadata,
    _repository(primary_key=True),
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

usage = Table(
    "usage",
    metadata,
    _repository(primary_key=True),
    Column("images", Integer, nullable=False, server_default="0"),
    Column("bytes", Size, nullable=False, server_default="0"),
)

usage_deltas = Table(
    "usage_deltas",
    metadata,
    Column("id", Id, primary_key=True),
    _repository(index=True),
    Column("images", Integer, nullable=False),
    Column("bytes", Size, nullable=False),
)

# --- layers ---------------------------------------------------------------------------------------------------------

blobs = Table(
    "blobs",
    metadata,
    Column("id", Id, primary_key=True),
    Column("key", Text, nullable=False, unique=True),  # the stored object; random, never used twice
    Column("size", Size, nullable=False),
    Column("created_at", Time, nullable=False),
    Column("stamped_at", Time),  # when it lost its last holder; NULL while a repository holds it
    Index("ix_blobs_stamped", "stamped_at", sqlite_where=text("stamped_at IS NOT NULL")),
    CheckConstraint("size >= 0", name="size"),
    sqlite_autoincrement=True,
)

blob_digests = Table(
    "blob_digests",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("blob_id", Id, ForeignKey("blobs.id", ondelete="CASCADE"), nullable=False, index=True),
)

layers = Table(  # a repository's hold on a blob
    "layers",
    metadata,
    _repository(primary_key=True),
    Column("blob_id", Id, ForeignKey("blobs.id"), primary_key=True, index=True),
    Column("media_type", Text),  # as the first manifest that named it called it
    Column("linked_at", Time, nullable=False),
    Column("removed_at", Time),  # hidden: only removed images still refer to it
    Column("stamped_at", Time),  # when it was last touched while no image, removed or not, referred to it
    Index("ix_layers_stamped", "stamped_at", sqlite_where=text("stamped_at IS NOT NULL")),
)

garbage = Table(  # objects that no row needs, until they are seen to be gone
    "garbage",
    metadata,
    Column("key", Text, primary_key=True),
    Column("due_at", Time, nullable=False),
)

uploads = Table(
    "uploads",
    metadata,
    Column("id", Text, primary_key=True),  # UUID
    _repository(index=True),
    Column("principal_arn", Text, nullable=False),
    Column("key", Text, nullable=False, unique=True),
    Column("algorithm", Text, nullable=False),
    Column("created_at", Time, nullable=False),
    Column("expires_at", Time, nullable=False, index=True),
    Column("parts", Integer, nullable=False, server_default="0"),  # of UploadLayerPart
    Column("short_parts", Integer, nullable=False, server_default="0"),  # parts below ECR's minimum
    Column("last_part", Integer, nullable=False, server_default="0"),  # bytes of the newest part
    Column("digest", Text),  # set when done: the closing PUT may be repeated
    Column("blob_id", Id, ForeignKey("blobs.id", ondelete="SET NULL")),
    Index("ix_uploads_open", "principal_arn", sqlite_where=text("digest IS NULL")),
)

# --- images ---------------------------------------------------------------------------------------------------------

manifests = Table(  # the bytes, shared by every repository that holds the digest
    "manifests",
    metadata,
    Column("id", Id, primary_key=True),
    Column("digest", Text, nullable=False, unique=True),
    Column("body", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)

images = Table(
    "images",
    metadata,
    Column("id", Id, primary_key=True),
    _repository(),
    Column("manifest_id", Id, ForeignKey("manifests.id"), nullable=False, index=True),
    Column("digest", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("artifact_type", Text),  # what the referrers listing shows
    Column("config_media_type", Text),
    Column("subject_digest", Text),
    Column("annotations", Text, nullable=False, server_default="{}"),  # JSON
    Column("size", Size, nullable=False),  # of the manifest
    Column("image_size", Size, nullable=False),  # config and layers; of an index, its largest member
    Column("os", Text),
    Column("architecture", Text),
    Column("variant", Text),
    Column("labels", Text),  # JSON, from the config
    Column("built_at", Time),  # the config's `created`
    Column("pushed_at", Time, nullable=False),
    Column("pushed_by", Text, nullable=False),
    Column("last_pulled_at", Time),
    Column("removed_at", Time),
    Column("removed_by", Text),
    UniqueConstraint("repository_id", "digest"),
    # What composite foreign keys point at, so that a tag can never name another repository's image.
    UniqueConstraint("repository_id", "id"),
    Index("ix_images_subject", "repository_id", "subject_digest", sqlite_where=text("subject_digest IS NOT NULL")),
    Index("ix_images_removed", "removed_at", sqlite_where=text("removed_at IS NOT NULL")),
    Index("ix_images_kept", "repository_id", "removed_at", sqlite_where=text("removed_at IS NOT NULL")),
    # The orders in which images are searched: in one repository, and in many.
    Index("ix_images_pushed", "repository_id", "pushed_at", sqlite_where=text("removed_at IS NULL")),
    Index("ix_images_pulled", "repository_id", "last_pulled_at", sqlite_where=text("removed_at IS NULL")),
    Index("ix_images_pushed_anywhere", "pushed_at", sqlite_where=text("removed_at IS NULL")),
    Index("ix_images_pulled_anywhere", "last_pulled_at", sqlite_where=text("removed_at IS NULL")),
    sqlite_autoincrement=True,
)

image_layers = Table(
    "image_layers",
    metadata,
    Column("image_id", Id, ForeignKey("images.id", ondelete="CASCADE"), primary_key=True),
    Column("blob_id", Id, primary_key=True),
    Column("repository_id", Id, nullable=False),
    ForeignKeyConstraint(
        ["repository_id", "blob_id"], ["layers.repository_id", "layers.blob_id"], name="fk_image_layers_layers"
    ),
    Index("ix_image_layers_layer", "repository_id", "blob_id"),
)

image_children = Table(  # what an index names; child_id is NULL while a sparse index's child is absent
    "image_children",
    metadata,
    Column("image_id", Id, ForeignKey("images.id", ondelete="CASCADE"), primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("repository_id", Id, nullable=False),
    Column("child_id", Id),
    ForeignKeyConstraint(["repository_id", "child_id"], ["images.repository_id", "images.id"], name="fk_image_children_child"),
    Index("ix_image_children_child", "child_id"),
    Index("ix_image_children_digest", "repository_id", "digest"),
)

tags = Table(
    "tags",
    metadata,
    _repository(primary_key=True),
    Column("name", Text, primary_key=True),
    Column("image_id", Id, nullable=False),
    Column("moved_at", Time, nullable=False),
    ForeignKeyConstraint(["repository_id", "image_id"], ["images.repository_id", "images.id"], name="fk_tags_image"),
    Index("ix_tags_image", "image_id"),
    Index("ix_tags_name", "name"),
)

tag_history = Table(
    "tag_history",
    metadata,
    Column("id", Id, primary_key=True),
    _repository(),
    Column("tag", Text, nullable=False),
    Column("moved_at", Time, nullable=False),
    Column("moved_by", Text, nullable=False),
    Column("from_digest", Text),  # NULL: the tag is new
    Column("to_digest", Text),  # NULL: the tag was removed
    Index("ix_tag_history_tag", "repository_id", "tag", "id"),
    # Which tags an image lost, when it is to be brought back.
    Index("ix_tag_history_lost", "repository_id", "from_digest", sqlite_where=text("to_digest IS NULL")),
)

# --- outbox, jobs, audit --------------------------------------------------------------------------------------------

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
    Column("account_id", Text),
    Column("principal_arn", Text),
    Column("access_key_id", Text),
    Column("region", Text),
    Column("resource", Text),
    Column("source_address", Text),
    Column("user_agent", Text),
    Column("read_only", Boolean, nullable=False),
    Column("error_code", Text),  # NULL: it succeeded
    Column("parameters", Text),  # JSON, never a secret
    Column("count", Integer, nullable=False, server_default="1"),  # like reads of one second share a row
    sqlite_autoincrement=True,
)
