"""ECR's operations on the policy of a registry."""

from collections.abc import Mapping
from typing import Any

from moorage.aws.operation import operation
from moorage.core.call import Call, Requirement
from moorage.core.errors import InvalidParameterError
from moorage.core.events import Event
from moorage.iam.ecr import is_of_first_scope
from moorage.registries import policy_store, store
from moorage.registries.errors import RegistryPolicyNotFoundError
from moorage.registries.policy_text import LocksOut, Principals, accept, kept, refused
from moorage.registries.settings import REGISTRY_POLICY_SCOPE
from moorage.storage.database.transaction import Transaction

_CHANGED = "Moorage Registry Policy Changed"
_LOCKED_OUT = "The policy would prevent you from setting another policy on this registry in the future"


class RegistryPolicyOperations:
    """PutRegistryPolicy, GetRegistryPolicy and DeleteRegistryPolicy."""

    def __init__(self, principals: Principals, locks_out: LocksOut) -> None:
        self._principals = principals
        self._locks_out = locks_out

    @operation("PutRegistryPolicy", requires=(Requirement(("ecr:PutRegistryPolicy",), "*"),), mode="write")
    def put_registry_policy(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> dict[str, Any]:
        """Attach or replace the policy; the answer shows it as it is kept.

        It may name any action of ECR's, or the three of the first scope while REGISTRY_POLICY_SCOPE is V1. One that would keep
        its author from ever setting another one is refused; there is no `force` here.
        """
        document = accept(tx, call.registry.account_id, params["policyText"], "registry", self._principals)
        if store.setting_of(tx, call.registry.id, REGISTRY_POLICY_SCOPE) == "V1" and not is_of_first_scope(document):
            raise refused("registry")
        policy = kept(tx, document, params["policyText"], self._principals)
        if self._locks_out(tx, call, "", policy):
            raise InvalidParameterError.at("PolicyText", _LOCKED_OUT)
        policy_store.put(tx, call.registry, policy)
        tx.emit(Event(_CHANGED, call.registry.id))
        return _answer(call, policy.text)

    @operation("GetRegistryPolicy", requires=(Requirement(("ecr:GetRegistryPolicy",), "*"),), mode="read")
    def get_registry_policy(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> dict[str, Any]:
        """The policy; raises RegistryPolicyNotFoundError."""
        return _answer(call, self._get(tx, call))

    @operation("DeleteRegistryPolicy", requires=(Requirement(("ecr:DeleteRegistryPolicy",), "*"),), mode="write")
    def delete_registry_policy(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> dict[str, Any]:
        """Remove the policy and show it a last time; raises RegistryPolicyNotFoundError."""
        text = self._get(tx, call)
        policy_store.delete(tx, call.registry)
        tx.emit(Event(_CHANGED, call.registry.id))
        return _answer(call, text)

    def _get(self, tx: Transaction, call: Call) -> str:
        found = policy_store.find(tx, call.registry)
        if found is None:
            raise RegistryPolicyNotFoundError(call.registry)
        return found.shown(tx, call.registry.account_id, self._principals)


def _answer(call: Call, text: str) -> dict[str, Any]:
    return {"registryId": call.registry.account_id, "policyText": text}
