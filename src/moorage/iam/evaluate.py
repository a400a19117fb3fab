"""Whether a request may go on (IAM user guide, "Policy evaluation logic"): a pure function of policies and request."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from moorage.core.call import Principal
from moorage.iam.context import NOTHING, Context
from moorage.iam.decision import Decision, Layer, Matched, Outcome
from moorage.iam.policy import Inquiry, Policy, Reach, Rule


@dataclass(frozen=True, slots=True)
class Grants:
    """The caller's side. None: there is no such limit; an empty tuple is a limit that lets nothing through."""

    identity: tuple[Policy, ...] = ()
    """Those of the user and all its groups, or of the role; for a federated user, of the user who made the session."""
    boundary: tuple[Policy, ...] | None = None
    session: tuple[Policy, ...] | None = None
    service_control: tuple[Policy, ...] | None = None


@dataclass(frozen=True, slots=True)
class Guards:
    """The owner's side."""

    account_id: str
    """The account that owns the resource."""
    policies: tuple[Policy, ...] = ()
    """The policies of the repository and of its registry, or the trust policy of a role."""
    trust: bool = False
    """Whether they must allow by themselves, as a role's trust policy must."""


@dataclass(frozen=True, slots=True)
class Request:
    """Who wants to do what with what."""

    principal: Principal
    action: str
    """Such as `ecr:PutImage`; case does not matter."""
    resource: str
    """An ARN, or `*` for what is about no resource."""
    context: Context = field(default_factory=lambda: NOTHING)


@dataclass(slots=True)
class _Found:
    """What the policies of one layer say."""

    layer: Layer
    allows: list[Rule]
    denies: list[Rule]
    reach: Reach = Reach.NONE


def evaluate(request: Request, grants: Grants, guards: Guards) -> Decision:
    """Decide.

    One matching Deny anywhere decides. Else the caller's service control policies must allow; then, in the owner's own
    account, one Allow of either side is enough, as far as the way in which the owner's policy names the caller carries; across
    accounts both sides must allow. A root user needs no Allow in its own account. A federated user without a session policy has
    no permissions but those that resources give to it.
    """
    caller = request.principal
    inquiry = Inquiry.about(caller, request.action, request.resource, request.context)
    session = () if grants.session is None and caller.kind == "FederatedUser" else grants.session
    owners = _ask_owner(guards, inquiry)
    control = _ask(Layer.SERVICE_CONTROL, grants.service_control, inquiry)
    identity = _ask(Layer.IDENTITY, grants.identity, inquiry)
    boundary = _ask(Layer.BOUNDARY, grants.boundary, inquiry)
    limit = _ask(Layer.SESSION, session, inquiry)
    asked = [found for found in (control, owners, identity, boundary, limit) if found is not None]
    if denying := [found for found in asked if found.denies]:
        return Decision(Outcome.EXPLICIT_DENY, denying[0].layer, _matched(rule for found in denying for rule in found.denies))
    limits = [found for found in (boundary, limit) if found is not None]
    return _weigh(caller, guards, owners, identity, control, limits)


def _weigh(
    caller: Principal, guards: Guards, owners: _Found, identity: _Found | None, control: _Found | None, limits: list[_Found]
) -> Decision:
    if control is not None and not control.allows:
        return Decision(Outcome.IMPLICIT_DENY, control.layer)
    root = caller.kind == "Root"
    own = root or bool(identity and identity.allows)
    missing = next((found.layer for found in limits if not found.allows), None)
    abroad = caller.account_id != guards.account_id
    if caller.kind not in {"Root", "IAMUser", "AssumedRole", "FederatedUser"}:
        own, abroad, missing = False, False, None
        if not owners.allows:
            return Decision(Outcome.IMPLICIT_DENY, owners.layer)
    statements = _matched([*(identity.allows if identity else ()), *owners.allows])
    if abroad:
        if not own or missing:
            return Decision(Outcome.IMPLICIT_DENY, missing if own and missing else Layer.IDENTITY)
        if owners.reach is Reach.NONE:
            return Decision(Outcome.IMPLICIT_DENY, owners.layer)
        return Decision(Outcome.ALLOWED, owners.layer, statements)
    if guards.trust and owners.reach is Reach.NONE:
        return Decision(Outcome.IMPLICIT_DENY, owners.layer)
    if owners.reach is Reach.FULL:
        return Decision(Outcome.ALLOWED, owners.layer, statements)
    if not own and owners.reach is not Reach.LIMITED:
        return Decision(Outcome.IMPLICIT_DENY, Layer.IDENTITY)
    if missing:
        return Decision(Outcome.IMPLICIT_DENY, missing)
    layer = owners.layer if guards.trust or not own else Layer.ROOT if root else Layer.IDENTITY
    return Decision(Outcome.ALLOWED, layer, statements)


def _ask(layer: Layer, policies: tuple[Policy, ...] | None, inquiry: Inquiry) -> _Found | None:
    if policies is None:
        return None
    found = _Found(layer, [], [])
    for policy in policies:
        for rule in policy.applying(inquiry):
            (found.allows if rule.statement.effect == "Allow" else found.denies).append(rule)
    return found


def _ask_owner(guards: Guards, inquiry: Inquiry) -> _Found:
    found = _Found(Layer.TRUST if guards.trust else Layer.RESOURCE, [], [])
    for policy in guards.policies:
        for rule in policy.applying(inquiry):
            if reach := rule.reach(inquiry):
                (found.allows if rule.statement.effect == "Allow" else found.denies).append(rule)
                if rule.statement.effect == "Allow":
                    found.reach = max(found.reach, reach)
    return found


def _matched(rules: Iterable[Rule]) -> tuple[Matched, ...]:
    return tuple(Matched(rule.source, rule.statement.sid, rule.number) for rule in rules)
