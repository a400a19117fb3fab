"""Every table together. The migrations under `migrations/` build exactly this; a test compares the two."""

from moorage.storage.database.schema import columns, iam, identity, images, journal, layers, registries, repositories

HEAD_REVISION = "0003"
"""The newest migration; a database that carries it needs no Alembic at start."""

AREAS = (identity, iam, registries, repositories, layers, images, journal)
"""The modules whose tables make up the schema; naming them here is what loads them all."""

METADATA = columns.metadata
