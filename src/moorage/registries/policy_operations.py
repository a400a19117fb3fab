"""ECR's operations on the policy of a registry. What the policy says is not enforced yet: that comes with IAM."""

from collections.abc import Mapping
from typing import Any

from moorage.aws.operation import operation
from moorage.core.call import Call, Requirement
from moorage.core.events import Event
from moorage.iam.ecr import is_of_first_scope
from moorage.iam.rendering import render
from moorage.registries import policy_store, store
from moorage.registries.errors import RegistryPolicyNotFoundError
from moorage.registries.policy_text import PrincipalExists, accept, refused
from moorage.registries.settings import REGISTRY_POLICY_SCOPE
from moorage.storage.database.transaction import Transaction

_CHANGED = "Moorage Registry Policy Changed"


class RegistryPolicyOperations:
    """PutRegistryPolicy, GetRegistryPolicy and DeleteRegistryPolicy."""

    def __init__(self, principal_exists: PrincipalExists) -> None:
        self._principal_exists = principal_exists

    @operation("PutRegistryPolicy", requires=(Requirement(("ecr:PutRegistryPolicy",), "*"),), mode="write")
    def put_registry_policy(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> dict[str, Any]:
        """Attach or replace the policy; the answer shows it as it is kept.

        It may name any action of ECR's, or the three of the first scope while REGISTRY_POLICY_SCOPE is V1.
        """
        document = accept(tx, call.registry.account_id, params["policyText"], "registry", self._principal_exists)
        if store.setting_of(tx, call.registry.id, REGISTRY_POLICY_SCOPE) == "V1" and not is_of_first_scope(document):
            raise refused("registry")
        text = render(params["policyText"])
        policy_store.put(tx, call.registry, text)
        tx.emit(Event(_CHANGED, call.registry.id))
        return _answer(call, text)

    @operation("GetRegistryPolicy", requires=(Requirement(("ecr:GetRegistryPolicy",), "*"),), mode="read")
    def get_registry_policy(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> dict[str, Any]:
        """The policy; raises RegistryPolicyNotFoundError."""
        return _answer(call, _get(tx, call))

    @operation("DeleteRegistryPolicy", requires=(Requirement(("ecr:DeleteRegistryPolicy",), "*"),), mode="write")
    def delete_registry_policy(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> dict[str, Any]:
        """Remove the policy and show it a last time; raises RegistryPolicyNotFoundError."""
        text = _get(tx, call)
        policy_store.delete(tx, call.registry)
        tx.emit(Event(_CHANGED, call.registry.id))
        return _answer(call, text)


def _get(tx: Transaction, call: Call) -> str:
    text = policy_store.find(tx, call.registry)
    if text is None:
        raise RegistryPolicyNotFoundError(call.registry)
    return text


def _answer(call: Call, text: str) -> dict[str, Any]:
    return {"registryId": call.registry.account_id, "policyText": text}
