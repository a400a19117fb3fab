"""STS's operations of identity: who calls, whose a key is, and what a denial said."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from moorage.aws.operation import operation
from moorage.aws.requirements import AnyCaller
from moorage.core.call import Call, Requirement
from moorage.identity.credentials import authorization_messages
from moorage.identity.credentials.sealing import Sealer
from moorage.identity.iam_errors import IamValidationError
from moorage.storage.database.schema.identity import access_keys, sessions
from moorage.storage.database.transaction import Transaction

_REASON = "it tells callers only who they are, and STS grants it under any policy (STS API reference, GetCallerIdentity)"


class SecurityTokenOperations:
    """Tells callers who they are, and the like."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    @operation("GetCallerIdentity", requires=AnyCaller(_REASON), mode="plain")
    def get_caller_identity(self, call: Call, params: Mapping[str, Any]) -> dict[str, Any]:
        """The caller's account, ARN and unique id; the root of an account has the account's own id."""
        principal = call.principal
        return {"UserId": principal.id, "Account": principal.account_id, "Arn": principal.arn}

    @operation("GetAccessKeyInfo", requires=(Requirement(("sts:GetAccessKeyInfo",), "*"),), mode="read")
    def get_access_key_info(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> dict[str, Any]:
        """The account of a key, long-term or temporary, also of another account; raises IamValidationError for no key."""
        key_id = params["AccessKeyId"]
        for table in (access_keys, sessions):
            row = tx.one(sa.select(table.c.account_id).where(table.c.id == key_id))
            if row is not None:
                return {"Account": row.account_id}
        raise IamValidationError("The access key is not known.")

    @operation("DecodeAuthorizationMessage", requires=(Requirement(("sts:DecodeAuthorizationMessage",), "*"),), mode="plain")
    def decode_authorization_message(self, call: Call, params: Mapping[str, Any]) -> dict[str, Any]:
        """What a denial of the caller's account said in full; raises InvalidAuthorizationMessageError for anything else."""
        message = params["EncodedMessage"]
        return {"DecodedMessage": authorization_messages.decode(self._sealer, call.principal.account_id, message)}
