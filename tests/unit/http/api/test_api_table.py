"""The table of `/api/v1`, the document that is made from it, and the page that describes it."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from moorage.core.call import Registry
from moorage.core.errors import InvalidParameterError
from moorage.core.page import PageTokens
from moorage.http.api.matching import match
from moorage.http.api.openapi import document, errors_of
from moorage.http.api.route import BASE, AnyRoute
from moorage.http.api.routes import ROUTES
from moorage.http.api.values import Nothing, Page, next_of, position_of, time_text
from moorage.http.messages import MethodNotAllowedError, NotFoundError
from moorage.http.problems import api_code_of, api_status
from tests.tree import text
from tests.unit.ground import SECRET, Ground

DOCUMENT: dict[str, Any] = json.loads(document(ROUTES))
EVENTS = [route.event_name for route in ROUTES]
QUESTIONS = {"ExplainAccess"}
"""Asked by POST though they change nothing, since what they ask is no list of parameters."""
OF_CONTENT_OR_SESSION = {
    *("CreateToken", "DeleteToken"),  # what a session makes so ends with it
    *("UndeleteImage", "PurgeImages", "RollBackTag"),
}
"""What changes neither who there is nor who may do what. Every other change is refused to credentials that IAM does not know."""


def test_every_row_requires_an_action_and_has_a_name_of_its_own() -> None:
    assert len({*EVENTS}) == len(EVENTS) and len({(route.method, route.path) for route in ROUTES}) == len(ROUTES)
    for route in ROUTES:
        assert route.requires, route
        actions = [action for each in route.requires for action in each.actions]
        assert all(re.fullmatch(r"(moorage|ecr|iam):[A-Z][A-Za-z]+", action) for action in actions), route
        assert route.changes == (route.method != "GET" and route.event_name not in QUESTIONS), route
        assert route.handler.__doc__, route
        assert not route.installation or all(action.startswith("moorage:") for action in actions), route


def test_what_changes_who_may_do_what_is_refused_to_credentials_that_iam_does_not_know() -> None:
    assert {route.event_name for route in ROUTES} >= OF_CONTENT_OR_SESSION
    for route in ROUTES:
        assert route.lasting == (route.changes and route.event_name not in OF_CONTENT_OR_SESSION), route.event_name
        described = DOCUMENT["paths"][BASE + route.path][route.method.lower()]["description"]
        assert ("GetSessionToken" in described) == route.lasting


@pytest.mark.parametrize("route", ROUTES, ids=EVENTS)
def test_a_repository_that_is_decided_upon_is_named_by_the_request(route: AnyRoute) -> None:
    named = {*route.query.__struct_fields__, *route.body.__struct_fields__}
    members = {"*": "", "robot": "name"}
    assert {members.get(each.resource, "repository") for each in route.requires} <= {*named, ""}
    assert "repository" not in route.parts, "names hold slashes"


@pytest.mark.parametrize("route", ROUTES, ids=EVENTS)
def test_what_is_taken_is_taken_strictly(route: AnyRoute) -> None:
    for struct in (route.query, route.body):
        assert struct.__struct_config__.forbid_unknown_fields and struct.__struct_config__.frozen
    assert route.body is Nothing or route.method in {"POST", "PUT", "PATCH"}


@pytest.mark.parametrize("route", ROUTES, ids=EVENTS)
def test_the_document_describes_every_row(route: AnyRoute) -> None:
    described = DOCUMENT["paths"][BASE + route.path][route.method.lower()]
    assert described["operationId"] == route.event_name
    assert described["summary"] and described["tags"] == [route.area]
    assert {*map(int, described["responses"])} == {route.status, *(api_status(error) for error in errors_of(route))}
    said = json.dumps(described["responses"])
    assert all(f"`{api_code_of(error)}`" in said for error in route.errors)
    assert ("requestBody" in described) == (route.body is not Nothing)
    parameters = {(each["in"], each["name"]) for each in described["parameters"]}
    expected = {("query", name) for name in route.query.__struct_fields__} | {("path", name) for name in route.parts}
    assert parameters == expected
    assert all(action in described["description"] for each in route.requires for action in each.actions)


def test_the_document_has_nothing_else_and_every_reference_leads_somewhere() -> None:
    described = {(path, method) for path, methods in DOCUMENT["paths"].items() for method in methods}
    assert described == {(BASE + route.path, route.method.lower()) for route in ROUTES}
    schemas = DOCUMENT["components"]["schemas"]
    references = set(re.findall(r'"\$ref": "#/components/schemas/([^"]+)"', json.dumps(DOCUMENT)))
    assert references <= {*schemas} and "Error" in references
    assert DOCUMENT["openapi"].startswith("3.1.") and DOCUMENT["security"] == [{"signature": []}]


def test_no_secret_and_no_null_stands_in_a_querys_parameters() -> None:
    for methods in DOCUMENT["paths"].values():
        for described in methods.values():
            for each in described["parameters"]:
                assert "null" not in json.dumps(each["schema"]), each


def test_the_page_about_the_api_names_every_row_and_no_other() -> None:
    page = text(Path("docs/api.md"))
    lines = re.findall(r"^\| `(GET|POST|PUT|PATCH|DELETE) (/api/v1\S+)` \| ([^|]*) \|", page, re.MULTILINE)
    rows = [
        (method, path, tuple(re.findall(r"`([^`]+)`", actions)), "(installation)" in actions, "†" in actions)
        for method, path, actions in lines
    ]
    expected = [
        (
            route.method,
            BASE + route.path,
            tuple(action for each in route.requires for action in each.actions),
            route.installation,
            route.lasting,
        )
        for route in ROUTES
    ]
    assert sorted(rows) == sorted(expected)


def test_a_path_leads_to_its_row() -> None:
    found = match(ROUTES, "DELETE", "/api/v1/tokens/abc")
    assert (found.route.event_name, found.parts) == ("DeleteToken", {"id": "abc"})
    assert match(ROUTES, "HEAD", "/api/v1/tokens").route.event_name == "ListTokens"
    for path in ("/api/v1", "/api/v1/", "/api/v1/tokens/", "/api/v1/tokens/a/b", "/api/v2/tokens", "/api/v1/tokens\n"):
        with pytest.raises(NotFoundError):
            match(ROUTES, "GET", path)
    with pytest.raises(MethodNotAllowedError) as refused:
        match(ROUTES, "PUT", "/api/v1/tokens")
    assert refused.value.headers == {"Allow": "GET, POST"}


class Filtered(Page, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str | None = None


def test_a_page_token_continues_its_own_listing_only(ground: Ground) -> None:
    tokens, call = PageTokens(SECRET), ground.call("ListThings")
    sealed = next_of(tokens, call, Filtered(name="x"), [5, "a"])
    assert position_of(tokens, call, Filtered(name="x", limit=7, next=sealed)) == [5, "a"]
    assert position_of(tokens, call, Filtered(name="x")) is None
    elsewhere = Registry(9, "private", "999999999999", "us-east-1")
    for other, page in (
        (call, Filtered(name="y", next=sealed)),
        (call, Filtered(next=sealed)),
        (call, Filtered(name="x", next=sealed[:-1])),
        (call, Filtered(name="x", next="\N{SNOWMAN}")),
        (ground.call("ListOthers"), Filtered(name="x", next=sealed)),
        (replace(call, registry=elsewhere), Filtered(name="x", next=sealed)),
    ):
        with pytest.raises(InvalidParameterError, match=r"^Invalid parameter at 'next' failed"):
            position_of(tokens, other, page)


def test_times_have_milliseconds_and_a_zone() -> None:
    assert time_text(1_767_225_600_007) == "2026-01-01T00:00:00.007Z"
    assert time_text(0) == "1970-01-01T00:00:00.000Z"
