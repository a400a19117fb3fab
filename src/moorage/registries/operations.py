"""ECR's operations on a registry as such: settings, exclusions, scanning rules (ECR API reference)."""

from collections.abc import Mapping
from typing import Any

from moorage.aws.operation import Answer, operation
from moorage.core.call import Call, Requirement
from moorage.core.page import PageTokens
from moorage.registries import policy_store, store
from moorage.registries.scanning import ScanningConfiguration
from moorage.registries.settings import REGISTRY_POLICY_SCOPE, check_value
from moorage.storage.database.transaction import Transaction

DEFAULT_PAGE = 100


def _names_setting(params: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    return {"ecr:accountsetting": (params["name"],)}


class RegistryOperations:
    """DescribeRegistry, account settings, pull time update exclusions and the registry's scanning configuration."""

    def __init__(self, page_tokens: PageTokens) -> None:
        self._page_tokens = page_tokens

    @operation("DescribeRegistry", requires=(Requirement(("ecr:DescribeRegistry",), "*"),), mode="read")
    def describe_registry(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> Answer:
        """The registry's id. Nothing can be replicated yet, so there are no rules."""
        return {"registryId": call.registry.account_id, "replicationConfiguration": {"rules": []}}

    # --- account settings -------------------------------------------------------------------------------------------

    @operation(
        "PutAccountSetting", requires=(Requirement(("ecr:PutAccountSetting",), "*"),), mode="write", context=_names_setting
    )
    def put_account_setting(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> Answer:
        """Set a setting of the registry."""
        name, value = params["name"], params["value"]
        check_value(name, value)
        store.put_setting(tx, call.registry.id, name, value)
        if name == REGISTRY_POLICY_SCOPE:
            policy_store.changed(tx, call.registry.id)
        return {"name": name, "value": value}

    @operation(
        "GetAccountSetting", requires=(Requirement(("ecr:GetAccountSetting",), "*"),), mode="read", context=_names_setting
    )
    def get_account_setting(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> Answer:
        """The value that holds, also where it was never set."""
        name = params["name"]
        return {"name": name, "value": store.setting_of(tx, call.registry.id, name)}

    # --- pull time update exclusions --------------------------------------------------------------------------------

    @operation(
        "RegisterPullTimeUpdateExclusion",
        requires=(Requirement(("ecr:RegisterPullTimeUpdateExclusion",), "*"),),
        mode="write",
    )
    def register_exclusion(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> Answer:
        """Let a user's or a role's pulls leave `lastRecordedPullTime` alone; whether the principal exists is not asked."""
        arn = params["principalArn"]
        store.add_exclusion(tx, call.registry, arn)
        return {"principalArn": arn, "createdAt": tx.now}

    @operation(
        "DeregisterPullTimeUpdateExclusion",
        requires=(Requirement(("ecr:DeregisterPullTimeUpdateExclusion",), "*"),),
        mode="write",
    )
    def deregister_exclusion(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> Answer:
        """End an exclusion."""
        arn = params["principalArn"]
        store.remove_exclusion(tx, call.registry, arn)
        return {"principalArn": arn}

    @operation(
        "ListPullTimeUpdateExclusions",
        requires=(Requirement(("ecr:ListPullTimeUpdateExclusions",), "*"),),
        mode="read",
    )
    def list_exclusions(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> Answer:
        """The excluded principals in the order of their ARNs, in pages."""
        scope = f"pull time update exclusions {call.registry.id}"
        token, limit = params.get("nextToken"), params.get("maxResults") or DEFAULT_PAGE
        after = self._page_tokens.open(scope, token) if token is not None else None
        found = store.exclusions_after(tx, call.registry.id, after, limit + 1)
        return {
            "pullTimeUpdateExclusions": found[:limit],
            "nextToken": self._page_tokens.seal(scope, found[limit - 1]) if len(found) > limit else None,
        }

    # --- scanning ---------------------------------------------------------------------------------------------------

    @operation(
        "PutRegistryScanningConfiguration",
        requires=(Requirement(("ecr:PutRegistryScanningConfiguration",), "*"),),
        mode="write",
    )
    def put_scanning(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> Answer:
        """Replace scan type and rules."""
        configuration = ScanningConfiguration.parse(params.get("scanType"), params.get("rules") or ())
        store.put_scanning(tx, call.registry.id, configuration)
        return {"registryScanningConfiguration": configuration.describe()}

    @operation(
        "GetRegistryScanningConfiguration",
        requires=(Requirement(("ecr:GetRegistryScanningConfiguration",), "*"),),
        mode="read",
    )
    def get_scanning(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> Answer:
        """Scan type and rules; basic scanning without rules in a fresh registry."""
        return {
            "registryId": call.registry.account_id,
            "scanningConfiguration": store.scanning_of(tx, call.registry.id).describe(),
        }
