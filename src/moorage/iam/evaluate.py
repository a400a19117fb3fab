"""Whether a request may go on (IAM user guide, "Policy evaluation logic"): a pure function of policies and request."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from moorage.core.call import Principal
from moorage.iam.context import NOTHING, Context
from moorage.iam.decision import Decision, Layer, Matched, Outcome
from moorage.iam.policy import Inquiry, Policy, Rule
from moorage.iam.reach import IN_ACCOUNTS, Reach


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


def evaluate(request: Request, grants: Grants, guards: Guards) -> Decision:
    """Decide.

    One matching Deny anywhere decides. Else the caller's service control policies must allow; then, in the owner's own
    account, one Allow of either side is enough, as far as the way in which the owner's policy names the caller carries; across
    accounts both sides must allow. A root user needs no Allow of its own account. A federated user without a session policy has
    no permissions but those that resources give to it.

    Of several kinds of policies that deny, the decision's layer is the first of: service control, the owner's, the caller's
    own, boundary, session. Of several that do not allow, it is the first of: service control, the caller's own, boundary,
    session, the owner's; but a role's trust policy comes before all of the same account but service control.
    """
    caller = request.principal
    inquiry = Inquiry(caller, request.action, request.resource, request.context)
    session = () if grants.session is None and caller.kind == "FederatedUser" else grants.session
    control = _ask(Layer.SERVICE_CONTROL, grants.service_control, inquiry)
    owners = _ask_owner(guards, inquiry)
    identity = _ask(Layer.IDENTITY, grants.identity, inquiry)
    limits = (_ask(Layer.BOUNDARY, grants.boundary, inquiry), _ask(Layer.SESSION, session, inquiry))
    denying = [said for said in (control, owners, identity, *limits) if said.denies]
    at_home = caller.account_id == guards.account_id
    if denying:
        theirs = () if at_home else _matched(owners.denies)
        own = _matched(rule for said in denying if at_home or said is not owners for rule in said.denies)
        return Decision(Outcome.EXPLICIT_DENY, denying[0].layer, own, theirs)
    if not control.passes:
        return _missing(control.layer)
    if caller.kind not in IN_ACCOUNTS:
        return _vouched(owners, at_home)
    limit = next((said.layer for said in limits if not said.passes), None)
    side = _Own(identity.allows, Layer.ROOT if caller.kind == "Root" else Layer.IDENTITY, limit)
    return _at_home(side, owners, guards.trust) if at_home else _abroad(side, owners)


class _Said:
    """What the policies of one layer say."""

    __slots__ = ("allows", "denies", "layer", "passes", "reaches")

    def __init__(self, layer: Layer, passes: bool = False) -> None:
        self.layer = layer
        self.allows: list[Rule] = []
        self.denies: list[Rule] = []
        self.reaches: list[Reach] = []
        """Of the owner's policies: how far each of `allows` carries."""
        self.passes = passes
        """Whether, as a limit, it lets the request through."""

    def reaching(self, least: Reach) -> list[Rule]:
        """Of an owner's Allows those that carry at least so far."""
        return [rule for rule, reach in zip(self.allows, self.reaches, strict=True) if reach >= least]


@dataclass(frozen=True, slots=True)
class _Own:
    """The caller's own side."""

    statements: list[Rule]
    layer: Layer
    limit: Layer | None
    """The limit that stands against it, if any."""

    @property
    def allows(self) -> bool:
        """Whether its identity may, were there no limit."""
        return bool(self.statements) or self.layer is Layer.ROOT


def _abroad(own: _Own, owners: _Said) -> Decision:
    """In another account both sides must allow."""
    if not own.allows:
        return _missing(own.layer)
    if own.limit:
        return _missing(own.limit)
    if not owners.allows:
        return _missing(owners.layer)
    return Decision(Outcome.ALLOWED, owners.layer, _matched(own.statements), _matched(owners.allows))


def _vouched(owners: _Said, at_home: bool) -> Decision:
    """Whoever has no identity in an account is let in by the owner alone."""
    if not owners.allows:
        return _missing(owners.layer)
    allowing = _matched(owners.allows)
    return Decision(Outcome.ALLOWED, owners.layer, *((allowing,) if at_home else ((), allowing)))


def _at_home(own: _Own, owners: _Said, trust: bool) -> Decision:
    """In the caller's own account one Allow is enough, if it carries; a role's trust policy must be among those that allow."""
    if trust and not owners.allows:
        return _missing(owners.layer)
    carrying = owners.reaching(Reach.FULL if own.limit else Reach.LIMITED)
    if own.allows and not own.limit:
        statements = owners.allows if trust else carrying
        return Decision(Outcome.ALLOWED, owners.layer if trust else own.layer, _matched((*own.statements, *statements)))
    if carrying:
        return Decision(Outcome.ALLOWED, owners.layer, _matched(carrying))
    if own.limit and (own.allows or owners.reaching(Reach.LIMITED)):
        return _missing(own.limit)
    return _missing(own.layer)


def _missing(layer: Layer) -> Decision:
    return Decision(Outcome.IMPLICIT_DENY, layer)


def _ask(layer: Layer, policies: tuple[Policy, ...] | None, inquiry: Inquiry) -> _Said:
    said = _Said(layer, passes=policies is None)
    for policy in policies or ():
        for rule in policy.applying(inquiry):
            (said.allows if rule.allows else said.denies).append(rule)
    said.passes |= bool(said.allows)
    return said


def _ask_owner(guards: Guards, inquiry: Inquiry) -> _Said:
    said = _Said(Layer.TRUST if guards.trust else Layer.RESOURCE)
    for policy in guards.policies:
        for rule in policy.applying_to_caller(inquiry):
            if not rule.allows:
                if rule.means(inquiry):
                    said.denies.append(rule)
            elif reach := rule.reach(inquiry):
                said.allows.append(rule)
                said.reaches.append(reach)
    return said


def _matched(rules: Iterable[Rule]) -> tuple[Matched, ...]:
    return tuple(Matched(rule.source, rule.statement.sid, rule.number) for rule in rules)
