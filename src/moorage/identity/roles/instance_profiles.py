"""Instance profiles: what hands a role to a machine (IAM user guide, "Using instance profiles"). Nothing here starts machines;
tools make them beside roles all the same.
"""

from collections.abc import Sequence

import sqlalchemy as sa

from moorage.identity import resources
from moorage.identity.iam_errors import DeleteConflictError, NoSuchEntityError, QuotaExceededError
from moorage.identity.resources import Kind, Resource
from moorage.identity.roles.roles import Role
from moorage.storage.database.schema.iam import iam_resources, instance_profile_roles
from moorage.storage.database.transaction import Transaction

MOST_PER_ACCOUNT = 1000


def create(tx: Transaction, account_id: str, name: str, path: str = "/") -> Resource:
    """A new profile without a role; raises EntityAlreadyExistsError and QuotaExceededError."""
    made = resources.create(tx, account_id, Kind.INSTANCE_PROFILE, name, path=path)
    if resources.count(tx, account_id, Kind.INSTANCE_PROFILE) > MOST_PER_ACCOUNT:
        raise QuotaExceededError("InstanceProfilesPerAccount", MOST_PER_ACCOUNT)
    return made


def delete(tx: Transaction, profile: Resource) -> None:
    """Remove it; raises DeleteConflictError while it has a role."""
    if role_ids(tx, [profile]):
        raise DeleteConflictError("Cannot delete entity, must remove roles from instance profile first.")
    resources.delete(tx, profile)


def role_ids(tx: Transaction, profiles: Sequence[Resource]) -> dict[str, str]:
    """The unique id of the role of each of these profiles that has one, by the profile's."""
    link = instance_profile_roles
    query = sa.select(link).where(link.c.profile_id.in_([profile.id for profile in profiles]))
    return {row.profile_id: row.role_id for row in tx.all(query)}


def add_role(tx: Transaction, profile: Resource, role: Role) -> None:
    """Give it a role; raises QuotaExceededError where it has one already."""
    if role_ids(tx, [profile]):
        raise QuotaExceededError("InstanceSessionsPerInstanceProfile", 1)
    tx.execute(sa.insert(instance_profile_roles).values(profile_id=profile.id, role_id=role.resource.id))
    resources.changed(tx, profile.account_id)


def remove_role(tx: Transaction, profile: Resource, role: Role) -> None:
    """Take the role from it; raises NoSuchEntityError where it has another or none."""
    link = instance_profile_roles
    found = link.c.profile_id == profile.id, link.c.role_id == role.resource.id
    if not tx.execute(sa.delete(link).where(*found)).rowcount:
        raise NoSuchEntityError(f"Role {role.resource.name} is not in Instance Profile {profile.name}.")
    resources.changed(tx, profile.account_id)


def of_role(tx: Transaction, role: Role) -> list[Resource]:
    """The profiles that have the role, in the order of their names in lower case."""
    link = instance_profile_roles
    query = sa.select(iam_resources).join(link, link.c.profile_id == iam_resources.c.id)
    mine = query.where(link.c.role_id == role.resource.id).order_by(iam_resources.c.name_key)
    return [resources.read(row) for row in tx.all(mine)]
