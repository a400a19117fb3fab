"""What users, groups and roles hold, of many of them at once, as GetAccountAuthorizationDetails shows them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from moorage.identity import resources, tagging
from moorage.identity.policies import boundaries
from moorage.identity.policies.attachments import Attached
from moorage.identity.policies.policy_text import encoded
from moorage.identity.resources import Resource
from moorage.storage.database.schema.iam import (
    group_members,
    iam_resources,
    iam_tags,
    inline_policies,
    instance_profile_roles,
    permissions_boundaries,
    policy_attachments,
    roles,
)
from moorage.storage.database.transaction import Transaction

_Rows = Mapping[str, Sequence[sa.Row[Any]]]


@dataclass(frozen=True, slots=True)
class Holdings:
    """By the unique ids of those that hold."""

    inline: _Rows
    attached: _Rows
    boundaries: _Rows
    tags: _Rows
    groups: _Rows
    roles: _Rows
    profiles: _Rows


def of_all(tx: Transaction, ids: Sequence[str]) -> Holdings:
    """What these users, groups and roles hold: one query each for all of them."""
    groups = (
        sa.select(group_members.c.user_id.label("holder"), iam_resources.c.name)
        .join(iam_resources, iam_resources.c.id == group_members.c.group_id)
        .where(group_members.c.user_id.in_(ids))
        .order_by(iam_resources.c.name_key)
    )
    profiles = (
        sa.select(instance_profile_roles.c.role_id.label("holder"), iam_resources)
        .join(iam_resources, iam_resources.c.id == instance_profile_roles.c.profile_id)
        .where(instance_profile_roles.c.role_id.in_(ids))
        .order_by(iam_resources.c.name_key)
    )
    return Holdings(
        _held(tx, inline_policies, inline_policies.c.name_key, ids),
        _held(tx, policy_attachments, policy_attachments.c.policy_arn, ids),
        _held(tx, permissions_boundaries, permissions_boundaries.c.policy_arn, ids),
        _held(tx, iam_tags, iam_tags.c.key, ids),
        _by_holder(tx, groups),
        _by_holder(tx, sa.select(roles.c.id.label("holder"), roles).where(roles.c.id.in_(ids))),
        _by_holder(tx, profiles),
    )


def user_detail(user: Resource, held: Holdings) -> dict[str, Any]:
    """A UserDetail."""
    return {
        "UserName": user.name,
        "UserId": user.id,
        **_common(user, held),
        "UserPolicyList": _inline(user, held),
        "GroupList": [row.name for row in held.groups.get(user.id, ())],
        "PermissionsBoundary": _boundary(user, held),
        "Tags": _tags(user, held),
    }


def group_detail(group: Resource, held: Holdings) -> dict[str, Any]:
    """A GroupDetail."""
    return {
        "GroupName": group.name,
        "GroupId": group.id,
        **_common(group, held),
        "GroupPolicyList": _inline(group, held),
    }


def role_detail(role: Resource, held: Holdings) -> dict[str, Any]:
    """A RoleDetail, with the instance profiles that hold the role."""
    row = held.roles[role.id][0]
    trust = encoded(row.trust_policy)
    shown = {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": role.arn,
        "CreateDate": role.created_at,
        "AssumeRolePolicyDocument": trust,
    }
    used = {"LastUsedDate": row.last_used_at, "Region": row.last_used_region} if row.last_used_at is not None else {}
    return {
        **_common(role, held),
        **shown,
        "InstanceProfileList": [_profile(resources.read(each), shown) for each in held.profiles.get(role.id, ())],
        "RolePolicyList": _inline(role, held),
        "PermissionsBoundary": _boundary(role, held),
        "Tags": _tags(role, held),
        "RoleLastUsed": used,
    }


def _common(resource: Resource, held: Holdings) -> dict[str, Any]:
    attached = [Attached(row.policy_arn) for row in held.attached.get(resource.id, ())]
    return {
        "Path": resource.path,
        "Arn": resource.arn,
        "CreateDate": resource.created_at,
        "AttachedManagedPolicies": [{"PolicyName": each.name, "PolicyArn": each.arn} for each in attached],
    }


def _profile(profile: Resource, role: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "Path": profile.path,
        "InstanceProfileName": profile.name,
        "InstanceProfileId": profile.id,
        "Arn": profile.arn,
        "CreateDate": profile.created_at,
        "Roles": [role],
    }


def _inline(resource: Resource, held: Holdings) -> list[dict[str, str]]:
    rows = held.inline.get(resource.id, ())
    return [{"PolicyName": row.name, "PolicyDocument": encoded(row.text)} for row in rows]


def _boundary(resource: Resource, held: Holdings) -> dict[str, str] | None:
    rows = held.boundaries.get(resource.id)
    return boundaries.shown(rows[0].policy_arn if rows else None)


def _tags(resource: Resource, held: Holdings) -> list[dict[str, str]]:
    return tagging.shown({row.key: row.value for row in held.tags.get(resource.id, ())})


def _held(tx: Transaction, table: sa.Table, order: sa.ColumnElement[Any], ids: Sequence[str]) -> _Rows:
    holder = table.c.resource_id
    return _by_holder(tx, sa.select(holder.label("holder"), table).where(holder.in_(ids)).order_by(order))


def _by_holder(tx: Transaction, query: sa.Select[Any]) -> _Rows:
    found: defaultdict[str, list[sa.Row[Any]]] = defaultdict(list)
    for row in tx.all(query):
        found[row.holder].append(row)
    return found
