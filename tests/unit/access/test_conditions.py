from dataclasses import replace
from typing import Any

import pytest

from moorage.access.conditions import context_of, of_session, of_tags
from moorage.core.call import Call, Principal, Registry
from moorage.core.clock import Timestamp

ACCOUNT = "123456789012"
USER = Principal(
    ACCOUNT,
    f"arn:aws:iam::{ACCOUNT}:user/team/ann",
    "IAMUser",
    "AKIAANN",
    "AIDAANN",
    "AIDAANN",
    f"arn:aws:iam::{ACCOUNT}:user/team/ann",
)
SESSION = Principal(
    ACCOUNT,
    f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/today",
    "AssumedRole",
    "ASIADEPLOY",
    "AROADEPLOY:today",
    "AROADEPLOY",
    f"arn:aws:iam::{ACCOUNT}:role/ci/deploy",
    "ASIADEPLOY",
)
ROOT = Principal.root(ACCOUNT, "AKIAROOT")
CALL = Call(
    "request",
    Timestamp(1767225600500),
    "ecr.amazonaws.com",
    "BatchGetImage",
    USER,
    Registry(1, "private", ACCOUNT, "eu-west-1"),
    source_address="192.0.2.7",
    user_agent="docker/29",
    referer="https://example.com/",
    authority="https://registry.example.com",
)


def value(key: str, call: Call = CALL, known: Any = (), filled: Any = None) -> tuple[str, ...] | None:
    return context_of([key], call, known, filled or {}).get(key)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("aws:currenttime", "2026-01-01T00:00:00Z"),
        ("aws:epochtime", "1767225600"),
        ("aws:requestedregion", "eu-west-1"),
        ("aws:securetransport", "true"),
        ("aws:useragent", "docker/29"),
        ("aws:referer", "https://example.com/"),
        ("aws:sourceip", "192.0.2.7"),
        ("aws:principalarn", USER.arn),
        ("aws:principalaccount", ACCOUNT),
        ("aws:principaltype", "User"),
        ("aws:userid", "AIDAANN"),
        ("aws:username", "ann"),
        ("aws:principalisawsservice", "false"),
        ("aws:viaawsservice", "false"),
        ("aws:sourcevpc", None),
        ("aws:unknown", None),
    ],
)
def test_the_call_tells_who_asks_from_where_and_when(key: str, expected: str | None) -> None:
    assert value(key) == ((expected,) if expected is not None else None)


@pytest.mark.parametrize(
    ("principal", "kind", "user_id", "arn", "name"),
    [
        (USER, "User", "AIDAANN", USER.arn, "ann"),
        (SESSION, "AssumedRole", "AROADEPLOY:today", f"arn:aws:iam::{ACCOUNT}:role/ci/deploy", None),
        (ROOT, "Account", ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root", None),
    ],
)
def test_a_role_s_session_is_its_role_and_has_no_user_name(
    principal: Principal, kind: str, user_id: str, arn: str, name: str | None
) -> None:
    call = replace(CALL, principal=principal)
    assert value("aws:principaltype", call) == (kind,)
    assert value("aws:userid", call) == (user_id,)
    assert value("aws:principalarn", call) == (arn,)
    assert value("aws:username", call) == ((name,) if name else None)


def test_plain_http_and_absent_headers_are_told_as_such() -> None:
    plain = replace(CALL, authority="http://localhost:5000", user_agent="", referer="")
    assert value("aws:securetransport", plain) == ("false",)
    assert value("aws:useragent", plain) is None
    assert value("aws:referer", plain) is None


@pytest.mark.parametrize(
    "key",
    [
        "aws:sourceip",
        "aws:principalarn",
        "aws:principaltag/team",
        "aws:tokenissuetime",
        "aws:sourceidentity",
        "aws:currenttime",
    ],
)
def test_no_request_says_what_only_the_server_says(key: str) -> None:
    forged = ("forged",)
    assert value(key, filled={key: forged}) != forged


def test_what_is_known_of_caller_and_resource_goes_before_what_a_request_fills() -> None:
    known = ({"aws:resourcetag/stage": ("prod",)}, {"aws:resourceaccount": (ACCOUNT,)})
    assert value("aws:resourcetag/stage", known=known, filled={"aws:resourcetag/stage": ("test",)}) == ("prod",)
    assert value("aws:resourceaccount", known=known) == (ACCOUNT,)
    assert value("aws:requesttag/stage", filled={"aws:requesttag/stage": ("test",)}) == ("test",)
    assert value("aws:tagkeys", filled={"aws:tagkeys": ("a", "b")}) == ("a", "b")


def test_only_what_is_read_is_filled() -> None:
    assert context_of([], CALL, ({"aws:resourceaccount": (ACCOUNT,)},), {"aws:tagkeys": ("a",)}) == {}


def test_the_keys_of_tags_have_no_case() -> None:
    assert of_tags({"Stage": "Prod"}, ("aws:resourcetag/", "ecr:resourcetag/")) == {
        "aws:resourcetag/stage": ("Prod",),
        "ecr:resourcetag/stage": ("Prod",),
    }


def test_keys_of_tags_that_differ_in_case_only_are_one_with_both_values() -> None:
    assert of_tags({"Env": "prod", "env": "dev"}, ("ecr:resourcetag/",)) == {"ecr:resourcetag/env": ("prod", "dev")}


def test_a_session_tells_how_it_came_to_be() -> None:
    assert of_session(1767225600000, "ann@example.com", "arn:aws:iam::1:oidc-provider/ci") == {
        "aws:tokenissuetime": ("2026-01-01T00:00:00Z",),
        "aws:multifactorauthpresent": ("false",),
        "aws:sourceidentity": ("ann@example.com",),
        "aws:federatedprovider": ("arn:aws:iam::1:oidc-provider/ci",),
    }
    assert of_session(0, None, None).keys() == {"aws:tokenissuetime", "aws:multifactorauthpresent"}
