"""Repositories in the database."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from moorage.core.call import Registry
from moorage.core.clock import Timestamp
from moorage.repositories.errors import RepositoryNotFoundError
from moorage.repositories.model import Encryption, Repository, TagMutability
from moorage.storage.database.prepared import Prepared
from moorage.storage.database.schema.identity import registries
from moorage.storage.database.schema.repositories import repositories, resource_tags, usage
from moorage.storage.database.transaction import Transaction

_COLUMNS = (
    repositories.c.id,
    repositories.c.name,
    repositories.c.created_at,
    repositories.c.tag_mutability,
    repositories.c.mutability_exclusions,
    repositories.c.scan_on_push,
    repositories.c.encryption_type,
    repositories.c.kms_key,
)
_IN_REGISTRY = sa.select(*_COLUMNS).where(repositories.c.registry_id == sa.bindparam("registry"))
_FIND = Prepared(_IN_REGISTRY.where(repositories.c.name == sa.bindparam("name")))
_PAGE = Prepared(
    _IN_REGISTRY.where(repositories.c.name > sa.bindparam("after")).order_by(repositories.c.name).limit(sa.bindparam("most"))
)
_INSERT = Prepared(
    sa.insert(repositories).returning(repositories.c.id),
    "registry_id",
    "name",
    "created_at",
    "created_by",
    "tag_mutability",
    "mutability_exclusions",
    "scan_on_push",
    "encryption_type",
    "kms_key",
)
_NEWEST = Prepared(sa.select(sa.func.coalesce(sa.func.max(repositories.c.id), 0)))
_INSERT_USAGE = Prepared(sa.insert(usage), "repository_id")


def find(tx: Transaction, registry: Registry, name: str) -> Repository | None:
    """The repository of that name, or None."""
    rows = tx.run(_FIND, registry=registry.id, name=name)
    return _repository(rows[0]) if rows else None


def get(tx: Transaction, registry: Registry, name: str) -> Repository:
    """The repository of that name; raises RepositoryNotFoundError."""
    found = find(tx, registry, name)
    if found is None:
        raise RepositoryNotFoundError(name, registry)
    return found


def page(tx: Transaction, registry: Registry, after: str | None, limit: int) -> list[Repository]:
    """At most `limit` repositories in the order of their names' bytes, behind the name `after`."""
    return [_repository(row) for row in tx.run(_PAGE, registry=registry.id, after=after or "", most=limit)]


def names_of(tx: Transaction, repository_ids: Sequence[int]) -> dict[int, str]:
    """The names of repositories, by their ids."""
    query = sa.select(repositories.c.id, repositories.c.name).where(repositories.c.id.in_(repository_ids))
    return {row.id: row.name for row in tx.all(query)}


def count(tx: Transaction, registry: Registry) -> int:
    """How many repositories the registry has. Takes a time in proportion; see `quota`."""
    query = sa.select(sa.func.count()).select_from(repositories).where(repositories.c.registry_id == registry.id)
    return int(tx.execute(query).scalar_one())


def newest_id(tx: Transaction) -> int:
    """The largest id of any repository, or 0."""
    ((newest,),) = tx.run(_NEWEST)
    return int(newest)


def insert(tx: Transaction, registry: Registry, wanted: Repository, created_by: str, tags: Mapping[str, str]) -> Repository:
    """Add a repository with its resource tags; raises IntegrityError when the name is taken. The id is the store's."""
    ((repository_id,),) = tx.run(
        _INSERT,
        registry_id=registry.id,
        name=wanted.name,
        created_at=wanted.created_at,
        created_by=created_by,
        tag_mutability=wanted.mutability.mode,
        mutability_exclusions=json.dumps(wanted.mutability.exclusions),
        scan_on_push=wanted.scan_on_push,
        encryption_type=wanted.encryption.type,
        kms_key=wanted.encryption.kms_key,
    )
    tx.run(_INSERT_USAGE, repository_id=repository_id)
    if tags:
        rows = [{"repository_id": repository_id, "key": key, "value": value} for key, value in tags.items()]
        tx.execute(sa.insert(resource_tags), rows)
    return Repository(repository_id, wanted.name, wanted.created_at, wanted.mutability, wanted.scan_on_push, wanted.encryption)


def set_scan_on_push(tx: Transaction, repository_id: int, scan_on_push: bool) -> None:
    """Change the repository's own flag; the registry's rules are not its affair."""
    tx.execute(sa.update(repositories).where(repositories.c.id == repository_id).values(scan_on_push=scan_on_push))


DROPPED = "dropped"
"""The service of registries that nobody can ask for: what lies in them is deleted, and its rows are on their way out."""

IS_SHOWN = (
    "SELECT 1 FROM repositories r JOIN registries s ON s.id = r.registry_id "
    "WHERE r.id = {repository} AND s.service <> 'dropped'"
)
"""Has a row while a repository, whose id stands in some column, is not deleted; for what is looked up by id alone."""

VERSIONS = "o.permission_version, s.id, s.policy_version, r.id, r.policy_version"
"""What changes when anything does that decides, on the owner's side, who may do what in a repository: of `SHOWN_WITH_OWNER`.

The ids stand beside the versions, since whatever is made anew under an old name counts from the beginning.
"""

SHOWN_WITH_OWNER = (
    "JOIN repositories r ON r.id = {repository} JOIN registries s ON s.id = r.registry_id AND s.service <> 'dropped' "
    "JOIN accounts o ON o.id = s.account_id"
)
"""Joins to a row, by its column with a repository's id, that repository with its registry and account, unless it is deleted."""


def is_shown(repository_id: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    """Whether the repository of that id is not deleted."""
    query = sa.select(repositories.c.id).join(registries, registries.c.id == repositories.c.registry_id)
    return sa.exists(query.where(repositories.c.id == repository_id, registries.c.service != DROPPED))


def move(tx: Transaction, repository_id: int, registry: Registry, name: str) -> None:
    """Give a repository another registry and another name."""
    values = {"registry_id": registry.id, "name": name}
    tx.execute(sa.update(repositories).where(repositories.c.id == repository_id).values(values))


def any_dropped(tx: Transaction) -> int | None:
    """The id of a repository that is deleted and still has rows, or None."""
    dropped = sa.select(registries.c.id).where(registries.c.service == DROPPED)
    row = tx.one(sa.select(repositories.c.id).where(repositories.c.registry_id.in_(dropped)).limit(1))
    return int(row.id) if row else None


def set_mutability(tx: Transaction, repository_id: int, mutability: TagMutability) -> None:
    """Replace which tags may move."""
    values = {"tag_mutability": mutability.mode, "mutability_exclusions": json.dumps(mutability.exclusions)}
    tx.execute(sa.update(repositories).where(repositories.c.id == repository_id).values(values))


def delete(tx: Transaction, repository_id: int) -> None:
    """Remove a repository's row and what little hangs on it; the caller has seen to its images, layers and uploads."""
    tx.execute(sa.delete(repositories).where(repositories.c.id == repository_id))


def _repository(row: tuple[Any, ...]) -> Repository:
    repository_id, name, created_at, mode, exclusions, scan_on_push, encryption_type, kms_key = row
    return Repository(
        id=repository_id,
        name=name,
        created_at=Timestamp(created_at),
        mutability=TagMutability(mode, tuple(json.loads(exclusions)) if exclusions != "[]" else ()),
        scan_on_push=bool(scan_on_push),
        encryption=Encryption(encryption_type, kms_key),
    )
