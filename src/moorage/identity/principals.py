"""Which principals there are, for policies that name them, and which unique ids those names mean."""

from collections.abc import Iterable, Mapping

from moorage.core.arn import Arn
from moorage.iam.principal import Kind as Named
from moorage.iam.principal import NamedPrincipal
from moorage.identity import resources
from moorage.identity.resources import Kind, Resource
from moorage.storage.database.transaction import Transaction

_KINDS = {Named.USER: Kind.USER, Named.ROLE: Kind.ROLE}
_CHECKED = frozenset({Named.USER, Named.ROLE, Named.ASSUMED_ROLE})


def principal_exists(tx: Transaction, owner: str, named: NamedPrincipal) -> bool:
    """Whether a policy of the account `owner` may name this principal.

    Any account may be named. Users and roles of the policy's own account must exist, by ARN or by unique id. Those of other
    accounts are not looked up, since the answer would tell who is there: their ARNs may be named, their unique ids, which do
    not say whose they are, may not.
    """
    if named.kind is Named.UNIQUE_ID:
        found = resources.by_id(tx, named.name)
        return found is not None and found.account_id == owner
    if named.kind not in _CHECKED or named.account_id != owner:
        return True
    if named.kind is Named.ASSUMED_ROLE:
        role_name = named.name.partition("/")[0]
        role = resources.find(tx, owner, Kind.ROLE, role_name)
        return role is not None and role.name == role_name
    return _found(tx, named) is not None


def bound_ids(tx: Transaction, named: Iterable[NamedPrincipal]) -> dict[str, str]:
    """The unique ids of the users and roles that these ARNs mean now, of whatever account; those that there are not are left
    out.

    A policy keeps them, so that whoever is made later under the name of one that was removed gets nothing of what the old one
    had (IAM user guide, "Unique identifiers"). An ARN that means nobody yet stays a name: in another account, where it may not
    be asked whether somebody is there, it means whoever gets it first.
    """
    found = ((each.canonical, _found(tx, each)) for each in dict.fromkeys(named) if each.kind in _KINDS)
    return {arn: resource.id for arn, resource in found if resource is not None}


def current_arns(tx: Transaction, owner: str, bound: Mapping[str, str]) -> dict[str, str]:
    """How the principals that a policy of the account `owner` is bound to are called now, where that is no longer what was
    written: another ARN after a change of name or path, the unique id once they are gone.

    Those of other accounts stay as they were written: what becomes of them is their account's own affair.
    """
    own = ((arn, unique_id) for arn, unique_id in bound.items() if Arn.parse(arn).account_id == owner)
    found = ((arn, unique_id, resources.by_id(tx, unique_id)) for arn, unique_id in own)
    names = {arn: resource.arn if resource is not None else unique_id for arn, unique_id, resource in found}
    return {arn: now for arn, now in names.items() if now != arn}


def _found(tx: Transaction, named: NamedPrincipal) -> Resource | None:
    """Names in ARNs are compared with regard to case, and the path has to be the right one."""
    found = resources.find(tx, named.account_id, _KINDS[named.kind], named.name.rpartition("/")[2])
    return found if found is not None and found.arn == named.canonical else None
