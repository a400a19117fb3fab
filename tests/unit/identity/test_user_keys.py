from functools import partial

import pytest

from moorage.core.clock import Timestamp
from moorage.identity.credentials import access_keys, user_keys
from moorage.identity.credentials.user_keys import MadeKey, Owner, Use
from moorage.identity.iam_errors import NoSuchEntityError, QuotaExceededError
from moorage.identity.users import users
from moorage.storage.database.transaction import Transaction
from tests.unit.ground import ACCOUNT, ROOT, Ground

_ROOTS = Owner(ACCOUNT, None)


def _key_of(ground: Ground, name: str) -> MadeKey:
    def work(tx: Transaction) -> MadeKey:
        user = users.create(tx, ACCOUNT, name)
        return user_keys.create(tx, ground.sealer, Owner(ACCOUNT, user.resource.id))

    return ground.write(work)


def test_the_newest_use_counts_in_whatever_order_processes_write_theirs(ground: Ground) -> None:
    made = _key_of(ground, "alice")
    for at in (20, 10, 30, 20):
        used = {made.facts.id: Use(at, "ecr", f"r-{at}"), "AKIAGONE": Use(1, "", "")}
        ground.write(partial(user_keys.note_uses, used=used))
    found = ground.read(lambda tx: user_keys.find(tx, ACCOUNT, made.facts.id))
    assert found is not None and found.last_used == Use(30, "ecr", "r-30")


def test_a_users_key_opens_to_that_user(ground: Ground) -> None:
    made = _key_of(ground, "alice")
    found = ground.read(lambda tx: access_keys.find_access_key(tx, ground.sealer, made.facts.id))
    assert found is not None and found.secret == made.secret
    who = found.principal
    assert (who.kind, who.arn, who.identity_arn) == ("IAMUser", f"arn:aws:iam::{ACCOUNT}:user/alice", who.arn)
    assert who.id == who.identity_id == made.facts.owner.user_id
    assert made.secret not in repr(made) + repr(found)


def test_a_users_key_cannot_be_set_as_the_roots(ground: Ground) -> None:
    made = _key_of(ground, "alice")
    with pytest.raises(ValueError, match="belongs to somebody else"):
        ground.write(lambda tx: access_keys.set_root_key(tx, ground.sealer, ACCOUNT, made.facts.id, "secret"))


def test_the_root_has_two_keys_at_most_like_everybody(ground: Ground) -> None:
    ground.write(lambda tx: user_keys.create(tx, ground.sealer, _ROOTS))
    with pytest.raises(QuotaExceededError):
        ground.write(lambda tx: user_keys.create(tx, ground.sealer, _ROOTS))
    _key_of(ground, "alice")  # users' keys count for themselves


def test_only_the_owner_ends_a_key(ground: Ground) -> None:
    made, other = _key_of(ground, "alice"), _key_of(ground, "bob")
    for owner in (_ROOTS, other.facts.owner, Owner("210987654321", made.facts.owner.user_id)):
        with pytest.raises(NoSuchEntityError):
            ground.write(partial(user_keys.delete, owner=owner, key_id=made.facts.id))
        with pytest.raises(NoSuchEntityError):
            ground.write(partial(user_keys.set_active, owner=owner, key_id=made.facts.id, active=False))
    with pytest.raises(NoSuchEntityError):
        ground.write(lambda tx: user_keys.delete(tx, made.facts.owner, ROOT.access_key_id))
    ground.write(lambda tx: user_keys.delete(tx, made.facts.owner, made.facts.id))
    assert ground.read(lambda tx: user_keys.listed(tx, made.facts.owner)) == []


def test_ids_of_keys_are_random_and_tell_the_account() -> None:
    ids = {access_keys.new_key_id(account) for account in ("000000000001", "999999999999") for _ in range(50)}
    assert len(ids) == 100 and all(len(key_id) == 20 for key_id in ids)


def test_a_new_key_is_as_old_as_its_transaction(ground: Ground) -> None:
    assert _key_of(ground, "alice").facts.created_at == Timestamp(ground.clock.now())
