"""The decision itself: both sides of it, remembered by their versions, and what policies read of the call (DESIGN rule 9).

For every thread of a process. Nothing that is remembered is used without its version, which whoever asks reads anew.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import sqlalchemy as sa

from moorage.access.caller import Caller, Credential, credential_of, read_caller
from moorage.access.conditions import context_of
from moorage.access.owner import Owner, owner_of, owner_policy, read_owner
from moorage.access.remembered import Remembered, Sized
from moorage.core.call import Call, Principal, Ruling
from moorage.iam.context import NOTHING, Context, reads_time
from moorage.iam.decision import Decision
from moorage.iam.evaluate import Grants, Guards, Request, evaluate
from moorage.iam.policy import keys_of
from moorage.registries.policy_text import Kept
from moorage.storage.database.schema.identity import accounts
from moorage.storage.database.transaction import Transaction

_MOST_CALLERS = 4096
_MOST_OWNERS = 16_384
_MOST_DECISION_BYTES = 32 * 1024 * 1024
_DECISION_BYTES = 1024
"""What a decision takes about, besides the texts that it is known by and the statements that made it."""
_STATEMENT_BYTES = 256
_LONGEST_REMEMBERED = 1024
"""Characters of all values that a decision was made for: one about more is too unlikely to come again."""

Version = tuple[int, int, int, int, int]
"""Of the owner's side: the permission version of its account, its registry's id and policy version, its repository's."""

ACCOUNT_VERSION = "SELECT permission_version FROM accounts WHERE id = :account"

PLACE_VERSIONS = """
SELECT a.permission_version, g.id, g.policy_version, r.id, r.policy_version
FROM accounts a
LEFT JOIN registries g ON g.account_id = a.id AND g.service = 'private' AND g.region = :region
LEFT JOIN repositories r ON r.registry_id = g.id AND r.name = :name
WHERE a.id = :account
"""
"""What decides on the owner's side, as versions: of its account, its registry, its repository. No row: no such account."""


class Where(NamedTuple):
    """What is acted on, as a request names it; nothing of it need exist."""

    account_id: str
    region: str
    name: str = ""
    """A repository's name; empty for the registry as a whole."""


@dataclass(frozen=True, slots=True)
class Place:
    """What is acted on, as it is now."""

    owner: Owner
    owner_version: int = 0
    """The permission version of the owner's account."""
    registry_id: int = 0
    registry_version: int = 0
    repository_id: int = 0
    """0 where there is no such repository."""
    repository_version: int = 0

    @property
    def version(self) -> Version:
        """What changes when anything that decides on this side does; as `repositories.store.VERSIONS` tells it.

        With the ids, since what is made anew under an old name counts its versions from the beginning.
        """
        return (
            self.owner_version,
            self.registry_id,
            self.registry_version,
            self.repository_id,
            self.repository_version,
        )


class Verdict(NamedTuple):
    """A decision with all that is asked of it."""

    allowed: bool
    decision: Decision
    ruling: Ruling
    context: Context
    """The values of the context keys that the policies read."""


_Found = tuple[int, int | None, int | None, int | None, int | None]
_OwnerKey = tuple[str, int, int]
_Values = tuple[tuple[str, tuple[str, ...]], ...]
_What = tuple[int, int, int, str, str, str, _Values]
"""What a decision is remembered by: both sides, the owner's account, the caller's ARN, action, resource, and what was read."""


class Judge:
    """Decides, and remembers what it decided by."""

    def __init__(
        self,
        evaluate: Callable[[Request, Grants, Guards], Decision] = evaluate,
        *,
        most_bytes: int = _MOST_DECISION_BYTES,
    ) -> None:
        """`evaluate` decides; a test may count how often. `most_bytes` is about what remembered decisions may take."""
        self._evaluate = evaluate
        self._callers: Remembered[Credential, Caller] = Remembered(_MOST_CALLERS)
        self._owners: Remembered[_OwnerKey, Owner] = Remembered(_MOST_OWNERS)
        self._decisions: Sized[_What, Verdict] = Sized(most_bytes)

    @property
    def remembered(self) -> int:
        """About how many bytes the remembered decisions take."""
        return self._decisions.size

    # --- the two sides ------------------------------------------------------------------------------------------------

    def known_caller(self, principal: Principal, version: int) -> Caller | None:
        """The caller's side at this permission version of its account, if it was read."""
        return self._callers.get(credential_of(principal), version)

    def caller(self, tx: Transaction, principal: Principal) -> Caller:
        """The caller's side as it is in this transaction."""
        row = tx.one(sa.select(accounts.c.permission_version).where(accounts.c.id == principal.account_id))
        found = self.known_caller(principal, row.permission_version) if row is not None else None
        if found is None:
            found = read_caller(tx, principal)
            self._callers.put(credential_of(principal), found.version, found)
        return found

    def known_place(self, where: Where, row: _Found | None) -> Place | None:
        """What is acted on, at the versions that a row of `PLACE_VERSIONS` tells, if it was read."""
        place = _unread(row)
        owner = self._owners.get(*_owner_key(where, place))
        return None if owner is None else _with(place, owner)

    def place(self, tx: Transaction, where: Where) -> Place:
        """What is acted on, as it is in this transaction."""
        found = tx.execute(_PLACE, where._asdict() | {"account": where.account_id}).first()
        row: _Found | None = None if found is None else tuple(found)
        place = _unread(row)
        key, version = _owner_key(where, place)
        owner = self._owners.get(key, version)
        if owner is None:
            owner = read_owner(tx, where.account_id, place.registry_id, place.repository_id)
            self._owners.put(key, version, owner)
        return _with(place, owner)

    # --- the decision -------------------------------------------------------------------------------------------------

    def decide(self, call: Call, caller: Caller, place: Place, action: str, arn: str, filled: Context = NOTHING) -> Verdict:
        """The decision, made anew or remembered."""
        owner, principal = place.owner, call.principal
        keys = caller.keys | owner.keys if owner.keys else caller.keys
        context = NOTHING
        values: _Values = ()
        if keys:
            context = context_of(keys, call, (caller.context, owner.context), filled)
            values = tuple(sorted(context.items()))
        if not owner.serial or reads_time(keys) or _length(values) > _LONGEST_REMEMBERED:
            return self._decided(caller, owner, Request(principal, action, arn, context))
        # Both serials stand for their versions, the caller's for its credential too; a name is part of what policies match.
        what = (caller.serial, owner.serial, place.owner_version, principal.arn, action, arn, values)
        verdict = self._decisions.get(what)
        if verdict is None:
            verdict = self._decided(caller, owner, Request(principal, action, arn, context))
            self._decisions.put(what, verdict, _size(what, verdict))
        return verdict

    def _decided(self, caller: Caller, owner: Owner, request: Request) -> Verdict:
        made = self._evaluate(request, caller.grants, owner.guards(request.action))
        return Verdict(made.allowed, made, made.ruling(), request.context)

    def allowed_in(self, tx: Transaction, call: Call, action: str, filled: Context = NOTHING) -> Callable[[str], bool]:
        """Whether the caller may do this to the repository of a name, in the call's registry, as it is in this transaction."""
        caller = self.caller(tx, call.principal)
        registry = call.registry

        def allowed(name: str) -> bool:
            place = self.place(tx, Where(registry.account_id, registry.region, name))
            return self.decide(call, caller, place, action, registry.repository_arn(name), filled).allowed

        return allowed

    def locks_out(self, tx: Transaction, call: Call, name: str, policy: Kept) -> bool:
        """Whether the caller could set no other policy if this one were the repository's or, without a name, the registry's.

        Decided as any call is, under what is known of the present one.
        """
        registry = call.registry
        place = self.place(tx, Where(registry.account_id, registry.region, name))
        compiled = (owner_policy(policy, of_registry=not name),)
        of_registry = place.owner.of_registry if name else compiled
        keys = place.owner.keys | keys_of(compiled)
        owner = replace(place.owner, own=compiled if name else (), of_registry=of_registry, keys=keys, serial=0)
        arn = registry.repository_arn(name) if name else "*"
        action = "ecr:SetRepositoryPolicy" if name else "ecr:PutRegistryPolicy"
        return not self.decide(call, self.caller(tx, call.principal), replace(place, owner=owner), action, arn).allowed


def _length(values: _Values) -> int:
    return sum(len(key) + sum(map(len, each)) for key, each in values)


def _size(what: _What, verdict: Verdict) -> int:
    """About how many bytes remembering this takes."""
    *_, arn, action, resource, values = what
    texts = len(arn) + len(action) + len(resource) + _length(values)
    return _DECISION_BYTES + 4 * texts + _STATEMENT_BYTES * len(verdict.decision.matched)


_PLACE = sa.text(PLACE_VERSIONS)


def _unread(row: _Found | None) -> Place:
    """The place without its policies."""
    owner_version, registry_id, registry_version, repository_id, repository_version = row or (0, None, None, None, None)
    return Place(_NOBODY, owner_version, registry_id or 0, registry_version or 0, repository_id or 0, repository_version or 0)


def _with(place: Place, owner: Owner) -> Place:
    return Place(
        owner,
        place.owner_version,
        place.registry_id,
        place.registry_version,
        place.repository_id,
        place.repository_version,
    )


def _owner_key(where: Where, place: Place) -> tuple[_OwnerKey, tuple[int, int]]:
    key = (where.account_id, place.registry_id, place.repository_id)
    return key, (place.registry_version, place.repository_version)


_NOBODY = owner_of("")
