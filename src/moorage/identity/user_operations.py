"""IAM's operations on users."""

from collections.abc import Mapping
from typing import Any

from moorage.aws.operation import operation
from moorage.core.arn import root_arn
from moorage.core.call import Call, Requirement
from moorage.identity import accounts, resources, users
from moorage.identity.pages import Pages
from moorage.identity.users import User
from moorage.storage.database.transaction import Transaction

_Answer = dict[str, Any]


def _requires(action: str) -> tuple[Requirement, ...]:
    return (Requirement((f"iam:{action}",), "user"),)


class UserOperations:
    """Users and their tags."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    @operation("CreateUser", requires=_requires("CreateUser"), mode="write")
    def create_user(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> _Answer:
        """Raises EntityAlreadyExistsError and QuotaExceededError."""
        user = users.create(tx, call.principal.account_id, params["UserName"], params.get("Path") or "/")
        resources.set_tags(tx, user.resource, {tag["Key"]: tag["Value"] for tag in params.get("Tags") or ()})
        return {"User": _whole(tx, user)}

    @operation("GetUser", requires=_requires("GetUser"), mode="read")
    def get_user(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> _Answer:
        """The user of that name, or the caller. Raises NoSuchEntityError, IamValidationError."""
        user = users.of_caller(tx, call, params.get("UserName"))
        if user is None:
            account = accounts.get(tx, call.principal.account_id)
            root = {"Path": "/", "UserName": users.ROOT_NAME, "UserId": account.id, "Arn": root_arn(account.id)}
            return {"User": {**root, "CreateDate": account.created_at}}
        return {"User": _whole(tx, user)}


def _whole(tx: Transaction, user: User) -> _Answer:
    tags = resources.tags_of(tx, user.resource)
    return {**user.describe(), "Tags": [{"Key": key, "Value": value} for key, value in tags.items()] or None}
