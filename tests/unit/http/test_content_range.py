import pytest

from moorage.http.distribution.content_range import InvalidContentRangeError, chunk_range


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("0-0", (0, 1)),
        ("0-99", (0, 100)),
        ("100-199", (100, 100)),
        (" 0-9 ", (0, 10)),
        ("bytes 0-9/100", (0, 10)),
        ("bytes 0-9/*", (0, 10)),
        ("bytes=0-9", (0, 10)),
        ("0-9/10", (0, 10)),
        ("999999999999999999-999999999999999999", (999_999_999_999_999_999, 1)),
    ],
)
def test_a_chunk_claims_a_place_and_a_length(header: str | None, expected: tuple[int, int] | None) -> None:
    assert chunk_range(header) == expected


@pytest.mark.parametrize(
    "header",
    [
        "",
        "x",
        "0",
        "-",
        "0-",
        "-9",
        "a-b",
        "0-9-10",
        "0 - 9",
        "+0-9",
        "0-9,10-19",
        "items 0-9/10",
        "1" * 19 + "-" + "1" * 19,
        "٠-٩",
    ],
)
def test_a_content_range_that_is_none_is_refused(header: str) -> None:
    with pytest.raises(InvalidContentRangeError, match=r"Content-Range must be <first byte>-<last byte>\."):
        chunk_range(header)


@pytest.mark.parametrize("header", ["1-0", "bytes 10-9/100"])
def test_a_chunk_does_not_end_before_it_begins(header: str) -> None:
    with pytest.raises(InvalidContentRangeError, match=r"must not end before it begins"):
        chunk_range(header)


def test_the_error_is_the_protocols() -> None:
    with pytest.raises(InvalidContentRangeError) as caught:
        chunk_range("x")
    assert (caught.value.oci_code, caught.value.oci_status) == ("BLOB_UPLOAD_INVALID", 400)
