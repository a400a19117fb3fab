"""IAM's operations on users."""

from collections.abc import Mapping
from typing import Any

from moorage.aws.operation import Answer, operation
from moorage.core.arn import root_arn
from moorage.core.call import Call
from moorage.identity import accounts, resources, tagging
from moorage.identity.needs import needs
from moorage.identity.pages import Pages
from moorage.identity.policies import boundaries, policy_subjects
from moorage.identity.users import users
from moorage.identity.users.users import User
from moorage.storage.database.transaction import Transaction


def _fills(params: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    return {**tagging.context(params), **policy_subjects.requested_boundary(params)}


class UserOperations:
    """Users and their tags."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    @operation("CreateUser", requires=tagging.to_create("user", "CreateUser", "TagUser"), mode="write", context=_fills)
    def create_user(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> Answer:
        """Raises EntityAlreadyExistsError, QuotaExceededError, InvalidInputError for its tags, and for its permissions
        boundary NoSuchEntityError, PolicyNotAttachableError.
        """
        user = users.create(tx, call.principal.account_id, params["UserName"], params.get("Path") or "/")
        tagging.add(tx, user.resource, tagging.requested(params))
        if (boundary := params.get("PermissionsBoundary")) is not None:
            boundaries.set_boundary(tx, user.resource, policy_subjects.attachable(tx, call, boundary))
        return {"User": _whole(tx, user)}

    @operation("GetUser", requires=needs("GetUser", "user"), mode="read")
    def get_user(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> Answer:
        """The user of that name, or the caller. Raises NoSuchEntityError, IamValidationError."""
        user = users.of_caller(tx, call, params.get("UserName"))
        if user is None:
            account = accounts.get(tx, call.principal.account_id)
            root = {"Path": "/", "UserName": users.ROOT_NAME, "UserId": account.id, "Arn": root_arn(account.id)}
            return {"User": {**root, "CreateDate": account.created_at}}
        return {"User": _whole(tx, user)}

    @operation("UpdateUser", requires=needs("UpdateUser", "user"), mode="write")
    def update_user(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> None:
        """Another name, another path; its id, keys, groups and policies stay. Raises NoSuchEntityError,
        EntityAlreadyExistsError.
        """
        user = users.get(tx, call.principal.account_id, params["UserName"])
        resources.rename(tx, user.resource, name=params.get("NewUserName"), path=params.get("NewPath"))

    @operation("DeleteUser", requires=needs("DeleteUser", "user"), mode="write")
    def delete_user(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> None:
        """Raises NoSuchEntityError, and DeleteConflictError while it has keys, a password, policies or groups."""
        users.delete(tx, users.get(tx, call.principal.account_id, params["UserName"]))

    @operation("ListUsers", requires=needs("ListUsers", "*"), mode="read")
    def list_users(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> Answer:
        """Users in the order of their names, in pages."""
        prefix = params.get("PathPrefix") or "/"
        page = self._pages.of(call, params, prefix)
        found = users.listed(tx, call.principal.account_id, prefix, page.after, page.limit + 1)
        shown, more = page.cut(found, lambda user: user.resource.name.lower())
        return {"Users": [user.describe() for user in shown], **more}

    # --- tags -------------------------------------------------------------------------------------------------------

    @operation("TagUser", requires=needs("TagUser", "user"), mode="write", context=tagging.context)
    def tag_user(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> None:
        """Add tags, or change their values. Raises NoSuchEntityError, InvalidInputError, QuotaExceededError."""
        user = users.get(tx, call.principal.account_id, params["UserName"])
        tagging.add(tx, user.resource, tagging.requested(params))

    @operation("UntagUser", requires=needs("UntagUser", "user"), mode="write", context=tagging.context)
    def untag_user(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> None:
        """Remove tags; those that are not there are no fault. Raises NoSuchEntityError."""
        user = users.get(tx, call.principal.account_id, params["UserName"])
        resources.remove_tags(tx, user.resource, params["TagKeys"])

    @operation("ListUserTags", requires=needs("ListUserTags", "user"), mode="read")
    def list_user_tags(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> Answer:
        """The tags in the order of their keys, in pages. Raises NoSuchEntityError."""
        user = users.get(tx, call.principal.account_id, params["UserName"])
        tags = tagging.shown(resources.tags_of(tx, user.resource))
        shown, more = self._pages.of(call, params, user.resource.id).cut_whole(tags)
        return {"Tags": shown, **more}


def _whole(tx: Transaction, user: User) -> Answer:
    return {
        **user.describe(),
        "PermissionsBoundary": boundaries.shown(boundaries.boundary_of(tx, user.resource.id)),
        "Tags": tagging.shown(resources.tags_of(tx, user.resource)) or None,
    }
