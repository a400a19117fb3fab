import re
from collections.abc import Iterator
from contextlib import closing
from functools import partial

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from moorage.core.arn import root_arn
from moorage.identity import accounts
from moorage.identity.credentials import access_keys
from moorage.identity.credentials.access_keys import KeyRing
from moorage.identity.credentials.sealing import Sealer, WrongKeyError
from moorage.storage.database.schema.identity import access_keys as table
from moorage.storage.database.schema.identity import accounts as accounts_table
from moorage.storage.database.schema.identity import registries
from moorage.storage.database.transaction import Transaction
from tests.unit.ground import ACCOUNT, REGION, ROOT, Ground

OTHER = "999999999999"


def set_root(ground: Ground, key_id: str, secret: str, account: str = ACCOUNT) -> None:
    ground.write(lambda tx: access_keys.set_root_key(tx, ground.sealer, account, key_id, secret))


def roots(ground: Ground) -> list[str]:
    return ground.read(partial(access_keys.root_keys, account_id=ACCOUNT))


def test_new_keys_look_like_amazons_and_never_repeat() -> None:
    assert all(re.fullmatch(r"AKIA[A-Z2-7]{16}", access_keys.new_key_id(ACCOUNT)) for _ in range(50))
    secrets = {access_keys.new_secret() for _ in range(50)}
    assert len(secrets) == 50 and all(re.fullmatch(r"[A-Za-z0-9+/]{40}", secret) for secret in secrets)


def test_a_key_is_found_with_its_secret_opened_and_its_repr_keeps_it(ground: Ground) -> None:
    found = ground.read(lambda tx: access_keys.find_access_key(tx, ground.sealer, ROOT.access_key_id))
    assert found is not None
    assert (found.principal, found.secret, found.active) == (ROOT, "secret", True)
    assert "secret" not in repr(found)
    assert ground.read(lambda tx: access_keys.find_access_key(tx, ground.sealer, "AKIANOBODY")) is None


def test_the_secret_is_not_stored_as_it_is(ground: Ground) -> None:
    set_root(ground, "AKIAPLAIN", "very-visible-secret")
    assert b"very-visible-secret" not in ground.rows(sa.select(table.c.sealed_secret))[0].sealed_secret


def test_the_first_start_makes_a_root_key_and_every_later_one_finds_it(ground: Ground) -> None:
    def ensure(tx: Transaction) -> access_keys.RootKey:
        accounts.ensure_account(tx, OTHER, "other")
        return access_keys.ensure_root_key(tx, ground.sealer, OTHER)

    first = ground.write(ensure)
    assert first.is_new
    assert ground.write(ensure) == access_keys.RootKey(first.id, first.secret, is_new=False)
    found = ground.read(lambda tx: access_keys.find_access_key(tx, ground.sealer, first.id))
    assert found and (found.secret, found.principal.arn) == (first.secret, root_arn(OTHER))
    assert first.secret not in repr(first)


def test_setting_the_same_root_key_again_changes_nothing(ground: Ground) -> None:
    before = ground.rows(sa.select(table))
    ground.clock.advance(1000)
    set_root(ground, ROOT.access_key_id, "secret")
    assert ground.rows(sa.select(table)) == before


def test_another_root_key_replaces_the_old_one_and_a_new_secret_too(ground: Ground) -> None:
    set_root(ground, "AKIASECOND", "one")
    assert roots(ground) == ["AKIASECOND"]
    set_root(ground, "AKIASECOND", "two")
    found = ground.read(lambda tx: access_keys.find_access_key(tx, ground.sealer, "AKIASECOND"))
    assert found and found.secret == "two" and ground.count(table) == 1


def test_a_key_of_another_account_cannot_become_root(ground: Ground) -> None:
    ground.write(lambda tx: accounts.ensure_account(tx, OTHER, "other"))
    with pytest.raises(ValueError, match="somebody else"):
        set_root(ground, ROOT.access_key_id, "x", OTHER)
    assert roots(ground) == [ROOT.access_key_id]


def test_another_secret_key_file_is_told_as_such(ground: Ground) -> None:
    with pytest.raises(WrongKeyError):
        ground.read(lambda tx: access_keys.find_access_key(tx, Sealer(b"other"), ROOT.access_key_id))


@given(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8")), st.binary(min_size=16, max_size=64))
def test_a_sealed_secret_opens_with_its_key_and_context_only(secret: str, context: str, key: bytes) -> None:
    sealed = Sealer(key).seal(secret, context)
    assert Sealer(key).open(sealed, context) == secret
    for wrong, other in ((Sealer(key), context + "x"), (Sealer(key + b"x"), context)):
        with pytest.raises(WrongKeyError):
            wrong.open(sealed, other)


def test_a_sealed_secret_differs_each_time_and_no_byte_of_it_may_change() -> None:
    sealer = Sealer(b"k" * 32)
    sealed = sealer.seal("secret", "row")
    assert sealer.seal("secret", "row") != sealed
    for index in range(len(sealed)):
        changed = bytearray(sealed)
        changed[index] ^= 1
        with pytest.raises(WrongKeyError):
            sealer.open(bytes(changed), "row")
    with pytest.raises(WrongKeyError):
        sealer.open(sealed[:-1], "row")


def test_a_registry_is_made_once_for_each_service_account_and_region(ground: Ground) -> None:
    def ensure(tx: Transaction, service: str, region: str) -> int:
        return accounts.ensure_registry(tx, service, ACCOUNT, region).id

    ids = {
        ground.write(partial(ensure, service=service, region=region)) for service in ("private", "public") for region in "ab"
    }
    assert len(ids) == 4
    assert ground.write(partial(ensure, service="private", region=REGION)) == ground.registry.id
    assert ground.count(registries) == 5
    assert ground.read(lambda tx: accounts.find_registry(tx, "private", OTHER, REGION)) is None


def test_an_account_is_made_once(ground: Ground) -> None:
    ground.write(lambda tx: accounts.ensure_account(tx, ACCOUNT, "renamed"))
    assert [tuple(row) for row in ground.rows(sa.select(accounts_table.c.id, accounts_table.c.name))] == [(ACCOUNT, "default")]


@pytest.fixture
def ring(ground: Ground) -> Iterator[KeyRing]:
    with closing(ground.database.point_reader()) as points:
        yield KeyRing(points, ground.sealer)


def test_a_ring_finds_what_the_database_has_now(ground: Ground, ring: KeyRing) -> None:
    found = ring.find(ROOT.access_key_id)
    assert found is not None
    assert (found.principal, found.secret, found.active) == (ROOT, "secret", True)
    ground.write(lambda tx: tx.execute(sa.update(table).values(active=False)))
    again = ring.find(ROOT.access_key_id)
    assert again is not None
    assert not again.active
    ground.write(lambda tx: access_keys.set_root_key(tx, ground.sealer, ACCOUNT, ROOT.access_key_id, "another"))
    changed = ring.find(ROOT.access_key_id)
    assert changed is not None
    assert changed.secret == "another"
    ground.write(lambda tx: tx.execute(sa.delete(table)))
    assert ring.find(ROOT.access_key_id) is None


def test_a_ring_tells_no_secret(ring: KeyRing) -> None:
    assert "secret" not in repr(ring.find(ROOT.access_key_id))
