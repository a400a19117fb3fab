"""The owner's side of a decision: the policies of a repository and of its registry, and the repository's tags."""

import functools
import itertools
import json
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa

from moorage.access.conditions import RESOURCE_TAGS, of_tags
from moorage.iam.context import Context
from moorage.iam.ecr import FIRST_SCOPE
from moorage.iam.evaluate import Guards
from moorage.iam.policy import Policy, Source, SourceKind, keys_of, weight_of
from moorage.registries import store as registries
from moorage.registries.policy_text import Kept
from moorage.registries.settings import REGISTRY_POLICY_SCOPE
from moorage.repositories import tag_store
from moorage.storage.database.schema.registries import registry_policies
from moorage.storage.database.schema.repositories import repository_policies
from moorage.storage.database.transaction import Transaction

_MOST_COMPILED = 4096
"""Policies that a process remembers compiled."""

_REPOSITORY_POLICY = "repository-policy"
_REGISTRY_POLICY = "registry-policy"
_IDENTITY_ONLY = "ecr:getauthorizationtoken"

_serials = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Owner:
    """What decides on the owner's side, at one version of the registry's policy and of the repository's."""

    account_id: str
    own: tuple[Policy, ...] = ()
    """Of the repository itself; empty also where a call is about no single repository."""
    of_registry: tuple[Policy, ...] = ()
    first_scope: bool = False
    """Whether the registry's policy counts for the three actions of the scope V1 only."""
    context: Context = field(default_factory=dict)
    """What policies may ask of the resource: its tags and whose it is."""
    keys: frozenset[str] = frozenset()
    """Every context key that these policies read."""
    trust: bool = False
    """Whether this is a role's trust policy, which must allow by itself."""
    serial: int = 0
    """Of no other Owner of this process: decisions are remembered by it. 0: none about this one is."""

    @property
    def weight(self) -> int:
        """How many steps asking its policies takes at most, as `Policy.weight` has it."""
        return weight_of(self.own) + weight_of(self.of_registry)

    def guards(self, action: str) -> Guards:
        """The policies that count for an action.

        Only identity policies say who may have a token (ECR user guide, "Private registry authentication"), and a registry's
        policy of the scope V1 knows three actions (ECR user guide, "Registry permissions").
        """
        name = action.lower()
        if name == _IDENTITY_ONLY:
            return Guards(self.account_id)
        if self.first_scope and name not in FIRST_SCOPE:
            return Guards(self.account_id, self.own)
        return Guards(self.account_id, self.own + self.of_registry, trust=self.trust)


def read_owner(tx: Transaction, account_id: str, registry_id: int, repository_id: int) -> Owner:
    """The owner's side as it is in this transaction. An id is 0 for a registry or a repository that there is not.

    Whether there is one changes nothing in its absence: a registry without a policy decides as none at all.
    """
    of_registry = _policies(tx, registry_policies, registry_policies.c.registry_id == registry_id, _REGISTRY_POLICY)
    scope = registries.setting_of(tx, registry_id, REGISTRY_POLICY_SCOPE)
    own: tuple[Policy, ...] = ()
    tags: dict[str, str] = {}
    if repository_id:
        own = _policies(tx, repository_policies, repository_policies.c.repository_id == repository_id, _REPOSITORY_POLICY)
        tags = tag_store.of(tx, repository_id)
    return replace(owner_of(account_id, own, of_registry, first_scope=scope == "V1", tags=tags), serial=next(_serials))


def owner_of(
    account_id: str,
    own: tuple[Policy, ...] = (),
    of_registry: tuple[Policy, ...] = (),
    *,
    first_scope: bool = False,
    tags: dict[str, str] | None = None,
) -> Owner:
    """An owner's side of these policies."""
    context = {**of_tags(tags or {}, RESOURCE_TAGS), "aws:resourceaccount": (account_id,)}
    return Owner(account_id, own, of_registry, first_scope, context, keys_of(own + of_registry))


def owner_policy(policy: Kept, *, of_registry: bool) -> Policy:
    """A policy as it is to be stored, ready to be asked."""
    return _compiled(policy.text, policy.principal_ids, _REGISTRY_POLICY if of_registry else _REPOSITORY_POLICY)


def _policies(tx: Transaction, table: sa.Table, where: sa.ColumnElement[bool], name: str) -> tuple[Policy, ...]:
    row: Any = tx.one(sa.select(table.c.text, table.c.principal_ids).where(where))
    return (_compiled(row.text, row.principal_ids, name),) if row is not None else ()


@functools.lru_cache(maxsize=_MOST_COMPILED)
def _compiled(text: str, principal_ids: str, name: str) -> Policy:
    return Policy.compile(text, Source(SourceKind.RESOURCE, name), bound=json.loads(principal_ids))
