"""Blobs, the layers that repositories hold of them, and uploads on their way to become one."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, Table, Text, text

from moorage.storage.database.schema.columns import Id, Size, Time, metadata, of_repository

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
    of_repository(primary_key=True),
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
    of_repository(index=True),
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
