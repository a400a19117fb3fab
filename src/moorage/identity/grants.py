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
from moorage.identity import resources, service_control
from moorage.storage.database.schema.iam import (
    group_members,
    iam_resources,
    iam_tags,
    inline_policies,
    managed_policies,
    permissions_boundaries,
    policy_attachments,
    policy_versions,
)
from moorage.storage.database.schema.identity import sessions
from moorage.storage.database.transaction import Transaction

_MOST_COMPILED = 4096
"""Policies that a process remembers. The longest text has ten thousand characters, and most have a few hundred."""

_EVERYTHING = '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}'
"""What the root user of an account may do, in the words of a policy."""


def grants_of(tx: Transaction, principal: Principal) -> Grants:
    """The policies of a caller's side (IAM user guide, "Policy evaluation logic").

    A user has its own policies and those of all its groups, a role session those of its role. A federated user has those of
    the user that asked for it, within its session policies; without any session policy these allow nothing, so that only
    resource policies that name the session itself grant to it. A root needs no policies.
    """
    control = _service_control(tx, principal.account_id)
    if principal.kind == "Root":
        return Grants(identity=(), boundary=None, session=None, service_control=control)
    if principal.identity_id:
        identity = identity_policies(tx, principal.identity_id)
    else:
        identity = (compiled(SourceKind.NONE, "root", _EVERYTHING),) if principal.kind == "FederatedUser" else ()
    return Grants(
        identity=identity,
        boundary=boundary_policies(tx, principal.identity_id),
        session=_session_policies(tx, principal),
        service_control=control,
    )


def principal_tags(tx: Transaction, principal: Principal) -> dict[str, str]:
    """The tags of a caller: those of its user or role, and above them those of its session, in whatever case their keys are."""
    tags = {row.key: row.value for row in tx.all(_TAGS_OF.where(iam_tags.c.resource_id == principal.identity_id))}
    if not principal.session_id:
        return tags
    row = tx.one(sa.select(sessions.c.tags).where(sessions.c.id == principal.session_id))
    given: dict[str, str] = json.loads(row.tags) if row is not None else {}
    overridden = {key.lower() for key in given}
    return {**{key: value for key, value in tags.items() if key.lower() not in overridden}, **given}


def identity_policies(tx: Transaction, unique_id: str) -> tuple[Policy, ...]:
    """What the user or role with that unique id holds: inline and managed policies, of a user also those of its groups."""
    groups = sa.select(group_members.c.group_id).where(group_members.c.user_id == unique_id)
    ids = [unique_id, *(row.group_id for row in tx.all(groups))]
    inline = (
        sa.select(iam_resources.c.kind, inline_policies.c.name, inline_policies.c.text)
        .join(iam_resources, iam_resources.c.id == inline_policies.c.resource_id)
        .where(inline_policies.c.resource_id.in_(ids))
        .order_by(inline_policies.c.resource_id, inline_policies.c.name_key)
    )
    own = tuple(compiled(SourceKind(row.kind), row.name, row.text) for row in tx.all(inline))
    attached = sa.select(policy_attachments.c.policy_arn).where(policy_attachments.c.resource_id.in_(ids)).distinct()
    return own + managed_by_arn(tx, sorted(row.policy_arn for row in tx.all(attached)))


def boundary_policies(tx: Transaction, unique_id: str) -> tuple[Policy, ...] | None:
    """What limits the user or role with that unique id, or None."""
    query = sa.select(permissions_boundaries.c.policy_arn).where(permissions_boundaries.c.resource_id == unique_id)
    row = tx.one(query)
    return managed_by_arn(tx, [row.policy_arn]) if row is not None else None


def managed_by_arn(tx: Transaction, arns: Sequence[str]) -> tuple[Policy, ...]:
    """The versions that count of these managed policies, in this order; one that is not there is left out."""
    query = (
        sa.select(iam_resources, policy_versions.c.text)
        .join(managed_policies, managed_policies.c.id == iam_resources.c.id)
        .join(
            policy_versions,
            sa.and_(
                policy_versions.c.policy_id == managed_policies.c.id,
                policy_versions.c.version == managed_policies.c.default_version,
            ),
        )
    )
    found: dict[str, Policy] = {}
    for row in tx.all(query.where(_one_of(arns))) if any(arn not in MANAGED for arn in arns) else ():
        policy = resources.read(row)
        found[policy.arn] = compiled(SourceKind.USER_MANAGED, policy.name, row.text)
    for arn in arns:
        if (of_aws := MANAGED.get(arn)) is not None:
            found[arn] = compiled(SourceKind.AWS_MANAGED, of_aws.name, of_aws.text)
    return tuple(found[arn] for arn in arns if arn in found)


@functools.lru_cache(maxsize=_MOST_COMPILED)
def compiled(kind: SourceKind, name: str, text: str) -> Policy:
    """A policy's text, which was checked before it was kept, ready to be asked; each text is compiled once per process."""
    return Policy.compile(text, Source(kind, name))


_TAGS_OF = sa.select(iam_tags.c.key, iam_tags.c.value).order_by(iam_tags.c.key)


def _one_of(arns: Iterable[str]) -> sa.ColumnElement[bool]:
    """The accounts' own policies among ARNs, by account and name, for which there is an index."""
    named = [(arn.split(":")[4], arn.rpartition("/")[2].lower()) for arn in arns if arn not in MANAGED]
    columns: Any = sa.tuple_(iam_resources.c.account_id, iam_resources.c.name_key)
    return sa.and_(iam_resources.c.kind == resources.Kind.POLICY, columns.in_(named))


def _session_policies(tx: Transaction, principal: Principal) -> tuple[Policy, ...] | None:
    if not principal.session_id:
        return None
    row = tx.one(sa.select(sessions.c.policies).where(sessions.c.id == principal.session_id))
    texts: list[str] | None = json.loads(row.policies) if row is not None and row.policies is not None else None
    if texts is None:
        # A session that ended meanwhile may do nothing; nor may a federated user, by its identity, without a policy.
        return () if row is None or principal.kind == "FederatedUser" else None
    # Managed ones are kept by their ARNs, so that what is taken out of one counts at once.
    arns = [text for text in texts if text.startswith("arn:")]
    inline = (text for text in texts if not text.startswith("arn:"))
    own = tuple(compiled(SourceKind.NONE, f"session-policy-{number}", text) for number, text in enumerate(inline, 1))
    return own + managed_by_arn(tx, arns)


def _service_control(tx: Transaction, account_id: str) -> tuple[Policy, ...] | None:
    listed = service_control.listed(tx, account_id)
    return tuple(compiled(SourceKind.NONE, each.name, each.text) for each in listed) or None
