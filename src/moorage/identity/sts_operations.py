"""STS's operations of identity: GetCallerIdentity. The others come with users and roles."""

from collections.abc import Mapping
from typing import Any

from moorage.aws.operation import operation
from moorage.aws.requirements import AnyCaller
from moorage.core.call import Call

_REASON = "it tells callers only who they are, and STS grants it under any policy (STS API reference, GetCallerIdentity)"


class SecurityTokenOperations:
    """Tells callers who they are."""

    @operation("GetCallerIdentity", requires=AnyCaller(_REASON), mode="plain")
    def get_caller_identity(self, call: Call, params: Mapping[str, Any]) -> dict[str, Any]:
        """The caller's account, ARN and unique id; the root of an account has the account's own id."""
        principal = call.principal
        return {"UserId": principal.account_id, "Account": principal.account_id, "Arn": principal.arn}
