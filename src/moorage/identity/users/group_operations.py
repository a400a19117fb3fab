"""IAM's operations on groups and who is in them."""

from collections.abc import Mapping
from typing import Any

from moorage.aws.operation import Answer, operation
from moorage.core.call import Call
from moorage.identity import resources
from moorage.identity.needs import needs
from moorage.identity.pages import Pages
from moorage.identity.resources import Resource
from moorage.identity.users import groups, users
from moorage.storage.database.transaction import Transaction


class GroupOperations:
    """Groups and their members."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    @operation("CreateGroup", requires=needs("CreateGroup", "group"), mode="write")
    def create_group(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> Answer:
        """Raises EntityAlreadyExistsError and QuotaExceededError."""
        return {
            "Group": _described(groups.create(tx, call.principal.account_id, params["GroupName"], params.get("Path") or "/"))
        }

    @operation("GetGroup", requires=needs("GetGroup", "group"), mode="read")
    def get_group(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> Answer:
        """A group, and its users in the order of their names, in pages. Raises NoSuchEntityError."""
        group = groups.get(tx, call.principal.account_id, params["GroupName"])
        page = self._pages.of(call, params, group.id)
        found = groups.members(tx, group, after=page.after, limit=page.limit + 1)
        shown, more = page.cut(found, lambda user: user.resource.name.lower())
        return {"Group": _described(group), "Users": [user.describe() for user in shown], **more}

    @operation("UpdateGroup", requires=needs("UpdateGroup", "group"), mode="write")
    def update_group(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> None:
        """Another name, another path; id, users and policies stay. Raises NoSuchEntityError, EntityAlreadyExistsError."""
        group = groups.get(tx, call.principal.account_id, params["GroupName"])
        resources.rename(tx, group, name=params.get("NewGroupName"), path=params.get("NewPath"))

    @operation("DeleteGroup", requires=needs("DeleteGroup", "group"), mode="write")
    def delete_group(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> None:
        """Raises NoSuchEntityError, and DeleteConflictError while it has users or policies."""
        groups.delete(tx, groups.get(tx, call.principal.account_id, params["GroupName"]))

    @operation("ListGroups", requires=needs("ListGroups", "*"), mode="read")
    def list_groups(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> Answer:
        """Groups in the order of their names, in pages."""
        prefix, kind = params.get("PathPrefix") or "/", resources.Kind.GROUP
        page = self._pages.of(call, params, prefix)
        account_id, limit = call.principal.account_id, page.limit + 1
        found = resources.listed(tx, account_id, kind, path_prefix=prefix, after=page.after, limit=limit)
        shown, more = page.cut(found, _position)
        return {"Groups": [_described(group) for group in shown], **more}

    # --- members ----------------------------------------------------------------------------------------------------

    @operation("AddUserToGroup", requires=needs("AddUserToGroup", "group"), mode="write")
    def add_user(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> None:
        """May be repeated. Raises NoSuchEntityError, QuotaExceededError."""
        group = groups.get(tx, call.principal.account_id, params["GroupName"])
        groups.add(tx, group, users.get(tx, call.principal.account_id, params["UserName"]).resource)

    @operation("RemoveUserFromGroup", requires=needs("RemoveUserFromGroup", "group"), mode="write")
    def remove_user(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> None:
        """May be repeated. Raises NoSuchEntityError."""
        group = groups.get(tx, call.principal.account_id, params["GroupName"])
        groups.remove(tx, group, users.get(tx, call.principal.account_id, params["UserName"]).resource)

    @operation("ListGroupsForUser", requires=needs("ListGroupsForUser", "user"), mode="read")
    def list_groups_of_user(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> Answer:
        """The groups of a user in the order of their names, in pages. Raises NoSuchEntityError."""
        user = users.get(tx, call.principal.account_id, params["UserName"]).resource
        page = self._pages.of(call, params, user.id)
        shown, more = page.cut(groups.of_user(tx, user, after=page.after, limit=page.limit + 1), _position)
        return {"Groups": [_described(group) for group in shown], **more}


def _position(group: Resource) -> str:
    return group.name.lower()


def _described(group: Resource) -> Answer:
    return {
        "Path": group.path,
        "GroupName": group.name,
        "GroupId": group.id,
        "Arn": group.arn,
        "CreateDate": group.created_at,
    }
