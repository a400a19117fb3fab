"""Queries and bodies become structs, or one kind of sentence."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta, Struct

from moorage.core.errors import InvalidParameterError
from moorage.http.api.decoding import decode_body, decode_query
from moorage.http.api.values import Moment, Nothing, timestamp_of
from moorage.http.messages import BadRequestError, UnsupportedMediaTypeError

JSON = "application/json"


class Query(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    count: Annotated[int, Meta(ge=-5, le=1000)] = 3
    deep: bool = False
    since: Moment | None = None
    name: str | None = None


class Body(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    sizes: list[int] = []


def test_texts_become_numbers_truths_and_times() -> None:
    given = {"count": ["-5"], "deep": ["true"], "since": ["2026-11-26T18:00:00+01:00"], "name": ["null"]}
    expected = Query(count=-5, deep=True, since=datetime(2026, 11, 26, 17, tzinfo=UTC), name="null")
    assert decode_query(given, Query) == expected
    assert decode_query({}, Query) == Query()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("count", ["1", "1"]),
        ("count", ["1e2"]),
        ("count", ["1.0"]),
        ("count", ["+1"]),
        ("count", [" 1"]),
        ("count", ["1\n"]),
        ("count", ["\u0663"]),
        ("count", ["null"]),
        ("count", [""]),
        ("count", ["9" * 5000]),
        ("count", ["1001"]),
        ("deep", ["1"]),
        ("deep", ["TRUE"]),
        ("since", ["12345"]),
        ("since", ["2026-11-26"]),
        ("since", ["2026-11-26T18:00:00"]),
        ("since", ["2026-13-26T18:00:00Z"]),
        ("since", ["null"]),
    ],
)
def test_a_parameter_is_written_in_one_form_once(name: str, value: list[str]) -> None:
    with pytest.raises(InvalidParameterError, match=f"^Invalid parameter at '{name}' failed to satisfy constraint: "):
        decode_query({name: value}, Query)


def test_what_is_not_known_is_refused() -> None:
    for unknown in ("counts", "Count", ""):
        with pytest.raises(InvalidParameterError, match="there is no member"):
            decode_query({unknown: ["1"]}, Query)
    with pytest.raises(InvalidParameterError):
        decode_query({"x": ["1"]}, Nothing)


def test_the_signature_of_a_presigned_request_is_no_parameter() -> None:
    assert decode_query({"X-Amz-Signature": ["x"], "x-amz-date": ["y"], "count": ["1"]}, Query) == Query(count=1)


@given(st.dictionaries(st.sampled_from(["count", "deep", "since", "name", "x"]), st.lists(st.text(), min_size=1, max_size=2)))
def test_no_query_makes_another_error(parameters: dict[str, list[str]]) -> None:
    with suppress(InvalidParameterError):
        assert isinstance(decode_query(parameters, Query), Query)


def test_a_body_is_json_of_the_right_shape() -> None:
    assert decode_body(b'{"name": "x", "sizes": [1]}', JSON, Body) == Body(name="x", sizes=[1])
    assert decode_body(b'{"name": "x"}', "Application/JSON; charset=UTF-8", Body) == Body(name="x")
    assert decode_body(b"", None, Nothing) == Nothing()


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"{}", "Invalid request: the member name must not be null."),
        (b"[]", "Invalid request: must be of the JSON type object, not array."),
        (b'{"name": 1}', "Invalid parameter at 'name' failed to satisfy constraint: 'must be of the JSON type str, not int'"),
        (
            b'{"name": "x", "sizes": [1, "2"]}',
            "Invalid parameter at 'sizes[1]' failed to satisfy constraint: 'must be of the JSON type int, not str'",
        ),
        (b'{"name": "x", "y": 1}', "Invalid request: there is no member y."),
    ],
)
def test_a_body_of_another_shape_is_told_where(body: bytes, sentence: str) -> None:
    with pytest.raises(InvalidParameterError) as refused:
        decode_body(body, JSON, Body)
    assert refused.value.message == sentence


@pytest.mark.parametrize("content_type", [None, "", "text/json", "application/json; charset=latin-1", "application/json, x"])
def test_another_type_is_refused(content_type: str | None) -> None:
    with pytest.raises(UnsupportedMediaTypeError):
        decode_body(b'{"name": "x"}', content_type, Body)


def test_a_body_that_nobody_wants_is_refused() -> None:
    with pytest.raises(BadRequestError, match="takes no body"):
        decode_body(b"{}", JSON, Nothing)


@given(st.binary() | st.recursive(st.just(b"1"), lambda inner: inner.map(lambda data: b'{"name":[' + data + b"]}")))
def test_no_body_makes_another_error(body: bytes) -> None:
    with suppress(InvalidParameterError, BadRequestError):
        assert isinstance(decode_body(body, JSON, Body), Body)


def test_a_moment_is_milliseconds() -> None:
    assert timestamp_of(datetime(2026, 1, 1, 0, 0, 0, 123_999, tzinfo=UTC)) == 1_767_225_600_123
