"""What policies would decide, and by which of their statements (IAM API reference, SimulatePrincipalPolicy).

The decision is `evaluate`'s own; this adds what each kind of policy says by itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from moorage.core.call import Principal
from moorage.iam.context import Context
from moorage.iam.context_keys import named_keys
from moorage.iam.decision import Outcome
from moorage.iam.document import Document
from moorage.iam.evaluate import Grants, Guards, Request, evaluate
from moorage.iam.policy import Policy, Source, SourceKind, weight_of
from moorage.iam.positions import Span, statement_spans

IDENTITY, RESOURCE, BOUNDARY = "IAM Policy", "Resource Policy", "Permissions Boundary Policy"
"""What `EvalDecisionDetails` calls the kinds of policies."""

_SEVERITY = (Outcome.EXPLICIT_DENY, Outcome.IMPLICIT_DENY, Outcome.ALLOWED)


@dataclass(frozen=True, slots=True)
class Posed:
    """A policy that is tried: where it comes from, and its text, which must be a policy."""

    source: Source
    text: str


@dataclass(frozen=True)
class Stage:
    """Everything but action and resource."""

    caller: Principal
    identity: tuple[Posed, ...]
    context: Context
    boundary: tuple[Posed, ...] | None = None
    organization: tuple[tuple[Posed, ...], ...] | None = None
    """Service control policies, level by level; each level must allow."""
    resource: Posed | None = None
    """The policy that every resource is taken to have. Without one, resources are taken to be the caller's account's own."""
    owner: str | None = None
    """The account of resources whose ARN does not say it; None: the caller's."""

    @cached_property
    def _compiled(self) -> Mapping[Posed, Policy]:
        posed = [*self.identity, *(self.boundary or ()), *(policy for level in self.organization or () for policy in level)]
        posed += [self.resource] if self.resource is not None else []
        # Two groups may have inline policies of one name, so a source alone does not say which policy is meant.
        return {policy: Policy.compile(policy.text, Source(SourceKind.NONE, str(n))) for n, policy in enumerate(posed)}

    def compiled(self, policies: Sequence[Posed]) -> tuple[Policy, ...]:
        """The policies made ready."""
        return tuple(self._compiled[policy] for policy in policies)

    @cached_property
    def weight(self) -> int:
        """How many steps one decision takes at most: each policy may be asked together with the others and by itself."""
        values = max(map(len, self.context.values()), default=1)
        return 2 * max(1, values) * (1 + weight_of(self._compiled.values()))

    @cached_property
    def shown(self) -> Mapping[str, tuple[Posed, tuple[Span, ...]]]:
        """Those whose statements are shown, by the name under which they are compiled: not the limits."""
        granting = [*self.identity, *([self.resource] if self.resource is not None else [])]
        return {self._compiled[policy].source.name: (policy, statement_spans(policy.text)) for policy in granting}

    @cached_property
    def missing(self) -> tuple[str, ...]:
        """The context keys that these policies read and nobody gave, as they are spelled."""
        texts = [policy.text for policy, _ in self.shown.values()]
        return tuple(key for key in named_keys(map(Document.parse, texts)) if not self.context.get(key.lower()))

    def owner_of(self, resource: str) -> str:
        """The account that a resource belongs to."""
        parts = resource.split(":", 5)
        named = parts[4] if len(parts) == 6 else ""
        return named if named.isdigit() else self.owner or self.caller.account_id


@dataclass(frozen=True, slots=True)
class Placed:
    """A statement that decided, and where it stands."""

    source: Source
    span: Span


@dataclass(frozen=True, slots=True)
class Verdict:
    """What would be decided about one action on one resource, or about one action on all of several resources."""

    resource: str
    outcome: Outcome
    matched: tuple[Placed, ...]
    missing: tuple[str, ...]
    by_boundary: bool | None = None
    """Whether the permissions boundary allows it; None without one."""
    by_organization: bool | None = None
    details: Mapping[str, Outcome] | None = field(default=None, hash=False)
    """By kind of policy: empty within one account, None where the organization ended it or no resource is named."""


def simulate(stage: Stage, action: str, resource: str) -> Verdict:
    """One action on one resource, an ARN or `*`."""
    abroad = stage.resource is not None and stage.owner_of(resource) != stage.caller.account_id
    boundary = _alone(stage, stage.boundary, action, resource) if stage.boundary is not None else None
    by_boundary = None if boundary is None else boundary is Outcome.ALLOWED
    levels = [_alone(stage, level, action, resource) for level in stage.organization or ()]
    by_organization = None if stage.organization is None else all(level is Outcome.ALLOWED for level in levels)
    if by_organization is False:
        return Verdict(resource, min(levels, key=_SEVERITY.index), (), stage.missing, by_boundary, by_organization)
    own = (stage.resource,) if stage.resource is not None else ()
    owner = stage.owner_of(resource) if own else stage.caller.account_id
    limit = None if stage.boundary is None else stage.compiled(stage.boundary)
    decision = evaluate(
        Request(stage.caller, action, resource, stage.context),
        Grants(identity=stage.compiled(stage.identity), boundary=limit),
        Guards(owner, stage.compiled(own)),
    )
    matched = []
    for found in decision.matched:
        if found.source.name in stage.shown:
            policy, spans = stage.shown[found.source.name]
            matched.append(Placed(policy.source, spans[found.number - 1]))
    details: dict[str, Outcome] | None = None if resource == "*" and not abroad else {}
    if abroad and details is not None:
        details[IDENTITY] = _alone(stage, stage.identity, action, resource)
        details[RESOURCE] = _of_resource(stage, action, resource)
        if boundary is not None:
            details[BOUNDARY] = boundary
    return Verdict(resource, decision.outcome, tuple(matched), stage.missing, by_boundary, by_organization, details)


def together(verdicts: Sequence[Verdict], resource: str) -> Verdict:
    """What several verdicts, at least one, come to: the most restrictive, and the statements that lead to it.

    `resource` is what the result is called by.
    """
    worst = min((verdict.outcome for verdict in verdicts), key=_SEVERITY.index)
    details: dict[str, Outcome] | None = None
    for verdict in verdicts:
        if verdict.details is not None:
            details = details or {}
            for kind, outcome in verdict.details.items():
                details[kind] = min(details.get(kind, outcome), outcome, key=_SEVERITY.index)
    return Verdict(
        resource,
        worst,
        tuple(dict.fromkeys(placed for verdict in verdicts if verdict.outcome is worst for placed in verdict.matched)),
        tuple(dict.fromkeys(key for verdict in verdicts for key in verdict.missing)),
        _all(verdict.by_boundary for verdict in verdicts),
        _all(verdict.by_organization for verdict in verdicts),
        details,
    )


def _alone(stage: Stage, policies: Sequence[Posed], action: str, resource: str) -> Outcome:
    """What policies without principals say by themselves."""
    request = Request(stage.caller, action, resource, stage.context)
    return evaluate(request, Grants(identity=stage.compiled(policies)), Guards(stage.caller.account_id)).outcome


def _of_resource(stage: Stage, action: str, resource: str) -> Outcome:
    """What the resource's policy says to a caller whom its own account allows everything."""
    everything = Policy.compile(_EVERYTHING, Source(SourceKind.NONE, ""))
    own = stage.compiled((stage.resource,)) if stage.resource is not None else ()
    request = Request(stage.caller, action, resource, stage.context)
    return evaluate(request, Grants(identity=(everything,)), Guards(stage.owner_of(resource), own)).outcome


_EVERYTHING = '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}'


def _all(values: Iterable[bool | None]) -> bool | None:
    known = [value for value in values if value is not None]
    return all(known) if known else None
