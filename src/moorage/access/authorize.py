"""Who may do what: the decision about a call, on the event loop of one process.

Versions are read with each request, by prepared point reads, or not even then where nothing was committed since; policies only
when their version is new. So what changes is never served stale, on any process (DESIGN rule 9).
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from moorage.access.asked import Asked
from moorage.access.caller import Caller, Credential, credential_of
from moorage.access.conditions import IMAGE_KEYS
from moorage.access.errors import DeniedByScopeError, DeniedError, DeniedInstallationError
from moorage.access.judge import ACCOUNT_VERSION, PLACE_VERSIONS, Judge, Place, Verdict, Version, Where
from moorage.access.owner import Owner
from moorage.core.call import Call, Principal, Requirement, Ruling
from moorage.iam.context import NOTHING, Context, reads_time
from moorage.identity.credentials.authorization_messages import encode
from moorage.identity.credentials.scope import Scope
from moorage.identity.credentials.sealing import Sealer
from moorage.storage.database.database import Database
from moorage.storage.database.transaction import Transaction

T = TypeVar("T")

_MOST_SEEN = 16_384
_BRIEF = 8192
"""Steps of decisions that the event loop takes itself; a step takes one or two microseconds at most, and mostly far less."""
MESSAGE_HEADER = "x-moorage-authorization-message"
"""What `DecodeAuthorizationMessage` takes (STS API reference)."""

OPEN = Ruling("allowed", "open")
"""Nothing had to be asked."""


@dataclass(frozen=True, slots=True)
class Lasting:
    """A decision that holds while neither side changes."""

    allowed: bool
    version: Version
    """Of the owner's side, as `Place.version` has it."""
    ruling: Ruling


class Warden:
    """Lets calls pass or refuses them."""

    def __init__(self, points: sqlite3.Connection, database: Database, sealer: Sealer) -> None:
        """`points` is for the event loop only."""
        self.judge = Judge()
        self._points = points
        self._database = database
        self._sealer = sealer
        self._moved = -1
        self._callers: dict[Credential, Caller] = {}
        self._places: dict[Where, Place] = {}
        self._aside = asyncio.Lock()
        """Decisions that take long are made one after the other, so that they leave time and threads to everybody else."""

    async def require(self, call: Call, asked: Iterable[Asked]) -> Ruling:
        """Let a call pass that may do everything that is asked, or raise DeniedError for the first that it may not.

        Returns what let it pass: the decision about the first action.
        """
        first: Ruling | None = None
        caller: Caller | None = None
        everything = tuple(asked)
        for each in everything:
            caller = caller or await self.caller(call.principal)
            ruling = await self._require(call, caller, await self._place_of(each), each, together=len(everything))
            first = first or ruling
        return first or OPEN

    async def enter(self, call: Call, asked: Asked, moved: int, version: int) -> tuple[Place, Ruling]:
        """`require` of one thing; also returns what was decided upon, as it was then.

        Whoever authenticated this request has asked the database already, and is not asked again: `moved` is its
        `data_version`, `version` the permission version of the caller's account.
        """
        self._notice(moved)
        caller = self._callers.get(credential_of(call.principal))
        if caller is None or caller.version != version:
            caller = self._known_caller(call.principal, version)
        if caller is None:
            caller = await self.caller(call.principal)
        place = self.place_now(asked.where) if asked.where is not None else None
        if place is None:
            place = await self._place_of(asked)
        return place, await self._require(call, caller, place, asked)

    def refused(self, call: Call, error: DeniedError) -> Call:
        """The call as it is recorded; the error's answer gets the header that tells, sealed, what was decided and by what.

        Nobody is told the statements of another account's policies, or what they ask about its resources.
        """
        abroad = error.resource.split(":")[4:5] not in ([], [call.principal.account_id])
        context = NOTHING if abroad else error.context
        said = encode(self._sealer, call.principal, error.action, error.resource, error.ruling, context)
        error.headers[MESSAGE_HEADER] = said
        return replace(call, ruling=error.ruling)

    async def allowed(self, call: Call, actions: Iterable[str], asked: Asked) -> frozenset[str]:
        """Those of the actions that the caller may do on the resource: what an entry asks about but does not require."""
        wanted = tuple(actions)
        if not wanted:
            return frozenset()
        caller, place = await self.caller(call.principal), await self._place_of(asked)

        def work() -> frozenset[str]:
            decide = self.judge.decide
            return frozenset(each for each in wanted if decide(call, caller, place, each, asked.arn, asked.filled).allowed)

        return await self._made(work, _weight(caller, place, (asked.filled,)) * len(wanted))

    def decide_now(self, call: Call, where: Where, action: str, arn: str) -> Lasting | None:
        """The decision about an action on a repository, for as long as neither side changes; by two point reads at most.

        None where there is no such decision: policies must be read first, or they read the time, or what an image is, or
        asking them takes long.
        """
        self.notice()
        caller, place = self.caller_now(call.principal), self.place_now(where)
        if caller is None or place is None:
            return None
        if reads_time(caller.keys) or reads_time(place.owner.keys) or not _reads_no_image(caller, place.owner):
            return None
        if caller.weight + place.owner.weight > _BRIEF:
            return None
        verdict = self.judge.decide(call, caller, place, action, arn)
        return Lasting(verdict.allowed, place.version, verdict.ruling)

    # --- the two sides, as they are now -------------------------------------------------------------------------------

    async def caller(self, principal: Principal) -> Caller:
        """The caller's side."""
        self.notice()
        known = self.caller_now(principal)
        return known if known is not None else await self._read(lambda tx: self.judge.caller(tx, principal))

    def caller_now(self, principal: Principal) -> Caller | None:
        """The caller's side after `notice`, by a point read at most; None where its policies must be read."""
        known = self._callers.get(credential_of(principal))
        if known is None:
            row = self._points.execute(ACCOUNT_VERSION, {"account": principal.account_id}).fetchone()
            known = self._known_caller(principal, row[0]) if row is not None else None
        return known

    def _known_caller(self, principal: Principal, version: int) -> Caller | None:
        """The caller's side at the present version of its account, if it was read."""
        known = self.judge.known_caller(principal, version)
        if known is not None:
            if len(self._callers) >= _MOST_SEEN:
                self._callers.clear()
            self._callers[credential_of(principal)] = known
        return known

    async def place(self, where: Where) -> Place:
        """What is acted on."""
        self.notice()
        known = self.place_now(where)
        return known if known is not None else await self._read(lambda tx: self.judge.place(tx, where))

    def place_now(self, where: Where) -> Place | None:
        """What is acted on after `notice`, by a point read at most; None where its policies must be read."""
        known = self._places.get(where)
        if known is None:
            account_id, region, name = where
            row = self._points.execute(PLACE_VERSIONS, {"account": account_id, "region": region, "name": name}).fetchone()
            known = self.judge.known_place(where, row)
            if known is not None:
                if len(self._places) >= _MOST_SEEN:
                    self._places.clear()
                self._places[where] = known
        return known

    def notice(self) -> None:
        """Forget what was seen to be the present version, if anything was committed since."""
        self._notice(self._points.execute("PRAGMA data_version").fetchone()[0])

    def _notice(self, moved: int) -> None:
        if moved != self._moved:
            self._moved = moved
            self._callers.clear()
            self._places.clear()

    # --- the decision -------------------------------------------------------------------------------------------------

    async def _require(self, call: Call, caller: Caller, place: Place, asked: Asked, together: int = 1) -> Ruling:
        """`together`: of how many things that one request asks this is one."""
        decide = self.judge.decide
        reads_no_image = asked.subjects is None or _reads_no_image(caller, place.owner)
        brief = (caller.weight + place.owner.weight) * together <= _BRIEF
        if reads_no_image and brief and not asked.filled and len(asked.actions) == 1:  # as nearly all are
            verdict = decide(call, caller, place, asked.actions[0], asked.arn)
            if verdict.allowed:
                return verdict.ruling
        filled: Sequence[Context] = (asked.filled,)
        if not reads_no_image and asked.subjects is not None:
            filled = [{**asked.filled, **subject} for subject in await asked.subjects()] or filled

        def each(action: str) -> Verdict:
            """The decision about every subject: the first that is refused, or that about the last."""
            verdicts = [decide(call, caller, place, action, asked.arn, values) for values in filled]
            return next((verdict for verdict in verdicts if not verdict.allowed), verdicts[-1])

        steps = _weight(caller, place, filled) * len(asked.actions) * together
        return await self._made(lambda: settle(each, call.principal, asked), steps)

    async def _made(self, work: Callable[[], T], steps: int) -> T:
        """Decisions of so many steps: made here, or in a thread."""
        if steps <= _BRIEF:
            return work()
        async with self._aside:
            return await self._read(lambda _tx: work())

    async def _place_of(self, asked: Asked) -> Place:
        if asked.owner is not None:
            return Place(asked.owner)
        if asked.where is None:
            raise ValueError("neither a place nor an owner is named")
        return await self.place(asked.where)

    async def _read(self, work: Callable[[Transaction], T]) -> T:
        return await asyncio.wrap_future(self._database.read(work))


def _weight(caller: Caller, place: Place, filled: Iterable[Context]) -> int:
    """How many steps decisions with these values take at most; of keys with several values each may be asked about."""
    values = sum(max(map(len, each.values()), default=1) for each in filled)
    return (caller.weight + place.owner.weight) * values


def _reads_no_image(caller: Caller, owner: Owner) -> bool:
    """Whether no policy on either side asks what an image is."""
    return IMAGE_KEYS.isdisjoint(caller.keys) and IMAGE_KEYS.isdisjoint(owner.keys)


def settle(decide: Callable[[str], Verdict], principal: Principal, asked: Asked) -> Ruling:
    """What follows from the decisions about a requirement's actions; raises DeniedError."""
    refusal: DeniedError | None = None
    first: Ruling | None = None
    for action in asked.actions:
        verdict = decide(action)
        if verdict.allowed:
            if asked.any_of:
                return verdict.ruling
            first = first or verdict.ruling
        else:
            refusal = refusal or DeniedError.of(principal, action, asked.arn, verdict.decision, verdict.context)
            if not asked.any_of:
                break
    if refusal is not None:
        raise refusal
    return first or OPEN


def refuse_strangers(principal: Principal, default_account_id: str, actions: Iterable[str], resource: str = "*") -> None:
    """Raise DeniedInstallationError for what concerns the whole installation, unless a principal of the default account asks.

    Such actions can be granted only to principals of that account (DESIGN rule 5), whatever policies elsewhere say.
    """
    if principal.account_id != default_account_id:
        raise DeniedInstallationError(principal, next(iter(actions)), default_account_id, resource)


def confine(principal: Principal, scope: Scope | None, needed: Requirement, repository: str, resource: str) -> None:
    """Let a call by a token pass if its scope allows it too, or raise DeniedError in IAM's words.

    A scope can only take away, so this comes after the decision, and not even a resource's policy that names the user itself
    reaches beyond it. `repository` is the name of the one that is asked for; a call for all of them needs the action alone,
    and then shows only those within the scope.
    """
    if scope is None:
        return
    covered = needed.resource != "repository" or scope.covers(repository)
    missing = [action for action in needed.actions if not (covered and action in scope.granted)]
    if missing and (not needed.any_of or len(missing) == len(needed.actions)):
        raise DeniedByScopeError(principal, missing[0], resource)


def confine_tags(principal: Principal, scope: Scope, needed: Requirement, tags: Iterable[str], resource: str) -> None:
    """`confine` for the tags that a call puts, moves or takes away: one that the scope does not cover refuses the call."""
    if scope.limits_tags(needed.actions) and not all(scope.covers_tag(tag) for tag in tags):
        raise DeniedByScopeError(principal, needed.actions[0], resource)
