"""Which principals there are, for policies that name them."""

from moorage.iam.principal import Kind, NamedPrincipal
from moorage.storage.database.transaction import Transaction

_CHECKED = frozenset({Kind.USER, Kind.ROLE, Kind.ASSUMED_ROLE, Kind.FEDERATED_USER})


def principal_exists(_tx: Transaction, owner: str, named: NamedPrincipal) -> bool:
    """Whether a policy of the account `owner` may name this principal.

    Any account may be named. Users and roles of the policy's own account must exist; there are none yet, only roots. Those of
    other accounts are not looked up, since the answer would tell whether such an account is here. A unique id is always one
    of this installation's making.
    """
    if named.kind is Kind.UNIQUE_ID:
        return False
    if named.kind not in _CHECKED:
        return True
    return named.account_id != owner
