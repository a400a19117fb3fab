import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.http.ranges import RangeNotSatisfiableError, byte_range, entity_tags, is_unchanged


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=0-99", (0, 100)),
        ("bytes=0-100", (0, 100)),
        ("bytes=10-", (10, 90)),
        ("bytes=99-", (99, 1)),
        ("bytes=-1", (99, 1)),
        ("bytes=-100", (0, 100)),
        ("bytes=-9999999999999999999", (0, 100)),
        ("bytes=5-9999999999999999999", (5, 95)),
        ("bytes= 5-6 ", (5, 2)),
    ],
)
def test_one_range_of_bytes_is_a_place_and_a_length(header: str, expected: tuple[int, int]) -> None:
    assert byte_range(header, 100) == expected


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=0-1,5-6",
        "items=0-1",
        "bytes=0--1",
        "bytes=+1-2",
        "bytes=1_0-",
        "0-1",
    ],
)
def test_what_is_not_one_range_of_bytes_is_ignored(header: str | None) -> None:
    assert byte_range(header, 100) is None


@pytest.mark.parametrize(
    ("header", "size"), [("bytes=100-", 100), ("bytes=5-4", 100), ("bytes=-0", 100), ("bytes=0-", 0), ("bytes=-5", 0)]
)
def test_a_range_without_bytes_cannot_be_satisfied(header: str, size: int) -> None:
    with pytest.raises(RangeNotSatisfiableError) as caught:
        byte_range(header, size)
    assert caught.value.oci_status == 416
    assert caught.value.headers == {"Content-Range": f"bytes */{size}"}


@given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 200))
def test_a_range_never_leaves_the_bytes(first: int, last: int, size: int) -> None:
    data = bytes(range(200))[:size]
    try:
        found = byte_range(f"bytes={first}-{last}", size)
    except RangeNotSatisfiableError:
        assert first >= size or last < first
    else:
        assert found is not None
        assert data[found[0] : found[0] + found[1]] == data[first : last + 1] and found[1] > 0


@pytest.mark.parametrize(
    ("header", "tags"),
    [
        (None, None),
        ('"a"', {"a"}),
        ('W/"a"', {"a"}),
        ('"a", "b"', {"a", "b"}),
        ("*", {"*"}),
        ("a", {"a"}),
        ("", {""}),
    ],
)
def test_entity_tags_are_read_without_their_quotes(header: str | None, tags: set[str] | None) -> None:
    assert entity_tags(header) == tags


@pytest.mark.parametrize(
    ("header", "unchanged"),
    [
        (None, False),
        ('"sha256:a"', True),
        ('W/"sha256:a"', True),
        ('"x", "sha256:a"', True),
        ("*", True),
        ('"sha256:ab"', False),
        ("", False),
    ],
)
def test_a_client_has_a_content_if_it_names_its_tag(header: str | None, unchanged: bool) -> None:
    assert is_unchanged(header, "sha256:a") is unchanged
