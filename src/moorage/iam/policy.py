"""A policy made ready to be asked, often and quickly."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from moorage.core.call import Principal
from moorage.core.wildcard import matches_glob
from moorage.iam.context import Context
from moorage.iam.document import Document, Statement
from moorage.iam.principal import Kind, NamedPrincipal


class SourceKind(StrEnum):
    """Where a policy comes from, as IAM's simulator spells it (IAM API reference, PolicySourceType)."""

    USER = "user"
    GROUP = "group"
    ROLE = "role"
    AWS_MANAGED = "aws-managed"
    USER_MANAGED = "user-managed"
    RESOURCE = "resource"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Source:
    """A policy's origin."""

    kind: SourceKind
    name: str
    """The policy's name or ARN, as records and the simulator show it."""


class Reach(IntEnum):
    """How far an Allow of a resource's policy carries a caller of the same account, by the way it names the caller.

    IAM user guide, "Evaluating identity-based policies with resource-based policies" and "Policy evaluation logic".
    """

    NONE = 0
    ACCOUNT = 1
    """It names the caller's account, which only lets the account's own policies decide."""
    LIMITED = 2
    """It needs no identity-based policy; boundary and session policy still limit it."""
    FULL = 3
    """It is enough; only explicit denies and service control policies stand against it."""


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A request as policies are asked about it."""

    action: str
    """In lower case."""
    resource: str
    context: Context
    names: Mapping[str, Reach]
    """Every name by which a policy may speak of the caller."""

    @classmethod
    def about(cls, principal: Principal, action: str, resource: str, context: Context) -> "Inquiry":
        """Prepare a request."""
        return cls(action.lower(), resource, context, _names_of(principal))


def _names_of(caller: Principal) -> dict[str, Reach]:
    names = {"*": Reach.FULL}
    match caller.kind:
        case "Root":
            names[caller.account_id] = Reach.ACCOUNT
        case "IAMUser":
            names |= {caller.account_id: Reach.ACCOUNT, caller.identity_arn or caller.arn: Reach.FULL}
            names[caller.identity_id] = Reach.FULL
        case "AssumedRole":
            names |= {caller.account_id: Reach.ACCOUNT, caller.identity_arn: Reach.LIMITED}
            names |= {caller.identity_id: Reach.LIMITED, caller.arn: Reach.FULL}
        case "FederatedUser":
            names |= {caller.account_id: Reach.ACCOUNT, caller.identity_id: Reach.LIMITED, caller.arn: Reach.FULL}
        case _:
            pass
    names.pop("", None)
    return names


def _name(named: NamedPrincipal, bound: Mapping[str, str]) -> str:
    if named.kind is Kind.ACCOUNT:
        return named.account_id
    if named.kind in {Kind.SERVICE, Kind.FEDERATED, Kind.CANONICAL_USER}:
        return f"{named.kind}:{named.name}"
    return bound.get(named.canonical, named.canonical)


@dataclass(frozen=True, slots=True)
class Rule:
    """One statement of a policy, ready to be asked."""

    source: Source
    number: int
    """Its place in its policy; the first is 1."""
    statement: Statement
    names: frozenset[str]
    exempt: frozenset[str] | None

    def reach(self, inquiry: Inquiry) -> Reach:
        """How far its principals carry this caller."""
        if self.exempt is not None:
            return Reach.LIMITED if self.exempt.isdisjoint(inquiry.names) else Reach.NONE
        return max((inquiry.names[name] for name in self.names if name in inquiry.names), default=Reach.NONE)

    def applies(self, inquiry: Inquiry) -> bool:
        """Whether action, resource and conditions fit, whoever asks."""
        statement = self.statement
        if statement.conditions:
            return statement.effect == "Deny"
        return _fits(statement.actions, statement.not_actions, inquiry.action, fold=True) and _fits(
            statement.resources, statement.not_resources, inquiry.resource, fold=False
        )


def _fits(patterns: tuple[str, ...] | None, others: tuple[str, ...] | None, text: str, *, fold: bool) -> bool:
    listed = others if patterns is None else patterns
    if listed is None:
        return True
    found = any(matches_glob(pattern.lower() if fold else pattern, text) for pattern in listed)
    return found == (patterns is not None)


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy, compiled once and asked often. It never changes."""

    source: Source
    keys: frozenset[str]
    """Every context key, in lower case, that its conditions and variables read."""
    rules: tuple[Rule, ...]

    @classmethod
    def compile(cls, document: Document | str, source: Source, *, bound: Mapping[str, str] = {}) -> "Policy":
        """Make a policy ready; a text must be a valid policy, else MalformedPolicyError.

        `bound`: ARN of a user or role in the text to the unique id that it meant when it was written. A principal that is
        bound is found by that id only, so that a new user or role of an old name inherits nothing.
        """
        if isinstance(document, str):
            document = Document.parse(document)
        rules = tuple(
            Rule(
                source,
                number,
                statement,
                frozenset(_name(named, bound) for named in statement.principals or ()),
                None
                if statement.not_principals is None
                else frozenset(_name(named, bound) for named in statement.not_principals),
            )
            for number, statement in enumerate(document.statements, 1)
        )
        keys = frozenset(condition.key.lower() for statement in document.statements for condition in statement.conditions)
        return cls(source, keys, rules)

    def applying(self, inquiry: Inquiry) -> Iterator[Rule]:
        """The statements whose action, resource and conditions fit, whoever asks, in their order."""
        return (rule for rule in self.rules if rule.applies(inquiry))


def keys_of(policies: Iterable[Policy]) -> frozenset[str]:
    """Every context key, in lower case, that any of these policies reads."""
    return frozenset().union(*(policy.keys for policy in policies))
