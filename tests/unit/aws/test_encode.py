import json
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest
from botocore.parsers import create_parser

from moorage.aws.decode import SerializationError
from moorage.aws.encode import UnencodableResultError, encode_error, encoder
from moorage.aws.model import Service
from moorage.core.clock import Timestamp
from moorage.core.errors import InvalidParameterError, MoorageError, StorageFullError
from moorage.core.names import RepositoryName
from tests.unit.aws.once import encode

SERVICE = Service("ecr")


def shape_of(operation: str) -> Any:
    return SERVICE.operation(operation).output_shape


def test_times_become_numbers_of_seconds_with_their_milliseconds() -> None:
    body = encode({"repository": {"createdAt": 1_690_385_025_197}}, shape_of("CreateRepository"))
    assert body == b'{"repository":{"createdAt":1690385025.197}}'
    parsed = create_parser("json").parse({"body": body, "status_code": 200, "headers": {}}, shape_of("CreateRepository"))
    assert parsed["repository"]["createdAt"] == datetime(2023, 7, 26, 15, 23, 45, 197_000, tzinfo=UTC)


def test_the_epoch_is_a_number_and_not_absent() -> None:
    body = encode({"lastEvaluatedAt": 0, "lifecyclePolicyText": None}, shape_of("GetLifecyclePolicy"))
    assert body == b'{"lastEvaluatedAt":0.0}'


def test_members_without_a_value_are_left_out_and_empty_lists_stay() -> None:
    assert encode({"repositories": [], "nextToken": None}, shape_of("DescribeRepositories")) == b'{"repositories":[]}'


def test_our_own_kinds_of_text_and_numbers_are_text_and_numbers() -> None:
    given = {"repository": {"repositoryName": RepositoryName.parse("team/app"), "createdAt": Timestamp(1000)}}
    assert encode(given, shape_of("CreateRepository")) == b'{"repository":{"repositoryName":"team/app","createdAt":1.0}}'


@pytest.mark.parametrize("text", ["\u00e4\U0001f600", "\ud800", "\x00\x1f\u2028", '"\\'])
def test_any_text_survives(text: str) -> None:
    assert json.loads(encode({"nextToken": text}, shape_of("ListImages"))) == {"nextToken": text}


def test_a_shape_may_contain_itself_and_an_encoder_may_be_used_again() -> None:
    encode_item = encoder(Service("dynamodb").operation("GetItem").output_shape)
    item = {"a": {"L": [{"M": {"b": {"S": "x"}}}]}}
    for _ in range(2):
        assert json.loads(encode_item({"Item": item})) == {"Item": item}
    with pytest.raises(UnencodableResultError, match=r"GetItemOutput\.Item\[a\]\.L\[0\]\.M\[b\]\.S is a string"):
        encode_item({"Item": {"a": {"L": [{"M": {"b": {"S": 1}}}]}}})


def test_an_empty_output_is_an_empty_object() -> None:
    assert encode(None, shape_of("TagResource")) == b"{}"
    assert encode({}, None) == b"{}"


def test_bytes_become_base64_where_the_model_has_a_blob() -> None:
    assert b'"layerPartBlob":"AP8="' in encode(UPLOAD, SERVICE.operation("UploadLayerPart").input_shape)


UPLOAD = {"repositoryName": "ab", "uploadId": "u", "partFirstByte": 0, "partLastByte": 1, "layerPartBlob": b"\x00\xff"}


@pytest.mark.parametrize(
    ("operation", "result", "text"),
    [
        ("CreateRepository", {"repo": {}}, "CreateRepositoryResponse has no member repo."),
        ("CreateRepository", {"repository": {"name": "x"}}, "CreateRepositoryResponse.repository has no member name."),
        (
            "CreateRepository",
            {"repository": {"createdAt": 1.5}},
            "repository.createdAt is a timestamp and cannot be given as float",
        ),
        ("CreateRepository", {"repository": {"repositoryName": b"x"}}, "repository.repositoryName is a string"),
        ("CreateRepository", {"repository": [1]}, "repository is a structure and cannot be given as list"),
        ("DescribeRepositories", {"repositories": "text"}, "repositories is a list and cannot be given as str"),
        ("DescribeRepositories", {"repositories": [None]}, "repositories[0] is a structure and cannot be given as NoneType"),
        ("ListImageReferrers", {"referrers": [{"digest": "d"}]}, "referrers[0] lacks mediaType, size."),
        ("CompleteLayerUpload", {"uploadId": 1}, "uploadId is a string"),
        ("UploadLayerPart", {"lastByteReceived": True}, "lastByteReceived is a long and cannot be given as bool"),
        ("ValidatePullThroughCacheRule", {"isValid": 1}, "isValid is a boolean"),
        ("DescribeImageScanFindings", {"imageScanFindings": {"findingSeverityCounts": [1]}}, "findingSeverityCounts is a map"),
        (
            "DescribeImageScanFindings",
            {"imageScanFindings": {"enhancedFindings": [{"score": float("nan")}]}},
            "score is a double",
        ),
        (
            "DescribeImageScanFindings",
            {"imageScanFindings": {"enhancedFindings": [{"score": float("inf")}]}},
            "score is a double",
        ),
    ],
)
def test_a_result_that_the_model_does_not_have_is_a_fault_of_the_program(operation: str, result: Any, text: str) -> None:
    with pytest.raises(UnencodableResultError) as caught:
        encode(result, shape_of(operation))
    assert text in str(caught.value)
    assert not isinstance(caught.value, MoorageError)


def test_a_blob_is_given_as_bytes_and_a_result_without_a_shape_is_refused() -> None:
    with pytest.raises(UnencodableResultError):
        encode(UPLOAD | {"layerPartBlob": "AP8="}, SERVICE.operation("UploadLayerPart").input_shape)
    with pytest.raises(UnencodableResultError):
        encode({"a": 1}, None)


def read(error: MoorageError) -> tuple[int, dict[str, Any], Any]:
    """The status, the error as botocore reads it, and the headers."""
    answer = encode_error(SERVICE, error)
    response = {"body": answer.body, "status_code": answer.status, "headers": dict(answer.headers)}
    shape = SERVICE.errors.get(error.aws_code)
    parser = create_parser("json")
    found: dict[str, Any] = parser.parse(response, shape_of("PutImage"))
    if shape is not None:
        found |= parser.parse(response | {"status_code": 200}, shape)
    return answer.status, found, answer.headers


@pytest.mark.parametrize("code", sorted(SERVICE.errors))
def test_every_modelled_exception_is_read_by_botocore_with_its_code_and_message(code: str) -> None:
    class FoundError(MoorageError):
        aws_code: ClassVar[str] = code

    status, found, headers = read(FoundError('It did not work: \u00e4 \ud800 "quoted"\r\nX: y'))
    assert status == 400
    assert found["Error"] == {"Code": code, "Message": 'It did not work: \u00e4 \ud800 "quoted"\r\nX: y'}
    assert headers == {"Content-Type": "application/x-amz-json-1.1", "x-amzn-ErrorType": code}


def test_the_extra_members_of_an_exception_stand_next_to_the_message() -> None:
    class InvalidLayerPartError(MoorageError):
        aws_code = "InvalidLayerPartException"

        def members(self) -> dict[str, Any]:
            return {"registryId": "1", "repositoryName": "ab", "uploadId": None, "lastValidByteReceived": 2**40}

    body = json.loads(encode_error(SERVICE, InvalidLayerPartError("Wrong part.")).body)
    extra = {"registryId": "1", "repositoryName": "ab", "lastValidByteReceived": 2**40}
    assert body == {"__type": "InvalidLayerPartException", "message": "Wrong part."} | extra
    _, found, _ = read(InvalidLayerPartError("Wrong part."))
    assert {name: found[name] for name in extra} == extra


def test_a_member_that_the_exception_does_not_have_is_a_fault_of_the_program() -> None:
    class OddError(InvalidParameterError):
        def members(self) -> dict[str, Any]:
            return {"secret": 1}

    with pytest.raises(UnencodableResultError):
        encode_error(SERVICE, OddError("text"))


def test_errors_outside_the_model_keep_their_status() -> None:
    assert encode_error(SERVICE, StorageFullError()).status == 500
    assert json.loads(encode_error(SERVICE, SerializationError("No.")).body) == {
        "__type": "SerializationException",
        "message": "No.",
    }
