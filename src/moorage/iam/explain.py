"""Why a request is allowed or denied, and the least that would have to be written for it to be allowed.

What AWS tells is the one layer that decided. Here every layer says what it says, and what is suggested was tried: with the
suggested statements, and without those that deny, `evaluate` allows the request.
"""

import itertools
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from moorage.core.call import Principal
from moorage.iam.condition import prepare
from moorage.iam.context import NOTHING, Context
from moorage.iam.context_keys import named_keys
from moorage.iam.decision import Decision, Layer, Matched, Outcome
from moorage.iam.document import Condition, Document
from moorage.iam.evaluate import Grants, Guards, Request, evaluate
from moorage.iam.policy import Inquiry, Policy, Rule, Source, SourceKind, keys_of
from moorage.iam.variables import VERSION


class Place(StrEnum):
    """Where a statement can be written."""

    SERVICE_CONTROL = "service control policy"
    IDENTITY = "identity-based policy"
    BOUNDARY = "permissions boundary"
    SESSION = "session policy"
    REPOSITORY = "repository policy"
    REGISTRY = "registry policy"
    TRUST = "role trust policy"


@dataclass(frozen=True, slots=True)
class Unmet:
    """A statement that would allow the request, but for its conditions."""

    statement: Matched
    conditions: tuple[Condition, ...]
    """Those that do not hold."""


@dataclass(frozen=True, slots=True)
class Said:
    """What one layer says by itself."""

    layer: Layer
    outcome: Outcome
    statements: tuple[Matched, ...]
    """Those that allow it, or, if any does, those that deny it."""
    unmet: tuple[Unmet, ...] = ()
    """Where nothing allows it."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A statement that is missing."""

    place: Place
    text: str
    """The statement, as JSON."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that is to be said about a decision."""

    decision: Decision
    layers: tuple[Said, ...]
    """Every layer that there is for this caller and resource."""
    read: tuple[str, ...]
    """The context keys that the policies read, as these first spell them, in alphabetical order."""
    missing: tuple[str, ...]
    """Those of them that the request has no value for."""
    obstacles: tuple[Matched, ...] = ()
    """Statements that deny it, each of which has to change: no Allow helps against them."""
    suggestions: tuple[Suggestion, ...] = ()
    """What has to be written, all of it, besides the change of the obstacles; empty where that alone is enough."""
    possible: bool = True
    """False: no statement that could be written would allow it."""


_RULES = '{"Version": "2012-10-17", "Statement": %s}'
_ORDER = (Place.IDENTITY, Place.SERVICE_CONTROL, Place.BOUNDARY, Place.SESSION)
_WILD = re.compile(r"[*?$]")
_DESCRIBING = ("moorage:", "aws:resourcetag/", "ecr:resourcetag/", "iam:resourcetag/", "aws:requesttag/")
"""Context keys that say what is acted on, rather than who asks, from where or when."""


def explain(request: Request, grants: Grants, guards: Guards, owners: Place | None, supposed: Context = NOTHING) -> Explanation:
    """Explain the decision. `owners` is where the resource's own policy stands, or None where it cannot have one.

    `supposed` is what of the request's context was asked for, with keys in any case. What it says of images and of tags is a
    condition of every statement that is suggested, so that none allows more than was asked; an address or a time is none.
    A resource's policy is suggested only where nothing else would do, so that no suggestion goes around a limit.
    """
    if grants.session is None and request.principal.kind == "FederatedUser":
        grants = replace(grants, session=())  # as evaluation takes it
    inquiry = Inquiry(request.principal, request.action, request.resource, request.context)
    decision = evaluate(request, grants, guards)
    policies = [policy for _, layer in _limits(grants) for policy in layer or ()] + list(guards.policies)
    read = _spelled(policies)
    whole = Explanation(
        decision=decision,
        layers=tuple(_layers(request, grants, guards, inquiry)),
        read=read,
        missing=tuple(key for key in read if not request.context.get(key.lower())),
    )
    if decision.allowed:
        return whole
    obstacles: tuple[Matched, ...] = ()
    if decision.outcome is Outcome.EXPLICIT_DENY:
        obstacles = decision.matched
        grants, guards = _without_denies(grants, guards, inquiry)
    conditions = {key: values for key, values in supposed.items() if values and key.lower().startswith(_DESCRIBING)}
    suggestions = _search(request, grants, guards, owners, conditions)
    return replace(whole, obstacles=obstacles, suggestions=suggestions or (), possible=suggestions is not None)


def _spelled(policies: Iterable[Policy]) -> tuple[str, ...]:
    documents = [Document(tuple(rule.statement for rule in policy.rules), VERSION) for policy in policies]
    spellings = {key.lower(): key for key in named_keys(documents)}
    return tuple(spellings.get(key, key) for key in sorted(keys_of(policies)))


# --- what the layers say --------------------------------------------------------------------------------------------


def _limits(grants: Grants) -> tuple[tuple[Layer, tuple[Policy, ...] | None], ...]:
    return (
        (Layer.SERVICE_CONTROL, grants.service_control),
        (Layer.IDENTITY, grants.identity),
        (Layer.BOUNDARY, grants.boundary),
        (Layer.SESSION, grants.session),
    )


def _layers(request: Request, grants: Grants, guards: Guards, inquiry: Inquiry) -> Iterator[Said]:
    for layer, policies in _limits(grants):
        if policies is not None and not (layer is Layer.IDENTITY and request.principal.kind == "Root"):
            rules = [rule for policy in policies for rule in policy.applying(inquiry)]
            yield _said(layer, rules, _unmet(policies, request))
    if guards.policies or guards.trust:
        rules = [rule for policy in guards.policies for rule in _meant(policy, inquiry)]
        yield _said(Layer.TRUST if guards.trust else Layer.RESOURCE, rules, _unmet(guards.policies, request, owners=True))


def _meant(policy: Policy, inquiry: Inquiry) -> Iterator[Rule]:
    """Of a resource's policy, what applies to this caller."""
    for rule in policy.applying_to_caller(inquiry):
        if rule.reach(inquiry) if rule.allows else rule.means(inquiry):
            yield rule


def _said(layer: Layer, rules: Sequence[Rule], unmet: Iterable[Unmet]) -> Said:
    denies = [rule for rule in rules if not rule.allows]
    if denies:
        return Said(layer, Outcome.EXPLICIT_DENY, _matched(denies))
    if rules:
        return Said(layer, Outcome.ALLOWED, _matched(rules))
    return Said(layer, Outcome.IMPLICIT_DENY, (), tuple(unmet))


def _matched(rules: Iterable[Rule]) -> tuple[Matched, ...]:
    return tuple(Matched(rule.source, rule.statement.sid, rule.number) for rule in rules)


def _unmet(policies: Iterable[Policy], request: Request, *, owners: bool = False) -> Iterator[Unmet]:
    """Statements that are about this action, resource and caller, and whose conditions do not hold."""
    inquiry = Inquiry(request.principal, request.action, request.resource, request.context)
    for policy in policies:
        for rule in policy.rules:
            if not rule.allows or not rule.statement.conditions:
                continue
            bare = Policy.compile(Document((replace(rule.statement, conditions=()),), VERSION), policy.source)
            if bare.applying(inquiry) and (not owners or rule.reach(inquiry)):
                failed = tuple(each for each in rule.statement.conditions if not _holds(each, request))
                if failed:
                    yield Unmet(Matched(rule.source, rule.statement.sid, rule.number), failed)


def _holds(condition: Condition, request: Request) -> bool:
    return prepare(condition, variables=True, deny=False).holds(request.context)


# --- what would have to be written ----------------------------------------------------------------------------------


def _without_denies(grants: Grants, guards: Guards, inquiry: Inquiry) -> tuple[Grants, Guards]:
    """The same policies without the statements that deny this request."""

    def strip(policies: tuple[Policy, ...], *, owners: bool = False) -> tuple[Policy, ...]:
        return tuple(_stripped(policy, inquiry, owners=owners) for policy in policies)

    def limit(policies: tuple[Policy, ...] | None) -> tuple[Policy, ...] | None:
        return None if policies is None else strip(policies)

    return (
        Grants(strip(grants.identity), limit(grants.boundary), limit(grants.session), limit(grants.service_control)),
        replace(guards, policies=strip(guards.policies, owners=True)),
    )


def _stripped(policy: Policy, inquiry: Inquiry, *, owners: bool) -> Policy:
    applying = _meant(policy, inquiry) if owners else policy.applying(inquiry)
    denying = {rule.number for rule in applying if not rule.allows}
    return Policy(policy.source, [rule for rule in policy.rules if rule.number not in denying]) if denying else policy


def _search(
    request: Request, grants: Grants, guards: Guards, owners: Place | None, conditions: Context
) -> tuple[Suggestion, ...] | None:
    """The fewest statements that would allow it, or None if none would; those of the caller's side are tried first."""
    there = {
        Place.IDENTITY: request.principal.kind != "Root",
        Place.SERVICE_CONTROL: grants.service_control is not None,
        Place.BOUNDARY: grants.boundary is not None,
        Place.SESSION: grants.session is not None,
    }
    callers = [place for place in _ORDER if there[place]]
    for last in ((), (owners,) if owners is not None else None):
        if last is None:
            continue
        for count in range(len(callers) + 1):
            for chosen in itertools.combinations(callers, count):
                found = tuple(Suggestion(place, statement_for(place, request, conditions)) for place in (*chosen, *last))
                if _would_allow(request, grants, guards, found):
                    return found
    return None


def with_suggestions(grants: Grants, guards: Guards, suggestions: Iterable[Suggestion]) -> tuple[Grants, Guards]:
    """Both sides as they would be with these statements written."""
    for each in suggestions:
        policy = Policy.compile(_RULES % each.text, Source(SourceKind.NONE, "suggestion"))
        match each.place:
            case Place.SERVICE_CONTROL:
                grants = replace(grants, service_control=(*(grants.service_control or ()), policy))
            case Place.IDENTITY:
                grants = replace(grants, identity=(*grants.identity, policy))
            case Place.BOUNDARY:
                grants = replace(grants, boundary=(*(grants.boundary or ()), policy))
            case Place.SESSION:
                grants = replace(grants, session=(*(grants.session or ()), policy))
            case Place.REPOSITORY | Place.REGISTRY | Place.TRUST:
                guards = replace(guards, policies=(*guards.policies, policy))
    return grants, guards


def _would_allow(request: Request, grants: Grants, guards: Guards, suggestions: Iterable[Suggestion]) -> bool:
    return evaluate(request, *with_suggestions(grants, guards, suggestions)).allowed


def statement_for(place: Place, request: Request, conditions: Context = NOTHING) -> str:
    """The smallest statement that allows just this, for one of the places; `conditions` as their keys are to be spelled."""
    statement: dict[str, Any] = {"Effect": "Allow"}
    if place in {Place.REPOSITORY, Place.REGISTRY, Place.TRUST}:
        statement["Principal"] = {"AWS": _named(request.principal)}
    statement["Action"] = request.action
    if place not in {Place.REPOSITORY, Place.TRUST}:
        statement["Resource"] = _literally(request.resource)
    if conditions:
        statement["Condition"] = _conditions(conditions)
    return json.dumps(statement)


def _conditions(context: Context) -> dict[str, dict[str, Any]]:
    """That the keys have these values: the one, or, of several at once, no others."""
    found: dict[str, dict[str, Any]] = {}
    for key, values in context.items():
        texts = [value.replace("$", "${$}") for value in values]
        if len(texts) == 1:
            found.setdefault("StringEquals", {})[key] = texts[0]
        else:
            found.setdefault("ForAllValues:StringEquals", {})[key] = texts
            found.setdefault("Null", {})[key] = "false"  # ForAllValues holds where there is no value at all
    return found


def _named(principal: Principal) -> str:
    """The caller as a resource's policy names it: a session by its role, which is there after the session is gone."""
    return principal.arn if principal.kind == "FederatedUser" else principal.identity_arn or principal.arn


def _literally(resource: str) -> str:
    """A resource as a policy spells it: what would be a wildcard or a variable there is meant as it stands."""
    if resource == "*":
        return resource
    *head, name = resource.split(":", 5)
    return ":".join((*head, _WILD.sub(lambda found: f"${{{found[0]}}}", name)))
