"""Where a body ends: against an obvious decoder, however the bytes arrive."""

import itertools
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from moorage.http.connection.framing import Body, ChunkedBody, LengthBody, MalformedBodyError, body_of

EXTENSIONS = st.sampled_from([b"", b";a", b";a=b", b' ; q="x, y"', b"; long=" + b"e" * 200])
TRAILERS = st.lists(st.sampled_from([b"Digest: x", b"X-A:", b"a: b c"]), max_size=3)
CHUNKS = st.lists(st.tuples(st.binary(min_size=1, max_size=40), EXTENSIONS, st.booleans()), max_size=8)


@st.composite
def encoded_bodies(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """A body, and its chunked encoding."""
    body, wire = b"", b""
    for data, extension, upper in draw(CHUNKS):
        size = b"%X" % len(data) if upper else b"%04x" % len(data)
        wire += size + extension + b"\r\n" + data + b"\r\n"
        body += data
    trailers = b"".join(trailer + b"\r\n" for trailer in draw(TRAILERS))
    return body, wire + b"0\r\n" + trailers + b"\r\n"


def obvious(wire: bytes) -> tuple[bytes, bytes] | None:
    """The body and what follows it; None for an incomplete or malformed one."""
    body = b""
    while match := re.match(rb"([0-9a-fA-F]{1,16})([ \t]*;[^\x00-\x08\x0a-\x1f\x7f]*)?\r\n", wire):
        size, wire = int(match[1], 16), wire[match.end() :]
        if match.end() > 16 + 256 + 2:
            return None
        if size == 0:
            end = re.match(rb"((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\x00-\x08\x0a-\x1f\x7f]*\r\n)*)\r\n", wire)
            return (body, wire[end.end() :]) if end and end[1].count(b"\n") <= 32 else None
        if wire[size : size + 2] != b"\r\n":
            return None
        body, wire = body + wire[:size], wire[size + 2 :]
    return None


def in_place(body: Body, wire: bytes, cuts: list[int]) -> tuple[bytes, bytes]:
    """As a thread does it: one buffer, the decoded bytes moved together, the next ones received behind them."""
    buffer, out, rest = bytearray(len(wire) + 7), 0, b""
    edges = sorted({0, len(wire), *(cut % (len(wire) + 1) for cut in cuts)})
    for begin, end in itertools.pairwise(edges):
        piece = wire[begin:end]
        if body.complete:
            rest += piece
            continue
        buffer[out : out + len(piece)] = piece
        end_of_piece = out + len(piece)
        out, consumed = body.decode(buffer, out, end_of_piece, out)
        rest += bytes(buffer[consumed:end_of_piece])
    return bytes(buffer[:out]), rest


@given(encoded_bodies(), st.binary(max_size=10), st.lists(st.integers(0, 500), max_size=12))
def test_any_splitting_of_a_chunked_body_gives_the_same_bytes(
    encoded: tuple[bytes, bytes], following: bytes, cuts: list[int]
) -> None:
    content, wire = encoded
    body = ChunkedBody()
    assert in_place(body, wire + following, cuts) == (content, following)
    assert body.complete
    assert obvious(wire + following) == (content, following)


@given(encoded_bodies(), st.binary(max_size=3), st.integers(0, 300), st.lists(st.integers(0, 500), max_size=6))
@example((b"", b"0\r\n\r\n"), b"\n", 1, [1])
def test_a_damaged_chunked_body_means_the_same_to_an_obvious_decoder(
    encoded: tuple[bytes, bytes], damage: bytes, place: int, cuts: list[int]
) -> None:
    wire = encoded[1]
    place %= len(wire)
    wire = wire[:place] + damage + wire[place + 1 :]
    body = ChunkedBody()
    try:
        result = in_place(body, wire, cuts)
    except MalformedBodyError:
        assert obvious(wire) is None
        with pytest.raises(MalformedBodyError):
            in_place(ChunkedBody(), wire, [])
    else:
        assert obvious(wire) == (result if body.complete else None)


@given(st.binary(max_size=60), st.integers(0, 60), st.lists(st.integers(0, 100), max_size=6))
def test_any_splitting_of_a_counted_body_gives_the_same_bytes(wire: bytes, length: int, cuts: list[int]) -> None:
    body = LengthBody(length)
    assert in_place(body, wire, cuts) == (wire[:length], wire[length:])
    assert body.complete == (len(wire) >= length)
    assert body.left() == max(0, length - len(wire))


@given(encoded_bodies(), st.binary(max_size=5))
def test_taking_and_decoding_in_place_agree(encoded: tuple[bytes, bytes], following: bytes) -> None:
    assert ChunkedBody().take(encoded[1] + following) == (encoded[0], following)


@pytest.mark.parametrize(
    "wire",
    [
        b"5\nhello\r\n0\r\n\r\n",
        b"5\r\nhello\n0\r\n\r\n",
        b"5\r\nhelloX0\r\n\r\n",
        b"5\r\nhello6\r\n\r\n",
        b"0x5\r\nhello\r\n0\r\n\r\n",
        b"+5\r\nhello\r\n0\r\n\r\n",
        b"-1\r\nhello\r\n0\r\n\r\n",
        b" 5\r\nhello\r\n0\r\n\r\n",
        b"5 \r\nhello\r\n0\r\n\r\n",
        b"5_0\r\nhello\r\n0\r\n\r\n",
        b"\r\nhello\r\n0\r\n\r\n",
        b"5;\x00\r\nhello\r\n0\r\n\r\n",
        b"5;a\rb\r\nhello\r\n0\r\n\r\n",
        b"00000000000000005\r\nhello\r\n0\r\n\r\n",
        b"ffffffffffffffff\r\n",
        b"4000000000000001\r\n",
        b"5;" + b"e" * 300,
        b"5;" + b"e" * 300 + b"\r\nhello\r\n0\r\n\r\n",
        b"0\r\n\n",
        b"0\r\nno colon\r\n\r\n",
        b"0\r\n folded: x\r\n\r\n",
        b"0\r\na: b\nc: d\r\n\r\n",
        b"0\r\n" + b"a: b\r\n" * 33 + b"\r\n",
        b"0\r\na: " + b"b" * 9000 + b"\r\n\r\n",
        b"0\r\n" + (b"a: " + b"b" * 600 + b"\r\n") * 20 + b"\r\n",
    ],
)
def test_a_broken_chunk_is_refused(wire: bytes) -> None:
    with pytest.raises(MalformedBodyError):
        in_place(ChunkedBody(), wire, [])
    with pytest.raises(MalformedBodyError):
        in_place(ChunkedBody(), wire, list(range(len(wire))))


def test_a_large_chunk_may_be_announced_but_no_larger_than_the_bound() -> None:
    body = ChunkedBody()
    assert in_place(body, b"4000000000000000\r\nabc", []) == (b"abc", b"")
    assert not body.complete


def test_the_head_decides_the_framing() -> None:
    assert isinstance(body_of(0, chunked=True), ChunkedBody)
    assert body_of(7, chunked=False).left() == 7
    assert body_of(0, chunked=False).complete
    assert body_of(7, chunked=False).want(100) == 7
    assert body_of(0, chunked=True).want(100) == 100
