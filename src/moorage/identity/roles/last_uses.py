"""When keys and roles were used last, written in batches since nobody waits for it."""

from collections.abc import Mapping

from moorage.identity.credentials import user_keys
from moorage.identity.credentials.user_keys import Use
from moorage.identity.roles import roles
from moorage.storage.database.transaction import Transaction


def note_uses(tx: Transaction, used: Mapping[str, Use]) -> None:
    """Record the last uses of long-term keys by their ids, and of roles by their unique ids, for which sessions signed."""
    of_roles = {each: (use.at, use.region) for each, use in used.items() if each.startswith("AROA")}
    if of_roles:
        roles.note_use(tx, of_roles)
    if of_keys := {each: use for each, use in used.items() if each not in of_roles}:
        user_keys.note_uses(tx, of_keys)
