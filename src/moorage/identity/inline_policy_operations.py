"""IAM's operations on inline policies of users, groups and roles."""

from collections.abc import Mapping
from typing import Any

from moorage.aws.operation import operation
from moorage.core.call import Call, Requirement
from moorage.iam.kinds import parse_identity_policy
from moorage.identity import inline_policies
from moorage.identity.inline_policies import InlinePolicy
from moorage.identity.pages import Pages
from moorage.identity.policy_subjects import boundary_held, holder
from moorage.identity.policy_text import encoded
from moorage.identity.resources import Kind
from moorage.storage.database.transaction import Transaction

Params = Mapping[str, Any]


def _on(kind: Kind, action: str) -> tuple[Requirement, ...]:
    return (Requirement((f"iam:{action}",), kind),)


class InlinePolicyOperations:
    """Put, Get, Delete and List of each. All raise NoSuchEntityError for a user, group or role that is not there."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    @operation("PutUserPolicy", requires=_on(Kind.USER, "PutUserPolicy"), mode="write", context_from=boundary_held)
    def put_user_policy(self, tx: Transaction, call: Call, params: Params) -> None:
        """Add or replace one; raises MalformedPolicyError, PolicyLimitError."""
        _put(tx, call, Kind.USER, params)

    @operation("PutGroupPolicy", requires=_on(Kind.GROUP, "PutGroupPolicy"), mode="write")
    def put_group_policy(self, tx: Transaction, call: Call, params: Params) -> None:
        """As PutUserPolicy."""
        _put(tx, call, Kind.GROUP, params)

    @operation("PutRolePolicy", requires=_on(Kind.ROLE, "PutRolePolicy"), mode="write", context_from=boundary_held)
    def put_role_policy(self, tx: Transaction, call: Call, params: Params) -> None:
        """As PutUserPolicy."""
        _put(tx, call, Kind.ROLE, params)

    @operation("GetUserPolicy", requires=_on(Kind.USER, "GetUserPolicy"), mode="read")
    def get_user_policy(self, tx: Transaction, call: Call, params: Params) -> dict[str, Any]:
        """Its text, percent-encoded; raises NoSuchEntityError."""
        return _get(tx, call, Kind.USER, params)

    @operation("GetGroupPolicy", requires=_on(Kind.GROUP, "GetGroupPolicy"), mode="read")
    def get_group_policy(self, tx: Transaction, call: Call, params: Params) -> dict[str, Any]:
        """As GetUserPolicy."""
        return _get(tx, call, Kind.GROUP, params)

    @operation("GetRolePolicy", requires=_on(Kind.ROLE, "GetRolePolicy"), mode="read")
    def get_role_policy(self, tx: Transaction, call: Call, params: Params) -> dict[str, Any]:
        """As GetUserPolicy."""
        return _get(tx, call, Kind.ROLE, params)

    @operation("DeleteUserPolicy", requires=_on(Kind.USER, "DeleteUserPolicy"), mode="write", context_from=boundary_held)
    def delete_user_policy(self, tx: Transaction, call: Call, params: Params) -> None:
        """Remove one; raises NoSuchEntityError."""
        _delete(tx, call, Kind.USER, params)

    @operation("DeleteGroupPolicy", requires=_on(Kind.GROUP, "DeleteGroupPolicy"), mode="write")
    def delete_group_policy(self, tx: Transaction, call: Call, params: Params) -> None:
        """As DeleteUserPolicy."""
        _delete(tx, call, Kind.GROUP, params)

    @operation("DeleteRolePolicy", requires=_on(Kind.ROLE, "DeleteRolePolicy"), mode="write", context_from=boundary_held)
    def delete_role_policy(self, tx: Transaction, call: Call, params: Params) -> None:
        """As DeleteUserPolicy."""
        _delete(tx, call, Kind.ROLE, params)

    @operation("ListUserPolicies", requires=_on(Kind.USER, "ListUserPolicies"), mode="read")
    def list_user_policies(self, tx: Transaction, call: Call, params: Params) -> dict[str, Any]:
        """Their names."""
        return self._list(tx, call, Kind.USER, params)

    @operation("ListGroupPolicies", requires=_on(Kind.GROUP, "ListGroupPolicies"), mode="read")
    def list_group_policies(self, tx: Transaction, call: Call, params: Params) -> dict[str, Any]:
        """Their names."""
        return self._list(tx, call, Kind.GROUP, params)

    @operation("ListRolePolicies", requires=_on(Kind.ROLE, "ListRolePolicies"), mode="read")
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
