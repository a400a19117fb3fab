import pytest

from moorage.identity import accounts
from moorage.identity.credentials import access_keys
from moorage.identity.errors import AccountAlreadyExistsError
from moorage.storage.database.schema.identity import accounts as table
from tests.unit.ground import ACCOUNT, REGION, Ground


def test_an_account_has_the_id_that_was_asked_for_or_a_free_one(ground: Ground) -> None:
    made = ground.write(lambda tx: accounts.create_account(tx, "000000000001", "first"))
    assert (made.id, made.name, made.created_at) == ("000000000001", "first", ground.clock.now())
    chosen = {ground.write(lambda tx: accounts.create_account(tx, None, "free")).id for _ in range(20)}
    assert len(chosen) == 20
    assert all(len(each) == 12 and each.isdigit() and each[0] != "0" for each in chosen)


def test_an_id_that_is_taken_is_refused_and_nothing_changes(ground: Ground) -> None:
    with pytest.raises(AccountAlreadyExistsError, match=f"The account {ACCOUNT} already exists"):
        ground.write(lambda tx: accounts.create_account(tx, ACCOUNT, "again"))
    assert ground.count(table) == 1


def test_accounts_are_listed_in_the_order_of_their_ids(ground: Ground) -> None:
    for number in (3, 1, 2):
        ground.write(lambda tx, number=number: accounts.create_account(tx, f"{number:012d}", str(number)))  # type: ignore[misc]
    first = ground.read(lambda tx: accounts.list_accounts(tx, None, 2))
    rest = ground.read(lambda tx: accounts.list_accounts(tx, first[-1].id, 10))
    assert [account.name for account in (*first, *rest)] == ["1", "2", "3", "default"]


def test_each_account_has_its_own_root_key_and_registries(ground: Ground) -> None:
    made = ground.write(lambda tx: accounts.create_account(tx, None, "second"))
    key = ground.write(lambda tx: access_keys.ensure_root_key(tx, ground.sealer, made.id))
    found = ground.read(lambda tx: access_keys.find_access_key(tx, ground.sealer, key.id))
    assert found is not None and found.principal.account_id == made.id and found.secret == key.secret
    assert key.is_new and ground.read(lambda tx: access_keys.root_keys(tx, ACCOUNT)) != [key.id]
    theirs = ground.write(lambda tx: accounts.ensure_registry(tx, "private", made.id, REGION))
    assert theirs.id != ground.registry.id
