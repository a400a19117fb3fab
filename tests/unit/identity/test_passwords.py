import base64
import hashlib
from contextlib import suppress
from functools import partial

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from moorage.identity.iam_errors import PasswordPolicyViolationError
from moorage.identity.users import passwords, users
from moorage.storage.database.schema.iam import users as table
from moorage.storage.database.transaction import Transaction
from tests.unit.ground import ACCOUNT, Ground

_PASSWORD = "Corr3ct-horse"


def _alice(tx: Transaction, kept: str | None) -> None:
    user = users.create(tx, ACCOUNT, "alice")
    if kept is not None:
        passwords.set_password(tx, user, kept, reset_required=False, created_at=tx.now)


def test_a_password_matches_what_was_kept_of_it_and_nothing_else_does() -> None:
    kept = passwords.hashed(_PASSWORD)
    assert passwords.matches(_PASSWORD, kept)
    assert not passwords.matches(_PASSWORD + " ", kept)
    assert not passwords.matches("", kept)


def test_nothing_matches_where_nothing_is_kept() -> None:
    assert not passwords.matches("", None)


@pytest.mark.parametrize("has_one", [True, False])
@pytest.mark.parametrize("password", [_PASSWORD, "Wr0ng-horse", ""])
def test_where_nothing_is_kept_the_same_work_is_done(has_one: bool, password: str) -> None:
    kept = passwords.hashed(_PASSWORD) if has_one else None
    done: list[tuple[int, int, int]] = []

    def count(_password: str, _salt: bytes, *settings: int) -> bytes:
        cost, block, lanes = settings
        done.append((cost, block, lanes))
        return bytes(32)

    passwords.matches(password, kept, count)
    assert done == [(14, 8, 5)]


def test_what_nobody_has_is_never_matched_though_the_derived_bytes_are_the_same() -> None:
    assert not passwords.matches("", None, lambda *_: bytes(32))


def test_what_is_kept_tells_neither_the_password_nor_who_else_has_it() -> None:
    first, second = passwords.hashed(_PASSWORD), passwords.hashed(_PASSWORD)
    assert first != second and _PASSWORD not in first
    assert first.startswith("scrypt$14$8$5$")


def test_what_was_kept_with_other_settings_still_verifies() -> None:
    made = hashlib.scrypt(_PASSWORD.encode(), salt=b"salt", n=1 << 10, r=4, p=1, dklen=32)
    kept = f"scrypt$10$4$1${base64.b64encode(b'salt').decode()}${base64.b64encode(made).decode()}"
    assert passwords.matches(_PASSWORD, kept)
    assert not passwords.matches("Wr0ng-horse", kept)


@pytest.mark.parametrize("password", ["Abcdef1", "alllowercase1", "ALLUPPER-", "12345678-", "Alice-1", "Robot-ci-1"])
def test_a_password_that_breaks_a_rule_is_refused(password: str) -> None:
    with pytest.raises(PasswordPolicyViolationError) as caught:
        passwords.check(password, "robot-CI-1")
    assert password not in caught.value.message


@pytest.mark.parametrize("password", ["Abcdefg1", "abcdef1-", "ABCDEF1-", "Abcdefg-", "x" * 120 + "Aa1"])
def test_three_kinds_of_characters_are_enough(password: str) -> None:
    passwords.check(password, "alice")


@given(st.text(min_size=8, max_size=128))
def test_any_text_passes_or_is_refused_in_words(password: str) -> None:
    with suppress(PasswordPolicyViolationError):
        passwords.check(password, "alice")


def test_the_right_password_of_a_user_is_told_from_all_else(ground: Ground) -> None:
    ground.write(partial(_alice, kept=passwords.hashed(_PASSWORD)))
    ground.write(lambda tx: users.create(tx, ACCOUNT, "bob"))
    found = passwords.verify(ground.database, ACCOUNT, "ALICE", _PASSWORD)
    assert found is not None and found.resource.name == "alice"
    assert (
        ground.rows(sa.select(table.c.password_last_used_at).where(table.c.id == found.resource.id))[0][0] == ground.clock.now()
    )
    for account, name, password in (
        (ACCOUNT, "alice", "Wr0ng-horse"),
        (ACCOUNT, "bob", _PASSWORD),
        (ACCOUNT, "nobody", _PASSWORD),
        ("210987654321", "alice", _PASSWORD),
    ):
        assert passwords.verify(ground.database, account, name, password) is None


def test_where_nothing_is_kept_the_same_derivation_is_made_as_for_a_wrong_password() -> None:
    settings = passwords.hashed(_PASSWORD).split("$")[:4]
    assert passwords._NOBODYS.split("$")[:4] == settings
    assert [len(part) for part in passwords._NOBODYS.split("$")] == [len(part) for part in passwords.hashed("").split("$")]
