"""How many temporary credentials and tokens one principal may have, so that nobody fills the database with them."""

import sqlalchemy as sa

from moorage.identity.errors import TooManyCredentialsError
from moorage.storage.database.transaction import Transaction

_FORGOTTEN_AT_ONCE = 20


def make_room(tx: Transaction, column: sa.Column[str], owner: str, most: int, what: str) -> None:
    """Let one more row come under an owner, which `column` names; raises TooManyCredentialsError beyond `most` rows.

    Those that have expired are kept for a while only to say so to their bearers. They make room, the oldest first; what is good
    is never ended. The table has `id`, `expires_at` and an index on `column` and `expires_at`.
    """
    table = column.table
    expires_at: sa.ColumnElement[int] = table.c.expires_at
    if tx.one(sa.select(expires_at).where(column == owner).order_by(expires_at).limit(1).offset(most - 1)) is None:
        return
    expired = sa.select(table.c.id).where(column == owner, expires_at <= tx.now).order_by(expires_at).limit(_FORGOTTEN_AT_ONCE)
    if not tx.execute(sa.delete(table).where(table.c.id.in_(expired))).rowcount:
        raise TooManyCredentialsError(what, most)
