"""What is known about a request when policies are asked (IAM user guide, "AWS global condition context keys")."""

from collections.abc import Iterable, Mapping

Context = Mapping[str, tuple[str, ...]]
"""Key in lower case, such as `aws:sourceip` or `aws:resourcetag/team`, to its values. A key with several values, such as
`aws:tagkeys`, has several; what is not known about the request is not in it. No values at all count as an absent key."""

NOTHING: Context = {}
"""A request about which nothing is known."""

LONGEST_VALUE = 1224
"""Characters of a value that conditions compare: as many as the longest text that a key is filled from, STS's `ExternalId`.

A longer one, such as a `User-Agent` made to keep the server busy, cannot be compared, and that decides against the caller."""

_TIME = frozenset({"aws:currenttime", "aws:epochtime"})


def reads_time(keys: Iterable[str]) -> bool:
    """Whether one of these keys has another value at every moment, so that no decision that reads it may be kept.

    `aws:tokenissuetime` does not: it belongs to the session.
    """
    return not _TIME.isdisjoint(keys)
