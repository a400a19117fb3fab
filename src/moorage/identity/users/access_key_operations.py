"""IAM's operations on access keys."""

from collections.abc import Mapping
from typing import Any

from moorage.aws.operation import Answer, operation
from moorage.core.call import Call
from moorage.identity import resources
from moorage.identity.credentials import user_keys
from moorage.identity.credentials.sealing import Sealer
from moorage.identity.credentials.user_keys import KeyFacts, Owner
from moorage.identity.iam_errors import InvalidInputError
from moorage.identity.needs import needs
from moorage.identity.pages import Pages
from moorage.identity.users import users
from moorage.storage.database.transaction import Transaction

_STATUSES = {True: "Active", False: "Inactive"}


class AccessKeyOperations:
    """Keys of a named user, or of the caller."""

    def __init__(self, sealer: Sealer, pages: Pages) -> None:
        self._sealer = sealer
        self._pages = pages

    @operation("CreateAccessKey", requires=needs("CreateAccessKey", "user"), mode="write")
    def create_key(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> Answer:
        """A new key; its secret is shown this once. Raises NoSuchEntityError, QuotaExceededError, IamValidationError."""
        owner, name = _owner(tx, call, params)
        made = user_keys.create(tx, self._sealer, owner)
        return {"AccessKey": {**_described(made.facts, name), "SecretAccessKey": made.secret}}

    @operation("ListAccessKeys", requires=needs("ListAccessKeys", "user"), mode="read")
    def list_keys(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> Answer:
        """The keys, oldest first, without their secrets. Raises NoSuchEntityError, IamValidationError."""
        owner, name = _owner(tx, call, params)
        page = self._pages.of(call, params, owner.user_id or "")
        shown, more = page.cut_whole(user_keys.listed(tx, owner))
        return {"AccessKeyMetadata": [_described(key, name) for key in shown], **more}

    @operation("UpdateAccessKey", requires=needs("UpdateAccessKey", "user"), mode="write")
    def update_key(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> None:
        """Let a key sign, or no longer. Raises NoSuchEntityError, InvalidInputError, IamValidationError."""
        if params["Status"] not in _STATUSES.values():
            raise InvalidInputError("The status of an access key can be set to Active or Inactive only.")
        owner, _ = _owner(tx, call, params)
        user_keys.set_active(tx, owner, params["AccessKeyId"], active=params["Status"] == "Active")

    @operation("DeleteAccessKey", requires=needs("DeleteAccessKey", "user"), mode="write")
    def delete_key(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> None:
        """End a key, and what was issued to it. Raises NoSuchEntityError, IamValidationError."""
        owner, _ = _owner(tx, call, params)
        user_keys.delete(tx, owner, params["AccessKeyId"])

    @operation("GetAccessKeyLastUsed", requires=needs("GetAccessKeyLastUsed", "access-key"), mode="read")
    def get_last_use(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> Answer:
        """When, where and for which service a key of the account signed last, some seconds late. Raises NoSuchEntityError."""
        key = user_keys.find(tx, call.principal.account_id, params["AccessKeyId"])
        if key is None:
            raise user_keys.no_key(params["AccessKeyId"])
        user = resources.by_id(tx, key.owner.user_id) if key.owner.user_id else None
        use = key.last_used
        return {
            "UserName": user.name if user is not None else users.ROOT_NAME,
            "AccessKeyLastUsed": {
                "LastUsedDate": use.at if use is not None else None,
                "ServiceName": use.service if use is not None else "N/A",
                "Region": use.region if use is not None else "N/A",
            },
        }


def _owner(tx: Transaction, call: Call, params: Mapping[str, Any]) -> tuple[Owner, str]:
    """Whose keys a request is about, and the name that is shown for it."""
    user = users.of_caller(tx, call, params.get("UserName"))
    if user is None:
        return Owner(call.principal.account_id, None), users.ROOT_NAME
    return Owner(user.resource.account_id, user.resource.id), user.resource.name


def _described(key: KeyFacts, name: str) -> Answer:
    return {"UserName": name, "AccessKeyId": key.id, "Status": _STATUSES[key.active], "CreateDate": key.created_at}
