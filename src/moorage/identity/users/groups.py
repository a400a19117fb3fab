"""Groups: users that share policies (IAM user guide, "IAM user groups")."""

import sqlalchemy as sa

from moorage.identity import remnants, resources
from moorage.identity.iam_errors import QuotaExceededError
from moorage.identity.resources import Kind, Resource
from moorage.identity.users import users
from moorage.identity.users.users import User
from moorage.storage.database.schema.iam import group_members, iam_resources
from moorage.storage.database.transaction import Transaction

MOST_PER_ACCOUNT = 300
MOST_PER_USER = 10


def create(tx: Transaction, account_id: str, name: str, path: str = "/") -> Resource:
    """A new group; raises EntityAlreadyExistsError and QuotaExceededError."""
    made = resources.create(tx, account_id, Kind.GROUP, name, path=path)
    if resources.count(tx, account_id, Kind.GROUP) > MOST_PER_ACCOUNT:
        raise QuotaExceededError("GroupsPerAccount", MOST_PER_ACCOUNT)
    return made


def get(tx: Transaction, account_id: str, name: str) -> Resource:
    """The account's group of that name; raises NoSuchEntityError."""
    return resources.get(tx, account_id, Kind.GROUP, name)


def delete(tx: Transaction, group: Resource) -> None:
    """Remove a group; raises DeleteConflictError while it has users or policies."""
    remnants.refuse(tx, sa.select(group_members.c.user_id).where(_members(group)), "remove users from group")
    remnants.refuse_policies(tx, group)
    resources.delete(tx, group)


def add(tx: Transaction, group: Resource, user: Resource) -> None:
    """Put a user into a group, which may be done again; raises QuotaExceededError."""
    if tx.one(sa.select(group_members.c.user_id).where(_members(group), group_members.c.user_id == user.id)) is not None:
        return
    tx.execute(sa.insert(group_members).values(group_id=group.id, user_id=user.id))
    if len(of_user(tx, user, after=None, limit=MOST_PER_USER + 1)) > MOST_PER_USER:
        raise QuotaExceededError("GroupsPerUser", MOST_PER_USER)
    resources.changed(tx, group.account_id)


def remove(tx: Transaction, group: Resource, user: Resource) -> None:
    """Take a user out of a group; one who is not in it is no fault."""
    tx.execute(sa.delete(group_members).where(_members(group), group_members.c.user_id == user.id))
    resources.changed(tx, group.account_id)


def members(tx: Transaction, group: Resource, *, after: str | None, limit: int) -> list[User]:
    """A group's users in the order of their names in lower case, behind one of them."""
    joined = group_members.c.user_id == iam_resources.c.id
    query = sa.select(iam_resources).join(group_members, joined).where(_members(group))
    return users.with_passwords(tx, _in_order(tx, query, after, limit))


def of_user(tx: Transaction, user: Resource, *, after: str | None, limit: int) -> list[Resource]:
    """The groups that a user is in, in the order of their names in lower case, behind one of them."""
    joined = group_members.c.group_id == iam_resources.c.id
    query = sa.select(iam_resources).join(group_members, joined).where(group_members.c.user_id == user.id)
    return _in_order(tx, query, after, limit)


def _in_order(tx: Transaction, query: sa.Select[tuple[object, ...]], after: str | None, limit: int) -> list[Resource]:
    ordered = query.where(iam_resources.c.name_key > (after or "")).order_by(iam_resources.c.name_key).limit(limit)
    return [resources.read(row) for row in tx.all(ordered)]


def _members(group: Resource) -> sa.ColumnElement[bool]:
    return group_members.c.group_id == group.id
