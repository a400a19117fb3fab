"""What the OpenAPI document promises holds for requests that nobody thought of (schemathesis, the same ones every time)."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from moorage.http.api.openapi import document
from moorage.http.api.routes import ROUTES
from tests.e2e.server import ACCESS_KEY_ID, SECRET_ACCESS_KEY, Server
from tests.soak import times

pytestmark = pytest.mark.ours


def _unsigned() -> dict[str, Any]:
    """The document without its signatures: they are put on after schemathesis is done, and so not its affair."""
    described: dict[str, Any] = json.loads(document(ROUTES))
    del described["security"], described["components"]["securitySchemes"]
    return described


schema = schemathesis.openapi.from_dict(_unsigned())


@pytest.fixture(scope="module")
def server(connection: str) -> Iterator[Server]:
    """A server whose address is a name, so that accounts can be made."""
    root = Path(tempfile.mkdtemp(prefix="mo-"))
    server = Server(root / "data", connection).named("localhost")
    server.start()
    yield server
    server.stop()
    shutil.rmtree(root, ignore_errors=True)


class Signed(requests.auth.AuthBase):
    """Signs what schemathesis made, whatever it is."""

    def __call__(self, prepared: requests.PreparedRequest) -> requests.PreparedRequest:
        kept = {name: prepared.headers[name] for name in ("Content-Type",) if name in prepared.headers}
        request = AWSRequest(prepared.method, prepared.url, headers=kept, data=prepared.body or b"")
        SigV4Auth(Credentials(ACCESS_KEY_ID, SECRET_ACCESS_KEY), "moorage", "us-east-1").add_auth(request)
        prepared.headers.update({name: value for name, value in request.headers.items() if name != "Content-Type"})
        return prepared


def can_be_accepted(case: "schemathesis.Case[Any]") -> bool:
    """Which page tokens, policies and keys are good, no schema can say; nor that a rollback goes to one point.

    And to JSON Schema 900.0 is a whole number, but not here.
    """
    body = case.body if isinstance(case.body, dict) else {}
    points = [name for name in body if name.startswith("to_")]
    tokens = {"next", "follow"} & {*(case.query or {})}
    texts = {"document", "keys"} & {*body}
    return len(points) < 2 and not tokens and not texts and not any(isinstance(value, float) for value in body.values())


@schema.parametrize()
@settings(max_examples=times(60), deadline=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_one_that_the_document_promises(case: "schemathesis.Case[Any]", server: Server) -> None:
    excluded: list[Any] = [] if can_be_accepted(case) else [positive_data_acceptance]
    answer = case.call(base_url=f"http://{server.host}", auth=Signed())
    if len(answer.request.url or "") > 16 * 1024:
        assert answer.status_code in {400, 414}, "refused by the connection, before the API sees the request"
        return
    if answer.status_code == 413:
        excluded.append(negative_data_rejection)  # schemathesis does not count this as the refusal that it is
    case.validate_response(answer, excluded_checks=excluded)
    assert answer.headers["x-amzn-requestid"]


def test_the_served_document_is_the_one_that_was_tested(server: Server) -> None:
    assert requests.get(f"http://{server.host}/api/v1/openapi.json", timeout=60).content == document(ROUTES)
