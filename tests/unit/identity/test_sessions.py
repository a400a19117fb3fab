"""Temporary credentials, and the tokens that hang on them."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
import sqlalchemy as sa

from moorage.aws.signature_errors import InvalidSecurityTokenError
from moorage.core import clock
from moorage.core.call import Principal
from moorage.identity import resources
from moorage.identity.credentials import access_keys, sessions, tokens
from moorage.identity.credentials.access_keys import KeyRing
from moorage.identity.credentials.sessions import NewSession, SessionKind, SessionTerms
from moorage.identity.errors import SessionNotFoundError, TokenNotFoundError
from moorage.identity.resources import Kind, Resource
from moorage.storage.database.schema.iam import roles, users
from moorage.storage.database.schema.identity import access_keys as key_rows
from moorage.storage.database.schema.identity import sessions as session_rows
from moorage.storage.database.schema.identity import tokens as token_rows
from moorage.storage.database.transaction import Transaction
from tests.unit.ground import ACCOUNT, REGION, ROOT, Ground

USER_KEY = "AKIAUSERUSERUSERUSER"


@pytest.fixture
def points(ground: Ground) -> Iterator[sqlite3.Connection]:
    with closing(ground.database.point_reader()) as connection:
        yield connection


@pytest.fixture
def role(ground: Ground) -> Resource:
    def work(tx: Transaction) -> Resource:
        made = resources.create(tx, ACCOUNT, Kind.ROLE, "Push", path="/ci/")
        tx.execute(sa.insert(roles).values(id=made.id, trust_policy="{}"))
        return made

    return ground.write(work)


@pytest.fixture
def user(ground: Ground) -> Resource:
    def work(tx: Transaction) -> Resource:
        made = resources.create(tx, ACCOUNT, Kind.USER, "dev")
        tx.execute(sa.insert(users).values(id=made.id))
        row = {"id": USER_KEY, "account_id": ACCOUNT, "user_id": made.id, "created_at": tx.now}
        tx.execute(sa.insert(key_rows).values(sealed_secret=ground.sealer.seal("theirs", USER_KEY), **row))
        return made

    return ground.write(work)


def of_role(ground: Ground, role: Resource, lifetime: int = clock.HOUR, terms: SessionTerms | None = None) -> NewSession:
    return ground.write(
        lambda tx: sessions.make(
            tx,
            ground.sealer,
            ACCOUNT,
            SessionKind.ASSUMED_ROLE,
            lifetime=lifetime,
            name="ci",
            role_id=role.id,
            terms=terms,
        )
    )


def of_key(ground: Ground, kind: SessionKind, name: str = "", user: Resource | None = None) -> NewSession:
    key_id, user_id = (USER_KEY, user.id) if user else (ROOT.access_key_id, None)
    return ground.write(
        lambda tx: sessions.make(
            tx, ground.sealer, ACCOUNT, kind, lifetime=clock.HOUR, name=name, user_id=user_id, access_key_id=key_id
        )
    )


def principal_of(ground: Ground, points: sqlite3.Connection, key_id: str) -> Principal:
    found = KeyRing(points, ground.sealer).find(key_id)
    assert found is not None
    return found.principal


def token_for(ground: Ground, points: sqlite3.Connection, key_id: str, lifetime: int = 12 * clock.HOUR) -> tokens.NewToken:
    principal = principal_of(ground, points, key_id)
    return ground.write(lambda tx: tokens.make(tx, principal, REGION, lifetime))


def test_a_role_session_speaks_as_the_role(ground: Ground, points: sqlite3.Connection, role: Resource) -> None:
    made = of_role(ground, role)
    arn = f"arn:aws:iam::{ACCOUNT}:role/ci/Push"
    assert principal_of(ground, points, made.access_key_id) == Principal(
        ACCOUNT,
        f"arn:aws:sts::{ACCOUNT}:assumed-role/Push/ci",
        "AssumedRole",
        made.access_key_id,
        f"{role.id}:ci",
        role.id,
        arn,
        made.access_key_id,
    )


def test_a_federated_user_has_an_arn_of_its_own_and_its_users_policies(
    ground: Ground, points: sqlite3.Connection, user: Resource
) -> None:
    key = of_key(ground, SessionKind.FEDERATED_USER, "bob", user).access_key_id
    arn = f"arn:aws:sts::{ACCOUNT}:federated-user/bob"
    expected = Principal(ACCOUNT, arn, "FederatedUser", key, f"{ACCOUNT}:bob", user.id, arn, key, maker_arn=user.arn)
    assert principal_of(ground, points, key) == expected


def test_a_session_token_speaks_as_its_user_or_root(ground: Ground, points: sqlite3.Connection, user: Resource) -> None:
    key = of_key(ground, SessionKind.SESSION_TOKEN, user=user).access_key_id
    assert principal_of(ground, points, key) == Principal(ACCOUNT, user.arn, "IAMUser", key, user.id, user.id, user.arn, key)
    root = of_key(ground, SessionKind.SESSION_TOKEN).access_key_id
    assert principal_of(ground, points, root) == Principal.root(ACCOUNT, root, root)


def test_a_users_key_speaks_as_the_user(ground: Ground, points: sqlite3.Connection, user: Resource) -> None:
    expected = Principal(ACCOUNT, user.arn, "IAMUser", USER_KEY, user.id, user.id, user.arn)
    assert principal_of(ground, points, USER_KEY) == expected


def test_a_temporary_key_fits_its_own_session_token_only(ground: Ground, points: sqlite3.Connection, role: Resource) -> None:
    made, other = of_role(ground, role), of_role(ground, role)
    found = KeyRing(points, ground.sealer).find(made.access_key_id)
    assert found is not None and found.secret == made.secret and found.expires_at == made.expires_at
    assert sessions.fits(found.token_hash, made.session_token)
    for wrong in (None, "", other.session_token, made.session_token[:-1], made.session_token + "A", "\udcff"):
        assert not sessions.fits(found.token_hash, wrong)
    assert sessions.fits(None, None) and not sessions.fits(None, made.session_token)


def test_nothing_secret_of_a_session_is_stored_or_shown(ground: Ground, role: Resource) -> None:
    made = of_role(ground, role)
    assert made.secret not in repr(made) and made.session_token not in repr(made)
    ground.database.close()
    stored = b"".join(path.read_bytes() for path in ground.path.parent.iterdir())
    assert made.secret.encode() not in stored and made.session_token.encode() not in stored


def test_a_session_keeps_its_terms(ground: Ground, role: Resource) -> None:
    terms = SessionTerms(('{"Statement":[]}',), {"team": "a"}, ("team",), "alice", "arn:provider", chained=True)
    made = of_role(ground, role, terms=terms)
    found = ground.read(lambda tx: sessions.find(tx, made.access_key_id))
    assert found is not None and found.terms == terms
    bare = of_role(ground, role)
    without = ground.read(lambda tx: sessions.find(tx, bare.access_key_id))
    assert without is not None and without.terms == SessionTerms()


def test_a_session_ends_with_its_role_its_user_or_its_key(ground: Ground, role: Resource, user: Resource) -> None:
    of_role(ground, role)
    ground.write(lambda tx: resources.delete(tx, role))
    assert ground.count(session_rows) == 0
    of_key(ground, SessionKind.SESSION_TOKEN, user=user)
    of_key(ground, SessionKind.FEDERATED_USER, "bob", user)
    ground.write(lambda tx: tx.execute(sa.delete(key_rows).where(key_rows.c.id == USER_KEY)))
    assert ground.count(session_rows) == 0


def test_a_session_of_an_inactive_key_is_inactive(ground: Ground, points: sqlite3.Connection, user: Resource) -> None:
    made = of_key(ground, SessionKind.SESSION_TOKEN, user=user)
    token = token_for(ground, points, made.access_key_id)
    ground.write(lambda tx: tx.execute(sa.update(key_rows).where(key_rows.c.id == USER_KEY).values(active=False)))
    found = KeyRing(points, ground.sealer).find(made.access_key_id)
    assert found is not None and not found.active
    assert tokens.permission_version(points, token.id, ground.clock.now()) is None
    assert tokens.find_token(points, tokens.hash_of(token.password)) is None
    assert ground.read(lambda tx: tokens.live(tx, ACCOUNT, None, 9)) == []
    assert ground.read(lambda tx: sessions.live(tx, ACCOUNT, None, 9)) == []


def test_a_revoked_session_is_gone_with_its_tokens(ground: Ground, points: sqlite3.Connection, role: Resource) -> None:
    made, other = of_role(ground, role), of_role(ground, role)
    token = token_for(ground, points, made.access_key_id)
    assert [each.id for each in ground.read(lambda tx: sessions.live(tx, ACCOUNT, None, 9))] == sorted(
        [made.access_key_id, other.access_key_id]
    )
    for account, key in (("111122223333", made.access_key_id), (ACCOUNT, "ASIANOBODY"), (ACCOUNT, ROOT.access_key_id)):
        with pytest.raises(SessionNotFoundError):
            ground.write(lambda tx, a=account, k=key: sessions.revoke(tx, a, k))  # type: ignore[misc]
    ground.write(lambda tx: sessions.revoke(tx, ACCOUNT, made.access_key_id))
    assert KeyRing(points, ground.sealer).find(made.access_key_id) is None
    assert tokens.permission_version(points, token.id, ground.clock.now()) is None and ground.count(token_rows) == 0
    assert KeyRing(points, ground.sealer).find(other.access_key_id) is not None


def test_an_expired_session_is_known_for_a_week(ground: Ground, points: sqlite3.Connection, role: Resource) -> None:
    made = of_role(ground, role)
    ground.clock.advance(clock.HOUR + sessions.KEPT_AFTER_EXPIRY)
    assert ground.read(lambda tx: sessions.live(tx, ACCOUNT, None, 9)) == []
    with pytest.raises(SessionNotFoundError):
        ground.write(lambda tx: sessions.revoke(tx, ACCOUNT, made.access_key_id))
    assert ground.write(sessions.purge) == 0 and KeyRing(points, ground.sealer).find(made.access_key_id)
    ground.clock.advance(1)
    assert (ground.write(sessions.purge), ground.write(sessions.purge)) == (1, 0)
    assert KeyRing(points, ground.sealer).find(made.access_key_id) is None


def test_a_token_of_a_session_expires_with_it_at_the_latest(ground: Ground, points: sqlite3.Connection, role: Resource) -> None:
    made = of_role(ground, role)
    long, short = (token_for(ground, points, made.access_key_id, lifetime) for lifetime in (clock.DAY, clock.MINUTE))
    assert (long.expires_at, short.expires_at) == (made.expires_at, ground.clock.now() + clock.MINUTE)
    found = tokens.find_token(points, tokens.hash_of(long.password))
    assert found is not None and found.principal == principal_of(ground, points, made.access_key_id)
    assert tokens.permission_version(points, long.id, made.expires_at - 1) is not None
    assert tokens.permission_version(points, long.id, made.expires_at) is None


def test_a_robots_token_hangs_on_the_user_alone(ground: Ground, points: sqlite3.Connection, user: Resource) -> None:
    made = ground.write(lambda tx: tokens.make_for_user(tx, user.id, REGION, clock.DAY, name="robot"))
    found = tokens.find_token(points, tokens.hash_of(made.password))
    assert found is not None
    assert found.principal == Principal(ACCOUNT, user.arn, "IAMUser", "", user.id, user.id, user.arn)
    listed = ground.read(lambda tx: tokens.live(tx, ACCOUNT, None, 9))
    assert [(each.id, each.principal) for each in listed] == [(made.id, found.principal)]
    with pytest.raises(TokenNotFoundError):
        ground.write(lambda tx: tokens.revoke(tx, "111122223333", made.id))
    ground.write(lambda tx: resources.delete(tx, user))
    assert tokens.permission_version(points, made.id, ground.clock.now()) is None and ground.count(token_rows) == 0


def test_tokens_of_all_kinds_are_listed_and_revoked(
    ground: Ground, points: sqlite3.Connection, role: Resource, user: Resource
) -> None:
    of = [of_role(ground, role).access_key_id, USER_KEY, ROOT.access_key_id]
    made = [token_for(ground, points, key) for key in of]
    made.append(ground.write(lambda tx: tokens.make_for_user(tx, user.id, REGION, clock.DAY)))
    listed = ground.read(lambda tx: tokens.live(tx, ACCOUNT, None, 9))
    assert {each.id: each.principal.access_key_id for each in listed} == dict(
        zip([each.id for each in made], [*of, ""], strict=True)
    )
    for each in made:
        ground.write(lambda tx, token=each.id: tokens.revoke(tx, ACCOUNT, token))  # type: ignore[misc]
        assert tokens.find_token(points, tokens.hash_of(each.password)) is None


def test_a_tokens_read_tells_the_accounts_permission_version(
    ground: Ground, points: sqlite3.Connection, user: Resource
) -> None:
    made = token_for(ground, points, USER_KEY)
    before = tokens.permission_version(points, made.id, ground.clock.now())
    found = tokens.find_token(points, tokens.hash_of(made.password))
    assert found is not None and found.permission_version == before
    ground.write(lambda tx: resources.rename(tx, user, name="renamed"))
    assert tokens.permission_version(points, made.id, ground.clock.now()) == (before or 0) + 1
    again = tokens.find_token(points, tokens.hash_of(made.password))
    assert again is not None and again.principal.arn.endswith("user/renamed")


def test_nobody_makes_a_token_with_credentials_that_are_gone(
    ground: Ground, points: sqlite3.Connection, role: Resource
) -> None:
    made = of_role(ground, role)
    for key in (made.access_key_id, ROOT.access_key_id):
        principal = principal_of(ground, points, key)
        ground.write(lambda tx: (tx.execute(sa.delete(session_rows)), tx.execute(sa.delete(key_rows)))[1].rowcount)
        with pytest.raises(InvalidSecurityTokenError):
            ground.write(lambda tx, who=principal: tokens.make(tx, who, REGION, clock.HOUR))  # type: ignore[misc]
        ground.write(lambda tx: access_keys.set_root_key(tx, ground.sealer, ACCOUNT, ROOT.access_key_id, "secret"))
