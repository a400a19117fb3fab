"""IAM's operations on what users, groups and roles hold of managed policies, and on the boundaries of users and roles."""

from typing import Any

from moorage.aws.decode import Params
from moorage.aws.operation import operation
from moorage.core.call import Call
from moorage.identity.needs import needs
from moorage.identity.pages import Pages
from moorage.identity.policies import attachments, boundaries
from moorage.identity.policies.policy_subjects import attachable, boundary_held, holder, policy_arn, requested_boundary
from moorage.identity.resources import Kind
from moorage.storage.database.transaction import Transaction


class AttachmentOperations:
    """Attach, Detach and List of each, and boundaries.

    All raise NoSuchEntityError for a user, group or role that is not there; those that name a policy also for that, or
    InvalidInputError for an ARN that can be no policy's.
    """

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    @operation(
        "AttachUserPolicy",
        requires=needs("AttachUserPolicy", Kind.USER),
        mode="write",
        context=policy_arn,
        context_from=boundary_held,
    )
    def attach_user_policy(self, tx: Transaction, call: Call, params: Params) -> None:
        """Attach one, which may be attached already; raises QuotaExceededError, PolicyNotAttachableError."""
        _attach(tx, call, Kind.USER, params)

    @operation("AttachGroupPolicy", requires=needs("AttachGroupPolicy", Kind.GROUP), mode="write", context=policy_arn)
    def attach_group_policy(self, tx: Transaction, call: Call, params: Params) -> None:
        """As AttachUserPolicy."""
        _attach(tx, call, Kind.GROUP, params)

    @operation(
        "AttachRolePolicy",
        requires=needs("AttachRolePolicy", Kind.ROLE),
        mode="write",
        context=policy_arn,
        context_from=boundary_held,
    )
    def attach_role_policy(self, tx: Transaction, call: Call, params: Params) -> None:
        """As AttachUserPolicy."""
        _attach(tx, call, Kind.ROLE, params)

    @operation(
        "DetachUserPolicy",
        requires=needs("DetachUserPolicy", Kind.USER),
        mode="write",
        context=policy_arn,
        context_from=boundary_held,
    )
    def detach_user_policy(self, tx: Transaction, call: Call, params: Params) -> None:
        """Detach one; raises NoSuchEntityError where it is not attached."""
        _detach(tx, call, Kind.USER, params)

    @operation("DetachGroupPolicy", requires=needs("DetachGroupPolicy", Kind.GROUP), mode="write", context=policy_arn)
    def detach_group_policy(self, tx: Transaction, call: Call, params: Params) -> None:
        """As DetachUserPolicy."""
        _detach(tx, call, Kind.GROUP, params)

    @operation(
        "DetachRolePolicy",
        requires=needs("DetachRolePolicy", Kind.ROLE),
        mode="write",
        context=policy_arn,
        context_from=boundary_held,
    )
    def detach_role_policy(self, tx: Transaction, call: Call, params: Params) -> None:
        """As DetachUserPolicy."""
        _detach(tx, call, Kind.ROLE, params)

    @operation("ListAttachedUserPolicies", requires=needs("ListAttachedUserPolicies", Kind.USER), mode="read")
    def list_attached_user_policies(self, tx: Transaction, call: Call, params: Params) -> dict[str, Any]:
        """What the user itself holds."""
        return self._list(tx, call, Kind.USER, params)

    @operation("ListAttachedGroupPolicies", requires=needs("ListAttachedGroupPolicies", Kind.GROUP), mode="read")
    def list_attached_group_policies(self, tx: Transaction, call: Call, params: Params) -> dict[str, Any]:
        """What the group holds."""
        return self._list(tx, call, Kind.GROUP, params)

    @operation("ListAttachedRolePolicies", requires=needs("ListAttachedRolePolicies", Kind.ROLE), mode="read")
    def list_attached_role_policies(self, tx: Transaction, call: Call, params: Params) -> dict[str, Any]:
        """What the role holds."""
        return self._list(tx, call, Kind.ROLE, params)

    @operation(
        "PutUserPermissionsBoundary",
        requires=needs("PutUserPermissionsBoundary", Kind.USER),
        mode="write",
        context=requested_boundary,
    )
    def put_user_permissions_boundary(self, tx: Transaction, call: Call, params: Params) -> None:
        """Set or replace the user's boundary; raises PolicyNotAttachableError."""
        _bound(tx, call, Kind.USER, params)

    @operation(
        "PutRolePermissionsBoundary",
        requires=needs("PutRolePermissionsBoundary", Kind.ROLE),
        mode="write",
        context=requested_boundary,
    )
    def put_role_permissions_boundary(self, tx: Transaction, call: Call, params: Params) -> None:
        """As PutUserPermissionsBoundary."""
        _bound(tx, call, Kind.ROLE, params)

    @operation(
        "DeleteUserPermissionsBoundary",
        requires=needs("DeleteUserPermissionsBoundary", Kind.USER),
        mode="write",
        context_from=boundary_held,
    )
    def delete_user_permissions_boundary(self, tx: Transaction, call: Call, params: Params) -> None:
        """Lift the user's boundary; raises NoSuchEntityError where it has none."""
        boundaries.remove_boundary(tx, holder(tx, call, Kind.USER, params))

    @operation(
        "DeleteRolePermissionsBoundary",
        requires=needs("DeleteRolePermissionsBoundary", Kind.ROLE),
        mode="write",
        context_from=boundary_held,
    )
    def delete_role_permissions_boundary(self, tx: Transaction, call: Call, params: Params) -> None:
        """As DeleteUserPermissionsBoundary."""
        boundaries.remove_boundary(tx, holder(tx, call, Kind.ROLE, params))

    def _list(self, tx: Transaction, call: Call, kind: Kind, params: Params) -> dict[str, Any]:
        resource = holder(tx, call, kind, params)
        page = self._pages.of(call, params, resource.id)
        held = attachments.attached(tx, resource, path_prefix=params.get("PathPrefix") or "/")
        shown, more = page.cut([each for each in held if each.arn > (page.after or "")], lambda each: each.arn)
        return {"AttachedPolicies": [{"PolicyName": each.name, "PolicyArn": each.arn} for each in shown], **more}


def _attach(tx: Transaction, call: Call, kind: Kind, params: Params) -> None:
    resource = holder(tx, call, kind, params)
    attachments.attach(tx, resource, attachable(tx, call, params["PolicyArn"]))


def _detach(tx: Transaction, call: Call, kind: Kind, params: Params) -> None:
    attachments.detach(tx, holder(tx, call, kind, params), params["PolicyArn"])


def _bound(tx: Transaction, call: Call, kind: Kind, params: Params) -> None:
    resource = holder(tx, call, kind, params)
    boundaries.set_boundary(tx, resource, attachable(tx, call, params["PermissionsBoundary"]))
