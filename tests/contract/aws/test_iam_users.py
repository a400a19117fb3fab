"""Users through boto3."""

import uuid
from typing import Any

from tests.contract.aws.door import ACCOUNT, ROOT


def _fresh() -> str:
    return f"user-{uuid.uuid4().hex[:12]}"


def test_a_user_is_shown_as_it_was_made(iam: Any) -> None:
    name = _fresh()
    tags = [{"Key": "team", "Value": "core"}]
    made = iam.create_user(UserName=name, Path="/people/", Tags=tags)["User"]
    assert made["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/people/{name}"
    assert (made["UserName"], made["Path"], made["Tags"], made["UserId"][:4]) == (name, "/people/", tags, "AIDA")
    assert iam.get_user(UserName=name)["User"] == made


def test_the_root_user_has_a_name_that_no_user_can_have(iam: Any) -> None:
    root = iam.get_user()["User"]
    assert (root["UserId"], root["Arn"], root["UserName"]) == (ACCOUNT, ROOT, "<root_account>")
