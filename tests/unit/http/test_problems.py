import json
import logging

import pytest

from moorage.aws.model import Service
from moorage.core.call import Registry
from moorage.core.errors import AccessDeniedError, InvalidParameterError, MoorageError, RateExceededError
from moorage.http.messages import BodyTooLargeError
from moorage.http.problems import InternalError, in_aws_json, in_oci, known
from moorage.identity.credentials.tokens import NotAuthorizedError, TokenExpiredError
from moorage.images.errors import ImageLayersNotFoundError
from moorage.repositories.errors import RepositoryNotFoundError

_REGISTRY = Registry(1, "private", "123456789012", "us-east-1")


def _body(error: MoorageError) -> object:
    response = in_oci(error, "http://localhost:5000")
    assert isinstance(response.body, bytes)
    return json.loads(response.body)


def test_an_error_that_is_known_stays_as_it_is() -> None:
    error = AccessDeniedError("no")
    assert known(error, "id") is error


def test_any_other_error_is_logged_and_tells_the_caller_its_id_only(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        found = known(RuntimeError("secret inside /var/lib/data"), "the-id")
    assert isinstance(found, InternalError)
    assert found.message == "Internal server error; the request id is the-id."
    assert (found.aws_code, found.aws_status, found.oci_status) == ("ServerException", 500, 500)
    (entry,) = caplog.records
    assert entry.exc_info is not None and entry.__dict__["request_id"] == "the-id"


def test_the_protocols_error_has_code_message_and_detail() -> None:
    error = RepositoryNotFoundError("team/a", _REGISTRY)
    response = in_oci(error, "")
    assert (response.status, response.headers["content-type"]) == (404, "application/json")
    assert _body(error) == {"errors": [{"code": "NAME_UNKNOWN", "message": error.message, "detail": {"name": "team/a"}}]}


def test_an_error_without_a_detail_has_no_such_member() -> None:
    assert _body(AccessDeniedError("no")) == {"errors": [{"code": "DENIED", "message": "no"}]}


def test_a_manifest_that_lacks_several_layers_has_an_entry_for_each() -> None:
    body = _body(ImageLayersNotFoundError(["sha256:a", "sha256:b"], "team/a", _REGISTRY))
    assert isinstance(body, dict)
    assert [entry["detail"]["digest"] for entry in body["errors"]] == ["sha256:a", "sha256:b"]


def test_a_missing_login_is_challenged_as_ecr_does_it() -> None:
    response = in_oci(NotAuthorizedError(), "https://registry.example")
    assert (response.status, response.body) == (401, b"Not Authorized\n")
    assert response.headers == {
        "www-authenticate": 'Basic realm="https://registry.example/",service="ecr.amazonaws.com"',
        "content-type": "text/plain; charset=utf-8",
    }


def test_an_expired_token_is_not_challenged() -> None:
    response = in_oci(TokenExpiredError(), "")
    assert response.status == 403 and "www-authenticate" not in response.headers


def test_an_errors_own_headers_are_sent_in_lower_case() -> None:
    assert in_oci(RateExceededError(7), "").headers["retry-after"] == "7"


def test_text_of_any_script_is_sent_as_ascii() -> None:
    response = in_oci(AccessDeniedError("Zoë \u2603\ud800"), "")
    assert isinstance(response.body, bytes) and response.body.isascii()


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (InvalidParameterError("x"), 400, "InvalidParameterException"),
        (BodyTooLargeError("x"), 413, "RequestEntityTooLargeException"),
        (InternalError("x"), 500, "ServerException"),
        (RateExceededError(), 400, "ThrottlingException"),
    ],
)
def test_awss_error_has_its_code_twice(error: MoorageError, status: int, code: str) -> None:
    response = in_aws_json(Service("ecr"), error)
    assert response.status == status
    assert response.headers == {"content-type": "application/x-amz-json-1.1", "x-amzn-errortype": code}
    assert isinstance(response.body, bytes)
    assert json.loads(response.body) == {"__type": code, "message": error.message}
