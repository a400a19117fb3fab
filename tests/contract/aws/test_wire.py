"""What stands on the wire: targets, bodies, errors, numbers and ids, checked without an SDK between."""

import http.client
import json
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from botocore.model import Shape

from moorage.app import operation_names
from tests.contract.aws.door import TARGET, UUID, Answer, Door, Signer, constraint, input_of, model
from tests.e2e.images import small

_MIB = 1024 * 1024
_JSON = "application/x-amz-json-1.1"


def _assert_error(answer: Answer, code: str, message: str, status: int = 400) -> None:
    assert answer.status == status
    assert answer.headers["content-type"] == _JSON
    assert answer.headers["x-amzn-errortype"] == code
    assert answer.document == {"__type": code, "message": message}
    assert UUID.fullmatch(answer.request_id)


def test_an_answer_has_the_protocols_type_an_id_and_a_date(door: Door) -> None:
    answer = door.raw("DescribeRepositories")
    assert answer.status == 200
    assert answer.headers["content-type"] == _JSON
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-length"] == str(len(answer.body))
    assert UUID.fullmatch(answer.request_id) and answer.headers["date"].endswith("GMT")


def test_each_request_has_an_id_of_its_own(door: Door) -> None:
    assert len({door.raw("DescribeRepositories").request_id for _ in range(10)}) == 10


def test_an_error_names_its_type_in_the_body_and_in_a_header(door: Door) -> None:
    answer = door.raw("ListImages", {"repositoryName": "team/absent"})
    text = "The repository with name 'team/absent' does not exist in the registry with id '123456789012'"
    _assert_error(answer, "RepositoryNotFoundException", text)


def test_timestamps_are_numbers_of_seconds_with_milliseconds(door: Door, repository: str) -> None:
    door.push(repository, small("times"), "1")
    door.call("BatchGetImage", repositoryName=repository, imageIds=[{"imageTag": "1"}])
    door.settle()
    created = door.raw("DescribeRepositories", {"repositoryNames": [repository]}).document["repositories"][0]["createdAt"]
    (image,) = door.raw("DescribeImages", {"repositoryName": repository}).document["imageDetails"]
    (token,) = door.raw("GetAuthorizationToken").document["authorizationData"]
    for value in (created, image["imagePushedAt"], image["lastRecordedPullTime"], token["expiresAt"]):
        assert isinstance(value, float | int) and 1.7e9 < value < 1e11
        assert round(value, 3) == value


def test_the_members_of_an_invalid_part_stand_beside_its_message(door: Door, repository: str) -> None:
    session = door.call("InitiateLayerUpload", repositoryName=repository)["uploadId"]
    part = {"repositoryName": repository, "uploadId": session, "partFirstByte": 5, "partLastByte": 5, "layerPartBlob": "eA=="}
    document = door.raw("UploadLayerPart", part).document
    assert document.pop("message").startswith("The layer part is not the continuation of the upload ")
    assert document == {
        "__type": "InvalidLayerPartException",
        "registryId": "123456789012",
        "repositoryName": repository,
        "uploadId": session,
        "lastValidByteReceived": -1,
    }


@pytest.mark.parametrize("name", sorted({*model().operation_names} - {*operation_names("ecr")}))
def test_what_is_not_implemented_says_so(door: Door, name: str) -> None:
    text = f"The operation {name!r} is unknown or not supported by this server."
    _assert_error(door.raw(name), "UnknownOperationException", text, 404)


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        (f"{TARGET}.Nothing", "Nothing"),
        (f"{TARGET}.", ""),
        (TARGET, ""),
        ("", ""),
        ("AmazonEC2ContainerRegistry_V20150922.ListImages", "ListImages"),
        ("SpencerFrontendService.ListImages", "ListImages"),
        ("x" * 300, "x" * 128),
        (f"{TARGET}.__class__", "__class__"),
        (f"{TARGET}.listImages", "listImages"),
    ],
)
def test_an_unknown_target_is_an_unknown_operation(door: Door, target: str, shown: str) -> None:
    answer = door.raw("", signer=Signer(target=target))
    text = f"The operation {shown!r} is unknown or not supported by this server."
    assert answer.document["__type"] == "UnknownOperationException" and answer.status == 404
    assert answer.document["message"] == text or (target == TARGET and TARGET in answer.document["message"])


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"repositoryName": "te',
        b"nothing",
        b"{}{}",
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b'{"a":1,"a":2}',
        b'{"a":NaN}',
        b"[" * 100_000,
    ],
)
def test_a_body_that_is_no_json_is_said_to_be_none(door: Door, body: bytes) -> None:
    _assert_error(door.raw("ListImages", body), "SerializationException", "The request body is not valid JSON.")


@pytest.mark.parametrize("body", [b"[]", b"null", b'"text"', b"1", b"true"])
def test_a_body_that_is_no_object_is_refused(door: Door, body: bytes) -> None:
    _assert_error(door.raw("ListImages", body), "SerializationException", "The request body must be a JSON object.")


def test_no_body_at_all_counts_as_an_empty_object(door: Door) -> None:
    assert door.raw("GetAuthorizationToken", b"").status == 200
    text = constraint("repositoryName", "Member must not be null")
    _assert_error(door.raw("ListImages", b""), "InvalidParameterException", text)


def test_a_null_counts_as_absent_and_an_unknown_member_is_ignored(door: Door, repository: str) -> None:
    answer = door.raw("ListImages", {"repositoryName": repository, "maxResults": None, "filter": None, "later": {"x": [1]}})
    assert (answer.status, answer.document) == (200, {"imageIds": []})


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"repositoryName": 1}, "NUMBER_VALUE can not be converted to a String"),
        ({"repositoryName": True}, "TRUE_VALUE can not be converted to a String"),
        ({"repositoryName": []}, "Start of list found where not expected."),
        ({"repositoryName": {}}, "Start of structure or map found where not expected."),
        ({"repositoryName": "team/a", "maxResults": "1"}, "STRING_VALUE can not be converted to an Integer"),
        ({"repositoryName": "team/a", "maxResults": 1.5}, "NUMBER_VALUE can not be converted to an Integer"),
        ({"repositoryName": "team/a", "maxResults": 2**31}, "NUMBER_VALUE can not be converted to an Integer"),
        ({"repositoryName": "team/a", "filter": "ANY"}, "STRING_VALUE can not be converted to a Structure"),
        ({"repositoryName": "te\0am"}, "A text holds a character that is not allowed."),
        ({"repositoryName": "\ud800"}, "A text holds a character that is not allowed."),
    ],
)
def test_a_member_of_the_wrong_type_is_refused_without_being_shown(door: Door, members: dict[str, Any], message: str) -> None:
    _assert_error(door.raw("ListImages", members), "SerializationException", message)


def test_a_blob_that_is_no_base64_is_refused(door: Door, repository: str) -> None:
    part = {"repositoryName": repository, "uploadId": "x", "partFirstByte": 0, "partLastByte": 0, "layerPartBlob": "%%%"}
    _assert_error(door.raw("UploadLayerPart", part), "SerializationException", "A blob is not valid base64.")


_JUNK: tuple[Any, ...] = (
    *(None, True, 0, -1, 2**40, 2**70, 1.5, "", " ", "x" * 5000, "..", "é\u202e", "a/b", "sha256:" + "0" * 64),
    *([], [None], [[]], [""], [{}], ["x"] * 1001, {}, {"a": 1}),
    *({"tagStatus": "NONE"}, [{"imageTag": "x" * 299, "imageDigest": "x"}], [{"Key": "", "Value": ""}]),
)


def _usual(shape: Shape) -> Any:
    """A value that satisfies a required member of the operations here."""
    by_type: dict[str, Any] = {"string": "team/never", "long": 0, "blob": "eA==", "list": [], "structure": {}}
    return by_type[shape.type_name]


@pytest.mark.parametrize("name", operation_names("ecr"))
def test_nothing_that_stands_in_a_member_is_a_fault_of_the_server(door: Door, name: str) -> None:
    shape = input_of(name)
    required = {member: _usual(shape.members[member]) for member in shape.required_members}
    for member in shape.members:
        for junk in _JUNK:
            answer = door.raw(name, {**required, member: junk})
            assert answer.status in {200, 400}, (member, junk, answer.body)
            assert answer.status == 200 or 0 < len(answer.document["message"]) < 2000, (member, junk)


def test_ten_mebibytes_of_request_are_read_and_judged(door: Door, repository: str) -> None:
    answer = door.raw("ListImages", {"repositoryName": repository, "later": "x" * (10 * _MIB)})
    assert (answer.status, answer.document) == (200, {"imageIds": []})
    text = constraint("imageManifest", "Member must have length less than or equal to 4194304")
    answer = door.raw("PutImage", {"repositoryName": repository, "imageManifest": "x" * (10 * _MIB)})
    _assert_error(answer, "InvalidParameterException", text)


def _post(door: Door, headers: Mapping[str, str], body: Iterable[bytes]) -> Answer:
    """A request that is signed by a key that exists, since nobody else's body is read at all."""
    signed = Signer().sign(door.host, "ListImages", b"{}").headers
    headers = {**{name: str(value) for name, value in signed.items() if name.lower() != "content-length"}, **headers}
    connection = http.client.HTTPConnection(door.host, timeout=30)
    try:
        connection.request("POST", "/", body, dict(headers), encode_chunked="Transfer-Encoding" in headers)
        response = connection.getresponse()
        content = response.read()
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, content)
    finally:
        connection.close()


_TOO_LARGE = f"The body must have at most {30 * _MIB} bytes."


def test_more_than_thirty_mebibytes_are_refused_unread(door: Door) -> None:
    answer = _post(door, {"Content-Length": str(30 * _MIB + 1)}, [])
    _assert_error(answer, "RequestEntityTooLargeException", _TOO_LARGE, 413)


def test_more_than_thirty_mebibytes_are_refused_also_when_their_number_is_not_announced(door: Door) -> None:
    answer = _post(door, {"Transfer-Encoding": "chunked"}, [b"x" * _MIB] * 31)
    _assert_error(answer, "RequestEntityTooLargeException", _TOO_LARGE, 413)


def test_the_body_of_a_request_that_nobody_signed_is_not_read(door: Door) -> None:
    connection = http.client.HTTPConnection(door.host, timeout=30)
    try:
        connection.putrequest("POST", "/")
        connection.putheader("Content-Length", str(20 * _MIB))
        connection.endheaders()
        response = connection.getresponse()
        assert response.status == 400
        assert json.loads(response.read())["__type"] == "MissingAuthenticationTokenException"
    finally:
        connection.close()


def test_only_post_reaches_the_aws_apis(door: Door) -> None:
    for method in ("GET", "PUT", "DELETE"):
        answer = door.exchange(method, "/", {"X-Amz-Target": f"{TARGET}.ListImages"}, b"")
        assert answer.status == 404
