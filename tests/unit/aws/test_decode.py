import json
from typing import Any

import pytest

from moorage.aws.decode import SerializationError
from moorage.aws.model import Service
from tests.unit.aws.once import decode

SERVICE = Service("ecr")


def read(operation: str, body: bytes | dict[str, Any]) -> dict[str, Any]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return decode(raw, SERVICE.operation(operation).input_shape)


def test_members_that_the_model_does_not_know_are_ignored_and_null_counts_as_absent() -> None:
    params = read("DescribeRepositories", {"future": [{}], "registryId": None, "maxResults": 5})
    assert params == {"maxResults": 5}


def test_no_body_counts_as_an_empty_object() -> None:
    assert read("DescribeRegistry", b"") == {}


def test_blobs_come_as_bytes() -> None:
    params = read("UploadLayerPart", {"layerPartBlob": "AP8=", "partFirstByte": 0, "partLastByte": 1})
    assert params == {"layerPartBlob": b"\x00\xff", "partFirstByte": 0, "partLastByte": 1}


@pytest.mark.parametrize("text", ["AP8", "AP-_", "A P8=", "\u00e4===", "AP8==", "====", 5, {}])
def test_a_blob_that_is_not_base64_is_refused(text: object) -> None:
    with pytest.raises(SerializationError):
        read("UploadLayerPart", {"layerPartBlob": text})


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"null",
        b'"text"',
        b"1",
        b"{",
        b"\xff{}",
        b"\xef\xbb\xbf{}",
        b"{}{}",
        b'{"maxResults": NaN}',
        b'{"maxResults": Infinity}',
        b'{"maxResults": 1, "maxResults": 2}',
        b'{"unknown": {"a": 1, "a": 1}}',
        b'{"maxResults": ' + b"9" * 5000 + b"}",
        b'{"maxResults": 1e400}',
        b'{"unknown": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"unknown": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}",
        '{"maxResults": 1}'.encode("utf-16"),
    ],
)
def test_a_body_that_is_no_plain_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(SerializationError) as caught:
        read("DescribeRepositories", body)
    assert (caught.value.aws_code, caught.value.aws_status) == ("SerializationException", 400)


@pytest.mark.parametrize(
    ("operation", "body", "text"),
    [
        ("DescribeRepositories", {"registryId": 5}, "NUMBER_VALUE can not be converted to a String"),
        ("DescribeRepositories", {"registryId": True}, "TRUE_VALUE can not be converted to a String"),
        ("DescribeRepositories", {"registryId": {}}, "Start of structure or map found where not expected."),
        ("DescribeRepositories", {"registryId": []}, "Start of list found where not expected."),
        ("DescribeRepositories", {"repositoryNames": "a"}, "STRING_VALUE can not be converted to a List"),
        ("DescribeRepositories", {"repositoryNames": [1]}, "NUMBER_VALUE can not be converted to a String"),
        ("DescribeRepositories", {"maxResults": "5"}, "STRING_VALUE can not be converted to an Integer"),
        ("DescribeRepositories", {"maxResults": 5.5}, "NUMBER_VALUE can not be converted to an Integer"),
        ("DescribeRepositories", {"maxResults": False}, "FALSE_VALUE can not be converted to an Integer"),
        ("DescribeRepositories", {"maxResults": 2**31}, "NUMBER_VALUE can not be converted to an Integer"),
        ("UploadLayerPart", {"partLastByte": 2**63}, "NUMBER_VALUE can not be converted to a Long"),
        ("DeleteRepository", {"force": 1}, "NUMBER_VALUE can not be converted to a Boolean"),
        (
            "PutImageScanningConfiguration",
            {"imageScanningConfiguration": 1},
            "NUMBER_VALUE can not be converted to a Structure",
        ),
    ],
)
def test_a_member_of_the_wrong_type_is_refused_without_showing_its_value(
    operation: str, body: dict[str, Any], text: str
) -> None:
    with pytest.raises(SerializationError) as caught:
        read(operation, body)
    assert caught.value.message == text


@pytest.mark.parametrize("text", [b'"\\ud800"', b'"a\\u0000b"'])
def test_a_text_that_no_database_could_keep_is_refused(text: bytes) -> None:
    with pytest.raises(SerializationError):
        read("PutAccountSetting", b'{"name": ' + text + b"}")


def test_texts_of_every_script_come_through() -> None:
    assert read("PutAccountSetting", {"name": "\U0001f433 \u00e4"}) == {"name": "\U0001f433 \u00e4"}


def test_a_null_in_a_list_is_kept_for_validation_to_name() -> None:
    assert read("DescribeRepositories", {"repositoryNames": ["aa", None]}) == {"repositoryNames": ["aa", None]}


def test_timestamps_maps_and_doubles_are_read_where_a_model_asks_for_them() -> None:
    shape = SERVICE.operation("DescribeImageScanFindings").output_shape
    body = b'{"imageScanFindings": {"imageScanCompletedAt": 1690385025.197, "findingSeverityCounts": {"HIGH": 2},'
    body += b'"enhancedFindings": [{"score": 9.8}]}}'
    assert decode(body, shape) == {
        "imageScanFindings": {
            "imageScanCompletedAt": 1_690_385_025_197,
            "findingSeverityCounts": {"HIGH": 2},
            "enhancedFindings": [{"score": 9.8}],
        }
    }


@pytest.mark.parametrize("value", [b'"2023-07-26T15:23:45Z"', b"-1", b"1e300", b"1e999", b"true", b"9" * 400])
def test_a_timestamp_is_a_number_of_seconds_in_a_year_that_can_be_written(value: bytes) -> None:
    shape = SERVICE.operation("DescribeImageScanFindings").output_shape
    with pytest.raises(SerializationError):
        decode(b'{"imageScanFindings": {"imageScanCompletedAt": ' + value + b"}}", shape)
