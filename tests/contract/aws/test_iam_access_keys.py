"""Access keys of users through boto3: who signs with them, and what ends them."""

import base64
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.contract.aws.door import ACCOUNT, ROOT, Door
from tests.contract.aws.iam import failed


def _account_in(key_id: str) -> str:
    """The account that a key's id tells, as scanners for leaked keys read it."""
    number = int.from_bytes(base64.b32decode(key_id[4:])[:6])
    return f"{(number & 0x7FFFFFFFFF80) >> 7:012d}"


def _sts(door: Door, key: dict[str, str]) -> Any:
    return door.client(key_id=key["AccessKeyId"], secret=key["SecretAccessKey"], service="sts")


def test_a_key_is_listed_without_its_secret(iam: Any, user: str) -> None:
    made = iam.create_access_key(UserName=user)["AccessKey"]
    secret = made.pop("SecretAccessKey")
    assert (len(secret), made["UserName"], made["Status"]) == (40, user, "Active")
    assert iam.list_access_keys(UserName=user)["AccessKeyMetadata"] == [made]
    assert (made["AccessKeyId"][:4], len(made["AccessKeyId"])) == ("AKIA", 20)
    assert _account_in(made["AccessKeyId"]) == ACCOUNT


def test_whoever_signs_with_a_users_key_is_that_user(door: Door, iam: Any, user: str) -> None:
    key = iam.create_access_key(UserName=user)["AccessKey"]
    who = _sts(door, key).get_caller_identity()
    arn = f"arn:aws:iam::{ACCOUNT}:user/{user}"
    assert (who["Account"], who["Arn"]) == (ACCOUNT, arn)
    assert who["UserId"] == iam.get_user(UserName=user)["User"]["UserId"]
    iam.update_user(UserName=user, NewPath="/moved/")
    assert _sts(door, key).get_caller_identity()["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/moved/{user}"


@pytest.mark.parametrize("end", ["inactive", "deleted"])
def test_a_key_that_is_ended_signs_nothing_from_the_next_request_on(door: Door, iam: Any, user: str, end: str) -> None:
    key = iam.create_access_key(UserName=user)["AccessKey"]
    sts = _sts(door, key)
    sts.get_caller_identity()
    named = {"UserName": user, "AccessKeyId": key["AccessKeyId"]}
    if end == "inactive":
        iam.update_access_key(Status="Inactive", **named)
    else:
        iam.delete_access_key(**named)
    with failed("InvalidClientTokenId", "The security token included in the request is invalid.", 403):
        sts.get_caller_identity()
    if end == "inactive":
        assert iam.list_access_keys(UserName=user)["AccessKeyMetadata"][0]["Status"] == "Inactive"
        iam.update_access_key(Status="Active", **named)
        sts.get_caller_identity()


def test_a_key_that_is_free_again_makes_room_for_another(iam: Any, user: str) -> None:
    keys = [iam.create_access_key(UserName=user)["AccessKey"]["AccessKeyId"] for _ in range(2)]
    iam.update_access_key(UserName=user, AccessKeyId=keys[0], Status="Inactive")
    with failed("LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2", 409):
        iam.create_access_key(UserName=user)
    iam.delete_access_key(UserName=user, AccessKeyId=keys[0])
    keys[0] = iam.create_access_key(UserName=user)["AccessKey"]["AccessKeyId"]
    listed = [key["AccessKeyId"] for key in iam.list_access_keys(UserName=user)["AccessKeyMetadata"]]
    assert listed == [keys[1], keys[0]]


def test_the_last_use_of_a_key_is_known_seconds_later(door: Door, iam: Any, user: str) -> None:
    key = iam.create_access_key(UserName=user)["AccessKey"]
    never = iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])
    assert (never["UserName"], never["AccessKeyLastUsed"]) == (user, {"ServiceName": "N/A", "Region": "N/A"})
    door.client("eu-west-1", key["AccessKeyId"], key["SecretAccessKey"], "sts").get_caller_identity()
    deadline = time.monotonic() + 10
    while "LastUsedDate" not in (used := _last_use(iam, key)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert (used["ServiceName"], used["Region"]) == ("sts", "eu-west-1")
    assert abs(datetime.now(UTC) - used["LastUsedDate"]) < timedelta(minutes=1)


def _last_use(iam: Any, key: dict[str, str]) -> dict[str, Any]:
    used: dict[str, Any] = iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])["AccessKeyLastUsed"]
    return used


def test_a_root_that_names_nobody_means_its_own_keys(door: Door, other_iam: Any) -> None:
    made = other_iam.create_access_key()["AccessKey"]
    assert made["UserName"] == "<root_account>"
    assert _sts(door, made).get_caller_identity()["Arn"] == "arn:aws:iam::210987654321:root" != ROOT
    with failed("LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2", 409):
        other_iam.create_access_key()
    assert len(other_iam.list_access_keys()["AccessKeyMetadata"]) == 2
    assert other_iam.get_access_key_last_used(AccessKeyId=made["AccessKeyId"])["UserName"] == "<root_account>"
    other_iam.update_access_key(AccessKeyId=made["AccessKeyId"], Status="Inactive")
    other_iam.delete_access_key(AccessKeyId=made["AccessKeyId"])


def test_a_key_of_somebody_else_is_not_found_under_a_users_name(iam: Any, user: str) -> None:
    key = iam.create_access_key(UserName=user)["AccessKey"]["AccessKeyId"]
    text = f"The Access Key with id {key} cannot be found."
    iam.create_user(UserName=f"{user}-2")
    for named in ({"UserName": f"{user}-2"}, {}):  # the root's own
        with failed("NoSuchEntity", text, 404):
            iam.delete_access_key(AccessKeyId=key, **named)
        with failed("NoSuchEntity", text, 404):
            iam.update_access_key(AccessKeyId=key, Status="Inactive", **named)


def test_no_secret_is_in_the_database_or_the_log(door: Door, iam: Any, user: str) -> None:
    secret = iam.create_access_key(UserName=user)["AccessKey"]["SecretAccessKey"]
    door.settle()
    kept = b"".join(path.read_bytes() for path in door.server.data.glob("moorage.db*")) + door.server.log.read_bytes()
    assert user.encode() in kept
    assert secret.encode() not in kept
