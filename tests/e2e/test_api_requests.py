"""What `/api/v1` refuses, and how: every answer is one JSON shape with a fitting status, and none is a 500."""

import base64
import json
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
import requests

from tests.contract.aws.door import Signer
from tests.e2e.api import BASE, Answer, Api, Key
from tests.e2e.registry import Registry
from tests.e2e.server import Server

pytestmark = pytest.mark.ours


@pytest.fixture
def api(registry: Registry) -> Api:
    return Api(registry.host)


def assert_refused(answer: Answer, status: int, code: str, message: str | None = None) -> None:
    assert (answer.status, answer.code) == (status, code), answer.body
    assert message is None or answer.document["message"] == message


# --- who asks -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/tokens", "/accounts", "/nothing", "/tokens/0000000000000000", "/openapi.json/x"])
@pytest.mark.parametrize("authorization", [None, "", "Basic QVdTOnBhc3M=", "Bearer x", "AWS4"])
def test_an_unsigned_request_learns_nothing(api: Api, path: str, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    assert_refused(api.send("GET", BASE + path, headers, b""), 401, "MissingAuthenticationToken")


def test_a_signature_for_ecr_opens_nothing_here_nor_the_reverse(registry: Registry, api: Api) -> None:
    for service in ("ecr", "sts", "s3", ""):
        answer = replace(api, service=service or "x").ask("GET", "/tokens")
        assert_refused(answer, 401, "InvalidSignature", "Credential should be scoped to correct service: 'moorage'.")
    signed = Signer(service="moorage").sign(registry.host, "DescribeRepositories", b"{}").prepare()
    refused = requests.post(f"http://{registry.host}/", data=b"{}", headers=dict(signed.headers), timeout=60)
    assert refused.status_code == 400
    assert refused.json()["__type"] == "InvalidSignatureException"


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (Key("AKIAUNKNOWN000000000", "x"), "InvalidSecurityToken"),
        (Key("' OR 1=1 --", "x"), "InvalidSecurityToken"),
        (Key(secret="another"), "SignatureMismatch"),
    ],
)
def test_a_wrong_key_is_refused(api: Api, key: Key, code: str) -> None:
    assert_refused(replace(api, key=key).ask("POST", "/tokens", {"name": "x"}), 401, code)


def test_a_replay_within_the_window_is_accepted_as_at_aws(api: Api) -> None:
    request = api.signed("POST", "/tokens", {"name": "replayed"})
    first, second = api.send(*request), api.send(*request)
    assert (first.status, second.status) == (201, 201)
    assert first.document["id"] != second.document["id"]


def test_what_was_signed_cannot_be_changed(api: Api) -> None:
    method, target, headers, body = api.signed("POST", "/tokens", {"name": "mine"})
    assert_refused(api.send(method, target, headers, body.replace(b"mine", b"evil")), 401, "SignatureMismatch")
    assert_refused(api.send("DELETE", target, headers, body), 401, "SignatureMismatch")
    assert_refused(api.send(method, target + "?limit=1", headers, body), 401, "SignatureMismatch")
    assert_refused(api.send(method, f"{BASE}/accounts", headers, body), 401, "SignatureMismatch")


def test_a_presigned_request_works_until_it_expires(api: Api) -> None:
    request = api.signed("GET", "/tokens?limit=1", expires=1)
    assert api.send(*request).status == 200
    time.sleep(2.1)
    assert_refused(api.send(*request), 401, "InvalidSignature")


def test_a_strange_region_is_refused(api: Api) -> None:
    assert_refused(replace(api, region="US_EAST").ask("GET", "/tokens"), 401, "InvalidSignature")


# --- what is asked --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "NotFound"),
        ("GET", "", 404, "NotFound"),
        ("GET", "/tokens/", 404, "NotFound"),
        ("GET", "//tokens", 404, "NotFound"),
        ("PUT", "/tokens", 405, "MethodNotAllowed"),
        ("PATCH", "/tokens", 405, "MethodNotAllowed"),
        ("GET", "/tokens/0000000000000000", 405, "MethodNotAllowed"),
        ("DELETE", "/tokens/0000000000000000", 404, "TokenNotFound"),
        ("DELETE", "/tokens/0", 404, "TokenNotFound"),
        ("DELETE", "/tokens/FFFFFFFFFFFFFFFF", 404, "TokenNotFound"),
        ("DELETE", "/tokens/ffffffffffffffff", 404, "TokenNotFound"),
        ("DELETE", "/tokens/%00", 404, "TokenNotFound"),
        ("DELETE", "/tokens/" + "9" * 5000, 404, "TokenNotFound"),
    ],
)
def test_an_address_or_method_that_is_not_there_is_said(api: Api, method: str, path: str, status: int, code: str) -> None:
    answer = api.ask(method, path)
    assert_refused(answer, status, code)
    assert (answer.headers.get("allow") is not None) == (status == 405)


def test_a_head_is_a_get_without_its_body(api: Api) -> None:
    answer = api.ask("HEAD", "/tokens")
    assert (answer.status, answer.body) == (200, b"") and int(answer.headers["content-length"]) > 0


@pytest.mark.parametrize(
    ("query", "member"),
    [
        ("limit=1&limit=1", "limit"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=-1", "limit"),
        ("limit=1e2", "limit"),
        ("limit=5.0", "limit"),
        ("limit=", "limit"),
        ("limit=null", "limit"),
        ("limit=" + "9" * 4000, "limit"),
        ("limit=%D9%A3", "limit"),
        ("next=", "next"),
        ("next=x", "next"),
        ("next=%00", "next"),
        ("next=" + "A" * 1025, "next"),
        ("next=" + base64.urlsafe_b64encode(b"0" * 16 + b"[1,2]").decode(), "next"),
        ("Limit=1", None),
        ("unknown=1", None),
        ("limit[]=1", None),
    ],
)
def test_a_query_is_taken_strictly(api: Api, query: str, member: str | None) -> None:
    answer = api.ask("GET", f"/tokens?{query}")
    assert_refused(answer, 400, "InvalidParameter")
    assert member is None or answer.document["message"].startswith(f"Invalid parameter at '{member}' failed")


def test_a_query_where_none_is_taken_is_refused(api: Api) -> None:
    assert_refused(api.ask("POST", "/tokens?limit=1", {"name": "x"}), 400, "InvalidParameter")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "BadRequest"),
        (b"{", "BadRequest"),
        (b'{"name": "x"} {}', "BadRequest"),
        (b'{"name": "\xff"}', "BadRequest"),
        (b'{"name": "\\ud800"}', "BadRequest"),
        (b"\xef\xbb\xbf{}", "BadRequest"),
        (b"[]", "InvalidParameter"),
        (b"null", "InvalidParameter"),
        (b'"name"', "InvalidParameter"),
        (b"{}", "InvalidParameter"),
        (b'{"name": null}', "InvalidParameter"),
        (b'{"name": 5}', "InvalidParameter"),
        (b'{"name": "x", "unknown": 1}', "InvalidParameter"),
        (b'{"name": "x", "admin": true}', "InvalidParameter"),
        (b"[" * 60000, "InvalidParameter"),
        (b'{"name":' + b"[" * 60000, "InvalidParameter"),
        (b'{"x":' * 12000, "InvalidParameter"),
        (b'{"name": "x", "repositories": ' + b"[" * 60000, "InvalidParameter"),
        (b'{"name": "x", "lifetime_seconds": 1e999}', "InvalidParameter"),
        (b'{"name": "x", "lifetime_seconds": NaN}', "BadRequest"),
        (b'{"name": "x", "lifetime_seconds": ' + b"9" * 5000 + b"}", "InvalidParameter"),
    ],
)
def test_a_body_that_is_not_what_it_must_be_is_refused(api: Api, body: bytes, code: str) -> None:
    assert_refused(api.ask("POST", "/tokens", body), 400, code)


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""])
def test_a_body_of_another_type_is_refused(api: Api, content_type: str) -> None:
    answer = api.ask("POST", "/tokens", b'{"name": "x"}', headers={"Content-Type": content_type})
    assert_refused(answer, 415, "UnsupportedMediaType")


def test_a_body_where_none_is_taken_is_refused(api: Api) -> None:
    assert_refused(api.ask("GET", "/tokens", {"limit": 1}), 400, "BadRequest")


def test_a_body_that_is_too_large_is_refused_before_it_is_sent(api: Api) -> None:
    method, target, headers, _ = api.signed("POST", "/tokens", {"name": "x"})
    answer = api.send(method, target, {**headers, "Content-Length": str(10 * 2**20)}, b"")
    assert_refused(answer, 413, "BodyTooLarge")
    assert_refused(api.ask("POST", "/tokens", b" " * (64 * 1024) + b"{}"), 413, "BodyTooLarge")


# --- tokens ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "members",
    [
        {"lifetime_seconds": 899},
        {"lifetime_seconds": 365 * 86400 + 1},
        {"lifetime_seconds": 0},
        {"lifetime_seconds": -900},
        {"lifetime_seconds": 900.5},
        {"lifetime_seconds": "900"},
        {"lifetime_seconds": True},
        {"lifetime_seconds": None},
        {"lifetime_seconds": 2**70},
        {"repositories": []},
        {"repositories": "team/*"},
        {"repositories": [""]},
        {"repositories": ["team/\x00"]},
        {"repositories": ["team/\n"]},
        {"repositories": ["team/app\n"]},
        {"repositories": ["Team"]},
        {"repositories": ["team/?"]},
        {"repositories": ["\N{CYRILLIC SMALL LETTER A}"]},
        {"repositories": ["x" * 257]},
        {"repositories": [None]},
        {"repositories": ["a"] * 10_000},
        {"actions": []},
        {"actions": ["read"]},
        {"actions": ["ecr:*"]},
        {"actions": ["ecr:putimage"]},
        {"actions": ["ecr:DeleteRepository"]},
        {"actions": ["moorage:CreateToken"]},
        {"actions": ["pull\x00"]},
        {"actions": ["pull"] * 51},
        {"name": ""},
        {"name": "x" * 129},
        {"name": "a\x00b"},
        {"name": "a\n"},
        {"name": " a"},
        {"scope": "all"},
    ],
)
def test_a_token_out_of_bounds_is_not_made(api: Api, members: Mapping[str, Any]) -> None:
    assert_refused(api.ask("POST", "/tokens", {"name": "x", **members}), 400, "InvalidParameter")


@pytest.mark.parametrize("seconds", [900, 365 * 86400])
def test_the_bounds_of_a_lifetime_are_good(api: Api, seconds: int) -> None:
    assert api.token(lifetime_seconds=seconds)["expires_at"] > time.strftime("%Y-%m-%dT%H:%M")


def test_many_stars_cost_no_time(api: Api, repository: str) -> None:
    made = api.token(repositories=[f"{'*a' * 127}{number}" for number in range(100)], actions=["all"])
    session = api.sign_in(made["password"])
    began = time.monotonic()
    assert session.get(f"/v2/{'a/' * 120}aa/tags/list").status_code == 403
    assert time.monotonic() - began < 2


# --- what is kept ---------------------------------------------------------------------------------------------------


def test_changes_and_refusals_are_in_the_audit_record_without_secrets(
    own_server: Any,
) -> None:
    server: Server = own_server()
    api = Api(server.host)
    made = api.ask("POST", "/tokens", {"name": "audited", "repositories": ["a/*"], "actions": ["pull"]})
    api.ask("GET", "/tokens")
    api.ask("DELETE", f"/tokens/{'0' * 16}")
    api.ask("DELETE", f"/tokens/{made.document['id']}")
    server.stop()
    with closing(sqlite3.connect(server.data / "moorage.db")) as connection:
        connection.row_factory = sqlite3.Row
        rows = [dict(row) for row in connection.execute("SELECT * FROM audit WHERE protocol = 'api' ORDER BY at, id")]
        dump = "\n".join(connection.iterdump())
    kept = {(row["event_name"], row["error_code"], row["read_only"]) for row in rows}
    assert kept == {
        ("CreateToken", None, 0),
        ("ListTokens", None, 1),
        ("DeleteToken", "TokenNotFound", 0),
        ("DeleteToken", None, 0),
    }
    created = next(row for row in rows if row["event_name"] == "CreateToken")
    assert created["request_id"] == made.headers["x-amzn-requestid"]
    assert (created["event_source"], created["account_id"]) == ("moorage", "123456789012")
    assert json.loads(created["parameters"])["name"] == "audited"
    assert made.document["password"] not in dump
    server.start()


# --- the document ---------------------------------------------------------------------------------------------------


def test_the_document_is_open_and_any_other_method_is_not(api: Api) -> None:
    answer = api.send("GET", f"{BASE}/openapi.json", {}, b"")
    assert answer.status == 200 and answer.document["openapi"].startswith("3.1")
    head = api.send("HEAD", f"{BASE}/openapi.json", {}, b"")
    assert (head.status, head.body) == (200, b"")
    assert_refused(api.send("POST", f"{BASE}/openapi.json", {}, b"{}"), 405, "MethodNotAllowed")
