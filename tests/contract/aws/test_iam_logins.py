"""Login profiles, aliases, summaries, and the lists of what nobody has, through boto3."""

from typing import Any

import pytest

from tests.contract.aws.door import Door
from tests.contract.aws.iam import failed, fresh

_PASSWORD = "Corr3ct-horse"
_OTHER = "An0ther-horse"


def test_a_login_profile_comes_is_seen_changes_and_goes(iam: Any, user: str) -> None:
    made = iam.create_login_profile(UserName=user, Password=_PASSWORD, PasswordResetRequired=True)["LoginProfile"]
    assert (made["UserName"], made["PasswordResetRequired"]) == (user, True)
    assert iam.get_login_profile(UserName=user)["LoginProfile"] == made
    iam.update_login_profile(UserName=user, PasswordResetRequired=False)
    iam.update_login_profile(UserName=user, Password=_OTHER)
    changed = iam.get_login_profile(UserName=user)["LoginProfile"]
    assert changed == {**made, "PasswordResetRequired": False}
    iam.delete_login_profile(UserName=user)
    for ask in (iam.get_login_profile, iam.delete_login_profile, iam.update_login_profile):
        with failed("NoSuchEntity", f"Login Profile for User {user} cannot be found.", 404):
            ask(UserName=user)


_SHORT = "Password should have a minimum length of 8"
_UNIFORM = (
    "Password should have at least three of: an uppercase letter, a lowercase letter, a number, "
    "a symbol of ! @ # $ % ^ & * ( ) _ + - = [ ] { } | '"
)


@pytest.mark.parametrize(("password", "text"), [("Sh0rt-1", _SHORT), ("onlyletters-", _UNIFORM)])
def test_a_weak_password_is_refused_and_not_repeated(iam: Any, user: str, password: str, text: str) -> None:
    with failed("PasswordPolicyViolation", text):
        iam.create_login_profile(UserName=user, Password=password)
    iam.create_login_profile(UserName=user, Password=_PASSWORD)
    with failed("PasswordPolicyViolation", text):
        iam.update_login_profile(UserName=user, Password=password)


def test_a_password_is_not_the_name_of_its_user(iam: Any) -> None:
    name = fresh("User-1")
    iam.create_user(UserName=name)
    with failed("PasswordPolicyViolation", "Password should not be the name of the user"):
        iam.create_login_profile(UserName=name, Password=name)


def test_the_root_has_no_password_here(iam: Any) -> None:
    with failed("ValidationError", "Must specify userName when calling with non-User credentials"):
        iam.create_login_profile(Password=_PASSWORD)
    with failed("NoSuchEntity", "Login Profile for User <root_account> cannot be found.", 404):
        iam.get_login_profile()
    with failed("InvalidUserType", "Only IAM Users can change their own password."):
        iam.change_password(OldPassword=_PASSWORD, NewPassword=_OTHER)


def test_no_password_is_in_the_database_or_the_log(door: Door, iam: Any, user: str) -> None:
    iam.create_login_profile(UserName=user, Password="Canary-passw0rd-1")
    with failed("PasswordPolicyViolation", _SHORT):
        iam.update_login_profile(UserName=user, Password="Canary2")
    door.settle()
    kept = b"".join(path.read_bytes() for path in door.server.data.glob("moorage.db*")) + door.server.log.read_bytes()
    assert user.encode() in kept
    assert b"Canary" not in kept


def test_an_account_has_one_alias_and_shares_it_with_no_other(iam: Any, other_iam: Any) -> None:
    iam.create_account_alias(AccountAlias="our-registry")
    iam.create_account_alias(AccountAlias="our-images")  # takes the place of the first
    assert iam.list_account_aliases()["AccountAliases"] == ["our-images"]
    with failed("EntityAlreadyExists", "The account alias our-images already exists.", 409):
        other_iam.create_account_alias(AccountAlias="our-images")
    with failed("NoSuchEntity", "The account alias with name our-registry cannot be found.", 404):
        iam.delete_account_alias(AccountAlias="our-registry")
    with failed("ValidationError", "The account alias must not consist of digits only."):
        iam.create_account_alias(AccountAlias="123456789012")
    iam.delete_account_alias(AccountAlias="our-images")
    assert iam.list_account_aliases()["AccountAliases"] == []


def test_the_summary_counts_what_the_account_has(iam: Any) -> None:
    before = iam.get_account_summary()["SummaryMap"]
    iam.create_user(UserName=fresh())
    iam.create_group(GroupName=fresh("group"))
    after = iam.get_account_summary()["SummaryMap"]
    assert (after["Users"], after["Groups"]) == (before["Users"] + 1, before["Groups"] + 1)
    assert (after["UsersQuota"], after["GroupsQuota"], after["AccessKeysPerUserQuota"]) == (5000, 300, 2)
    assert (after["AccountAccessKeysPresent"], after["MFADevices"]) == (1, 0)


def test_what_nobody_has_is_an_empty_list(iam: Any, user: str) -> None:
    for member, ask in {
        "MFADevices": iam.list_mfa_devices,
        "Certificates": iam.list_signing_certificates,
        "SSHPublicKeys": iam.list_ssh_public_keys,
        "ServiceSpecificCredentials": iam.list_service_specific_credentials,
    }.items():
        assert ask(UserName=user)[member] == []
        assert ask()[member] == []
        with failed("NoSuchEntity", "The user with name nobody cannot be found.", 404):
            ask(UserName="nobody")
    assert iam.list_virtual_mfa_devices()["VirtualMFADevices"] == []


def test_no_account_has_a_password_policy_of_its_own(iam: Any) -> None:
    with failed("NoSuchEntity", "The Password Policy with domain name 123456789012 cannot be found.", 404):
        iam.get_account_password_policy()
