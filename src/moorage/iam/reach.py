"""Whom a policy of a resource means, and how far its Allow carries them.

IAM user guide, "AWS JSON policy elements: Principal", "NotPrincipal" and "How AWS enforcement code logic evaluates requests".
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import Final

from moorage.core.call import Principal
from moorage.iam.principal import Kind, NamedPrincipal

ANYONE: Final = "*"


class Reach(IntEnum):
    """What an Allow of a resource's policy does for a caller of the same account, by the way it names the caller."""

    NONE = 0
    """Nothing: it does not mean the caller."""
    ACCOUNT = 1
    """It names the caller's account, and so lets the account's own policies decide."""
    LIMITED = 2
    """No identity-based policy is needed; permissions boundary and session policy still limit it."""
    FULL = 3
    """It is enough. Explicit denies and service control policies alone stand against it."""


IN_ACCOUNTS: Final = frozenset({"Root", "IAMUser", "AssumedRole", "FederatedUser"})
"""The kinds of callers (`Principal.kind`) that belong to an account, which has policies about them."""


def names_of(caller: Principal) -> dict[str, Reach]:
    """Every name by which a policy may mean this caller, in the spelling of `name_of`.

    Of callers without an account, `WebIdentityUser` is the provider that vouches, whose name is the caller's `identity_arn`. To
    let it in a policy must name it: `*` does not, although a Deny for `*` counts. `AWSService` has the service's name as `arn`.
    """
    names = {ANYONE: Reach.FULL}
    match caller.kind:
        case "Root":
            names[caller.account_id] = Reach.ACCOUNT
        case "IAMUser":
            names |= {caller.account_id: Reach.ACCOUNT, caller.identity_arn or caller.arn: Reach.FULL}
            names[caller.identity_id] = Reach.FULL
        case "AssumedRole":
            names |= {caller.account_id: Reach.ACCOUNT, caller.identity_arn: Reach.LIMITED}
            names |= {caller.identity_id: Reach.LIMITED, caller.arn: Reach.FULL}
        case "FederatedUser":  # its `identity_arn` is its own
            names |= {caller.account_id: Reach.ACCOUNT, caller.maker_arn: Reach.LIMITED}
            names |= {caller.identity_id: Reach.LIMITED, caller.arn: Reach.FULL}
        case "WebIdentityUser":
            names = {ANYONE: Reach.NONE, f"{Kind.FEDERATED}:{caller.identity_arn}": Reach.FULL}
        case "AWSService":
            names[f"{Kind.SERVICE}:{caller.arn}"] = Reach.FULL
        case _:  # nobody in particular
            pass
    names.pop("", None)
    return names


def name_of(named: NamedPrincipal, bound: Mapping[str, str]) -> str:
    """How a principal of a policy is looked up among a caller's names."""
    match named.kind:
        case Kind.ACCOUNT:
            return named.account_id
        case Kind.SERVICE | Kind.FEDERATED | Kind.CANONICAL_USER:
            return f"{named.kind}:{named.name}"
        case Kind.USER | Kind.ROLE:
            return bound.get(named.canonical, named.canonical)
        case _:
            return named.canonical


def reach_of_allow(names: Mapping[str, Reach], listed: frozenset[str], exempt: frozenset[str] | None) -> Reach:
    """What an Allow does for the caller of these names; `exempt` is its NotPrincipal, which an account's name fills whole."""
    if exempt is not None:
        return Reach.LIMITED if names[ANYONE] and exempt.isdisjoint(names) else Reach.NONE
    return max((names[name] for name in listed.intersection(names)), default=Reach.NONE)


def is_denied(names: Mapping[str, Reach], listed: frozenset[str], exempt: frozenset[str] | None, *, root: bool) -> bool:
    """Whether a Deny means the caller of these names; `root` is whether that is an account's root user.

    A NotPrincipal must name a caller itself to let it be: the account's name alone stands for its root user only.
    """
    if exempt is None:
        return not listed.isdisjoint(names)
    return not any(name in exempt and (root or reach is not Reach.ACCOUNT) for name, reach in names.items())
