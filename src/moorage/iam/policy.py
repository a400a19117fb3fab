"""A policy made ready to be asked, often and quickly."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from moorage.core.call import Principal
from moorage.iam.arn_pattern import ArnPattern, Segments, segments_of
from moorage.iam.condition import Ready, prepare
from moorage.iam.context import Context
from moorage.iam.document import Document, Statement
from moorage.iam.matching import Matcher, Pattern, any_of
from moorage.iam.principal import NamedPrincipal
from moorage.iam.reach import ANYONE, Reach, is_denied, name_of, names_of, reach_of_allow
from moorage.iam.variables import VERSION

NOT_BOUND: Final[Mapping[str, str]] = MappingProxyType({})


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


class Inquiry:
    """A request as policies are asked about it."""

    __slots__ = ("action", "context", "names", "resource", "root", "segments")

    def __init__(self, principal: Principal, action: str, resource: str, context: Context) -> None:
        self.action = action.lower()
        self.resource = resource
        self.context = context
        self.names = names_of(principal)
        self.root = principal.kind == "Root"
        self.segments: Segments | None = segments_of(resource)


class Rule:
    """One statement, ready to be asked."""

    __slots__ = (
        *("_conditions", "_exempt", "_listed", "_others", "_patterns"),
        *("allows", "keys", "number", "source", "statement", "weight"),
    )

    def __init__(self, statement: Statement, source: Source, number: int, *, variables: bool, bound: Mapping[str, str]) -> None:
        self.source = source
        self.number = number
        """Its place in its policy; the first is 1."""
        self.statement = statement
        self.allows: bool = statement.effect == "Allow"
        self._listed = _names(statement.principals, bound) or frozenset()
        self._exempt = _names(statement.not_principals, bound)
        self._patterns = _arn_patterns(statement.resources, variables, wild_service=not self.allows)
        self._others = _arn_patterns(statement.not_resources, variables, wild_service=self.allows)
        ready = [prepare(condition, variables=variables, deny=not self.allows) for condition in statement.conditions]
        self._conditions = tuple(condition.holds for condition in ready)
        self.keys = _keys(ready, self._patterns, self._others)
        patterns = (*(self._patterns or ()), *(self._others or ()))
        self.weight: int = 1 + sum(each.weight for each in ready) + sum(pattern.weight for pattern in patterns)
        """How many steps asking it takes at most, where each key that it reads has one value."""

    @property
    def heads(self) -> frozenset[str]:
        """The resources that it may be about begin with one of these."""
        return frozenset({""} if self._patterns is None else (pattern.head for pattern in self._patterns))

    @property
    def names(self) -> frozenset[str]:
        """The callers that it may mean have one of these names, of which everyone has `*`."""
        return self._listed if self._exempt is None else frozenset({ANYONE})

    def applies(self, inquiry: Inquiry) -> bool:
        """Whether resource and conditions fit; the action is the index's affair."""
        if self._patterns is not None and not _match(self._patterns, inquiry):
            return False
        if self._others is not None and _match(self._others, inquiry):
            return False
        for holds in self._conditions:  # noqa: SIM110 - a generator costs more than most conditions
            if not holds(inquiry.context):
                return False
        return True

    def reach(self, inquiry: Inquiry) -> Reach:
        """Of an Allow in a resource's policy: what it does for this caller."""
        return reach_of_allow(inquiry.names, self._listed, self._exempt)

    def means(self, inquiry: Inquiry) -> bool:
        """Of a Deny in a resource's policy: whether it means this caller."""
        return is_denied(inquiry.names, self._listed, self._exempt, root=inquiry.root)


def _match(patterns: tuple[ArnPattern, ...], inquiry: Inquiry) -> bool:
    for pattern in patterns:  # noqa: SIM110 - a generator costs more than most patterns
        if pattern.matches(inquiry.resource, inquiry.segments, inquiry.context):
            return True
    return False


def _names(principals: tuple[NamedPrincipal, ...] | None, bound: Mapping[str, str]) -> frozenset[str] | None:
    return None if principals is None else frozenset(name_of(named, bound) for named in principals)


def _arn_patterns(texts: tuple[str, ...] | None, variables: bool, *, wild_service: bool) -> tuple[ArnPattern, ...] | None:
    if texts is None:
        return None
    return tuple(ArnPattern.of_resource(text, variables=variables, wild_service=wild_service) for text in texts)


def _keys(conditions: Iterable[Ready], *patterns: tuple[ArnPattern, ...] | None) -> frozenset[str]:
    read = [condition.keys for condition in conditions]
    read += [pattern.keys for group in patterns for pattern in group or ()]
    return frozenset[str]().union(*read)


class _Group:
    """The rules of a policy that have the same actions, found by what their resources begin with, or by whom they mean."""

    __slots__ = ("_by_head", "_by_name", "_lengths", "speaks_of")

    def __init__(self, speaks_of: Matcher, rules: Iterable[Rule]) -> None:
        self.speaks_of: Matcher = speaks_of
        self._by_head: dict[str, list[Rule]] = {}
        self._by_name: dict[str, list[Rule]] = {}
        for rule in rules:
            for head in rule.heads:
                self._by_head.setdefault(head, []).append(rule)
            for name in rule.names:
                self._by_name.setdefault(name, []).append(rule)
        self._lengths = sorted({len(head) for head in self._by_head})

    def about(self, resource: str) -> Iterator[Rule]:
        """Those that may be about a resource; some of them perhaps twice."""
        for length in self._lengths:
            yield from self._by_head.get(resource[:length], ())

    def meaning(self, names: Iterable[str]) -> Iterator[Rule]:
        """Those that may mean the caller of these names; some of them perhaps twice."""
        for name in names:
            yield from self._by_name.get(name, ())


class Policy:
    """A policy, compiled once and asked often. It never changes."""

    __slots__ = ("_anywhere", "_exact", "_wild", "keys", "rules", "source", "weight")

    def __init__(self, source: Source, rules: Iterable[Rule]) -> None:
        self.source = source
        self.rules = tuple(rules)
        """Its statements, in their order."""
        self._exact: dict[str, list[_Group]] = {}
        self._wild: dict[str, list[_Group]] = {}
        self._anywhere: list[_Group] = []
        self.weight: int = sum(rule.weight for rule in self.rules)
        """How many steps asking it takes at most, each of less than a microsecond or so, where each key has one value."""
        self.keys: frozenset[str] = self._index(self.rules)
        """Every context key, in lower case, that its conditions and variables read."""

    @classmethod
    def compile(cls, document: Document | str, source: Source, *, bound: Mapping[str, str] = NOT_BOUND) -> "Policy":
        """Make a policy ready; a text must be a valid policy, else MalformedPolicyError.

        `bound`: ARN of a user or role in the text to the unique id that it meant when it was written. A principal that is
        bound is found by that id only, so that a new user or role of an old name inherits nothing.
        """
        if isinstance(document, str):
            document = Document.parse(document)
        variables = document.version == VERSION
        return cls(
            source,
            [
                Rule(statement, source, number, variables=variables, bound=bound)
                for number, statement in enumerate(document.statements, 1)
            ],
        )

    def __repr__(self) -> str:
        return f"Policy({self.source.name})"

    def applying(self, inquiry: Inquiry) -> list[Rule]:
        """The statements whose action, resource and conditions fit, whoever asks, in their order."""
        return _that_apply((rule for group in self._groups(inquiry.action) for rule in group.about(inquiry.resource)), inquiry)

    def applying_to_caller(self, inquiry: Inquiry) -> list[Rule]:
        """Of a resource's policy: those of `applying` whose principals may mean the caller; ask each for its `reach`."""
        return _that_apply((rule for group in self._groups(inquiry.action) for rule in group.meaning(inquiry.names)), inquiry)

    def _groups(self, action: str) -> Iterator[_Group]:
        yield from self._exact.get(action, ())
        for groups in (self._wild.get(action.partition(":")[0], ()), self._anywhere):
            for group in groups:
                if group.speaks_of(action):
                    yield group

    def _index(self, rules: Iterable[Rule]) -> frozenset[str]:
        groups: defaultdict[tuple[frozenset[str], bool], list[Rule]] = defaultdict(list)
        for rule in rules:
            statement = rule.statement
            listed = statement.not_actions if statement.actions is None else statement.actions
            groups[frozenset(map(str.lower, listed or ())), statement.actions is None].append(rule)
        for (names, negated), members in groups.items():
            actions = [Pattern.wild(name) for name in names]
            self.weight += sum(action.weight for action in actions if action.text is None)
            speaks_of = any_of(actions)
            group = _Group(_not(speaks_of) if negated else speaks_of, members)
            if negated or "*" in names:
                self._anywhere.append(group)
            elif any("*" in name or "?" in name for name in names):
                for service in {name.partition(":")[0] for name in names}:
                    self._wild.setdefault(service, []).append(group)
            else:
                for name in names:
                    self._exact.setdefault(name, []).append(group)
        return frozenset[str]().union(*(rule.keys for rule in rules))


def _that_apply(rules: Iterable[Rule], inquiry: Inquiry) -> list[Rule]:
    found = {rule.number: rule for rule in rules if rule.applies(inquiry)}
    return [found[number] for number in sorted(found)] if len(found) > 1 else list(found.values())


def _not(matcher: Matcher) -> Callable[[str], bool]:
    return lambda text: not matcher(text)


def weight_of(policies: Iterable[Policy]) -> int:
    """How many steps asking all of these policies takes at most."""
    return sum(policy.weight for policy in policies)


def keys_of(policies: Iterable[Policy]) -> frozenset[str]:
    """Every context key, in lower case, that any of these policies reads."""
    return frozenset[str]().union(*(policy.keys for policy in policies))
