"""GetAuthorizationToken: the password of the data plane."""

import base64
import time

import pytest
import requests

from tests.contract.aws.door import ACCOUNT, Door, constraint, refused

_HOUR = 3600


def _password(token: str) -> str:
    user, password = base64.b64decode(token, validate=True).decode("ascii").split(":")
    assert user == "AWS"
    return password


def test_one_token_for_the_callers_registry(door: Door) -> None:
    (entry,) = door.call("GetAuthorizationToken")["authorizationData"]
    assert entry["proxyEndpoint"] == f"http://{door.host}"
    assert abs(entry["expiresAt"].timestamp() - time.time() - 12 * _HOUR) < 60
    assert not {*_password(entry["authorizationToken"])} & {*"~>?:"}
    assert len(entry["authorizationToken"]) < 4096 and not {*entry["authorizationToken"]} & {*"+/"}


def test_the_password_signs_in_at_the_registry(door: Door) -> None:
    (entry,) = door.call("GetAuthorizationToken")["authorizationData"]
    login = ("AWS", _password(entry["authorizationToken"]))
    assert requests.get(f"http://{door.host}/v2/", auth=login, timeout=10).status_code == 200


def test_each_call_gives_another_password(door: Door) -> None:
    found = {door.call("GetAuthorizationToken")["authorizationData"][0]["authorizationToken"] for _ in range(3)}
    assert len(found) == 3


def test_one_entry_for_each_registry_asked_for_all_with_one_token(door: Door) -> None:
    asked = [ACCOUNT, "210987654321"]
    entries = door.call("GetAuthorizationToken", registryIds=asked)["authorizationData"]
    assert [entry["proxyEndpoint"] for entry in entries] == [
        f"http://{door.host}",
        f"http://210987654321.dkr.ecr.us-east-1.{door.host}",
    ]
    assert len({entry["authorizationToken"] for entry in entries}) == 1


def test_another_region_has_another_endpoint(door: Door, region: str) -> None:
    (entry,) = door.call("GetAuthorizationToken", door.client(region))["authorizationData"]
    assert entry["proxyEndpoint"] == f"http://{ACCOUNT}.dkr.ecr.{region}.{door.host}"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ([], "Member must have length greater than or equal to 1"),
        ([ACCOUNT] * 11, "Member must have length less than or equal to 10"),
        (["1"], "Member must satisfy constraint: [Member must satisfy regular expression pattern: [0-9]{12}]"),
    ],
)
def test_registry_ids_outside_their_bounds_are_refused(door: Door, asked: list[str], message: str) -> None:
    with refused("InvalidParameterException", constraint("registryIds", message)):
        door.call("GetAuthorizationToken", registryIds=asked)
