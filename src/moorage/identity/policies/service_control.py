"""Service control policies: what an account's principals may do at most, as the operator of the installation sets it.

AWS has them in Organizations. As there, they never limit the management account, which here is the default account; every
other account begins with `FullAWSAccess`, which allows everything, so that a policy that only denies takes away just that; and
an account's last policy cannot be removed, since whatever none of them allows is denied.
"""

from dataclasses import dataclass

import sqlalchemy as sa

from moorage.core.clock import Timestamp
from moorage.identity import resources
from moorage.identity.errors import LastAccountPolicyError
from moorage.identity.iam_errors import QuotaExceededError
from moorage.storage.database.schema.iam import service_control_policies as table
from moorage.storage.database.schema.identity import accounts
from moorage.storage.database.transaction import Transaction

MOST_PER_ACCOUNT = 10
FULL_ACCESS = "FullAWSAccess"
"""What AWS calls the policy that every account begins with (Organizations user guide, "Service control policies")."""
FULL_ACCESS_TEXT = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'


@dataclass(frozen=True, slots=True)
class ServiceControlPolicy:
    """One policy of an account."""

    name: str
    text: str
    """As it was given."""
    set_at: Timestamp


def begin(tx: Transaction, account_id: str) -> None:
    """Give an account without policies `FullAWSAccess`, which changes no decision."""
    tx.execute(sa.insert(table).values(account_id=account_id, name=FULL_ACCESS, text=FULL_ACCESS_TEXT, set_at=tx.now))


def ensure_begun(tx: Transaction, default_account_id: str) -> None:
    """`begin` for every account that has no policies, but the default one.

    Those of earlier versions have none, nor has one that was the default account before.
    """
    without = sa.select(accounts.c.id).where(
        accounts.c.id != default_account_id, accounts.c.id.not_in(sa.select(table.c.account_id))
    )
    for row in tx.all(without):
        begin(tx, row.id)


def put(tx: Transaction, account_id: str, name: str, text: str) -> ServiceControlPolicy:
    """Set or replace an account's policy of that name; raises QuotaExceededError.

    The account must exist, and the text must be such a policy.
    """
    tx.execute(sa.delete(table).where(*_named(account_id, name)))
    if len(listed(tx, account_id)) >= MOST_PER_ACCOUNT:
        raise QuotaExceededError("ServiceControlPoliciesPerAccount", MOST_PER_ACCOUNT)
    tx.execute(sa.insert(table).values(account_id=account_id, name=name, text=text, set_at=tx.now))
    resources.changed(tx, account_id)
    return ServiceControlPolicy(name, text, tx.now)


def find(tx: Transaction, account_id: str, name: str) -> ServiceControlPolicy | None:
    """An account's policy of that name, or None."""
    row = tx.one(sa.select(table).where(*_named(account_id, name)))
    return ServiceControlPolicy(row.name, row.text, Timestamp(row.set_at)) if row is not None else None


def delete(tx: Transaction, account_id: str, name: str) -> bool:
    """Remove an account's policy of that name; whether there was one. Raises LastAccountPolicyError for the only one."""
    removed = tx.execute(sa.delete(table).where(*_named(account_id, name))).rowcount > 0
    if removed and not listed(tx, account_id, limit=1):
        raise LastAccountPolicyError(account_id, name)
    resources.changed(tx, account_id)
    return removed


def listed(
    tx: Transaction, account_id: str, *, after: str | None = None, limit: int | None = None
) -> list[ServiceControlPolicy]:
    """An account's policies in the order of their names, behind one of them."""
    query = (
        sa.select(table)
        .where(table.c.account_id == account_id, table.c.name > (after or ""))
        .order_by(table.c.name)
        .limit(limit)
    )
    return [ServiceControlPolicy(row.name, row.text, Timestamp(row.set_at)) for row in tx.all(query)]


def _named(account_id: str, name: str) -> tuple[sa.ColumnElement[bool], ...]:
    return table.c.account_id == account_id, table.c.name == name
