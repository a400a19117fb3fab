"""The caller's side of a decision: its policies and what is known of it, read from the database."""

import itertools
from dataclasses import dataclass, field

import sqlalchemy as sa

from moorage.access.conditions import PRINCIPAL_TAG, of_session, of_tags
from moorage.core.call import Principal
from moorage.iam.context import Context
from moorage.iam.evaluate import Grants
from moorage.iam.policy import keys_of, weight_of
from moorage.identity.policies.grants import grants_of, principal_tags
from moorage.storage.database.schema.identity import accounts, sessions
from moorage.storage.database.transaction import Transaction

_serials = itertools.count(1)

Credential = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Caller:
    """What decides on the caller's side, at one permission version of its account."""

    grants: Grants
    context: Context
    """What policies may ask of the caller besides the call: its tags and how its session came to be."""
    keys: frozenset[str] = frozenset()
    """Every context key that its policies read."""
    weight: int = 0
    """How many steps asking its policies takes at most, as `Policy.weight` has it."""
    version: int = 0
    """The permission version of its account that this was read at."""
    serial: int = field(default_factory=lambda: next(_serials))
    """Of no other Caller of this process: decisions are remembered by it."""


def credential_of(principal: Principal) -> Credential:
    """What the caller's side depends on, at one permission version of its account."""
    return (principal.account_id, principal.kind, principal.identity_id, principal.session_id)


def read_caller(tx: Transaction, principal: Principal) -> Caller:
    """The caller's side as it is in this transaction."""
    row = tx.one(sa.select(accounts.c.permission_version).where(accounts.c.id == principal.account_id))
    grants = grants_of(tx, principal)
    context = of_tags(principal_tags(tx, principal), (PRINCIPAL_TAG,))
    if principal.session_id:
        columns = sessions.c.created_at, sessions.c.source_identity, sessions.c.provider
        session = tx.one(sa.select(*columns).where(sessions.c.id == principal.session_id))
        if session is not None:
            context |= of_session(session.created_at, session.source_identity, session.provider)
    limits = (grants.boundary, grants.session, grants.service_control)
    policies = grants.identity + tuple(policy for limit in limits for policy in limit or ())
    return Caller(grants, context, keys_of(policies), weight_of(policies), row.permission_version if row else 0)
