"""Repository creation templates in the database."""

import json
from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from moorage.core.call import Registry
from moorage.core.clock import Timestamp
from moorage.registries.policy_text import Kept
from moorage.repositories.model import Encryption, TagMutability
from moorage.repositories.template import CreationTemplate, stem_of, stems_above
from moorage.storage.database.schema.registries import creation_templates
from moorage.storage.database.transaction import Transaction

_table = creation_templates.c


def prefixes(tx: Transaction, registry: Registry) -> list[str]:
    """Every prefix of the registry, in the order of the bytes; a quota keeps them few."""
    query = sa.select(_table.prefix).where(_table.registry_id == registry.id).order_by(_table.prefix)
    return [row.prefix for row in tx.all(query)]


def those(tx: Transaction, registry: Registry, chosen: Collection[str]) -> list[CreationTemplate]:
    """The templates among these at most 1,000 prefixes, written as they were given, in the order of the bytes."""
    where = _table.registry_id == registry.id, _table.prefix.in_(list(chosen))
    return [_template(row) for row in tx.all(sa.select(creation_templates).where(*where).order_by(_table.prefix))]


def fitting(tx: Transaction, registry: Registry, name: str) -> list[CreationTemplate]:
    """The templates whose prefix the name fits, ROOT's among them; for `templates.match`.

    Only these are read, since policies are long and this is asked for by pushes.
    """
    return those(tx, registry, [prefix for stem in stems_above(name) for prefix in (stem, f"{stem}/")])


def find(tx: Transaction, registry: Registry, prefix: str) -> CreationTemplate | None:
    """The template with that prefix, with or without a `/` at its end, or None."""
    row = tx.one(sa.select(creation_templates).where(*_where(registry, prefix)))
    return _template(row) if row else None


def count(tx: Transaction, registry: Registry) -> int:
    """How many templates the registry has."""
    query = sa.select(sa.func.count()).select_from(creation_templates).where(_table.registry_id == registry.id)
    return int(tx.execute(query).scalar_one())


def insert(tx: Transaction, registry: Registry, template: CreationTemplate) -> None:
    """Add a template; the caller has seen that none has its prefix."""
    tx.insert(creation_templates, registry_id=registry.id, **_values(template))


def update(tx: Transaction, registry: Registry, template: CreationTemplate) -> None:
    """Replace the template that has the same prefix."""
    tx.execute(sa.update(creation_templates).where(*_where(registry, template.prefix)).values(**_values(template)))


def delete(tx: Transaction, registry: Registry, prefix: str) -> None:
    """Remove the template with that prefix."""
    tx.execute(sa.delete(creation_templates).where(*_where(registry, prefix)))


def _where(registry: Registry, prefix: str) -> tuple[sa.ColumnElement[bool], ...]:
    stem = stem_of(prefix)
    return _table.registry_id == registry.id, _table.prefix.in_([stem, f"{stem}/"])


def _values(template: CreationTemplate) -> dict[str, Any]:
    policy = template.repository_policy
    return {
        "prefix": template.prefix,
        "applied_for": json.dumps(template.applied_for),
        "description": template.description,
        "tag_mutability": template.mutability.mode,
        "mutability_exclusions": json.dumps(template.mutability.exclusions),
        "encryption_type": template.encryption.type,
        "kms_key": template.encryption.kms_key,
        "resource_tags": json.dumps(dict(template.resource_tags), ensure_ascii=False),
        "repository_policy": policy.text if policy is not None else None,
        "principal_ids": policy.principal_ids if policy is not None else "{}",
        "lifecycle_policy": template.lifecycle_policy,
        "custom_role_arn": template.custom_role_arn,
        "created_at": template.created_at,
        "updated_at": template.updated_at,
    }


def _template(row: sa.Row[Any]) -> CreationTemplate:
    return CreationTemplate(
        prefix=row.prefix,
        applied_for=tuple(json.loads(row.applied_for)),
        created_at=Timestamp(row.created_at),
        updated_at=Timestamp(row.updated_at),
        description=row.description,
        mutability=TagMutability(row.tag_mutability, tuple(json.loads(row.mutability_exclusions))),
        encryption=Encryption(row.encryption_type, row.kms_key),
        resource_tags=tuple(json.loads(row.resource_tags).items()),
        repository_policy=Kept(row.repository_policy, row.principal_ids) if row.repository_policy is not None else None,
        lifecycle_policy=row.lifecycle_policy,
        custom_role_arn=row.custom_role_arn,
    )
