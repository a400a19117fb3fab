"""IAM's operations on service-linked roles, which belong to a service of AWS's."""

import json
import uuid

from moorage.aws.decode import Params
from moorage.aws.operation import Answer, operation
from moorage.core.call import Call
from moorage.identity import resources
from moorage.identity.iam_errors import InvalidInputError, NoSuchEntityError
from moorage.identity.needs import needs
from moorage.identity.policies import attachments, managed_policies
from moorage.identity.resources import Kind
from moorage.identity.roles import linked_roles, roles
from moorage.identity.roles.linked_roles import SERVICES
from moorage.identity.roles.role_operations import whole
from moorage.storage.database.transaction import Transaction

_AWS_POLICIES = "arn:aws:iam::aws:policy/aws-service-role/"


class LinkedRoleOperations:
    """Makes and removes service-linked roles."""

    @operation(
        "CreateServiceLinkedRole",
        requires=needs("CreateServiceLinkedRole", "service-linked-role"),
        mode="write",
        context=lambda params: {"iam:awsservicename": (params["AWSServiceName"],)},
    )
    def create_service_linked_role(self, tx: Transaction, call: Call, params: Params) -> Answer:
        """The service's role, with the policy that AWS made for it. Raises InvalidInputError where the service has none, or the
        account has it already.
        """
        service = params["AWSServiceName"]
        linked = SERVICES.get(service)
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
            path=f"{linked_roles.PATH}{service}/",
            description=params.get("Description"),
        )
        policy = managed_policies.find(tx, account_id, f"{_AWS_POLICIES}{linked.policy}")
        if policy is not None:
            attachments.attach(tx, role.resource, policy)
        return {"Role": whole(tx, role)}

    @operation("DeleteServiceLinkedRole", requires=needs("DeleteServiceLinkedRole", "service-linked-role"), mode="write")
    def delete_service_linked_role(self, tx: Transaction, call: Call, params: Params) -> Answer:
        """Removed at once; the id is that of a task which has succeeded. Raises NoSuchEntityError, also for other roles."""
        role = roles.get(tx, call.principal.account_id, params["RoleName"])
        if not role.is_linked:
            raise NoSuchEntityError.named(Kind.ROLE, role.resource.name)
        resources.delete(tx, role.resource)
        return {"DeletionTaskId": f"task{role.resource.path}{role.resource.name}/{uuid.uuid4()}"}

    @operation(
        "GetServiceLinkedRoleDeletionStatus",
        requires=needs("GetServiceLinkedRoleDeletionStatus", "service-linked-role"),
        mode="plain",
    )
    def get_service_linked_role_deletion_status(self, call: Call, params: Params) -> Answer:
        """SUCCEEDED, since roles are removed at once. Raises InvalidInputError, and NoSuchEntityError for a role that
        no service has.
        """
        task = linked_roles.of_task(params["DeletionTaskId"])
        if task is None:
            raise InvalidInputError("The specified value for deletionTaskId is invalid.")
        linked = SERVICES.get(task[0])
        if linked is None or linked.name != task[1]:
            raise NoSuchEntityError(f"Task {params['DeletionTaskId']} cannot be found.")
        return {"Status": "SUCCEEDED"}


def _trust_of(service: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
