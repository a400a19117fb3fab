"""Manifests, the images that repositories make of them, tags and their history."""

from sqlalchemy import Column, ForeignKey, ForeignKeyConstraint, Index, LargeBinary, Table, Text, UniqueConstraint, text

from moorage.storage.database.schema.columns import Id, Size, Time, metadata, of_repository

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
    of_repository(),
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
    # The orders in which images are searched.
    Index("ix_images_pushed", "repository_id", "pushed_at", sqlite_where=text("removed_at IS NULL")),
    Index("ix_images_pulled", "repository_id", "last_pulled_at", sqlite_where=text("removed_at IS NULL")),
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
    of_repository(primary_key=True),
    Column("name", Text, primary_key=True),
    Column("image_id", Id, nullable=False),
    Column("moved_at", Time, nullable=False),
    ForeignKeyConstraint(["repository_id", "image_id"], ["images.repository_id", "images.id"], name="fk_tags_image"),
    Index("ix_tags_image", "image_id"),
)

tag_history = Table(
    "tag_history",
    metadata,
    Column("id", Id, primary_key=True),
    of_repository(),
    Column("tag", Text, nullable=False),
    Column("moved_at", Time, nullable=False),
    Column("moved_by", Text, nullable=False),
    Column("from_digest", Text),  # NULL: the tag is new
    Column("to_digest", Text),  # NULL: the tag was removed
    Index("ix_tag_history_tag", "repository_id", "tag", "id"),
    # Which tags an image lost, when it is to be brought back.
    Index("ix_tag_history_lost", "repository_id", "from_digest", sqlite_where=text("to_digest IS NULL")),
)
