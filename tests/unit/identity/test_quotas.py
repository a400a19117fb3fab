"""Nobody fills the database with temporary credentials and tokens."""

import itertools
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from moorage.core import clock
from moorage.core.call import Principal
from moorage.identity import resources
from moorage.identity.credentials import sessions, tokens
from moorage.identity.credentials.sessions import SessionKind
from moorage.identity.errors import TooManyCredentialsError
from moorage.identity.resources import Kind
from moorage.storage.database.schema.iam import roles, users
from moorage.storage.database.schema.identity import access_keys as keys
from moorage.storage.database.transaction import Transaction
from tests.unit.ground import ACCOUNT, REGION, Ground

MOST = 5
SHORT, LONG = 15 * clock.MINUTE, clock.HOUR


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MOST_OF_ROLE", MOST)
    monkeypatch.setattr(sessions, "MOST_OF_USER", MOST)
    monkeypatch.setattr(tokens, "MOST", MOST)


def role_id(tx: Transaction, name: str) -> str:
    made = resources.create(tx, ACCOUNT, Kind.ROLE, name)
    tx.execute(sa.insert(roles).values(id=made.id, trust_policy="{}"))
    return made.id


def user_id(tx: Transaction, name: str, ground: Ground) -> str:
    made = resources.create(tx, ACCOUNT, Kind.USER, name)
    tx.execute(sa.insert(users).values(id=made.id))
    row = {"id": f"AKIA{name}", "account_id": ACCOUNT, "user_id": made.id, "created_at": tx.now}
    tx.execute(sa.insert(keys).values(sealed_secret=ground.sealer.seal("theirs", name), **row))
    return made.id


Make = Callable[[Transaction, int], object]


def session_of_role(ground: Ground, name: str) -> Make:
    held = ground.write(lambda tx: role_id(tx, name))
    kind = SessionKind.ASSUMED_ROLE
    return lambda tx, lifetime: sessions.make(tx, ground.sealer, ACCOUNT, kind, lifetime=lifetime, name="n", role_id=held)


def session_of_user(ground: Ground, name: str) -> Make:
    held = ground.write(lambda tx: user_id(tx, name, ground))
    kinds = itertools.cycle([SessionKind.SESSION_TOKEN, SessionKind.FEDERATED_USER])
    return lambda tx, lifetime: sessions.make(
        tx, ground.sealer, ACCOUNT, next(kinds), lifetime=lifetime, user_id=held, access_key_id=f"AKIA{name}"
    )


def session_of_root(ground: Ground, name: str) -> Make:
    row = {"id": name, "account_id": ACCOUNT, "sealed_secret": b"", "created_at": 0}
    ground.write(lambda tx: tx.execute(sa.insert(keys).values(**row)))
    kind = SessionKind.SESSION_TOKEN
    return lambda tx, lifetime: sessions.make(tx, ground.sealer, ACCOUNT, kind, lifetime=lifetime, access_key_id=name)


def token_of_key(ground: Ground, name: str) -> Make:
    held = ground.write(lambda tx: user_id(tx, name, ground))
    principal = Principal(ACCOUNT, "", "IAMUser", f"AKIA{name}", held)
    return lambda tx, lifetime: tokens.make(tx, principal, REGION, lifetime)


def token_of_session(ground: Ground, name: str) -> Make:
    make = session_of_role(ground, name)
    made = ground.write(lambda tx: make(tx, clock.DAY))
    assert isinstance(made, sessions.NewSession)
    principal = Principal(ACCOUNT, "", "AssumedRole", "", session_id=made.access_key_id)
    return lambda tx, lifetime: tokens.make(tx, principal, REGION, lifetime)


def token_of_robot(ground: Ground, name: str) -> Make:
    held = ground.write(lambda tx: user_id(tx, name, ground))
    return lambda tx, lifetime: tokens.make_for_user(tx, held, REGION, lifetime)


@pytest.mark.parametrize(
    "of", [session_of_role, session_of_user, session_of_root, token_of_key, token_of_session, token_of_robot]
)
def test_so_many_at_a_time_and_no_more_until_some_expire(ground: Ground, of: Callable[[Ground, str], Make]) -> None:
    mine, theirs = of(ground, "mine"), of(ground, "theirs")
    kept = ground.write(lambda tx: mine(tx, LONG))
    for _ in range(MOST - 1):
        ground.write(lambda tx: mine(tx, SHORT))
    for _ in range(2):
        with pytest.raises(TooManyCredentialsError, match=f"Rate exceeded: there are already {MOST} "):
            ground.write(lambda tx: mine(tx, SHORT))
    ground.write(lambda tx: theirs(tx, SHORT))
    ground.clock.advance(SHORT)
    for _ in range(MOST - 1):
        ground.write(lambda tx: mine(tx, SHORT))
    with pytest.raises(TooManyCredentialsError):
        ground.write(lambda tx: mine(tx, SHORT))
    ground.write(lambda tx: theirs(tx, SHORT))
    assert _is_there(ground, kept)


def _is_there(ground: Ground, made: object) -> bool:
    if isinstance(made, tokens.NewToken):
        wanted = made.id
        return ground.read(lambda tx: any(each.id == wanted for each in tokens.live(tx, ACCOUNT, None, 100)))
    assert isinstance(made, sessions.NewSession)
    found = made.access_key_id
    return ground.read(lambda tx: sessions.find(tx, found) is not None)


def test_what_has_expired_stays_known_while_there_is_room(ground: Ground) -> None:
    mine = session_of_role(ground, "mine")
    made = [ground.write(lambda tx: mine(tx, SHORT)) for _ in range(MOST)]
    ground.clock.advance(clock.DAY)
    assert all(_is_there(ground, each) for each in made)
