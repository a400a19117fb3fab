from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from moorage.aws.canonical import SignedRequest, canonical_hashes, canonical_path, canonical_queries
from moorage.aws.signature_errors import (
    ExpiredTokenError,
    IncompleteSignatureError,
    InvalidSecurityTokenError,
    InvalidSignatureError,
    MissingAuthenticationTokenError,
    SignatureError,
    SignatureMismatchError,
)
from moorage.aws.sigv4 import parse
from tests.unit.aws.once import verify

KEY_ID = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
NOW = 1_767_225_600_000  # 20260101T000000Z
MINUTE = 60_000
MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and "
    "signing method. Consult the service documentation for details."
)

HEADER_SIGNATURE = "24bf09d1e4c73a352df2bf1348795912963d0587962fba92b0ed17ef55c28427"
AUTHORIZATION = (
    f"AWS4-HMAC-SHA256 Credential={KEY_ID}/20260101/us-east-1/ecr/aws4_request, "
    f"SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature={HEADER_SIGNATURE}"
)
HEADERS = [
    ("host", "api.ecr.us-east-1.amazonaws.com"),
    ("content-type", "application/x-amz-json-1.1"),
    ("x-amz-target", "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken"),
    ("x-amz-date", "20260101T000000Z"),
    ("user-agent", "not signed"),
]
HEADER_FORM = SignedRequest("POST", "/", "", [*HEADERS, ("authorization", AUTHORIZATION)])
BODY_HASH = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"

QUERY_SIGNATURE = "f2720550d65ff60e2fe7df25e59394b944a5d169cd9b1dbb9381aa0fbc80c8e1"
QUERY = (
    "Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256"
    f"&X-Amz-Credential={KEY_ID}%2F20260101%2Fus-east-1%2Fsts%2Faws4_request"
    "&X-Amz-Date=20260101T000000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host"
)
PRESIGNED = SignedRequest("GET", "/", f"{QUERY}&X-Amz-Signature={QUERY_SIGNATURE}", [("host", "sts.us-east-1.amazonaws.com")])
EMPTY_HASH = sha256(b"").hexdigest()


def check(request: SignedRequest, **changes: Any) -> None:
    presigned = "X-Amz-Signature" in request.query
    options: dict[str, Any] = {
        "now_ms": NOW,
        "services": ("sts",) if presigned else ("ecr",),
        "body_sha256": EMPTY_HASH if presigned else BODY_HASH,
        "regions": ("us-east-1",),
    }
    verify(request, parse(request), SECRET, **(options | changes))


def refused(request: SignedRequest, kind: type[SignatureError] = InvalidSignatureError, **changes: Any) -> str:
    with pytest.raises(kind) as caught:
        check(request, **changes)
    assert type(caught.value) in {kind, SignatureMismatchError}
    return caught.value.message


def with_header(name: str, *values: str) -> SignedRequest:
    others = [pair for pair in HEADER_FORM.headers if pair[0] != name]
    return replace(HEADER_FORM, headers=[*others, *((name, value) for value in values)])


def with_authorization(old: str, new: str) -> SignedRequest:
    assert old in AUTHORIZATION
    return with_header("authorization", AUTHORIZATION.replace(old, new))


def with_query(old: str, new: str) -> SignedRequest:
    assert old in PRESIGNED.query
    return replace(PRESIGNED, query=PRESIGNED.query.replace(old, new))


def test_golden_vector_1_is_a_request_signed_in_its_headers() -> None:
    assert sha256(b"{}").hexdigest() == BODY_HASH
    credential = parse(HEADER_FORM)
    assert (credential.access_key_id, credential.date, credential.region) == (KEY_ID, "20260101", "us-east-1")
    assert (credential.service, credential.time, credential.expires) == ("ecr", NOW, None)
    assert (credential.session_token, credential.presigned) == (None, False)
    hashes = canonical_hashes(HEADER_FORM, credential.signed_headers, BODY_HASH, presigned=False)
    assert list(hashes) == ["3c2d42272198d0a0fae80d6bfecd66629747dc9590ca9c2bb5678008d55178c9"]
    check(HEADER_FORM)


def test_golden_vector_2_is_a_presigned_url() -> None:
    credential = parse(PRESIGNED)
    assert (credential.service, credential.time, credential.expires, credential.presigned) == ("sts", NOW, 60, True)
    hashes = canonical_hashes(PRESIGNED, "host", EMPTY_HASH, presigned=True)
    assert list(hashes) == ["908bd7c832ed91717d264dee7d45be4637decdd77758edd6ad8925fef81ac551"]
    check(PRESIGNED)


def test_the_canonical_path_is_normalised_and_encoded_twice() -> None:
    paths = {
        "": "/",
        "/": "/",
        "//a//b/": "/a/b/",
        "/a/./b/../c": "/a/c",
        "/../..": "/",
        "/a%20b~": "/a%2520b~",
        "/\xe4": "/%E4",
    }
    assert {path: canonical_path(path) for path in paths} == paths


def test_the_canonical_query_is_encoded_and_sorted_and_also_taken_as_botocore_signs_it() -> None:
    assert list(canonical_queries("", presigned=False)) == [""]
    assert list(canonical_queries("b=2&a=1&a=0&c", presigned=False)) == ["a=0&a=1&b=2&c="]
    assert list(canonical_queries("b=%7e&&a=x:y", presigned=False)) == ["a=x%3Ay&b=~", "=&a=x:y&b=%7e"]
    assert list(canonical_queries("X-Amz%2DSignature=1&a=1", presigned=True)) == ["a=1"]


def test_another_secret_or_another_request_does_not_match() -> None:
    with pytest.raises(SignatureMismatchError):
        verify(HEADER_FORM, parse(HEADER_FORM), "x", now_ms=NOW, services=("ecr",), body_sha256=BODY_HASH)
    assert refused(replace(HEADER_FORM, method="PUT")) == MISMATCH
    assert refused(replace(HEADER_FORM, path="/x")) == MISMATCH
    assert refused(replace(HEADER_FORM, query="a=1")) == MISMATCH
    assert refused(HEADER_FORM, body_sha256=EMPTY_HASH) == MISMATCH
    assert refused(with_header("host", "localhost:5000")) == MISMATCH
    assert refused(with_header("x-amz-target", "AmazonEC2ContainerRegistry_V20150921.DeleteRepository")) == MISMATCH
    assert refused(with_header("x-amz-target", dict(HEADERS)["x-amz-target"], "again")) == MISMATCH
    assert refused(with_header("content-type")) == MISMATCH
    assert refused(with_authorization(HEADER_SIGNATURE, HEADER_SIGNATURE.upper())) == MISMATCH
    assert refused(with_authorization(HEADER_SIGNATURE, "\xe4\u20ac")) == MISMATCH
    assert refused(with_authorization("content-type;host", "host;content-type")) == MISMATCH


def test_headers_that_are_not_signed_may_change_and_white_space_does_not_matter() -> None:
    check(with_header("user-agent", "another"))
    check(with_header("x-amzn-trace-id", "Root=1"))
    check(with_header("content-type", "  application/x-amz-json-1.1 \t"))
    check(with_authorization(", ", ","))
    check(with_authorization("AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256   "))


def test_host_and_every_x_amz_header_must_be_signed() -> None:
    assert refused(with_authorization("host;", "")) == (
        "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
    )
    assert refused(with_header("x-amz-security-token", "t")) == (
        "There were headers present in the request which were not signed: x-amz-security-token"
    )
    assert refused(replace(PRESIGNED, headers=[*PRESIGNED.headers, ("x-amz-target", "t")])) == (
        "There were headers present in the request which were not signed: x-amz-target"
    )


@pytest.mark.parametrize(
    "stated", ["UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", EMPTY_HASH, BODY_HASH.upper(), ""]
)
def test_a_stated_body_hash_must_be_the_body_s(stated: str) -> None:
    signed = with_authorization("x-amz-date", "x-amz-content-sha256;x-amz-date")
    request = replace(signed, headers=[*signed.headers, ("x-amz-content-sha256", stated)])
    assert refused(request) == "The provided 'x-amz-content-sha256' header does not match what was computed."


def test_a_request_lives_for_a_quarter_of_an_hour_on_both_sides() -> None:
    check(HEADER_FORM, now_ms=NOW + 15 * MINUTE)
    check(HEADER_FORM, now_ms=NOW - 15 * MINUTE)
    assert refused(HEADER_FORM, now_ms=NOW + 30 * MINUTE) == (
        "Signature expired: 20260101T000000Z is now earlier than 20260101T001500Z (20260101T003000Z - 15 min.)"
    )
    refused(HEADER_FORM, now_ms=NOW + 15 * MINUTE + 1)
    assert refused(HEADER_FORM, now_ms=NOW - 16 * MINUTE) == (
        "Signature not yet current: 20260101T000000Z is still later than 20251231T235900Z (20251231T234400Z + 15 min.)"
    )


def test_a_presigned_url_lives_as_long_as_it_says() -> None:
    check(PRESIGNED, now_ms=NOW + MINUTE)
    assert refused(PRESIGNED, now_ms=NOW + 2 * MINUTE) == (
        "Signature expired: 20260101T000000Z is now earlier than 20260101T000100Z (20260101T000200Z - 1 min.)"
    )
    assert "(20260101T000200Z - 61 sec.)" in refused(with_query("Expires=60", "Expires=61"), now_ms=NOW + 2 * MINUTE)
    assert refused(with_query("Expires=60", "Expires=61")) == MISMATCH
    assert "15 min." in refused(with_query("&X-Amz-Expires=60", ""), now_ms=NOW + 16 * MINUTE)


def test_the_scope_must_be_this_server_s_and_every_fault_is_told() -> None:
    assert refused(HEADER_FORM, regions=("eu-west-1",)) == "Credential should be scoped to a valid region, not 'us-east-1'."
    assert (
        refused(HEADER_FORM, services=("moorage", "ecr-public")) == "Credential should be scoped to correct service: 'moorage'."
    )
    assert refused(with_authorization("aws4_request", "aws5")) == (
        "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5'."
    )
    assert refused(with_authorization("/20260101/", "/20260102/")) == (
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
        "'20260102' != '20260101', from '20260101T000000Z'."
    )
    both = refused(with_authorization("us-east-1/ecr", "mars/iam"))
    assert both == (
        "Credential should be scoped to a valid region, not 'mars'. Credential should be scoped to correct service: 'ecr'."
    )
    check(HEADER_FORM, regions=None)


@pytest.mark.parametrize(
    "headers", [[], [("authorization", "Basic QVdTOnNlY3JldA==")], [("authorization", "Bearer t")], [("authorization", "")]]
)
def test_a_request_without_aws_credentials_is_told_so_and_nothing_is_repeated(headers: list[tuple[str, str]]) -> None:
    with pytest.raises(MissingAuthenticationTokenError) as caught:
        parse(SignedRequest("GET", "/", "", headers))
    assert caught.value.message == "Missing Authentication Token"
    assert caught.value.query_message == "Request is missing Authentication Token"


@pytest.mark.parametrize(
    ("header", "text"),
    [
        (
            "AWS4-HMAC-SHA256 Credential, Signature=abcdef",
            (
                "'Credential' not a valid key=value pair (missing equal-sign) in Authorization header: "
                "'AWS4-HMAC-SHA256 Credential, Signature=***'."
            ),
        ),
        (
            "AWS4-HMAC-SHA256 Credential=a",
            (
                "Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. "
                "Authorization=AWS4-HMAC-SHA256 Credential=a"
            ),
        ),
        (
            "AWS4-HMAC-SHA256",
            (
                "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. "
                "Authorization header requires 'SignedHeaders' parameter. Authorization=AWS4-HMAC-SHA256"
            ),
        ),
        (
            "AWS4-HMAC-SHA256 Credential=a/b/c/d, SignedHeaders=host, Signature=0",
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'a/b/c/d'",
        ),
        (
            "AWS4-HMAC-SHA25 Credential=a/b/c/d/e, SignedHeaders=host, Signature=0",
            "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA25' (only AWS4-HMAC-SHA256 for now). ",
        ),
    ],
)
def test_an_authorization_header_that_cannot_be_read_is_explained(header: str, text: str) -> None:
    assert refused(with_header("authorization", header), IncompleteSignatureError) == text


def test_a_request_without_a_date_is_told_what_it_lacks() -> None:
    assert refused(with_header("x-amz-date"), IncompleteSignatureError).startswith(
        "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. Authorization=AWS4-HMAC-SHA256 Cred"
    )


@pytest.mark.parametrize("date", ["201", "20261301T000000Z", "2026-01-01T00:00:00Z", "20260101T000000Z\u0665", "yesterday"])
def test_a_date_that_is_none_is_refused(date: str) -> None:
    assert refused(with_header("x-amz-date", date), IncompleteSignatureError) == (
        f"Date must be in ISO-8601 'basic format'. Got '{date}'. See http://en.wikipedia.org/wiki/ISO_8601"
    )


@pytest.mark.parametrize(
    "date", ["Thu, 01 Jan 2026 00:00:00 GMT", "Thu, 01 Jan 2026 01:00:00 +0100", "Thu, 01 Jan 2026 00:00:00 -0000"]
)
def test_the_date_header_serves_where_x_amz_date_is_missing(date: str) -> None:
    request = with_header("x-amz-date")
    credential = parse(replace(request, headers=[*request.headers, ("date", date)]))
    assert (credential.time, credential.stamp) == (NOW, "20260101T000000Z")


@pytest.mark.parametrize("name", ["authorization", "x-amz-date", "x-amz-security-token"])
def test_a_header_that_counts_once_must_not_be_repeated(name: str) -> None:
    value = dict(HEADER_FORM.headers).get(name, "t")
    refused(with_header(name, value, value), IncompleteSignatureError)


def test_a_query_that_cannot_be_read_is_explained() -> None:
    only = replace(PRESIGNED, query="X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=")
    with pytest.raises(IncompleteSignatureError) as caught:
        parse(only)
    assert caught.value.message == (
        "AWS query-string parameters must include 'X-Amz-Credential'. AWS query-string parameters must include "
        "'X-Amz-Signature'. AWS query-string parameters must include 'X-Amz-SignedHeaders'. AWS query-string parameters must "
        "include 'X-Amz-Date'. Re-examine the query-string parameters."
    )
    refused(with_query("Action=GetCallerIdentity", "X-Amz-Date=20260101T000000Z"), IncompleteSignatureError)
    refused(with_query("AWS4-HMAC-SHA256", "AWS4-X"), IncompleteSignatureError)
    for expires in ("0", "604801", "-1", "1.5", "x", "9" * 30, "%D9%A1", ""):
        refused(with_query("Expires=60", f"Expires={expires}"), IncompleteSignatureError)


def test_credentials_in_both_places_are_refused() -> None:
    assert refused(replace(HEADER_FORM, query=PRESIGNED.query)) == (
        "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."
    )


@pytest.mark.parametrize(
    ("error", "code", "query_code", "query_status"),
    [
        (MissingAuthenticationTokenError(), "MissingAuthenticationTokenException", "MissingAuthenticationToken", 403),
        (IncompleteSignatureError("t"), "IncompleteSignatureException", "IncompleteSignature", 400),
        (InvalidSecurityTokenError(), "UnrecognizedClientException", "InvalidClientTokenId", 403),
        (ExpiredTokenError(), "ExpiredTokenException", "ExpiredToken", 403),
        (SignatureMismatchError(), "InvalidSignatureException", "SignatureDoesNotMatch", 403),
        (InvalidSignatureError("t"), "InvalidSignatureException", "SignatureDoesNotMatch", 403),
    ],
)
def test_each_failure_has_its_name_in_both_protocols(
    error: SignatureError, code: str, query_code: str, query_status: int
) -> None:
    assert (error.aws_code, error.aws_status) == (code, 400)
    assert (error.query_code, error.query_status, error.oci_status) == (query_code, query_status, 401)


def test_the_texts_about_keys_are_aws_s() -> None:
    assert InvalidSecurityTokenError().message == "The security token included in the request is invalid."
    assert ExpiredTokenError().message == "The security token included in the request is expired"
    assert SignatureMismatchError().query_message == MISMATCH
