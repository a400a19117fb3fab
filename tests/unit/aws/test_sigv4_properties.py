import contextlib
import time
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from moorage.aws.canonical import SignedRequest
from moorage.aws.signature_errors import InvalidSecurityTokenError, SignatureError
from moorage.aws.sigv4 import parse
from tests.unit.aws.once import verify

KEY_ID = "AKIDEXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
HOST = "localhost:5000"

plain = st.text(alphabet="abcXYZ019-_~", min_size=1, max_size=6)
segment = st.one_of(plain, plain.map(lambda text: f"{text}%20%2F:@"), plain.map(lambda text: f"{text}.txt"))
paths = st.lists(segment, max_size=4).map(lambda parts: "/" + "/".join(parts))
odd_paths = st.lists(st.sampled_from(["a", "b c", "", ".", "..", "%2e", "~x"]), max_size=6).map(
    lambda parts: "/" + "/".join(parts)
)
pair = st.tuples(plain, st.text(alphabet="ab1-_.~+:,*!'()/ %", max_size=6)).map(lambda found: f"{found[0]}={found[1]}")
queries = st.lists(st.one_of(pair, plain, st.just("a=%41%2f"), st.just("")), max_size=4).map(
    lambda found: "&".join(found).replace(" ", "%20")
)
values = st.text(alphabet=st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=20)
headers = st.dictionaries(
    st.sampled_from(["Content-Type", "X-Amz-Target", "X-Amz-Meta-A", "Accept", "X-Custom"]), values, max_size=4
)
tokens = st.one_of(st.none(), st.text(alphabet="ABCabc019+/=", min_size=1, max_size=40))
methods = st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD"])
bodies = st.binary(max_size=40)


def signed(method: str, path: str, query: str, found: dict[str, str], body: bytes, token: str | None) -> SignedRequest:
    url = f"http://{HOST}{path}" + (f"?{query}" if query else "")
    request = AWSRequest(method=method, url=url, data=body, headers=found)
    SigV4Auth(Credentials(KEY_ID, SECRET, token), "ecr", "us-east-1").add_auth(request)
    return received(request)


def presigned(path: str, query: str, token: str | None) -> SignedRequest:
    request = AWSRequest(method="GET", url=f"http://{HOST}{path}" + (f"?{query}" if query else ""))
    SigV4QueryAuth(Credentials(KEY_ID, SECRET, token), "ecr", "us-east-1", expires=60).add_auth(request)
    return received(request)


def received(request: AWSRequest) -> SignedRequest:
    parts = urlsplit(str(request.url))
    found = [(name.lower(), value) for name, value in request.headers.items()]
    return SignedRequest(request.method or "", parts.path, parts.query, [("host", HOST), *found])


def check(request: SignedRequest, body: bytes, secret: str = SECRET) -> str | None:
    credential = parse(request)
    if credential.access_key_id != KEY_ID:
        raise InvalidSecurityTokenError  # as a server does that looks the key up
    now, digest = time.time_ns() // 1_000_000, sha256(body).hexdigest()
    verify(request, credential, secret, now_ms=now, services=("ecr",), body_sha256=digest, regions=("us-east-1",))
    return credential.session_token


@settings(max_examples=150, deadline=None)
@given(methods, st.one_of(paths, odd_paths), queries, headers, bodies, tokens)
def test_what_botocore_signs_in_headers_is_accepted(
    method: str, path: str, query: str, found: dict[str, str], body: bytes, token: str | None
) -> None:
    path = path.replace(" ", "%20")
    assert check(signed(method, path, query, found, body, token), body) == token


@settings(max_examples=100, deadline=None)
@given(st.one_of(paths, odd_paths), queries, tokens)
def test_what_botocore_presigns_is_accepted(path: str, query: str, token: str | None) -> None:
    assert check(presigned(path.replace(" ", "%20"), query, token), b"") == token


def changed(text: str) -> Iterator[str]:
    """Every text that differs in one byte which means something: spaces collapse, and that is the scheme's own rule."""
    for index, character in enumerate(text):
        if character not in " \t":
            yield text[:index] + ("x" if character != "x" else "y") + text[index + 1 :]


def forgeries(request: SignedRequest, body: bytes, data: st.DataObject) -> Iterator[tuple[SignedRequest, bytes]]:
    def one(text: str) -> str:
        found = list(changed(text))
        return data.draw(st.sampled_from(found)) if found else text + "x"

    yield replace(request, method=one(request.method)), body
    yield replace(request, path="/" + one(request.path[1:])), body
    yield replace(request, query=one(request.query)), body
    yield request, body + b"x"
    yield request, bytes([body[0] ^ 1]) + body[1:] if body else b"x"
    for number, (name, value) in enumerate(request.headers):
        others = [pair for index, pair in enumerate(request.headers) if index != number]
        yield replace(request, headers=[*others, (name, one(value))]), body
        yield replace(request, headers=others), body
    yield replace(request, headers=[*request.headers, ("x-amz-extra", "1")]), body


@settings(max_examples=60, deadline=None)
@given(methods, paths, queries, headers, bodies, tokens, st.data())
def test_no_byte_of_a_signed_request_can_be_changed(
    method: str, path: str, query: str, found: dict[str, str], body: bytes, token: str | None, data: st.DataObject
) -> None:
    request = signed(method, path, query, found, body, token)
    check(request, body)
    for forged, its_body in forgeries(request, body, data):
        with pytest.raises(SignatureError):
            check(forged, its_body)
    with pytest.raises(SignatureError):
        check(request, body, SECRET[:-1])


@settings(max_examples=60, deadline=None)
@given(paths, queries, tokens, st.data())
def test_no_byte_of_a_presigned_url_can_be_changed(path: str, query: str, token: str | None, data: st.DataObject) -> None:
    request = presigned(path, query, token)
    check(request, b"")
    for forged, its_body in forgeries(request, b"", data):
        with pytest.raises(SignatureError):
            check(forged, its_body)


junk = st.text(alphabet=st.characters(max_codepoint=0x17F), max_size=60)
authorization = st.one_of(
    junk, junk.map(lambda text: f"AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders={text}, Signature={text}")
)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["authorization", "x-amz-date", "date", "host"]), authorization), max_size=4), junk, junk
)
def test_whatever_is_sent_only_signature_errors_arise(found: list[tuple[str, str]], path: str, query: str) -> None:
    for stamp in ([], [("x-amz-date", "20260101T000000Z")]):
        for given_query in (
            query,
            f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a/b/c/d/e&X-Amz-SignedHeaders=host&{query}",
        ):
            request = SignedRequest("GET", path, given_query, [*found, *stamp])
            with contextlib.suppress(SignatureError):
                verify(request, parse(request), SECRET, now_ms=0, services=("ecr",), body_sha256="")
