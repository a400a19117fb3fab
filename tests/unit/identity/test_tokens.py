import base64
import sqlite3
from collections.abc import Iterator
from functools import partial

import pytest

from moorage.core import clock
from moorage.identity import access_keys, tokens
from moorage.storage.database.schema import tokens as table
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
    assert tokens.still_good(points, found.id, found.expires_at - 1)
    assert not tokens.still_good(points, found.id, found.expires_at)


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
    assert not tokens.still_good(points, found.id, 0)
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
