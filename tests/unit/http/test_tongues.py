"""What is asked for without a signature: only what is open by its entry, and by the list, too."""

from typing import Any
from urllib.parse import urlencode

import pytest

from moorage.aws.model import Service
from moorage.aws.operation import Dispatcher, operation
from moorage.aws.requirements import AnyCaller, Open
from moorage.aws.signature_errors import MissingAuthenticationTokenError
from moorage.http.tongues import MOST_UNSIGNED, OPEN_OPERATIONS, QueryTongue
from tests.unit.http.asked import request

_FORM = ("Content-Type", "application/x-www-form-urlencoded")


class OpenOperations:
    """One that may be open, and one whose entry says so in vain."""

    @operation("AssumeRoleWithWebIdentity", requires=Open("the token proves who asks"), mode="own")
    def assume(self, database: object, call: object, params: dict[str, Any]) -> dict[str, Any]:
        return {}

    @operation("GetSessionToken", requires=Open("by mistake"), mode="own")
    def get(self, database: object, call: object, params: dict[str, Any]) -> dict[str, Any]:
        return {}


class ClosedOperations:
    """The listed operation, whose entry does not say that it is open."""

    @operation("AssumeRoleWithWebIdentity", requires=AnyCaller("whoever signed"), mode="own")
    def assume(self, database: object, call: object, params: dict[str, Any]) -> dict[str, Any]:
        return {}


def _tongue(room: object) -> QueryTongue:
    tongue = QueryTongue([Dispatcher(Service("sts"), [room])])
    tongue.prepare()
    return tongue


def _body(action: str, version: str = "2011-06-15") -> bytes:
    return urlencode({"Action": action, "Version": version}).encode()


def test_only_one_operation_is_open() -> None:
    assert OPEN_OPERATIONS == ("AssumeRoleWithWebIdentity",)
    asked = _tongue(OpenOperations()).read(request(_FORM), _body("AssumeRoleWithWebIdentity"), None)
    assert asked.operation == "AssumeRoleWithWebIdentity"


@pytest.mark.parametrize(
    ("room", "action"),
    [
        (OpenOperations(), "GetSessionToken"),
        (OpenOperations(), "GetCallerIdentity"),
        (OpenOperations(), ""),
        (ClosedOperations(), "AssumeRoleWithWebIdentity"),
    ],
)
def test_an_operation_must_be_listed_and_say_so_itself(room: object, action: str) -> None:
    with pytest.raises(MissingAuthenticationTokenError):
        _tongue(room).read(request(_FORM), _body(action), None)


def test_a_form_that_nobody_signed_must_be_short_and_in_the_body() -> None:
    tongue = _tongue(OpenOperations())
    assert tongue.may_be_unsigned(request(_FORM, ("Content-Length", str(MOST_UNSIGNED)), method="POST"))
    assert tongue.may_be_unsigned(request(_FORM, ("Transfer-Encoding", "chunked"), method="POST"))
    assert not tongue.may_be_unsigned(request(_FORM, ("Content-Length", str(MOST_UNSIGNED + 1)), method="POST"))
    assert not tongue.may_be_unsigned(request(_FORM, method="GET"))
    assert not tongue.may_be_unsigned(request(("Content-Type", "application/json"), method="POST"))
