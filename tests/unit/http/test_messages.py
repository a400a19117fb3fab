import asyncio

import pytest

from moorage.core.errors import MoorageError
from moorage.http.messages import BodyTooLargeError, DisconnectedError, encoded
from tests.unit.http.asked import request


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: b", "a\nb", "a\rb", "a\0b", "\r\n\r\n<html>"])
def test_what_could_split_a_header_is_not_sent(value: str) -> None:
    ((name, sent),) = encoded({"location": value})
    assert name == b"location"
    assert sent == value.translate(dict.fromkeys(map(ord, "\r\n\0"))).encode()


def test_what_a_header_cannot_say_is_replaced() -> None:
    assert list(encoded({"a": "Zoë \u2603"})) == [(b"a", b"Zo\xeb ?")]


def test_repeated_headers_are_joined_with_commas() -> None:
    asked = request(("Accept", "a"), ("X", "b"), ("accept", "c, d"))
    assert asked.header(b"accept") == "a,c, d"
    assert asked.header(b"absent") is None


def test_a_header_is_octets() -> None:
    assert request(("User-Agent", "Zo\xc3\xab")).header(b"user-agent") == "Zo\xc3\xab"


def test_the_query_keeps_order_repeats_and_empty_values() -> None:
    asked = request(query="b=1&a=&b=2&c&d=%26%3D+x")
    assert asked.query == {"b": ["1", "2"], "a": [""], "c": [""], "d": ["&= x"]}
    assert (asked.parameter("b"), asked.parameter("a"), asked.parameter("z")) == ("1", "", None)


def test_a_query_of_too_many_parameters_is_the_callers_fault() -> None:
    with pytest.raises(MoorageError) as caught:
        request(query="&".join(["a=1"] * 1001)).parameter("a")
    assert caught.value.oci_status == 400


def test_the_raw_path_is_as_it_came_without_the_query() -> None:
    asked = request(path="/v2/a")
    asked.scope["raw_path"] = b"/v2/%61?x=1"
    assert asked.raw_path == "/v2/%61"


@pytest.mark.parametrize(
    ("headers", "length"), [((("Content-Length", "7"),), 7), ((("Transfer-Encoding", "chunked"),), None), ((), 0)]
)
def test_the_length_is_announced_unknown_or_nothing(headers: tuple[tuple[str, str], ...], length: int | None) -> None:
    assert request(*headers).content_length == length


def test_a_body_is_gathered() -> None:
    assert asyncio.run(request(body=[b"a", b"", b"bc"]).body(3)) == b"abc"
    assert asyncio.run(request().body(0)) == b""


def test_a_body_beyond_the_limit_is_refused_announced_or_not() -> None:
    with pytest.raises(BodyTooLargeError) as caught:
        asyncio.run(request(("Content-Length", "4")).body(3))
    assert (caught.value.aws_status, caught.value.oci_status) == (413, 413)
    with pytest.raises(BodyTooLargeError):
        asyncio.run(request(("Transfer-Encoding", "chunked"), body=[b"ab", b"cd"]).body(3))


def test_a_body_that_breaks_off_has_nobody_to_answer() -> None:
    with pytest.raises(DisconnectedError):
        asyncio.run(request(body=[b"ab"], whole=False).body(10))
