"""Who may come in at all: every way in which a signature can be wrong, and the few in which it is right."""

import re

import pytest

from tests.contract.aws.door import TARGET, Answer, Door, Signer
from tests.e2e.server import ACCESS_KEY_ID

_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key"
    " and signing method. Consult the service documentation for details."
)
_NO_SUCH_KEY = "The security token included in the request is invalid."


def _assert_refused(answer: Answer, code: str, message: str) -> None:
    assert (answer.status, answer.document["__type"], answer.headers["x-amzn-errortype"]) == (400, code, code)
    assert re.fullmatch(message, answer.document["message"]), answer.document
    assert "x-amzn-requestid" in answer.headers


def _unsigned(door: Door, authorization: str | None = None) -> Answer:
    headers = {"X-Amz-Target": f"{TARGET}.DescribeRepositories", "Content-Type": "application/x-amz-json-1.1"}
    if authorization is not None:
        headers["Authorization"] = authorization
    return door.exchange("POST", "/", headers, b"{}")


@pytest.mark.parametrize("authorization", [None, "", "Basic QVdTOnBhc3N3b3Jk", "Bearer abc", "AWS4"])
def test_a_request_without_a_signature_has_no_caller(door: Door, authorization: str | None) -> None:
    _assert_refused(_unsigned(door, authorization), "MissingAuthenticationTokenException", "Missing Authentication Token")


def test_a_signature_that_cannot_be_read_is_said_to_be_incomplete(door: Door) -> None:
    answer = _unsigned(
        door, f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY_ID}/20260101/us-east-1/ecr/aws4_request, Signature=abc123"
    )
    _assert_refused(answer, "IncompleteSignatureException", r"Authorization header requires 'SignedHeaders' parameter\..*")
    assert "abc123" not in answer.document["message"]


def test_another_secret_is_refused(door: Door) -> None:
    answer = door.raw("DescribeRepositories", signer=Signer(secret="another secret"))
    _assert_refused(answer, "InvalidSignatureException", re.escape(_MISMATCH))


@pytest.mark.parametrize("key_id", ["AKIAUNKNOWN000000000", "x" * 4000, "'; DROP TABLE access_keys; --"])
def test_an_unknown_key_is_refused(door: Door, key_id: str) -> None:
    answer = door.raw("DescribeRepositories", signer=Signer(key_id=key_id))
    _assert_refused(answer, "UnrecognizedClientException", re.escape(_NO_SUCH_KEY))


def test_a_session_token_with_a_long_term_key_is_refused(door: Door) -> None:
    answer = door.raw("DescribeRepositories", signer=Signer(token="session token"))
    _assert_refused(answer, "UnrecognizedClientException", re.escape(_NO_SUCH_KEY))


def test_a_changed_body_is_refused(door: Door) -> None:
    request = Signer().sign(door.host, "DescribeRepositories", b'{"maxResults":1}')
    request.data = b'{"maxResults":2}'
    request.headers["Content-Length"] = "16"
    _assert_refused(door.send(request), "InvalidSignatureException", re.escape(_MISMATCH))


def test_another_operation_than_the_signed_one_is_refused(door: Door) -> None:
    request = Signer().sign(door.host, "DescribeRepositories", b"{}")
    del request.headers["X-Amz-Target"]
    request.headers["X-Amz-Target"] = f"{TARGET}.GetAuthorizationToken"
    _assert_refused(door.send(request), "InvalidSignatureException", re.escape(_MISMATCH))


def test_a_target_that_is_not_signed_is_refused(door: Door) -> None:
    request = Signer(target="").sign(door.host, "", b"{}")
    request.headers["X-Amz-Meta"] = "slipped in"
    text = "There were headers present in the request which were not signed: x-amz-meta"
    _assert_refused(door.send(request), "InvalidSignatureException", text)


@pytest.mark.parametrize(
    ("offset", "message"),
    [
        (-16 * 60, r"Signature expired: \d{8}T\d{6}Z is now earlier than \d{8}T\d{6}Z \(\d{8}T\d{6}Z - 15 min\.\)"),
        (16 * 60, r"Signature not yet current: \d{8}T\d{6}Z is still later than \d{8}T\d{6}Z \(\d{8}T\d{6}Z \+ 15 min\.\)"),
    ],
)
def test_a_clock_that_is_too_far_off_is_told_so(door: Door, offset: int, message: str) -> None:
    _assert_refused(door.raw("DescribeRepositories", signer=Signer(offset=offset)), "InvalidSignatureException", message)


@pytest.mark.parametrize("offset", [-14 * 60, 14 * 60])
def test_a_clock_that_is_a_little_off_is_forgiven(door: Door, offset: int) -> None:
    assert door.raw("DescribeRepositories", signer=Signer(offset=offset)).status == 200


def test_a_signature_for_another_service_is_refused(door: Door) -> None:
    answer = door.raw("DescribeRepositories", signer=Signer(service="s3"))
    _assert_refused(answer, "InvalidSignatureException", r"Credential should be scoped to correct service: 'ecr'\.")


@pytest.mark.parametrize("region", ["x", "US-EAST-1", "us:east", "us.east", "us_east", "*", "x" * 26, "%2e%2e"])
def test_a_region_that_cannot_be_one_is_refused_and_makes_no_registry(door: Door, region: str) -> None:
    answer = door.raw("DescribeRepositories", signer=Signer(region=region))
    text = f"Credential should be scoped to a valid region, not '{region}'."
    _assert_refused(answer, "InvalidSignatureException", re.escape(text))
    assert door.query("SELECT id FROM registries WHERE region = ?", region) == []


def test_a_request_may_be_repeated_while_its_signature_lives(door: Door) -> None:
    request = Signer().sign(door.host, "DescribeRepositories", b"{}")
    assert [door.send(request).status for _ in range(3)] == [200] * 3


def test_a_presigned_request_lives_as_long_as_it_says(door: Door) -> None:
    headers = {"Content-Type": "application/x-amz-json-1.1"}
    assert door.raw("DescribeRepositories", b"", Signer(expires=60, headers=headers)).status == 200
    late = door.raw("DescribeRepositories", b"", Signer(expires=60, offset=-61, headers=headers))
    _assert_refused(late, "InvalidSignatureException", r"Signature expired: .* - 1 min\.\)")


def test_a_presigned_request_cannot_be_turned_into_another_operation(door: Door) -> None:
    request = Signer(expires=60).sign(door.host, "DescribeRepositories", b"")
    del request.headers["X-Amz-Target"]
    request.headers["X-Amz-Target"] = f"{TARGET}.GetAuthorizationToken"
    _assert_refused(door.send(request), "InvalidSignatureException", re.escape(_MISMATCH))


def test_two_signatures_in_one_request_are_refused(door: Door) -> None:
    request = Signer().sign(door.host, "DescribeRepositories", b"")
    request.url = f"http://{door.host}/?X-Amz-Algorithm=AWS4-HMAC-SHA256"
    text = "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."
    _assert_refused(door.send(request), "InvalidSignatureException", re.escape(text))
