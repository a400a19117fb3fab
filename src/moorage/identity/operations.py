"""ECR's operation of identity: GetAuthorizationToken."""

import base64
from collections.abc import Mapping
from typing import Any

from moorage.aws.operation import operation
from moorage.core.addresses import Addresses
from moorage.core.call import Call, Requirement
from moorage.identity.credentials import tokens
from moorage.storage.database.transaction import Transaction

USERNAME = "AWS"


class IdentityOperations:
    """Hands out the data plane's passwords."""

    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses

    @operation("GetAuthorizationToken", requires=(Requirement(("ecr:GetAuthorizationToken",), "*"),), mode="write")
    def get_authorization_token(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> dict[str, Any]:
        """One entry per registry asked for, or one for the caller's own; the token in each is the same."""
        password, expires_at = tokens.issue(tx, call.principal, call.registry.region)
        token = base64.b64encode(f"{USERNAME}:{password}".encode()).decode()
        scheme = call.authority.partition("://")[0]  # behind a proxy that does TLS, the caller's scheme is not ours
        asked = params.get("registryIds") or [call.principal.account_id]
        return {
            "authorizationData": [
                {
                    "authorizationToken": token,
                    "expiresAt": expires_at,
                    "proxyEndpoint": self._addresses.endpoint(account_id, call.registry.region, scheme),
                }
                for account_id in asked
            ]
        }
