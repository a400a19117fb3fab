"""IAM's operations on instance profiles."""

from collections.abc import Sequence

from moorage.aws.decode import Params
from moorage.aws.operation import Answer, operation
from moorage.core.call import Call
from moorage.identity import resources, tagging
from moorage.identity.needs import needs
from moorage.identity.pages import Pages
from moorage.identity.resources import Kind, Resource
from moorage.identity.roles import instance_profiles, roles
from moorage.identity.roles.role_operations import described
from moorage.storage.database.transaction import Transaction


class InstanceProfileOperations:
    """Instance profiles, their roles and their tags. All raise NoSuchEntityError for what is named and not there."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    @operation(
        "CreateInstanceProfile",
        requires=tagging.to_create("instance-profile", "CreateInstanceProfile", "TagInstanceProfile"),
        mode="write",
        context=tagging.context,
    )
    def create_instance_profile(self, tx: Transaction, call: Call, params: Params) -> Answer:
        """Raises EntityAlreadyExistsError, QuotaExceededError and InvalidInputError."""
        name, path = params["InstanceProfileName"], params.get("Path") or "/"
        profile = instance_profiles.create(tx, call.principal.account_id, name, path)
        tagging.add(tx, profile, tagging.requested(params))
        return {"InstanceProfile": _whole(tx, profile)}

    @operation("GetInstanceProfile", requires=needs("GetInstanceProfile", "instance-profile"), mode="read")
    def get_instance_profile(self, tx: Transaction, call: Call, params: Params) -> Answer:
        """With its role, if it has one."""
        return {"InstanceProfile": _whole(tx, _get(tx, call, params))}

    @operation("DeleteInstanceProfile", requires=needs("DeleteInstanceProfile", "instance-profile"), mode="write")
    def delete_instance_profile(self, tx: Transaction, call: Call, params: Params) -> None:
        """Raises DeleteConflictError while it has a role."""
        instance_profiles.delete(tx, _get(tx, call, params))

    @operation("ListInstanceProfiles", requires=needs("ListInstanceProfiles", "*"), mode="read")
    def list_instance_profiles(self, tx: Transaction, call: Call, params: Params) -> Answer:
        """In the order of their names."""
        prefix = params.get("PathPrefix") or "/"
        page = self._pages.of(call, params, prefix)
        found = resources.listed(
            tx,
            call.principal.account_id,
            Kind.INSTANCE_PROFILE,
            path_prefix=prefix,
            after=page.after,
            limit=page.limit + 1,
        )
        shown, more = page.cut(found, lambda profile: profile.name.lower())
        return {"InstanceProfiles": _described(tx, shown), **more}

    @operation("ListInstanceProfilesForRole", requires=needs("ListInstanceProfilesForRole", "role"), mode="read")
    def list_instance_profiles_for_role(self, tx: Transaction, call: Call, params: Params) -> Answer:
        """Those that have the role."""
        role = roles.get(tx, call.principal.account_id, params["RoleName"])
        page = self._pages.of(call, params, role.resource.id)
        shown, more = page.cut_whole(instance_profiles.of_role(tx, role))
        return {"InstanceProfiles": _described(tx, shown), **more}

    @operation(
        "AddRoleToInstanceProfile",
        requires=(*needs("AddRoleToInstanceProfile", "instance-profile"), *needs("PassRole", "role")),
        mode="write",
        context=lambda _params: {"iam:passedtoservice": ("ec2.amazonaws.com",)},
    )
    def add_role_to_instance_profile(self, tx: Transaction, call: Call, params: Params) -> None:
        """The caller must be allowed to pass the role. Raises QuotaExceededError and UnmodifiableEntityError."""
        profile = _get(tx, call, params)
        role = roles.get(tx, call.principal.account_id, params["RoleName"])
        roles.refuse_linked(role)
        instance_profiles.add_role(tx, profile, role)

    @operation(
        "RemoveRoleFromInstanceProfile", requires=needs("RemoveRoleFromInstanceProfile", "instance-profile"), mode="write"
    )
    def remove_role_from_instance_profile(self, tx: Transaction, call: Call, params: Params) -> None:
        """Raises NoSuchEntityError where it has another role or none, too."""
        profile = _get(tx, call, params)
        instance_profiles.remove_role(tx, profile, roles.get(tx, call.principal.account_id, params["RoleName"]))

    @operation(
        "TagInstanceProfile", requires=needs("TagInstanceProfile", "instance-profile"), mode="write", context=tagging.context
    )
    def tag_instance_profile(self, tx: Transaction, call: Call, params: Params) -> None:
        """Raises InvalidInputError and QuotaExceededError."""
        tagging.add(tx, _get(tx, call, params), tagging.requested(params))

    @operation(
        "UntagInstanceProfile",
        requires=needs("UntagInstanceProfile", "instance-profile"),
        mode="write",
        context=tagging.context,
    )
    def untag_instance_profile(self, tx: Transaction, call: Call, params: Params) -> None:
        """Tags that it does not have are no fault."""
        resources.remove_tags(tx, _get(tx, call, params), params["TagKeys"])

    @operation("ListInstanceProfileTags", requires=needs("ListInstanceProfileTags", "instance-profile"), mode="read")
    def list_instance_profile_tags(self, tx: Transaction, call: Call, params: Params) -> Answer:
        """In the order of their keys."""
        profile = _get(tx, call, params)
        page = self._pages.of(call, params, profile.id)
        shown, more = page.cut_whole(tagging.shown(resources.tags_of(tx, profile)))
        return {"Tags": list(shown), **more}


def _get(tx: Transaction, call: Call, params: Params) -> Resource:
    return resources.get(tx, call.principal.account_id, Kind.INSTANCE_PROFILE, params["InstanceProfileName"])


def _whole(tx: Transaction, profile: Resource) -> Answer:
    return {**_described(tx, [profile])[0], "Tags": tagging.shown(resources.tags_of(tx, profile)) or None}


def _described(tx: Transaction, profiles: Sequence[Resource]) -> list[Answer]:
    links = instance_profiles.role_ids(tx, profiles)
    found = {role.resource.id: described(tx, role) for role in roles.by_ids(tx, sorted(set(links.values())))}
    return [
        {
            "Path": profile.path,
            "InstanceProfileName": profile.name,
            "InstanceProfileId": profile.id,
            "Arn": profile.arn,
            "CreateDate": profile.created_at,
            "Roles": [found[links[profile.id]]] if profile.id in links else [],
        }
        for profile in profiles
    ]
