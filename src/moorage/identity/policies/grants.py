"""The caller's side of a decision: the policies that grant to a principal, and those that limit it, compiled.

What a text compiles to cannot change, so it is remembered in the process, by the kind and the name of the policy and its text;
who holds which text is read anew with each call.
"""

import functools
import json
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from moorage.core.call import Principal
from moorage.iam.evaluate import Grants
from moorage.iam.managed import MANAGED
from moorage.iam.policy import Policy, Source, SourceKind
from moorage.identity import resources
from moorage.storage.database.prepared import Prepared
from moorage.storage.database.schema.iam import (
    group_members,
    iam_resources,
    iam_tags,
    inline_policies,
    managed_policies,
    permissions_boundaries,
    policy_attachments,
    policy_versions,
    service_control_policies,
)
from moorage.storage.database.schema.identity import sessions
from moorage.storage.database.transaction import Transaction

_MOST_COMPILED = 4096
"""Policies that a process remembers. The longest text has ten thousand characters, and most have a few hundred."""

_EVERYTHING = '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}'
"""What the root user of an account may do, in the words of a policy."""


def _held(table: sa.Table, condition: sa.ColumnElement[bool]) -> Prepared:
    """ARN, name and text of the managed policies that a table's rows name; of AWS's only the ARN."""
    name, text = iam_resources.c.name, policy_versions.c.text
    of_policy, counts = policy_versions.c.policy_id == table.c.policy_id, managed_policies.c.default_version
    joined = (
        table.outerjoin(managed_policies, managed_policies.c.id == table.c.policy_id)
        .outerjoin(iam_resources, iam_resources.c.id == table.c.policy_id)
        .outerjoin(policy_versions, sa.and_(of_policy, policy_versions.c.version == counts))
    )
    arn = table.c.policy_arn
    return Prepared(sa.select(arn, name, text).select_from(joined).where(condition).distinct().order_by(arn))


_ID: sa.BindParameter[str] = sa.bindparam("id")

_GROUPS = sa.select(group_members.c.group_id).where(group_members.c.user_id == _ID)


def _of_holder(column: sa.Column[str]) -> sa.ColumnElement[bool]:
    return sa.or_(column == _ID, column.in_(_GROUPS))


_INLINE = Prepared(
    sa.select(iam_resources.c.kind, inline_policies.c.name, inline_policies.c.text)
    .join(iam_resources, iam_resources.c.id == inline_policies.c.resource_id)
    .where(_of_holder(inline_policies.c.resource_id))
    .order_by(inline_policies.c.resource_id, inline_policies.c.name_key)
)
_ATTACHED = _held(policy_attachments, _of_holder(policy_attachments.c.resource_id))
_BOUNDARY = _held(permissions_boundaries, permissions_boundaries.c.resource_id == _ID)
_CONTROL = Prepared(
    sa.select(service_control_policies.c.name, service_control_policies.c.text)
    .where(service_control_policies.c.account_id == _ID)
    .order_by(service_control_policies.c.name)
)
_SESSION = Prepared(sa.select(sessions.c.policies, sessions.c.tags).where(sessions.c.id == _ID))
_ACCOUNT_AND_NAME: Any = sa.tuple_(iam_resources.c.account_id, iam_resources.c.name_key)
_COUNTS = sa.and_(
    policy_versions.c.policy_id == managed_policies.c.id, policy_versions.c.version == managed_policies.c.default_version
)
_MANAGED = (
    sa.select(iam_resources, policy_versions.c.text)
    .join(managed_policies, managed_policies.c.id == iam_resources.c.id)
    .join(policy_versions, _COUNTS)
    .where(iam_resources.c.kind == resources.Kind.POLICY)
)
_TAGS = Prepared(sa.select(iam_tags.c.key, iam_tags.c.value).where(iam_tags.c.resource_id == _ID).order_by(iam_tags.c.key))


def grants_of(tx: Transaction, principal: Principal) -> Grants:
    """The policies of a caller's side (IAM user guide, "Policy evaluation logic").

    A user has its own policies and those of all its groups, a role session those of its role. A federated user has those of
    the user that asked for it, within its session policies; without any session policy these allow nothing, so that only
    resource policies that name the session itself grant to it. A root needs no policies.
    """
    control = tuple(compiled(SourceKind.NONE, *row) for row in tx.run(_CONTROL, id=principal.account_id)) or None
    if principal.kind == "Root":
        return Grants(service_control=control)
    return Grants(
        identity=_identity(tx, principal),
        boundary=boundary_policies(tx, principal.identity_id),
        session=_session_policies(tx, principal),
        service_control=control,
    )


def identity_policies(tx: Transaction, unique_id: str) -> tuple[Policy, ...]:
    """What the user or role with that unique id holds: inline and managed policies, of a user also those of its groups."""
    inline = tx.run(_INLINE, id=unique_id)
    own = tuple(compiled(SourceKind(kind), name, text) for kind, name, text in inline)
    return own + _managed(tx.run(_ATTACHED, id=unique_id))


def boundary_policies(tx: Transaction, unique_id: str) -> tuple[Policy, ...] | None:
    """What limits the user or role with that unique id, or None."""
    limits = tx.run(_BOUNDARY, id=unique_id)
    return _managed(limits) if limits else None


def managed_by_arn(tx: Transaction, arns: Sequence[str]) -> tuple[Policy, ...]:
    """The versions that count of these managed policies; one that is not there is left out."""
    named = [(arn.split(":")[4], arn.rpartition("/")[2].lower()) for arn in arns if arn not in MANAGED]
    own: dict[str, tuple[str, str]] = {}
    for row in tx.all(_MANAGED.where(_ACCOUNT_AND_NAME.in_(named))) if named else ():
        policy = resources.read(row)
        own[policy.arn] = (policy.name, row.text)
    return _managed((arn, *own.get(arn, (None, None))) for arn in arns)


def principal_tags(tx: Transaction, principal: Principal) -> dict[str, str]:
    """The tags of a caller: those of its user or role, and above them those of its session, in whatever case their keys are."""
    tags: dict[str, str] = dict(tx.run(_TAGS, id=principal.identity_id))
    row = next(iter(tx.run(_SESSION, id=principal.session_id)), None) if principal.session_id else None
    if row is None:
        return tags
    given: dict[str, str] = json.loads(row[1])
    overridden = {key.lower() for key in given}
    return {**{key: value for key, value in tags.items() if key.lower() not in overridden}, **given}


@functools.lru_cache(maxsize=_MOST_COMPILED)
def compiled(kind: SourceKind, name: str, text: str) -> Policy:
    """A policy's text, which was checked before it was kept, ready to be asked; each text is compiled once per process."""
    return Policy.compile(text, Source(kind, name))


def _identity(tx: Transaction, principal: Principal) -> tuple[Policy, ...]:
    if principal.identity_id:
        return identity_policies(tx, principal.identity_id)
    return (compiled(SourceKind.NONE, "root", _EVERYTHING),) if principal.kind == "FederatedUser" else ()


def _managed(rows: Iterable[tuple[str, str | None, str | None]]) -> tuple[Policy, ...]:
    """The versions that count of these managed policies.

    One of AWS's that is known no longer is left out, and so allows nothing, as a grant and as a boundary.
    """
    found = []
    for arn, name, text in rows:
        if text is not None and name is not None:
            found.append(compiled(SourceKind.USER_MANAGED, name, text))
        elif (of_aws := MANAGED.get(arn)) is not None:
            found.append(compiled(SourceKind.AWS_MANAGED, of_aws.name, of_aws.text))
    return tuple(found)


def _session_policies(tx: Transaction, principal: Principal) -> tuple[Policy, ...] | None:
    if not principal.session_id:
        return None
    row = next(iter(tx.run(_SESSION, id=principal.session_id)), None)
    texts: list[str] | None = json.loads(row[0]) if row is not None and row[0] is not None else None
    if texts is None:
        # A session that ended meanwhile may do nothing; nor may a federated user, by its identity, without a policy.
        return () if row is None or principal.kind == "FederatedUser" else None
    # Managed ones are kept by their ARNs, so that what is taken out of one counts at once.
    arns = [text for text in texts if text.startswith("arn:")]
    inline = (text for text in texts if not text.startswith("arn:"))
    own = tuple(compiled(SourceKind.NONE, f"session-policy-{number}", text) for number, text in enumerate(inline, 1))
    return own + managed_by_arn(tx, arns)
