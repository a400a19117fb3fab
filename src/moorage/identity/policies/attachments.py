"""Which managed policies users, groups and roles hold."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from moorage.identity import resources
from moorage.identity.iam_errors import QuotaExceededError
from moorage.identity.policies.managed_policies import Managed
from moorage.identity.policies.policy_errors import no_policy
from moorage.identity.resources import Kind, Resource
from moorage.storage.database.schema.iam import iam_resources, permissions_boundaries, policy_attachments
from moorage.storage.database.transaction import Transaction

MOST_POLICIES = 10
"""Managed policies that one user, group or role may hold (IAM user guide, "IAM and STS quotas")."""

_QUOTAS = {Kind.USER: "PoliciesPerUser", Kind.GROUP: "PoliciesPerGroup", Kind.ROLE: "PoliciesPerRole"}


@dataclass(frozen=True, slots=True)
class Attached:
    """A policy as something holds it."""

    arn: str

    @property
    def name(self) -> str:
        """The policy's name."""
        return self.arn.rpartition("/")[2]

    @property
    def path(self) -> str:
        """The policy's path."""
        return self.arn.split(":policy", 1)[1].removesuffix(self.name)


@dataclass(frozen=True, slots=True)
class Usage:
    """How many hold a policy."""

    attached: int = 0
    boundaries: int = 0


def attach(tx: Transaction, resource: Resource, policy: Managed) -> None:
    """Let a user, group or role hold a policy, which it may hold already; raises QuotaExceededError."""
    held = {each.arn for each in attached(tx, resource)}
    if policy.arn not in held:
        if len(held) >= MOST_POLICIES:
            raise QuotaExceededError(_QUOTAS[resource.kind], MOST_POLICIES)
        own_id = policy.id if policy.resource is not None else None
        row = {"resource_id": resource.id, "policy_arn": policy.arn, "policy_id": own_id, "attached_at": tx.now}
        tx.execute(sa.insert(policy_attachments).values(row))
    resources.changed(tx, resource.account_id)


def detach(tx: Transaction, resource: Resource, arn: str) -> None:
    """Take a policy from a user, group or role; raises NoSuchEntityError where it does not hold it."""
    its = policy_attachments.c.resource_id == resource.id, policy_attachments.c.policy_arn == arn
    if tx.execute(sa.delete(policy_attachments).where(*its)).rowcount == 0:
        raise no_policy(arn)
    resources.changed(tx, resource.account_id)


def attached(tx: Transaction, resource: Resource, *, path_prefix: str = "/") -> list[Attached]:
    """What a user, group or role holds, in the order of the ARNs."""
    query = (
        sa.select(policy_attachments.c.policy_arn)
        .where(policy_attachments.c.resource_id == resource.id)
        .order_by(policy_attachments.c.policy_arn)
    )
    held = (Attached(row.policy_arn) for row in tx.all(query))
    return [each for each in held if each.path.startswith(path_prefix)]


def usage(tx: Transaction, account_id: str, arns: Collection[str]) -> Mapping[str, Usage]:
    """How many users, groups and roles of the account hold each of these policies, and have it as their boundary."""
    counted: list[dict[str, int]] = []
    for table in (policy_attachments, permissions_boundaries):
        query = (
            sa.select(table.c.policy_arn, sa.func.count().label("n"))
            .join(iam_resources, iam_resources.c.id == table.c.resource_id)
            .where(iam_resources.c.account_id == account_id, table.c.policy_arn.in_(arns))
            .group_by(table.c.policy_arn)
        )
        counted.append({row.policy_arn: row.n for row in tx.all(query)})
    return {arn: Usage(counted[0].get(arn, 0), counted[1].get(arn, 0)) for arn in arns}


def holders(tx: Transaction, account_id: str, arn: str, *, boundary: bool) -> list[Resource]:
    """The account's users, groups and roles that hold a policy, or have it as their boundary, by kind and name."""
    table = permissions_boundaries if boundary else policy_attachments
    query = (
        sa.select(iam_resources)
        .join(table, table.c.resource_id == iam_resources.c.id)
        .where(iam_resources.c.account_id == account_id, table.c.policy_arn == arn)
        .order_by(iam_resources.c.kind, iam_resources.c.name_key)
    )
    return [resources.read(row) for row in tx.all(query)]
