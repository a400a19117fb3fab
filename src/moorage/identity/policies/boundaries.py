"""Permissions boundaries: the managed policy that says what a user or role may do at most."""

import sqlalchemy as sa

from moorage.identity import resources
from moorage.identity.iam_errors import NoSuchEntityError
from moorage.identity.policies.managed_policies import Managed
from moorage.identity.resources import Resource
from moorage.storage.database.schema.iam import permissions_boundaries
from moorage.storage.database.transaction import Transaction


def set_boundary(tx: Transaction, resource: Resource, policy: Managed) -> None:
    """Limit a user or role by a managed policy, in place of the one before."""
    _remove(tx, resource)
    own_id = policy.id if policy.resource is not None else None
    tx.execute(sa.insert(permissions_boundaries).values(resource_id=resource.id, policy_arn=policy.arn, policy_id=own_id))
    resources.changed(tx, resource.account_id)


def remove_boundary(tx: Transaction, resource: Resource) -> None:
    """Lift a user's or role's limit; raises NoSuchEntityError where it has none."""
    if not _remove(tx, resource):
        raise NoSuchEntityError(f"{resource.kind.capitalize()} {resource.name} does not have a permissions boundary.")
    resources.changed(tx, resource.account_id)


def boundary_of(tx: Transaction, resource_id: str) -> str | None:
    """The ARN of the policy that limits the user or role with that unique id, or None."""
    row = tx.one(sa.select(permissions_boundaries.c.policy_arn).where(permissions_boundaries.c.resource_id == resource_id))
    return str(row.policy_arn) if row is not None else None


def shown(arn: str | None) -> dict[str, str] | None:
    """The member PermissionsBoundary of users and roles; None where they have none.

    AWS answers `Policy` as its type, though its model says `PermissionsBoundaryPolicy` (AWS CLI reference, "get-role").
    """
    return {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn} if arn is not None else None


def _remove(tx: Transaction, resource: Resource) -> bool:
    its = permissions_boundaries.c.resource_id == resource.id
    return tx.execute(sa.delete(permissions_boundaries).where(its)).rowcount > 0
