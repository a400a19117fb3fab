"""The settings of registries in the database."""

import json
from collections.abc import Iterable

import sqlalchemy as sa

from moorage.core.call import Registry
from moorage.registries.errors import ExclusionAlreadyExistsError, ExclusionNotFoundError, TooManyExclusionsError
from moorage.registries.scanning import ScanningConfiguration
from moorage.registries.settings import setting
from moorage.storage.database.schema.registries import account_settings, pull_time_exclusions, scanning_configurations
from moorage.storage.database.transaction import Transaction

MOST_EXCLUSIONS = 100
"""ECR's quota of pull time update exclusions."""


def setting_of(tx: Transaction, registry_id: int, name: str) -> str:
    """A setting's value, set or not; raises InvalidParameterError for a name that is none."""
    default = setting(name).default
    row = tx.one(sa.select(account_settings.c.value).where(*_named(registry_id, name)))
    return row.value if row else default


def put_setting(tx: Transaction, registry_id: int, name: str, value: str) -> None:
    """Set a setting to a value that was checked; what is at its default has no row."""
    tx.execute(sa.delete(account_settings).where(*_named(registry_id, name)))
    if value != setting(name).default:
        tx.execute(sa.insert(account_settings).values(registry_id=registry_id, name=name, value=value))


def _named(registry_id: int, name: str) -> tuple[sa.ColumnElement[bool], ...]:
    return account_settings.c.registry_id == registry_id, account_settings.c.name == name


def add_exclusion(tx: Transaction, registry: Registry, principal_arn: str) -> None:
    """Exclude a principal, from now on; raises ExclusionAlreadyExistsError, TooManyExclusionsError."""
    table = pull_time_exclusions
    known = {row.principal_arn for row in tx.all(sa.select(table.c.principal_arn).where(table.c.registry_id == registry.id))}
    if principal_arn in known:
        raise ExclusionAlreadyExistsError(principal_arn, registry)
    if len(known) >= MOST_EXCLUSIONS:
        raise TooManyExclusionsError(MOST_EXCLUSIONS)
    tx.execute(sa.insert(table).values(registry_id=registry.id, principal_arn=principal_arn, created_at=tx.now))


def remove_exclusion(tx: Transaction, registry: Registry, principal_arn: str) -> None:
    """End an exclusion; raises ExclusionNotFoundError."""
    table = pull_time_exclusions
    where = table.c.registry_id == registry.id, table.c.principal_arn == principal_arn
    if not tx.execute(sa.delete(table).where(*where)).rowcount:
        raise ExclusionNotFoundError(principal_arn, registry)


def exclusions_after(tx: Transaction, registry_id: int, after: str | None, limit: int) -> list[str]:
    """At most `limit` excluded principals in the order of their ARNs, behind `after`."""
    table = pull_time_exclusions
    query = sa.select(table.c.principal_arn).where(table.c.registry_id == registry_id)
    if after is not None:
        query = query.where(table.c.principal_arn > after)
    return [row.principal_arn for row in tx.all(query.order_by(table.c.principal_arn).limit(limit))]


def has_exclusions(tx: Transaction) -> bool:
    """Whether any registry excludes anybody."""
    return tx.one(sa.select(pull_time_exclusions.c.registry_id).limit(1)) is not None


def exclusions_of(tx: Transaction, registry_ids: Iterable[int]) -> dict[int, list[str]]:
    """The excluded principals of those of the registries that have any."""
    table = pull_time_exclusions
    found: dict[int, list[str]] = {}
    for row in tx.all(sa.select(table.c.registry_id, table.c.principal_arn).where(table.c.registry_id.in_(registry_ids))):
        found.setdefault(row.registry_id, []).append(row.principal_arn)
    return found


def scanning_of(tx: Transaction, registry_id: int) -> ScanningConfiguration:
    """The scanning configuration; basic scanning without rules where none was put."""
    table = scanning_configurations
    row = tx.one(sa.select(table.c.scan_type, table.c.rules).where(table.c.registry_id == registry_id))
    return ScanningConfiguration.parse(row.scan_type, json.loads(row.rules)) if row else ScanningConfiguration()


def put_scanning(tx: Transaction, registry_id: int, configuration: ScanningConfiguration) -> None:
    """Replace the scanning configuration."""
    table = scanning_configurations
    shown = configuration.describe()
    tx.execute(sa.delete(table).where(table.c.registry_id == registry_id))
    values = {"registry_id": registry_id, "scan_type": shown["scanType"], "rules": json.dumps(shown["rules"])}
    tx.execute(sa.insert(table).values(values))
