"""IAM's operations on inline policies of users, groups and roles."""

from typing import Any

from moorage.aws.decode import Params
from moorage.aws.operation import operation
from moorage.core.call import Call
from moorage.iam.kinds import parse_identity_policy
from moorage.identity.needs import needs
from moorage.identity.pages import Pages
from moorage.identity.policies import inline_policies
from moorage.identity.policies.inline_policies import InlinePolicy
from moorage.identity.policies.policy_subjects import boundary_held, holder
from moorage.identity.policies.policy_text import encoded
from moorage.identity.resources import Kind
from moorage.storage.database.transaction import Transaction


class InlinePolicyOperations:
    """Put, Get, Delete and List of each. All raise NoSuchEntityError for a user, group or role that is not there."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    @operation("PutUserPolicy", requires=needs("PutUserPolicy", Kind.USER), mode="write", context_from=boundary_held)
    def put_user_policy(self, tx: Transaction, call: Call, params: Params) -> None:
        """Add or replace one; raises MalformedPolicyError, PolicyLimitError."""
        _put(tx, call, Kind.USER, params)

    @operation("PutGroupPolicy", requires=needs("PutGroupPolicy", Kind.GROUP), mode="write")
    def put_group_policy(self, tx: Transaction, call: Call, params: Params) -> None:
        """As PutUserPolicy."""
        _put(tx, call, Kind.GROUP, params)

    @operation("PutRolePolicy", requires=needs("PutRolePolicy", Kind.ROLE), mode="write", context_from=boundary_held)
    def put_role_policy(self, tx: Transaction, call: Call, params: Params) -> None:
        """As PutUserPolicy."""
        _put(tx, call, Kind.ROLE, params)

    @operation("GetUserPolicy", requires=needs("GetUserPolicy", Kind.USER), mode="read")
    def get_user_policy(self, tx: Transaction, call: Call, params: Params) -> dict[str, Any]:
        """Its text, percent-encoded; raises NoSuchEntityError."""
        return _get(tx, call, Kind.USER, params)

    @operation("GetGroupPolicy", requires=needs("GetGroupPolicy", Kind.GROUP), mode="read")
    def get_group_policy(self, tx: Transaction, call: Call, params: Params) -> dict[str, Any]:
        """As GetUserPolicy."""
        return _get(tx, call, Kind.GROUP, params)

    @operation("GetRolePolicy", requires=needs("GetRolePolicy", Kind.ROLE), mode="read")
    def get_role_policy(self, tx: Transaction, call: Call, params: Params) -> dict[str, Any]:
        """As GetUserPolicy."""
        return _get(tx, call, Kind.ROLE, params)

    @operation("DeleteUserPolicy", requires=needs("DeleteUserPolicy", Kind.USER), mode="write", context_from=boundary_held)
    def delete_user_policy(self, tx: Transaction, call: Call, params: Params) -> None:
        """Remove one; raises NoSuchEntityError."""
        _delete(tx, call, Kind.USER, params)

    @operation("DeleteGroupPolicy", requires=needs("DeleteGroupPolicy", Kind.GROUP), mode="write")
    def delete_group_policy(self, tx: Transaction, call: Call, params: Params) -> None:
        """As DeleteUserPolicy."""
        _delete(tx, call, Kind.GROUP, params)

    @operation("DeleteRolePolicy", requires=needs("DeleteRolePolicy", Kind.ROLE), mode="write", context_from=boundary_held)
    def delete_role_policy(self, tx: Transaction, call: Call, params: Params) -> None:
        """As DeleteUserPolicy."""
        _delete(tx, call, Kind.ROLE, params)

    @operation("ListUserPolicies", requires=needs("ListUserPolicies", Kind.USER), mode="read")
    def list_user_policies(self, tx: Transaction, call: Call, params: Params) -> dict[str, Any]:
        """Their names."""
        return self._list(tx, call, Kind.USER, params)

    @operation("ListGroupPolicies", requires=needs("ListGroupPolicies", Kind.GROUP), mode="read")
    def list_group_policies(self, tx: Transaction, call: Call, params: Params) -> dict[str, Any]:
        """Their names."""
        return self._list(tx, call, Kind.GROUP, params)

    @operation("ListRolePolicies", requires=needs("ListRolePolicies", Kind.ROLE), mode="read")
    def list_role_policies(self, tx: Transaction, call: Call, params: Params) -> dict[str, Any]:
        """Their names."""
        return self._list(tx, call, Kind.ROLE, params)

    def _list(self, tx: Transaction, call: Call, kind: Kind, params: Params) -> dict[str, Any]:
        resource = holder(tx, call, kind, params)
        page = self._pages.of(call, params, resource.id)
        found = inline_policies.listed(tx, resource, after=page.after or "", limit=page.limit + 1)
        shown, more = page.cut(found, lambda each: each.name)
        return {"PolicyNames": [each.name for each in shown], **more}


def _put(tx: Transaction, call: Call, kind: Kind, params: Params) -> None:
    text = params["PolicyDocument"]
    resource = holder(tx, call, kind, params)
    parse_identity_policy(text)
    inline_policies.put(tx, resource, InlinePolicy(params["PolicyName"], text))


def _get(tx: Transaction, call: Call, kind: Kind, params: Params) -> dict[str, Any]:
    resource = holder(tx, call, kind, params)
    found = inline_policies.get(tx, resource, params["PolicyName"])
    member = f"{kind.capitalize()}Name"
    return {member: resource.name, "PolicyName": found.name, "PolicyDocument": encoded(found.text)}


def _delete(tx: Transaction, call: Call, kind: Kind, params: Params) -> None:
    inline_policies.delete(tx, holder(tx, call, kind, params), params["PolicyName"])
