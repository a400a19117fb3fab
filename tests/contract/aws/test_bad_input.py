"""What else can be wrong with a request, and that nothing of it is a fault of the server or tells of another account."""

import gzip
import http.client
import json
import re
import socket
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from moorage.identity.credentials.sealing import Sealer
from tests.contract.aws.door import ACCOUNT, TARGET, Answer, Door, Signer, constraint, no_repository, refused
from tests.e2e.images import small
from tests.e2e.server import Server

_MIB = 1024 * 1024
_OTHER = "310987654321"
_OTHER_KEY, _OTHER_SECRET = "AKIAOTHERACCOUNT0001", "the/other/account/secret/access/key/0001"
_BAD_TOKEN = constraint("nextToken", "Invalid token")


def _assert_error(answer: Answer, code: str, message: str | re.Pattern[str], status: int = 400) -> None:
    said = answer.document
    assert (answer.status, said["__type"], answer.headers["x-amzn-errortype"]) == (status, code, code), said
    assert message.fullmatch(said["message"]) if isinstance(message, re.Pattern) else said["message"] == message
    assert answer.headers["content-type"] == "application/x-amz-json-1.1"


@pytest.fixture(scope="module")
def other(door: Door) -> Iterator[Any]:
    """A client of another account that exists here."""
    sealer = Sealer((door.server.data / "secret.key").read_bytes())
    now = int(time.time() * 1000)
    door.prepare("INSERT OR IGNORE INTO accounts (id, name, created_at) VALUES (?, 'other', ?)", _OTHER, now)
    door.prepare(
        "INSERT OR IGNORE INTO access_keys (id, account_id, sealed_secret, active, created_at) VALUES (?, ?, ?, 1, ?)",
        *(_OTHER_KEY, _OTHER, sealer.seal(_OTHER_SECRET, _OTHER_KEY), now),
    )
    client = door.client(key_id=_OTHER_KEY, secret=_OTHER_SECRET)
    yield client
    client.close()


# --- another account ------------------------------------------------------------------------------------------------


def test_two_accounts_may_use_one_repository_name(door: Door, other: Any) -> None:
    name = door.new_repository()
    with refused("RepositoryNotFoundException", no_repository(name).replace(ACCOUNT, _OTHER)):
        door.call("DescribeRepositories", other, repositoryNames=[name])
    made = door.call("CreateRepository", other, repositoryName=name)["repository"]
    assert made["repositoryArn"] == f"arn:aws:ecr:us-east-1:{_OTHER}:repository/{name}"
    door.call("DeleteRepository", other, repositoryName=name)
    assert door.call("DescribeRepositories", repositoryNames=[name])["repositories"][0]["registryId"] == ACCOUNT


def test_another_accounts_registry_is_denied_whether_or_not_it_or_the_repository_exists(door: Door, other: Any) -> None:
    name = f"team/r{uuid.uuid4().hex[:12]}"
    door.call("CreateRepository", other, repositoryName=name)
    said = set()
    for registry in (_OTHER, "000000000001"):
        for asked in (name, "team/absent"):
            answer = door.raw("ListImages", {"registryId": registry, "repositoryName": asked})
            assert (answer.status, answer.document["__type"]) == (400, "AccessDeniedException")
            said.add(answer.document["message"].replace(registry, "R").replace(asked, "N"))
    assert len(said) == 1, said


# --- page tokens ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def listed(door: Door) -> tuple[str, str, str]:
    """A repository with three images, and a token of ListImages and one of DescribeImages for it."""
    name = door.new_repository()
    for number in range(3):
        door.push(name, small(f"page {number}"), f"t{number}")
    tokens = [
        door.call(operation, repositoryName=name, maxResults=1)["nextToken"] for operation in ("ListImages", "DescribeImages")
    ]
    return (name, *tokens)


@pytest.mark.parametrize("token", ["x", "AAAA", "=" * 50, "é", "a" * 4000, "../..", "e30", " "])
def test_an_invented_page_token_is_refused(door: Door, listed: tuple[str, str, str], token: str) -> None:
    for members in ({"repositoryName": listed[0]}, {}):
        operation = "ListImages" if members else "DescribeRepositories"
        _assert_error(door.raw(operation, {**members, "nextToken": token}), "InvalidParameterException", _BAD_TOKEN)


def test_a_changed_page_token_is_refused(door: Door, listed: tuple[str, str, str]) -> None:
    name, token, _ = listed
    for at in range(0, len(token), 5):
        changed = token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
        answer = door.raw("ListImages", {"repositoryName": name, "nextToken": changed})
        _assert_error(answer, "InvalidParameterException", _BAD_TOKEN)


def test_a_page_token_is_good_only_where_it_was_given(door: Door, other: Any, listed: tuple[str, str, str]) -> None:
    name, images, details = listed
    second = door.new_repository()
    door.call("CreateRepository", other, repositoryName=name)
    key = Signer(key_id=_OTHER_KEY, secret=_OTHER_SECRET)
    cases: list[tuple[str, dict[str, Any], Signer | None]] = [
        ("ListImages", {"repositoryName": second, "nextToken": images}, None),
        ("ListImages", {"repositoryName": name, "nextToken": details}, None),
        ("DescribeImages", {"repositoryName": name, "nextToken": images}, None),
        ("DescribeRepositories", {"nextToken": images}, None),
        ("ListImages", {"repositoryName": name, "nextToken": images, "filter": {"tagStatus": "UNTAGGED"}}, None),
        ("ListImages", {"repositoryName": name, "nextToken": images}, key),
        ("ListImages", {"repositoryName": name, "nextToken": images}, Signer(region="eu-west-3")),
    ]
    for operation, members, signer in cases:
        answer = door.raw(operation, members, signer)
        if signer is not None and signer.region == "eu-west-3":
            assert answer.document["__type"] == "RepositoryNotFoundException"
        else:
            _assert_error(answer, "InvalidParameterException", _BAD_TOKEN)
    door.call("DeleteRepository", other, repositoryName=name)


def test_a_page_token_does_not_expire(door: Door, listed: tuple[str, str, str]) -> None:
    name, token, _ = listed
    for _ in range(2):
        assert len(door.call("ListImages", repositoryName=name, nextToken=token)["imageIds"]) == 2


# --- signatures -----------------------------------------------------------------------------------------------------


def _resigned(door: Door, change: Any, operation: str = "ListImages") -> Answer:
    request = Signer().sign(door.host, operation, b"{}")
    header = request.headers["Authorization"]
    del request.headers["Authorization"]
    request.headers["Authorization"] = change(header)
    return door.send(request)


@pytest.mark.parametrize(
    ("old", "new", "code", "message"),
    [
        (
            "aws4_request",
            "aws5_request",
            "InvalidSignatureException",
            "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'.",
        ),
        (
            "/ecr/",
            "/sts/",
            "InvalidSignatureException",
            "Credential should be scoped to correct service: 'ecr'.",
        ),
        (
            "/us-east-1/ecr/aws4_request",
            "/us-east-1/aws4_request",
            "IncompleteSignatureException",
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got",
        ),
        ("AWS4-HMAC-SHA256", "AWS4-HMAC-MD5", "IncompleteSignatureException", "Unsupported AWS 'algorithm': 'AWS4-HMAC-MD5'"),
        (
            "SignedHeaders=",
            "Signed=",
            "IncompleteSignatureException",
            "Authorization header requires 'SignedHeaders' parameter.",
        ),
        ("Signature=", "Signature", "IncompleteSignatureException", "'Signature"),
        (";host;", ";", "InvalidSignatureException", "'Host' or ':authority' must be a 'SignedHeader'"),
    ],
)
def test_an_authorization_header_that_is_wrong_in_one_place_is_told_where(
    door: Door, old: str, new: str, code: str, message: str
) -> None:
    answer = _resigned(door, lambda header: header.replace(old, new, 1))
    assert (answer.status, answer.document["__type"]) == (400, code)
    assert answer.document["message"].startswith(message), answer.document


def test_a_scope_of_another_day_is_refused(door: Door) -> None:
    answer = _resigned(door, lambda header: re.sub(r"/\d{8}/", "/20200101/", header))
    text = re.compile(
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20200101' != .*"
    )
    _assert_error(answer, "InvalidSignatureException", text)


def test_every_fault_of_a_scope_is_told_at_once(door: Door) -> None:
    answer = _resigned(door, lambda header: re.sub(r"/\d{8}/us-east-1/ecr/aws4_request", "/20200101/US/s3/x", header))
    assert answer.document["message"].count("Credential should be scoped") == 3
    assert "Date in Credential scope" in answer.document["message"]


@pytest.mark.parametrize("signature", ["0" * 64, "", "x", "é" * 64, "A" * 10_000])
def test_a_forged_signature_is_refused(door: Door, signature: str) -> None:
    answer = _resigned(door, lambda header: re.sub(r"Signature=\w+", f"Signature={signature}", header))
    assert answer.status == 400
    assert answer.document["__type"] in {"InvalidSignatureException", "IncompleteSignatureException"}
    assert signature not in answer.document["message"] or not signature


def test_a_body_that_is_signed_in_chunks_is_refused(door: Door) -> None:
    for stated in ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"):
        answer = door.raw("ListImages", signer=Signer(headers={"X-Amz-Content-SHA256": stated}))
        text = "The provided 'x-amz-content-sha256' header does not match what was computed."
        _assert_error(answer, "InvalidSignatureException", text)


# --- bodies ---------------------------------------------------------------------------------------------------------


def test_a_compressed_body_is_no_json(door: Door) -> None:
    answer = door.raw("ListImages", gzip.compress(b"{}"), Signer(headers={"Content-Encoding": "gzip"}))
    _assert_error(answer, "SerializationException", "The request body is not valid JSON.")


def test_a_client_that_waits_for_permission_to_send_gets_it_only_with_a_key(door: Door) -> None:
    body = json.dumps({"maxResults": 1}).encode()
    signed = Signer().sign(door.host, "DescribeRepositories", body).headers
    assert _expecting(door, dict(signed.items()), body).startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200")
    headers = {"X-Amz-Target": f"{TARGET}.DescribeRepositories"}
    assert _expecting(door, headers, body).startswith(b"HTTP/1.1 400")


def _expecting(door: Door, headers: Mapping[str, Any], body: bytes) -> bytes:
    """Everything that comes back when the body is sent after a moment."""
    host, port = door.host.split(":")
    lines = [f"Host: {door.host}", "Expect: 100-continue", "Connection: close", f"Content-Length: {len(body)}"]
    kept = {"x-amz-target", "x-amz-date", "authorization", "content-type"}
    lines += [
        f"{name}: {value.decode() if isinstance(value, bytes) else value}"
        for name, value in headers.items()
        if name.lower() in kept
    ]
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(("POST / HTTP/1.1\r\n" + "\r\n".join(lines) + "\r\n\r\n").encode())
        first = connection.recv(4096)
        if first.startswith(b"HTTP/1.1 100"):
            connection.sendall(body)
        pieces = [first]
        while piece := connection.recv(65536):
            pieces.append(piece)
        return b"".join(pieces)


@pytest.mark.parametrize(
    "service", ["AmazonEC2ContainerServiceV20141113", "AWSEvents", "SpencerFrontendService", "Logs_20140328"]
)
def test_a_service_that_is_not_here_is_unknown_whomever_the_request_is_signed_for(door: Door, service: str) -> None:
    for name in ("ecs", "events", "ecr"):
        answer = door.raw("", signer=Signer(service=name, target=f"{service}.ListClusters"))
        text = "The operation 'ListClusters' is unknown or not supported by this server."
        _assert_error(answer, "UnknownOperationException", text, 404)


def test_an_over_long_value_is_refused_in_the_services_words(door: Door) -> None:
    cases: list[tuple[str, dict[str, Any], str, str]] = [
        (
            "DescribeRepositories",
            {"repositoryNames": ["ab"] * 101},
            "repositoryNames",
            "Member must have length less than or equal to 100",
        ),
        ("DescribeRepositories", {"maxResults": 1001}, "maxResults", "Member must have value less than or equal to 1000"),
        ("DescribeRepositories", {"maxResults": 0}, "maxResults", "Member must have value greater than or equal to 1"),
        (
            "CreateRepository",
            {"repositoryName": "a" * 257},
            "repositoryName",
            "Member must have length less than or equal to 256",
        ),
        ("CreateRepository", {"repositoryName": "a"}, "repositoryName", "Member must have length greater than or equal to 2"),
    ]
    for operation, members, member, text in cases:
        _assert_error(door.raw(operation, members), "InvalidParameterException", constraint(member, text))


# --- failed logins --------------------------------------------------------------------------------------------------


def test_a_failed_login_is_recorded_with_the_key_that_it_claimed_and_no_secret(door: Door) -> None:
    door.settle()
    answer = door.raw("DescribeRepositories", signer=Signer(key_id="AKIANOBODY0000000001"))
    (row,) = door.audited(answer.request_id)
    seen = {name: row[name] for name in ("event_source", "event_name", "access_key_id", "account_id", "error_code")}
    assert seen == {
        "event_source": "signin.amazonaws.com",
        "event_name": "DescribeRepositories",
        "access_key_id": "AKIANOBODY0000000001",
        "account_id": None,
        "error_code": "UnrecognizedClientException",
    }
    misplaced = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".replace("/", "x")
    (row,) = door.audited(door.raw("DescribeRepositories", signer=Signer(key_id=misplaced)).request_id)
    assert (row["access_key_id"], misplaced in json.dumps(row)) == (None, False)


def test_a_wrong_password_of_the_data_plane_is_recorded_and_a_missing_one_is_not(door: Door) -> None:
    asked = door.exchange("GET", "/v2/", {}, b"")
    wrong = door.exchange("GET", "/v2/", {"Authorization": "Basic QVdTOndyb25n"}, b"")
    assert (asked.status, wrong.status) == (401, 401)
    (row,) = door.audited(wrong.request_id)
    assert (row["event_name"], row["protocol"], row["error_code"]) == ("Login", "oci", "UNAUTHORIZED")
    assert door.audited(asked.request_id, seconds=0) == []


@pytest.fixture(scope="module")
def besieged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """A server of its own, for what makes an address suspicious."""
    server = Server(tmp_path_factory.mktemp("besieged") / "data", "fast", settings={"MOORAGE_WORKERS": "1"})
    server.start()
    with closing(Door(server)) as opened:
        yield opened
    server.stop()


def test_an_address_that_fails_too_often_is_slowed_down_and_who_has_a_key_is_not(besieged: Door) -> None:
    door = besieged
    request = Signer(key_id="AKIANOBODY0000000002").sign(door.host, "DescribeRepositories", b"{}")
    codes = [door.send(request).document["__type"] for _ in range(250)]
    assert codes[:100] == ["UnrecognizedClientException"] * 100
    assert set(codes) == {"UnrecognizedClientException", "ThrottlingException"}
    assert door.raw("DescribeRepositories").status == 200
    # Some failures are let pass every second, so the next one alone need not be too much.
    wrong = [door.exchange("GET", "/v2/", {"Authorization": "Basic QVdTOndyb25n"}, b"") for _ in range(100)]
    over = next(answer for answer in wrong if answer.status != 401)
    assert (over.status, over.document["errors"][0]["code"]) == (429, "TOOMANYREQUESTS")
    assert door.exchange("GET", "/v2/", {}, b"").status == 401, "asking how to log in is no failure"


def test_requests_that_never_finish_keep_nobody_out(besieged: Door) -> None:
    """Whoever knows a key's id can begin many requests in its name; those with the secret are answered meanwhile."""
    door = besieged
    signed = dict(Signer(secret="wrong").sign(door.host, "ListImages", b"x" * 100).headers.items())
    headers = {name: str(value) for name, value in signed.items() if name.lower() != "content-length"}
    # Small ones, ones whose size is not said, and as many large ones as fill the memory for bodies; also from other addresses.
    sizes = [{"Content-Length": "100"}, {"Transfer-Encoding": "chunked"}] * 100
    sizes += [{"Content-Length": str(30 * _MIB)}] * 15
    several = 3 if sys.platform == "linux" else 1  # elsewhere the loopback has one address only
    addresses = [f"127.0.0.{1 + number % several}" for number in range(len(sizes))]
    begun = [http.client.HTTPConnection(door.host, timeout=60, source_address=(address, 0)) for address in addresses]
    try:
        for size, connection in zip(sizes, begun, strict=True):
            connection.putrequest("POST", "/", skip_accept_encoding=True, skip_host=True)
            for name, value in {**headers, "Host": door.host, **size}.items():
                connection.putheader(name, value)
            connection.endheaders()
        large = {"repositoryName": "team/absent", "later": "x" * 200_000}
        assert door.raw("DescribeRepositories").status == 200
        assert door.raw("ListImages", large).document["__type"] == "RepositoryNotFoundException"
    finally:
        for connection in begun:
            connection.close()


def test_many_large_bodies_at_once_wait_for_one_another(besieged: Door) -> None:
    """More than one worker may keep: the first are under way, the last wait for them, and all are answered."""
    door, size = besieged, 20 * _MIB
    body = json.dumps({"repositoryName": "team/absent", "later": "x" * size}).encode()
    signed = dict(Signer().sign(door.host, "ListImages", body).headers.items())
    headers = {name: str(value) for name, value in signed.items() if name.lower() != "content-length"}
    connections = [http.client.HTTPConnection(door.host, timeout=60) for _ in range(9)]
    try:
        for connection in connections:
            connection.putrequest("POST", "/", skip_accept_encoding=True, skip_host=True)
            for name, value in {**headers, "Host": door.host, "Content-Length": str(len(body))}.items():
                connection.putheader(name, value)
            connection.endheaders()
        for connection in connections:
            connection.send(body)
            answer = connection.getresponse()
            assert json.loads(answer.read())["__type"] == "RepositoryNotFoundException"
    finally:
        for connection in connections:
            connection.close()


def test_nothing_of_this_left_a_trace_of_a_fault_in_the_log(door: Door, besieged: Door) -> None:
    for opened in (door, besieged):
        log = Path(opened.server.log).read_text(errors="replace")
        assert "unexpected error" not in log, log[-2000:]
