import base64
import sqlite3
from collections.abc import Iterator
from functools import partial

import pytest

from moorage.core import clock
from moorage.core.call import Principal
from moorage.identity import accounts
from moorage.identity.credentials import access_keys, tokens
from moorage.identity.credentials.scope import Scope
from moorage.identity.errors import TokenNotFoundError
from moorage.storage.database.schema.identity import access_keys as keys
from moorage.storage.database.schema.identity import tokens as table
from moorage.storage.database.transaction import Transaction
from tests.unit.ground import ACCOUNT, REGION, ROOT, Ground


@pytest.fixture
def points(ground: Ground) -> Iterator[sqlite3.Connection]:
    connection = ground.database.point_reader()
    yield connection
    connection.close()


def issue(ground: Ground) -> str:
    password, expires_at = ground.write(lambda tx: tokens.issue(tx, ROOT, REGION))
    assert expires_at == ground.clock.now() + 12 * clock.HOUR
    return password


def test_a_token_is_found_by_its_password_and_tells_who_bears_it(ground: Ground, points: sqlite3.Connection) -> None:
    found = tokens.find_token(points, tokens.hash_of(issue(ground)))
    assert found is not None
    assert (found.principal, found.region) == (ROOT, REGION)
    assert tokens.find_token(points, tokens.hash_of("another")) is None


def test_a_password_is_random_long_and_never_stored(ground: Ground) -> None:
    passwords = {issue(ground) for _ in range(3)}
    assert len(passwords) == 3
    assert all(len(password) == 128 and not set(password) & set(":~>?/+=") for password in passwords)
    ground.database.close()
    stored = b"".join(path.read_bytes() for path in ground.path.parent.iterdir())
    assert not any(password.encode() in stored for password in passwords)


def test_any_text_can_be_hashed_as_a_password() -> None:
    assert len(tokens.hash_of("\udcff\u00e4")) == 32


def test_a_token_is_good_until_it_expires(ground: Ground, points: sqlite3.Connection) -> None:
    found = tokens.find_token(points, tokens.hash_of(issue(ground)))
    assert found is not None
    assert tokens.permission_version(points, found.id, found.expires_at - 1) is not None
    assert tokens.permission_version(points, found.id, found.expires_at) is None


def test_an_expired_token_is_known_for_a_week_and_then_forgotten(ground: Ground, points: sqlite3.Connection) -> None:
    hashed = tokens.hash_of(issue(ground))
    ground.clock.advance(tokens.LIFETIME + tokens.KEPT_AFTER_EXPIRY)
    assert ground.write(tokens.purge) == 0 and tokens.find_token(points, hashed)
    ground.clock.advance(1)
    assert (ground.write(tokens.purge), ground.write(tokens.purge)) == (1, 0)
    assert tokens.find_token(points, hashed) is None


def test_a_token_ends_with_its_access_key(ground: Ground, points: sqlite3.Connection) -> None:
    found = tokens.find_token(points, tokens.hash_of(issue(ground)))
    assert found is not None
    rotate = partial(access_keys.set_root_key, sealer=ground.sealer, account_id=ACCOUNT, key_id="AKIAOTHER", secret="s")
    ground.write(rotate)
    assert tokens.permission_version(points, found.id, 0) is None
    assert ground.count(table) == 0


def test_the_last_use_is_noted_in_batches(ground: Ground, points: sqlite3.Connection) -> None:
    found = [tokens.find_token(points, tokens.hash_of(issue(ground))) for _ in range(2)]
    used = {token.id: 5 + number for number, token in enumerate(found) if token}
    ground.write(lambda tx: tokens.note_use(tx, {**used, 999: 1}))
    assert {row.id: row.last_used_at for row in ground.rows(table.select())} == used


def test_get_authorization_token_hands_out_one_password_for_each_registry_asked_for(
    ground: Ground, points: sqlite3.Connection
) -> None:
    own = ground.do("GetAuthorizationToken")["authorizationData"]
    assert [entry["proxyEndpoint"] for entry in own] == ["http://localhost:5000"]
    user, _, password = base64.b64decode(own[0]["authorizationToken"]).decode().partition(":")
    assert user == "AWS" and tokens.find_token(points, tokens.hash_of(password))
    assert own[0]["expiresAt"] == ground.clock.now() + tokens.LIFETIME
    others = ground.do("GetAuthorizationToken", registryIds=[ACCOUNT, "999999999999"])["authorizationData"]
    assert others[1]["proxyEndpoint"] == "http://999999999999.dkr.ecr.us-east-1.localhost:5000"
    assert others[0]["authorizationToken"] == others[1]["authorizationToken"]


SCOPE = Scope.parse(["team/*"], ["pull"])


def make(ground: Ground, name: str, lifetime: int = clock.HOUR, scope: Scope | None = SCOPE) -> tokens.NewToken:
    return ground.write(lambda tx: tokens.make(tx, ROOT, REGION, lifetime, name=name, scope=scope))


def test_a_token_keeps_its_scope(ground: Ground, points: sqlite3.Connection) -> None:
    made = make(ground, "ci")
    found = tokens.find_token(points, tokens.hash_of(made.password))
    assert found is not None and (found.id, found.scope, found.expires_at) == (made.id, SCOPE, made.expires_at)
    assert made.password not in repr(made)


def test_live_tokens_are_listed_oldest_first_and_page_by_page(ground: Ground) -> None:
    names: list[str | None] = []
    for number in range(7):
        make(ground, f"t{number}", scope=None if number % 2 else SCOPE)
        names.append(f"t{number}")
        ground.clock.advance(number % 3)  # some are made in the same millisecond
    issue(ground)
    names.append(None)
    seen: list[tokens.LiveToken] = []

    def following(tx: Transaction) -> list[tokens.LiveToken]:
        return tokens.live(tx, ACCOUNT, (seen[-1].created_at, seen[-1].id) if seen else None, 3)

    while page := ground.read(following):
        seen += page
    assert len(seen) == len(names) and {each.name for each in seen} == {*names}
    assert [each.created_at for each in seen] == sorted(each.created_at for each in seen)
    assert {each.scope for each in seen} == {None, SCOPE}
    assert {(each.principal, each.region) for each in seen} == {(ROOT, REGION)}


def test_what_is_over_is_not_listed_and_cannot_be_revoked(ground: Ground) -> None:
    made = make(ground, "short", clock.MINUTE)
    ground.clock.advance(clock.MINUTE)
    assert ground.read(lambda tx: tokens.live(tx, ACCOUNT, None, 10)) == []
    with pytest.raises(TokenNotFoundError):
        ground.write(lambda tx: tokens.revoke(tx, ACCOUNT, made.id))
    assert ground.count(table) == 1, "its bearer still reads that it expired"


def test_a_revoked_token_is_gone_at_once(ground: Ground, points: sqlite3.Connection) -> None:
    made, other = make(ground, "gone"), make(ground, "kept")
    ground.write(lambda tx: tokens.revoke(tx, ACCOUNT, made.id))
    assert (
        tokens.permission_version(points, made.id, 0) is None
        and tokens.find_token(points, tokens.hash_of(made.password)) is None
    )
    assert tokens.permission_version(points, other.id, ground.clock.now()) is not None


def test_another_accounts_tokens_are_neither_listed_nor_revoked(ground: Ground, points: sqlite3.Connection) -> None:
    made = make(ground, "mine")

    def second(tx: Transaction) -> tokens.NewToken:
        account = accounts.create_account(tx, "210987654321", "second")
        key = access_keys.ensure_root_key(tx, ground.sealer, account.id)
        principal = Principal.root(account.id, key.id)
        return tokens.make(tx, principal, REGION, clock.HOUR, name="theirs")

    theirs = ground.write(second)
    assert [each.id for each in ground.read(lambda tx: tokens.live(tx, ACCOUNT, None, 10))] == [made.id]
    with pytest.raises(TokenNotFoundError):
        ground.write(lambda tx: tokens.revoke(tx, ACCOUNT, theirs.id))
    assert tokens.permission_version(points, theirs.id, ground.clock.now()) is not None


def test_a_token_whose_key_is_not_active_is_not_live(ground: Ground) -> None:
    make(ground, "of an inactive key")
    ground.write(lambda tx: tx.execute(keys.update().values(active=False)).rowcount)
    assert ground.read(lambda tx: tokens.live(tx, ACCOUNT, None, 10)) == []
