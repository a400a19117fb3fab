"""Conditions, ready to be asked (IAM user guide, "IAM JSON policy elements: Condition operators").

A comparison has three answers: yes, no, and None for "these two cannot be compared", as a number with `abc`. What cannot be
compared decides against the caller: the condition does not hold in an Allow, and holds in a Deny. No value of a request that
is longer than `LONGEST_VALUE` can be compared with any. Nothing here raises.

A tag has one value. Where two tags have keys that differ in case only, its context key has the values of both, and they, too,
decide against the caller: an Allow needs each of them to pass, a Deny any, whatever the operator says of several values.
"""

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from moorage.iam import comparing
from moorage.iam.arn_pattern import ArnPattern, segments_of
from moorage.iam.context import LONGEST_VALUE, Context
from moorage.iam.document import Condition
from moorage.iam.matching import Pattern, any_of
from moorage.iam.variables import Template, tokens_of

Answer = bool | None
Compare = Callable[[str, Context], Answer]
"""Whether a value of the request matches one of the policy's values; the context is for variables."""
Test = Callable[[Context], bool]


@dataclass(frozen=True, slots=True)
class Ready:
    """A condition, ready to be asked."""

    holds: Test
    keys: frozenset[str]
    """The context keys, in lower case, that it reads."""
    weight: int
    """How many steps it takes at most for each value of the request."""


def prepare(condition: Condition, *, variables: bool, deny: bool) -> Ready:
    """Make a condition ready. `variables`: whether its document has them; `deny`: whether its statement denies."""
    key = condition.key.lower()
    if condition.operator == "Null":
        return Ready(_null(key, condition.values, deny), frozenset({key}), 1)
    negated, base = _positive(condition.operator)
    compare, keys, weight = _comparison(base, condition.values, variables)
    every = negated if condition.over is None else condition.over == "ForAllValues"
    absent = condition.if_exists or every
    if _OF_TAG.match(key):
        every = not deny  # makes no difference to the one value that it should have
    return Ready(_test(key, compare, negated=negated, every=every, absent=absent, deny=deny), keys | {key}, 1 + weight)


_OF_TAG = re.compile(r"[a-z]+:(?:request|resource|principal)tag/")
"""What the keys of tags begin with."""


def _test(key: str, compare: Compare, *, negated: bool, every: bool, absent: bool, deny: bool) -> Test:
    """`every`: whether each value of the request must pass, rather than one; `absent`: the answer when there is none."""

    def holds(context: Context) -> bool:
        values = context.get(key)
        if not values:
            return absent
        unknown = False
        for value in values:
            answer = compare(value, context) if len(value) <= LONGEST_VALUE else None
            if answer is None:
                unknown = True
            elif (answer is not negated) is not every:
                return not every
        return deny if unknown else every

    return holds


def _null(key: str, values: Iterable[str], deny: bool) -> Test:
    read = {comparing.boolean(value) for value in values}

    def holds(context: Context) -> bool:
        return (not context.get(key)) in read or (deny and None in read)

    return holds


def _positive(name: str) -> tuple[bool, str]:
    """Whether an operator negates, and the operator that it negates. `StringNotLike` is not `StringLike`."""
    return "Not" in name, name.replace("Not", "", 1)


_Comparison = tuple[Compare, frozenset[str], int]
"""How two values are compared, the keys that this reads, and how many steps it takes at most."""


def _comparison(base: str, values: tuple[str, ...], variables: bool) -> _Comparison:
    match base:
        case "StringEquals" | "StringLike":
            return _strings(values, variables, wild=base == "StringLike")
        case "StringEqualsIgnoreCase":
            return _folded_strings(values, variables)
        case "ArnEquals" | "ArnLike":
            return _arns(values, variables)
        case "IpAddress":
            return _parsed(values, comparing.network, comparing.address, _is_within), frozenset(), len(values)
        case "Bool":
            return _parsed(values, comparing.boolean, comparing.boolean, operator.eq), frozenset(), len(values)
        case "BinaryEquals":
            return _parsed(values, comparing.binary, comparing.binary, operator.eq), frozenset(), len(values)
    read = comparing.moment if base.startswith("Date") else comparing.number
    holds = _ORDERS[base.removeprefix("Date").removeprefix("Numeric")]
    return _parsed(values, read, read, holds), frozenset(), len(values)


_ORDERS: Mapping[str, Callable[[Decimal, Decimal], bool]] = {
    "Equals": operator.eq,
    "LessThan": operator.lt,
    "LessThanEquals": operator.le,
    "GreaterThan": operator.gt,
    "GreaterThanEquals": operator.ge,
}


def _parsed(
    values: Iterable[str],
    read_policys: Callable[[str], Any],
    read_requests: Callable[[str], Any],
    holds: Callable[[Any, Any], bool],
) -> Compare:
    read = [read_policys(value) for value in values]
    known = [value for value in read if value is not None]
    otherwise = None if len(known) < len(read) else False

    def compare(value: str, _context: Context) -> Answer:
        asked = read_requests(value)
        if asked is None:
            return None if read else False
        return any(holds(asked, one) for one in known) or otherwise

    return compare


def _is_within(address: comparing.Address, network: comparing.Network) -> bool:
    return network.has(address)


def _strings(values: tuple[str, ...], variables: bool, *, wild: bool) -> _Comparison:
    templates = [Template.of(tokens_of(value) if variables else (value,), wild=wild) for value in values]
    fixed: list[Pattern] = []
    changing: list[Template] = []
    for template in templates:
        if (pattern := template.fixed) is not None:
            fixed.append(pattern)
        else:
            changing.append(template)
    always = any_of(fixed)

    def compare(value: str, _context: Context) -> Answer:
        return always(value)

    def compare_both(value: str, context: Context) -> Answer:
        if always(value):
            return True
        return any(template.matches(value, context) for template in changing)

    # Those without wildcards are looked up, all at once.
    weight = 1 + sum(pattern.weight for pattern in fixed if pattern.text is None) + _weight(changing)
    return compare_both if changing else compare, _keys(changing), weight


def _folded_strings(values: tuple[str, ...], variables: bool) -> _Comparison:
    templates = [Template.of(tokens_of(value) if variables else (value,), wild=False) for value in values]

    def compare(value: str, context: Context) -> Answer:
        asked = value.lower()
        patterns = (template.resolve(context) for template in templates)
        return any(pattern is not None and (pattern.text or "").lower() == asked for pattern in patterns)

    return compare, _keys(templates), _weight(templates)


def _arns(values: tuple[str, ...], variables: bool) -> _Comparison:
    read = [ArnPattern.of_condition(value, variables=variables) for value in values]
    known = [pattern for pattern in read if pattern is not None]
    otherwise = None if len(known) < len(read) else False

    def compare(value: str, context: Context) -> Answer:
        segments = segments_of(value)
        if segments is None:
            return None if read else False
        return any(pattern.matches(value, segments, context) for pattern in known) or otherwise

    return compare, _keys(known), _weight(known)


def _keys(patterns: Iterable[Template | ArnPattern]) -> frozenset[str]:
    return frozenset[str]().union(*(pattern.keys for pattern in patterns))


def _weight(patterns: Iterable[Template | ArnPattern]) -> int:
    return sum(pattern.weight for pattern in patterns)
