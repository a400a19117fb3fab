"""What is known about a request when policies are asked (IAM user guide, "AWS global condition context keys")."""

from collections.abc import Iterable, Mapping

Context = Mapping[str, tuple[str, ...]]
"""Key in lower case, such as `aws:sourceip` or `aws:resourcetag/team`, to its values. A key with several values, such as
`aws:tagkeys`, has several; what is not known about the request is not in it. No values at all count as an absent key."""

NOTHING: Context = {}
"""A request about which nothing is known."""

_TIME = frozenset({"aws:currenttime", "aws:epochtime"})


def reads_time(keys: Iterable[str]) -> bool:
    """Whether one of these keys has another value at every moment, so that no decision that reads it may be kept.

    `aws:tokenissuetime` does not: it belongs to the session.
    """
    return not _TIME.isdisjoint(keys)
