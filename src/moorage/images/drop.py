"""Deleting a repository: it is out of sight at the commit, and its rows go afterwards, in steps.

A repository can have a hundred thousand images, whose rows nobody may hold the write lock for. So the deletion moves the
repository to a registry of the service `dropped`, of the same account and region, under a name that is its id: every
look-up by registry and name misses it from then on, and the name is free. What is looked up by a repository's id alone
(hot answers, download URLs, open uploads) asks whether its registry still shows it. A job then drops the rows, a few at a
time. What a crash interrupts, the next run finds again: whatever lies in a `dropped` registry has to go.
"""

from collections.abc import Callable

import sqlalchemy as sa

from moorage.core.call import Registry
from moorage.identity import accounts
from moorage.images import remove
from moorage.layers import store as layers
from moorage.layers import uploads
from moorage.repositories import store as repositories
from moorage.repositories.model import Repository
from moorage.storage.database.schema.images import image_children, image_layers, images, tag_history, tags
from moorage.storage.database.schema.repositories import usage_deltas
from moorage.storage.database.transaction import Transaction

JOB = "drop-repositories"
"""The job that drops the rows; it is a scheduled task too."""

_STEP = 500
"""Rows of a step."""

_STEP_IMAGES = 200
"""Images of a step: most hangs on them."""

_STEP_BYTES = 4 * 1024 * 1024
"""Manifests of a step, since freeing their pages takes time too; one manifest can have as much."""


def put_out_of_sight(tx: Transaction, registry: Registry, repository: Repository) -> None:
    """Delete the repository as far as anybody can see, and free its name; its rows are left to the job."""
    dropped = accounts.ensure_registry(tx, repositories.DROPPED, registry.account_id, registry.region)
    repositories.move(tx, repository.id, dropped, str(repository.id))
    tx.enqueue(JOB)


def drop_step(tx: Transaction) -> int:
    """Drop some rows of a repository that is out of sight; returns how many, 0 when there is none left."""
    repository_id = repositories.any_dropped(tx)
    if repository_id is None:
        return 0
    for drop in _IN_ORDER:
        if dropped := drop(tx, repository_id):
            return dropped
    repositories.delete(tx, repository_id)
    return 1


def _rows_of(table: sa.Table, *key: str) -> Callable[[Transaction, int], int]:
    """A step that deletes rows of a table by its key."""
    columns = [table.c[name] for name in key]
    own = table.c.repository_id

    def drop(tx: Transaction, repository_id: int) -> int:
        some = sa.select(*columns).where(own == repository_id).limit(_STEP)
        found = sa.tuple_(*columns).in_(some) if len(columns) > 1 else columns[0].in_(some)
        return tx.execute(sa.delete(table).where(found)).rowcount

    return drop


def _images(tx: Transaction, repository_id: int) -> int:
    query = sa.select(images.c.id, images.c.manifest_id, images.c.size).where(images.c.repository_id == repository_id)
    chosen: list[sa.Row[tuple[int, int, int]]] = []
    size = 0
    for row in tx.all(query.limit(min(_STEP, _STEP_IMAGES))):
        size += row.size
        if chosen and size > _STEP_BYTES:
            break
        chosen.append(row)
    tx.execute(sa.delete(images).where(images.c.id.in_([row.id for row in chosen])))
    remove.drop_unused_bodies(tx, [row.manifest_id for row in chosen])
    return len(chosen)


def _layers(tx: Transaction, repository_id: int) -> int:
    return layers.drop_some(tx, repository_id, _STEP)


def _uploads(tx: Transaction, repository_id: int) -> int:
    return uploads.drop_some(tx, repository_id, _STEP)


# What refers to other rows goes before them.
_IN_ORDER: tuple[Callable[[Transaction, int], int], ...] = (
    _uploads,
    _rows_of(tags, "repository_id", "name"),
    _rows_of(image_layers, "image_id", "blob_id"),
    _rows_of(image_children, "image_id", "digest"),
    _images,
    _layers,
    _rows_of(tag_history, "id"),
    _rows_of(usage_deltas, "id"),
)
