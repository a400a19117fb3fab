"""ECR's operations on the policy of a repository."""

from collections.abc import Mapping
from typing import Any

from moorage.aws.operation import operation
from moorage.core.call import Call, Requirement
from moorage.core.events import Event
from moorage.registries.policy_text import LocksOut, Principals
from moorage.repositories import policy_store, store
from moorage.repositories.errors import RepositoryPolicyNotFoundError
from moorage.repositories.model import Repository
from moorage.repositories.policy import accepted_policy, locked_out
from moorage.storage.database.transaction import Transaction

_CHANGED = "Moorage Repository Policy Changed"


class RepositoryPolicyOperations:
    """SetRepositoryPolicy, GetRepositoryPolicy and DeleteRepositoryPolicy."""

    def __init__(self, principals: Principals, locks_out: LocksOut) -> None:
        self._principals = principals
        self._locks_out = locks_out

    @operation("SetRepositoryPolicy", requires=(Requirement(("ecr:SetRepositoryPolicy",)),), mode="write")
    def set_repository_policy(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> dict[str, Any]:
        """Attach or replace the policy; the answer shows it as it is kept.

        Without `force`, a policy that would keep its author from setting another one is refused.
        """
        repository = store.get(tx, call.registry, params["repositoryName"])
        arn = call.registry.repository_arn(repository.name)
        policy = accepted_policy(tx, call.registry.account_id, params["policyText"], self._principals, arn=arn)
        if not params.get("force") and self._locks_out(tx, call, repository.name, policy):
            raise locked_out()
        policy_store.put(tx, repository.id, policy)
        return _changed(tx, call, repository, policy.text)

    @operation("GetRepositoryPolicy", requires=(Requirement(("ecr:GetRepositoryPolicy",)),), mode="read")
    def get_repository_policy(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> dict[str, Any]:
        """The policy; raises RepositoryPolicyNotFoundError."""
        return _answer(call, *self._get(tx, call, params["repositoryName"]))

    @operation("DeleteRepositoryPolicy", requires=(Requirement(("ecr:DeleteRepositoryPolicy",)),), mode="write")
    def delete_repository_policy(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> dict[str, Any]:
        """Remove the policy and show it a last time; raises RepositoryPolicyNotFoundError."""
        repository, text = self._get(tx, call, params["repositoryName"])
        policy_store.delete(tx, repository.id)
        return _changed(tx, call, repository, text)

    def _get(self, tx: Transaction, call: Call, name: str) -> tuple[Repository, str]:
        repository = store.get(tx, call.registry, name)
        found = policy_store.find(tx, repository.id)
        if found is None:
            raise RepositoryPolicyNotFoundError(name, call.registry)
        return repository, found.shown(tx, call.registry.account_id, self._principals)


def _changed(tx: Transaction, call: Call, repository: Repository, text: str) -> dict[str, Any]:
    tx.emit(Event(_CHANGED, call.registry.id, {"repository-name": repository.name}, repository.id))
    return _answer(call, repository, text)


def _answer(call: Call, repository: Repository, text: str) -> dict[str, Any]:
    return {"registryId": call.registry.account_id, "repositoryName": repository.name, "policyText": text}
