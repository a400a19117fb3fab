"""What IAM's operations on policies speak of: the user, group or role that a request names, and the managed policy."""

import re
from collections.abc import Mapping
from typing import Any

from moorage.aws.decode import Params
from moorage.core.call import Call
from moorage.core.errors import AccessDeniedError
from moorage.iam.managed import MANAGED
from moorage.identity import resources
from moorage.identity.iam_errors import InvalidInputError
from moorage.identity.policies import boundaries, managed_policies
from moorage.identity.policies.managed_policies import Managed
from moorage.identity.policies.policy_errors import PolicyNotAttachableError, not_attachable
from moorage.identity.resources import Kind, Resource
from moorage.storage.database.transaction import Transaction

_POLICY_ARN = re.compile(r"arn:aws:iam::(?:aws|[0-9]{12}):policy/(?:[\x21-\x7e]+/)?[\w+=,.@-]{1,128}", re.ASCII)
"""AWS's policies below this path are for roles that only its services make."""

_MEMBERS = {Kind.USER: "UserName", Kind.GROUP: "GroupName", Kind.ROLE: "RoleName"}

Values = Mapping[str, tuple[str, ...]]


def holder(tx: Transaction, call: Call, kind: Kind, params: Params) -> Resource:
    """The user, group or role that the request names; raises NoSuchEntityError."""
    return resources.get(tx, call.principal.account_id, kind, params[_MEMBERS[kind]])


def policy(tx: Transaction, call: Call, params: Params) -> Managed:
    """The managed policy that the request names; raises NoSuchEntityError, InvalidInputError."""
    return managed_policies.get(tx, call.principal.account_id, _checked(params["PolicyArn"]))


def own_policy(tx: Transaction, call: Call, params: Params) -> Managed:
    """The account's policy that the request names, to be changed; raises AccessDeniedError for one of AWS's."""
    found = policy(tx, call, params)
    if found.resource is None:
        # Whatever an account's policies allow: these are not the account's.
        raise AccessDeniedError(
            f"User: {call.principal.arn} is not authorized to perform: iam:{call.event_name} on resource: {found.arn}"
        )
    return found


def attachable(tx: Transaction, call: Call, arn: str) -> Managed:
    """The policy with that ARN, to be attached or to be a boundary.

    Raises NoSuchEntityError, InvalidInputError, and PolicyNotAttachableError for what only AWS's services may hold.
    """
    found = managed_policies.find(tx, call.principal.account_id, _checked(arn))
    if found is None:
        raise not_attachable(arn)
    if found.arn in MANAGED and MANAGED[found.arn].for_service:
        raise PolicyNotAttachableError
    return found


def policy_arn(params: Params) -> Values:
    """`iam:PolicyARN`: which policy is attached or detached."""
    return {"iam:policyarn": (params["PolicyArn"],)}


def requested_boundary(params: Mapping[str, Any]) -> Values:
    """`iam:PermissionsBoundary` of a request that sets one."""
    arn = params.get("PermissionsBoundary")
    return {"iam:permissionsboundary": (arn,)} if arn else {}


def boundary_held(tx: Transaction, call: Call, params: Params) -> Values:
    """`iam:PermissionsBoundary` of a request about a user or role that is there: the boundary that it has."""
    for kind in (Kind.USER, Kind.ROLE):
        if (name := params.get(_MEMBERS[kind])) is not None:
            found = resources.find(tx, call.principal.account_id, kind, name)
            arn = boundaries.boundary_of(tx, found.id) if found is not None else None
            return {"iam:permissionsboundary": (arn,)} if arn is not None else {}
    return {}


def _checked(arn: str) -> str:
    if not _POLICY_ARN.fullmatch(arn):
        raise InvalidInputError(f"ARN {arn} is not valid.")
    return arn
