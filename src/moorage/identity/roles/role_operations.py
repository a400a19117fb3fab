"""IAM's operations on roles."""

from moorage.aws.decode import Params
from moorage.aws.operation import Answer, operation
from moorage.core.call import Call, Requirement
from moorage.identity import resources, tagging
from moorage.identity.iam_errors import InvalidInputError
from moorage.identity.needs import needs
from moorage.identity.pages import Pages
from moorage.identity.policies import boundaries
from moorage.identity.policies.policy_subjects import attachable, requested_boundary
from moorage.identity.policies.policy_text import encoded
from moorage.identity.roles import linked_roles, roles, trust
from moorage.identity.roles.roles import Role
from moorage.storage.database.transaction import Transaction


class RoleOperations:
    """Roles, their trust policies and their tags."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    @operation(
        "CreateRole",
        requires=tagging.to_create("role", "CreateRole", "TagRole"),
        mode="write",
        context=lambda params: {**requested_boundary(params), **tagging.context(params)},
    )
    def create_role(self, tx: Transaction, call: Call, params: Params) -> Answer:
        """Raises EntityAlreadyExistsError, QuotaExceededError, InvalidInputError, NoSuchEntityError for a boundary that is not
        there, and MalformedPolicyError.
        """
        path = params.get("Path") or "/"
        if path.startswith(linked_roles.PATH):
            raise InvalidInputError(f"The path {linked_roles.PATH} is reserved for service-linked roles.")
        role = roles.create(
            tx,
            call.principal.account_id,
            params["RoleName"],
            params["AssumeRolePolicyDocument"],
            path=path,
            description=params.get("Description"),
            max_session_seconds=params.get("MaxSessionDuration") or roles.DEFAULT_SESSION_SECONDS,
        )
        if (arn := params.get("PermissionsBoundary")) is not None:
            boundaries.set_boundary(tx, role.resource, attachable(tx, call, arn))
        tagging.add(tx, role.resource, tagging.requested(params))
        return {"Role": whole(tx, role)}

    @operation("GetRole", requires=needs("GetRole", "role"), mode="read")
    def get_role(self, tx: Transaction, call: Call, params: Params) -> Answer:
        """Raises NoSuchEntityError."""
        role = _get(tx, call, params)
        used = {"LastUsedDate": role.last_used_at, "Region": role.last_used_region}
        return {"Role": {**whole(tx, role), "RoleLastUsed": used}}

    @operation("ListRoles", requires=(Requirement(("iam:ListRoles",), "*"),), mode="read")
    def list_roles(self, tx: Transaction, call: Call, params: Params) -> Answer:
        """In the order of their names; without boundaries, tags and last uses, as IAM has it."""
        page = self._pages.of(call, params)
        prefix = params.get("PathPrefix") or "/"
        found = roles.listed(tx, call.principal.account_id, prefix, page.after, page.limit + 1)
        shown, more = page.cut(found, lambda role: role.resource.name.lower())
        return {"Roles": [described(tx, role) for role in shown], **more}

    @operation("UpdateRole", requires=needs("UpdateRole", "role"), mode="write")
    def update_role(self, tx: Transaction, call: Call, params: Params) -> Answer:
        """A description that is left out stays; a session duration that is left out becomes one hour (IAM API reference).

        Raises NoSuchEntityError and UnmodifiableEntityError.
        """
        role = _modifiable(tx, call, params)
        if params.get("Description") is not None:
            resources.describe(tx, role.resource, params["Description"])
        seconds = params.get("MaxSessionDuration") or roles.DEFAULT_SESSION_SECONDS
        roles.update(tx, role, max_session_seconds=seconds)
        return {}

    @operation("UpdateRoleDescription", requires=needs("UpdateRoleDescription", "role"), mode="write")
    def update_role_description(self, tx: Transaction, call: Call, params: Params) -> Answer:
        """Raises NoSuchEntityError. Unlike everything else, a service-linked role's may be changed (IAM user guide)."""
        resources.describe(tx, _get(tx, call, params).resource, params["Description"])
        return {"Role": whole(tx, _get(tx, call, params))}

    @operation("UpdateAssumeRolePolicy", requires=needs("UpdateAssumeRolePolicy", "role"), mode="write")
    def update_assume_role_policy(self, tx: Transaction, call: Call, params: Params) -> None:
        """Raises NoSuchEntityError, UnmodifiableEntityError, MalformedPolicyError and PolicyTooLargeError."""
        roles.set_trust_policy(tx, _modifiable(tx, call, params), params["PolicyDocument"])

    @operation("DeleteRole", requires=needs("DeleteRole", "role"), mode="write")
    def delete_role(self, tx: Transaction, call: Call, params: Params) -> None:
        """Its sessions end with it. Raises NoSuchEntityError, UnmodifiableEntityError and DeleteConflictError."""
        roles.delete(tx, _modifiable(tx, call, params))

    @operation("TagRole", requires=needs("TagRole", "role"), mode="write", context=tagging.context)
    def tag_role(self, tx: Transaction, call: Call, params: Params) -> None:
        """Raises NoSuchEntityError, UnmodifiableEntityError, InvalidInputError and QuotaExceededError."""
        tagging.add(tx, _modifiable(tx, call, params).resource, tagging.requested(params))

    @operation("UntagRole", requires=needs("UntagRole", "role"), mode="write", context=tagging.context)
    def untag_role(self, tx: Transaction, call: Call, params: Params) -> None:
        """Raises NoSuchEntityError and UnmodifiableEntityError."""
        resources.remove_tags(tx, _modifiable(tx, call, params).resource, params["TagKeys"])

    @operation("ListRoleTags", requires=needs("ListRoleTags", "role"), mode="read")
    def list_role_tags(self, tx: Transaction, call: Call, params: Params) -> Answer:
        """In the order of their keys. Raises NoSuchEntityError."""
        role = _get(tx, call, params)
        page = self._pages.of(call, params, role.resource.id)
        shown, more = page.cut_whole(tagging.shown(resources.tags_of(tx, role.resource)))
        return {"Tags": list(shown), **more}


def described(tx: Transaction, role: Role) -> Answer:
    """A role as ListRoles shows it."""
    return {
        "Path": role.resource.path,
        "RoleName": role.resource.name,
        "RoleId": role.resource.id,
        "Arn": role.resource.arn,
        "CreateDate": role.resource.created_at,
        "AssumeRolePolicyDocument": encoded(trust.shown(tx, role.resource.account_id, role.trust_policy, role.trusted_ids)),
        "Description": role.resource.description,
        "MaxSessionDuration": role.max_session_seconds,
    }


def whole(tx: Transaction, role: Role) -> Answer:
    """A role as CreateRole shows it."""
    arn = boundaries.boundary_of(tx, role.resource.id)
    boundary = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn} if arn is not None else None
    tags = tagging.shown(resources.tags_of(tx, role.resource))
    return {**described(tx, role), "PermissionsBoundary": boundary, "Tags": tags or None}


def _get(tx: Transaction, call: Call, params: Params) -> Role:
    return roles.get(tx, call.principal.account_id, params["RoleName"])


def _modifiable(tx: Transaction, call: Call, params: Params) -> Role:
    role = _get(tx, call, params)
    roles.refuse_linked(role)
    return role
