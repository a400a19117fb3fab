"""Every policy that counts for a user, group or role, with its text and where it hangs: for those who ask what it would do."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from moorage.iam.policy import Source, SourceKind
from moorage.iam.simulate import Posed
from moorage.identity import resources
from moorage.identity.policies import attachments, boundaries, inline_policies, managed_policies, service_control
from moorage.identity.policies.managed_policies import Managed
from moorage.identity.resources import Kind, Resource
from moorage.storage.database.schema.iam import group_members
from moorage.storage.database.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Held:
    """One policy of one holder."""

    posed: Posed
    holder: Resource
    """The user, group or role that it hangs on."""
    arn: str | None
    """Of a managed policy; None for an inline one."""


def held_by(tx: Transaction, resource: Resource) -> list[Held]:
    """What a group or role holds; what a user holds, and then what all its groups hold."""
    found = list(_own(tx, resource))
    if resource.kind is Kind.USER:
        ids = sa.select(group_members.c.group_id).where(group_members.c.user_id == resource.id)
        groups = [resources.by_id(tx, row.group_id) for row in tx.all(ids)]
        for group in sorted((group for group in groups if group is not None), key=lambda group: group.name.lower()):
            found.extend(_own(tx, group))
    return found


def boundary_held(tx: Transaction, resource: Resource) -> tuple[Posed, ...] | None:
    """What limits a user or role, or None."""
    arn = boundaries.boundary_of(tx, resource.id)
    if arn is None:
        return None
    found = managed_policies.find(tx, resource.account_id, arn)
    return (_managed(tx, found),) if found is not None else ()


def service_control_of(tx: Transaction, account_id: str) -> tuple[Posed, ...]:
    """The service control policies of an account; none: there is no limit."""
    return tuple(Posed(Source(SourceKind.NONE, each.name), each.text) for each in service_control.listed(tx, account_id))


def _own(tx: Transaction, resource: Resource) -> Iterator[Held]:
    for inline in inline_policies.listed(tx, resource):
        yield Held(Posed(Source(SourceKind(resource.kind), inline.name), inline.text), resource, None)
    arns: Sequence[str] = [each.arn for each in attachments.attached(tx, resource)]
    for arn in arns:
        if (found := managed_policies.find(tx, resource.account_id, arn)) is not None:
            yield Held(_managed(tx, found), resource, arn)


def _managed(tx: Transaction, policy: Managed) -> Posed:
    kind = SourceKind.AWS_MANAGED if policy.resource is None else SourceKind.USER_MANAGED
    text = managed_policies.version(tx, policy, managed_policies.version_id(policy.default_version)).text
    return Posed(Source(kind, policy.name), text)
