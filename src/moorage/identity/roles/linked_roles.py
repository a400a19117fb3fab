"""Which services of AWS's have a role of their own, and how it is called (IAM user guide, "Service-linked roles").

ECR has three: for replication, for pull through cache rules, and for repositories made from templates.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from moorage.identity.resources import Kind, arn_of

PATH = "/aws-service-role/"
"""Below it stand roles that belong to a service."""

_TASK = re.compile(
    r"task/aws-service-role/(?P<service>[a-z0-9.-]+)/(?P<role>[\w+=,.@-]{1,64})/[0-9a-f-]{36}",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Linked:
    """The role of one service."""

    name: str
    policy: str
    """The name of AWS's policy that it holds."""


SERVICES: Mapping[str, Linked] = {
    "replication.ecr.amazonaws.com": Linked(
        "AWSServiceRoleForECRReplication",
        "ECRReplicationServiceRolePolicy",
    ),
    "pullthroughcache.ecr.amazonaws.com": Linked(
        "AWSServiceRoleForECRPullThroughCache",
        "AWSECRPullThroughCache_ServiceRolePolicy",
    ),
    "ecr.amazonaws.com": Linked(
        "AWSServiceRoleForECRTemplate",
        "ECRTemplateServiceRolePolicy",
    ),
}


def of_task(task_id: str) -> tuple[str, str] | None:
    """The service and the role's name that the id of a deletion's task tells, or None for no such id."""
    found = _TASK.fullmatch(task_id)
    return (found["service"], found["role"]) if found is not None else None


def arn_in(account_id: str, named: str) -> str:
    """The ARN of the role that a service's name or a task's id means, whether or not it is there."""
    service, role = of_task(named) or (named, SERVICES[named].name if named in SERVICES else "*")
    return arn_of(account_id, Kind.ROLE, role, f"{PATH}{service}/")
