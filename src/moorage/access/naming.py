"""What a request of IAM or STS acts on: its ARN, with the path that it has, and what its owner says of it.

It is read with every request, so no decision about it is remembered.
"""

import functools
import json

import sqlalchemy as sa

from moorage.access.conditions import IAM_RESOURCE_TAGS, of_tags
from moorage.access.owner import Owner
from moorage.aws.requirements import Need
from moorage.core.arn import root_arn
from moorage.core.call import Principal
from moorage.iam.policy import Policy, Source, SourceKind
from moorage.identity import callers, resources
from moorage.identity.credentials import user_keys
from moorage.identity.resources import Kind, Resource
from moorage.identity.roles import linked_roles
from moorage.storage.database.schema.iam import roles
from moorage.storage.database.transaction import Transaction

_OF_AWS = "aws"
"""What stands in the ARNs of AWS's own policies where others have an account."""

_PASS_ROLE = "iam:passrole"  # noqa: S105 - an action, no secret
_CHANGES_OF_POLICIES = frozenset(
    f"iam:{name}".lower()
    for name in (
        "CreatePolicyVersion",
        "DeletePolicy",
        "DeletePolicyVersion",
        "SetDefaultPolicyVersion",
        "TagPolicy",
        "UntagPolicy",
    )
)
_SCHEMES = ("https://", "http://")


def owner_of_account(account_id: str) -> Owner:
    """The owner's side of what belongs to an account as such: no policy but those of the caller's side decides."""
    return Owner(account_id, context={"aws:resourceaccount": (account_id,)})


def named(tx: Transaction, caller: Principal, need: Need) -> list[tuple[str, Owner]]:
    """Each resource that a request names, as policies name it, and its owner's side; whether or not it is there."""
    if need.kind == "*":
        return [("*", owner_of_account(caller.account_id))]
    if need.kind == "federated-user":
        return [
            (callers.federated_user_arn(caller.account_id, name), owner_of_account(caller.account_id)) for name in need.names
        ]
    if need.kind == "service-linked-role":
        return [_linked(tx, caller, name) for name in need.names]
    if need.kind == "access-key":
        return [_holder(tx, caller.account_id, key_id) for key_id in need.names]
    trusting = any(action.startswith("sts:") for action in need.actions)
    found = [_named(tx, caller, Kind(need.kind), name, need.path, trusting) for name in need.names]
    actions = {action.lower() for action in need.actions}
    if _PASS_ROLE in actions:
        # What is handed on is the caller's to give; whether the service may take it is the operation's to say.
        return [(arn, owner_of_account(caller.account_id)) for arn, _ in found]
    if not actions.isdisjoint(_CHANGES_OF_POLICIES):
        # Every account may read and attach AWS's own policies; they are AWS's to change, which lets nobody else.
        return [(arn, owner_of_account(_OF_AWS) if _is_of_aws(arn) else owner) for arn, owner in found]
    return found


def _is_of_aws(arn: str) -> bool:
    return arn.split(":", 5)[4:5] == [_OF_AWS]


def _named(tx: Transaction, caller: Principal, kind: Kind, name: str, path: str | None, trusting: bool) -> tuple[str, Owner]:
    account_id, arn, found = caller.account_id, "", None
    if not name:
        return caller.identity_arn or caller.arn, _owner(tx, account_id, resources.by_id(tx, caller.identity_id))
    if name.startswith("arn:"):
        arn, parts = name, name.split(":", 5)
        account_id = parts[4] if len(parts) == 6 and parts[4] not in {"", _OF_AWS} else account_id
        kind, name = _kind_in(parts[-1], kind), parts[-1].partition("/")[2]
        name = name if kind is Kind.OIDC_PROVIDER else name.rpartition("/")[2]
    elif kind is Kind.OIDC_PROVIDER:
        name = next((name.removeprefix(scheme) for scheme in _SCHEMES if name.startswith(scheme)), name)
    if path is None:
        found = resources.find(tx, account_id, kind, name)
    if arn and found is not None and found.arn != arn:
        found = None  # the path is another one, so the ARN names nothing
    if not arn:
        arn = found.arn if found is not None else resources.arn_of(account_id, kind, name, path or "/")
    return arn, _trusted(tx, account_id, found) if trusting and kind is Kind.ROLE else _owner(tx, account_id, found)


def _linked(tx: Transaction, caller: Principal, name: str) -> tuple[str, Owner]:
    """A service's own role, by its name, by the service's, or by the task that removes it."""
    if resources.find(tx, caller.account_id, Kind.ROLE, name) is not None:
        return _named(tx, caller, Kind.ROLE, name, None, trusting=False)
    return linked_roles.arn_in(caller.account_id, name), owner_of_account(caller.account_id)


def _holder(tx: Transaction, account_id: str, key_id: str) -> tuple[str, Owner]:
    """Whose key it is; `*` for a key that the account does not have."""
    key = user_keys.find(tx, account_id, key_id)
    if key is None:
        return "*", owner_of_account(account_id)
    user = resources.by_id(tx, key.owner.user_id) if key.owner.user_id is not None else None
    return user.arn if user is not None else root_arn(account_id), _owner(tx, account_id, user)


def _kind_in(resource: str, otherwise: Kind) -> Kind:
    """What kind an ARN names, where a member may name several."""
    kind = resource.partition("/")[0]
    return Kind(kind) if kind in set(Kind) else otherwise


def _owner(tx: Transaction, account_id: str, found: Resource | None) -> Owner:
    tags = resources.tags_of(tx, found) if found is not None else {}
    return Owner(account_id, context={**of_tags(tags, IAM_RESOURCE_TAGS), "aws:resourceaccount": (account_id,)})


def _trusted(tx: Transaction, account_id: str, role: Resource | None) -> Owner:
    """The trust policy of a role, which must allow by itself; of one that there is not, none does."""
    plain = _owner(tx, account_id, role)
    columns = roles.c.trust_policy, roles.c.trusted_ids
    row = tx.one(sa.select(*columns).where(roles.c.id == role.id)) if role is not None else None
    policies = (_compiled(row.trust_policy, row.trusted_ids, role.name),) if row is not None and role is not None else ()
    keys = frozenset[str]().union(*(policy.keys for policy in policies))
    return Owner(account_id, policies, context=plain.context, keys=keys, trust=True)


@functools.lru_cache(maxsize=1024)
def _compiled(text: str, trusted_ids: str, name: str) -> Policy:
    return Policy.compile(text, Source(SourceKind.RESOURCE, name), bound=json.loads(trusted_ids))
