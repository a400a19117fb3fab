"""Which principals there are, for policies that name them."""

import sqlalchemy as sa

from moorage.iam.principal import Kind, NamedPrincipal
from moorage.storage.database.schema import accounts
from moorage.storage.database.transaction import Transaction

_CHECKED = frozenset({Kind.USER, Kind.ROLE, Kind.ASSUMED_ROLE, Kind.FEDERATED_USER})


def principal_exists(tx: Transaction, named: NamedPrincipal) -> bool:
    """Whether a policy may name this principal.

    Any account may be named, and so may everyone in accounts that are not here, since nobody here could know them. Users and
    roles of an account that is here must exist; there are none yet, only roots. A unique id is always one of this
    installation's making.
    """
    if named.kind is Kind.UNIQUE_ID:
        return False
    if named.kind not in _CHECKED:
        return True
    return tx.one(sa.select(accounts.c.id).where(accounts.c.id == named.account_id)) is None
