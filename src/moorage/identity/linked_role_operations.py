"""IAM's operations on service-linked roles, which belong to a service of AWS's (IAM user guide, "Service-linked roles").

ECR makes three: for replication, for pull through cache rules, and for repositories made from templates.
"""

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from moorage.aws.operation import operation
from moorage.core.call import Call, Requirement
from moorage.identity import attachments, managed_policies, resources, roles
from moorage.identity.iam_errors import InvalidInputError, NoSuchEntityError
from moorage.identity.resources import Kind
from moorage.identity.role_operations import whole
from moorage.storage.database.transaction import Transaction

_Answer = dict[str, Any]
_Params = Mapping[str, Any]

_AWS_POLICIES = "arn:aws:iam::aws:policy/aws-service-role/"
_TASK = re.compile(r"task/aws-service-role/(?P<service>[a-z0-9.-]+)/(?P<role>[\w+=,.@-]{1,64})/(?P<id>[0-9a-f-]{36})", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Linked:
    """The role of one service."""

    name: str
    policy: str
    """The name of AWS's policy that it holds."""
    description: str


_SERVICES = {
    "replication.ecr.amazonaws.com": _Linked(
        "AWSServiceRoleForECRReplication",
        "ECRReplicationServiceRolePolicy",
        "Allows Amazon ECR to replicate images across regions and accounts.",
    ),
    "pullthroughcache.ecr.amazonaws.com": _Linked(
        "AWSServiceRoleForECRPullThroughCache",
        "AWSECRPullThroughCache_ServiceRolePolicy",
        "Allows Amazon ECR to pull images from upstream registries.",
    ),
    "ecr.amazonaws.com": _Linked(
        "AWSServiceRoleForECRTemplate",
        "ECRTemplateServiceRolePolicy",
        "Allows Amazon ECR to create repositories from creation templates.",
    ),
}


class LinkedRoleOperations:
    """Makes and removes service-linked roles."""

    @operation(
        "CreateServiceLinkedRole",
        requires=(Requirement(("iam:CreateServiceLinkedRole",), "*"),),
        mode="write",
        context=lambda params: {"iam:awsservicename": (params["AWSServiceName"],)},
    )
    def create_service_linked_role(self, tx: Transaction, call: Call, params: _Params) -> _Answer:
        """The service's role, with the policy that AWS made for it. Raises InvalidInputError where the service has none, or the
        account has it already.
        """
        service = params["AWSServiceName"]
        linked = _SERVICES.get(service)
        if linked is None:
            raise InvalidInputError(f"Service role does not exist for {service}.")
        if params.get("CustomSuffix") is not None:
            raise InvalidInputError(f"Custom suffix is not allowed for {service}")
        account_id = call.principal.account_id
        if resources.find(tx, account_id, Kind.ROLE, linked.name) is not None:
            raise InvalidInputError(
                f"Service role name {linked.name} has been taken in this account, please try a different suffix."
            )
        role = roles.create(
            tx,
            account_id,
            linked.name,
            _trust_of(service),
            path=f"{roles.LINKED_PATH}{service}/",
            description=params.get("Description") or linked.description,
        )
        policy = managed_policies.find(tx, account_id, f"{_AWS_POLICIES}{linked.policy}")
        if policy is not None:
            attachments.attach(tx, role.resource, policy)
        return {"Role": whole(tx, role)}

    @operation("DeleteServiceLinkedRole", requires=(Requirement(("iam:DeleteServiceLinkedRole",), "role"),), mode="write")
    def delete_service_linked_role(self, tx: Transaction, call: Call, params: _Params) -> _Answer:
        """Removed at once; the id is that of a task which has succeeded. Raises NoSuchEntityError, also for other roles."""
        role = roles.get(tx, call.principal.account_id, params["RoleName"])
        if not role.is_linked:
            raise NoSuchEntityError.named(Kind.ROLE, role.resource.name)
        resources.delete(tx, role.resource)
        return {"DeletionTaskId": f"task{role.resource.path}{role.resource.name}/{uuid.uuid4()}"}

    @operation(
        "GetServiceLinkedRoleDeletionStatus",
        requires=(Requirement(("iam:GetServiceLinkedRoleDeletionStatus",), "*"),),
        mode="plain",
    )
    def get_service_linked_role_deletion_status(self, call: Call, params: _Params) -> _Answer:
        """SUCCEEDED, since roles are removed at once. Raises InvalidInputError, and NoSuchEntityError for a role that
        no service has.
        """
        task = _TASK.fullmatch(params["DeletionTaskId"])
        if task is None:
            raise InvalidInputError("The specified value for deletionTaskId is invalid.")
        linked = _SERVICES.get(task["service"])
        if linked is None or linked.name != task["role"]:
            raise NoSuchEntityError(f"Task {task['id']} cannot be found.")
        return {"Status": "SUCCEEDED"}


def _trust_of(service: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
