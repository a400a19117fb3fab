"""Managed policies: an account's own, each with up to five versions, and those of AWS, which every account may use."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from moorage.core.clock import Timestamp
from moorage.iam.managed import MANAGED, ManagedPolicy
from moorage.identity import resources
from moorage.identity.iam_errors import DeleteConflictError, NoSuchEntityError, QuotaExceededError
from moorage.identity.policies.policy_errors import PolicyLimitError, no_policy, no_version
from moorage.identity.resources import Kind, Resource
from moorage.storage.database.schema.iam import (
    iam_resources,
    managed_policies,
    permissions_boundaries,
    policy_attachments,
    policy_versions,
)
from moorage.storage.database.transaction import Transaction

MOST_POLICIES = 1500
MOST_VERSIONS = 5
"""Both: IAM user guide, "IAM and STS quotas". How large a policy may be is asked when its text is read."""


@dataclass(frozen=True, slots=True)
class Managed:
    """A managed policy of the account or of AWS."""

    arn: str
    id: str
    """`ANPA…`."""
    name: str
    path: str
    description: str | None
    created_at: Timestamp
    updated_at: Timestamp
    """When its newest version was made (IAM API reference, Policy)."""
    default_version: int
    """The number of the version that counts."""
    resource: Resource | None
    """None: one of AWS's, which nobody can change."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a managed policy."""

    number: int
    text: str
    """As it was given."""
    created_at: Timestamp


def create(
    tx: Transaction, account_id: str, name: str, text: str, *, path: str = "/", description: str | None = None
) -> Managed:
    """A new policy, whose first version is its default; raises EntityAlreadyExistsError, QuotaExceededError."""
    if resources.count(tx, account_id, Kind.POLICY) >= MOST_POLICIES:
        raise QuotaExceededError("PoliciesPerAccount", MOST_POLICIES)
    made = resources.create(tx, account_id, Kind.POLICY, name, path=path, description=description)
    tx.execute(sa.insert(managed_policies).values(id=made.id, updated_at=tx.now))
    tx.execute(sa.insert(policy_versions).values(policy_id=made.id, version=1, text=text, created_at=tx.now))
    return _own(made, 1, tx.now)


def find(tx: Transaction, account_id: str, arn: str) -> Managed | None:
    """The policy with that ARN, if the account may use it: its own, or one of AWS's."""
    if (of_aws := MANAGED.get(arn)) is not None:
        return aws_policy(of_aws)
    query = _OWN.where(
        iam_resources.c.account_id == account_id,
        iam_resources.c.kind == Kind.POLICY,
        iam_resources.c.name_key == arn.rpartition("/")[2].lower(),
    )
    row = tx.one(query)
    found = _read(row) if row is not None else None
    return found if found is not None and found.arn == arn else None


def get(tx: Transaction, account_id: str, arn: str) -> Managed:
    """The policy with that ARN; raises NoSuchEntityError."""
    found = find(tx, account_id, arn)
    if found is None:
        raise no_policy(arn)
    return found


def delete(tx: Transaction, policy: Managed) -> None:
    """Remove a policy of the account; raises DeleteConflictError while something holds it, or while it has more versions."""
    for table in (policy_attachments, permissions_boundaries):
        if tx.one(sa.select(table.c.resource_id).where(table.c.policy_id == policy.id).limit(1)) is not None:
            raise DeleteConflictError("Cannot delete a policy attached to entities.")
    if len(versions(tx, policy)) > 1:
        raise DeleteConflictError(
            "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. "
            "The default version is deleted with the policy."
        )
    resources.delete(tx, resource_of(policy))


def versions(tx: Transaction, policy: Managed) -> list[Version]:
    """Its versions, the newest first; of AWS's, only the one that counts is known."""
    if policy.resource is None:
        return [Version(policy.default_version, MANAGED[policy.arn].text, policy.updated_at)]
    query = (
        sa.select(policy_versions).where(policy_versions.c.policy_id == policy.id).order_by(policy_versions.c.version.desc())
    )
    return [Version(row.version, row.text, Timestamp(row.created_at)) for row in tx.all(query)]


def version(tx: Transaction, policy: Managed, name: str) -> Version:
    """Its version of that name, such as `v2`; raises NoSuchEntityError."""
    for each in versions(tx, policy):
        if version_id(each.number) == name:
            return each
    raise no_version(policy.arn, name)


def version_id(number: int) -> str:
    """A version's number as IAM writes it: `v2`."""
    return f"v{number}"


def add_version(tx: Transaction, policy: Managed, text: str, *, default: bool) -> Version:
    """One more version, whose number no other of it ever had; raises PolicyLimitError."""
    if len(versions(tx, policy)) >= MOST_VERSIONS:
        raise PolicyLimitError.of_versions(MOST_VERSIONS)
    own = managed_policies.c.id == policy.id
    values = {"newest_version": managed_policies.c.newest_version + 1, "updated_at": tx.now}
    raised = sa.update(managed_policies).where(own).values(values)
    number = int(tx.execute(raised.returning(managed_policies.c.newest_version)).scalar_one())
    tx.execute(sa.insert(policy_versions).values(policy_id=policy.id, version=number, text=text, created_at=tx.now))
    if default:
        _set_default(tx, policy, number)
    resources.changed(tx, resource_of(policy).account_id)
    return Version(number, text, tx.now)


def delete_version(tx: Transaction, policy: Managed, name: str) -> None:
    """Remove a version; raises NoSuchEntityError, or DeleteConflictError for the one that counts."""
    number = version(tx, policy, name).number
    if number == policy.default_version:
        raise DeleteConflictError("Cannot delete the default version of a policy.")
    tx.execute(sa.delete(policy_versions).where(policy_versions.c.policy_id == policy.id, policy_versions.c.version == number))
    resources.changed(tx, resource_of(policy).account_id)


def set_default_version(tx: Transaction, policy: Managed, name: str) -> None:
    """Let another version count; raises NoSuchEntityError."""
    _set_default(tx, policy, version(tx, policy, name).number)
    resources.changed(tx, resource_of(policy).account_id)


def own(tx: Transaction, account_id: str, *, path_prefix: str = "/", after: str = "") -> Iterator[Managed]:
    """The account's own policies, in the order of their names in lower case, behind one of these."""
    query = _OWN.where(
        iam_resources.c.account_id == account_id,
        iam_resources.c.kind == Kind.POLICY,
        sa.func.substr(iam_resources.c.path, 1, len(path_prefix)) == path_prefix,
        iam_resources.c.name_key > after,
    ).order_by(iam_resources.c.name_key)
    return map(_read, tx.all(query))


def of_aws(*, path_prefix: str = "/", after: str = "") -> Iterator[Managed]:
    """AWS's policies, in the order of their names in lower case, behind one of these."""
    known = sorted(MANAGED.values(), key=lambda each: each.name.lower())
    return (aws_policy(each) for each in known if each.path.startswith(path_prefix) and each.name.lower() > after)


def aws_policy(policy: ManagedPolicy) -> Managed:
    """One of AWS's as every account sees it."""
    return Managed(
        policy.arn,
        policy.id,
        policy.name,
        policy.path,
        policy.description,
        policy.created_at,
        policy.created_at,
        int(policy.version.removeprefix("v")),
        None,
    )


_OWN = sa.select(iam_resources, managed_policies.c.default_version, managed_policies.c.updated_at).join(
    managed_policies, managed_policies.c.id == iam_resources.c.id
)


def _read(row: sa.Row[Any]) -> Managed:
    return _own(resources.read(row), row.default_version, Timestamp(row.updated_at))


def _own(resource: Resource, default_version: int, updated_at: Timestamp) -> Managed:
    return Managed(
        resource.arn,
        resource.id,
        resource.name,
        resource.path,
        resource.description,
        resource.created_at,
        updated_at,
        default_version,
        resource,
    )


def resource_of(policy: Managed) -> Resource:
    """What an account's own policy is among IAM's resources; raises NoSuchEntityError for one of AWS's."""
    if policy.resource is None:
        raise NoSuchEntityError(f"Policy {policy.arn} does not belong to this account.")
    return policy.resource


def _set_default(tx: Transaction, policy: Managed, number: int) -> None:
    tx.execute(sa.update(managed_policies).where(managed_policies.c.id == policy.id).values(default_version=number))
