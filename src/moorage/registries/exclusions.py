"""Whose pulls leave `lastRecordedPullTime` untouched (ECR API: RegisterPullTimeUpdateExclusion). Pure.

An exclusion names a user, or a role in any path. The ARN of an assumed role has the role's name without its path, and a
name stands for one role of its account whatever the path, so a session is matched by account and role name.
"""

import re
from collections.abc import Iterable

_SESSION = re.compile(r"arn:(?P<partition>[a-z-]+):sts::(?P<account>[0-9]{12}):assumed-role/(?P<role>[^/]+)/.+")
_ROLE = re.compile(r"arn:(?P<partition>[a-z-]+):iam::(?P<account>[0-9]{12}):role/(?:.+/)?(?P<role>[^/]+)")


def is_excluded(principal_arn: str, exclusions: Iterable[str]) -> bool:
    """Whether one of the exclusions (ARNs as they were registered) speaks of this caller."""
    wanted = _identity(principal_arn)
    return any(_identity(exclusion) == wanted for exclusion in exclusions)


def _identity(arn: str) -> tuple[str, ...]:
    """What two ARNs of the same role, or of its sessions, have in common; any other ARN is itself."""
    match = _SESSION.fullmatch(arn) or _ROLE.fullmatch(arn)
    return match.group("partition", "account", "role") if match else (arn,)
