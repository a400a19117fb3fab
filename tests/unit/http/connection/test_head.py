"""What a request head may look like."""

from typing import Any

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.http.connection.head import RefusedRequestError, RequestHead, judge_beginning, parse
from moorage.http.connection.limits import Limits

LIMITS = Limits()


def head(*lines: str, first: str = "GET / HTTP/1.1") -> bytes:
    return "\r\n".join([first, *lines]).encode("latin-1") + b"\r\n\r\n"


def status_of(data: bytes) -> int:
    with pytest.raises(RefusedRequestError) as refused:
        parse(data, LIMITS)
    assert refused.value.message
    return refused.value.status


def test_a_plain_request_is_read() -> None:
    request = parse(head("Host: localhost:5000", "Accept:  a, b\t", first="GET /v2/a%2Fb/?n=1?2 HTTP/1.1"), LIMITS)
    assert request == RequestHead(
        "GET",
        "/v2/a/b/",
        b"/v2/a%2Fb/",
        b"n=1?2",
        "1.1",
        [(b"host", b"localhost:5000"), (b"accept", b"a, b")],
        keep_alive=True,
        length=0,
        chunked=False,
        expects_continue=False,
        plain=True,
    )


def test_the_path_is_decoded_as_utf_8() -> None:
    assert parse(head("Host: h", first="GET /%C3%A4%2f%zz HTTP/1.1"), LIMITS).path == "/ä/%zz"


@pytest.mark.parametrize(
    ("target", "host", "path", "query"),
    [
        ("http://h/p?q", "h", b"/p", b"q"),
        ("HTTP://H:80/p", "h", b"/p", b""),
        ("https://h/p", "h:443", b"/p", b""),
        ("http://h", "h", b"/", b""),
        ("http://h?q", "h", b"/", b"q"),
        ("//double/slash", "h", b"//double/slash", b""),
    ],
)
def test_a_target_may_be_absolute_if_it_names_the_host(target: str, host: str, path: bytes, query: bytes) -> None:
    request = parse(head(f"Host: {host}", first=f"GET {target} HTTP/1.1"), LIMITS)
    assert (request.raw_path, request.query) == (path, query)


@pytest.mark.parametrize(
    ("lines", "keep_alive", "plain"),
    [
        ([], True, True),
        (["Connection: keep-alive"], True, True),
        (["Connection: Keep-Alive"], True, True),
        (["Connection: close"], False, False),
        (["Connection: keep-alive", "Connection: Close"], False, False),
        (["Connection: upgrade, keep-alive", "Upgrade: h2c"], True, False),
        (["Content-Length: 0"], True, True),
        (["Content-Length: 1"], True, False),
        (["Transfer-Encoding: chunked"], True, False),
        (["Expect: 100-continue"], True, False),
    ],
)
def test_only_a_request_that_nothing_but_its_bytes_decides_is_plain(lines: list[str], keep_alive: bool, plain: bool) -> None:
    request = parse(head("Host: h", *lines), LIMITS)
    assert (request.keep_alive, request.plain) == (keep_alive, plain)


def test_http_1_0_needs_no_host_and_closes_unless_told_otherwise() -> None:
    assert not parse(head(first="GET / HTTP/1.0"), LIMITS).keep_alive
    request = parse(head("Connection: keep-alive", first="GET / HTTP/1.0"), LIMITS)
    assert (request.version, request.keep_alive, request.plain) == ("1.0", True, False)
    assert not parse(head("Expect: 100-continue", first="GET / HTTP/1.0"), LIMITS).expects_continue


def test_a_body_is_announced_by_one_length_or_by_chunks() -> None:
    assert parse(head("Host: h", "Content-Length: 0012"), LIMITS).length == 12
    assert parse(head("Host: h", "Transfer-Encoding: chunked"), LIMITS).chunked
    assert parse(head("Host: h", "Expect: 100-Continue", "Content-Length: 1"), LIMITS).expects_continue


AMBIGUOUS = {
    "length and chunks": head("Host: h", "Content-Length: 3", "Transfer-Encoding: chunked"),
    "two lengths": head("Host: h", "Content-Length: 3", "Content-Length: 4"),
    "two equal lengths": head("Host: h", "Content-Length: 3", "Content-Length: 3"),
    "a list of lengths": head("Host: h", "Content-Length: 3, 3"),
    "a signed length": head("Host: h", "Content-Length: +3"),
    "a negative length": head("Host: h", "Content-Length: -3"),
    "a hexadecimal length": head("Host: h", "Content-Length: 0x3"),
    "an empty length": head("Host: h", "Content-Length:"),
    "a fullwidth digit": head("Host: h", "Content-Length: \xb2"),
    "twenty digits": head("Host: h", "Content-Length: " + "1" * 20),
    "two encodings": head("Host: h", "Transfer-Encoding: gzip, chunked"),
    "two encoding lines": head("Host: h", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
    "identity": head("Host: h", "Transfer-Encoding: identity"),
    "a disguised encoding": head("Host: h", "Transfer-Encoding: \x0bchunked"),
    "another spelling": head("Host: h", "Transfer-Encoding: Chunked"),
    "chunks in HTTP/1.0": head("Host: h", "Transfer-Encoding: chunked", first="POST / HTTP/1.0"),
    "a lone LF": b"GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n",
    "a lone LF after the request line": b"GET / HTTP/1.1\nHost: h\r\n\r\n",
    "a lone CR": b"GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n",
    "folding": head("Host: h", "X: a", " b"),
    "folding by a tab": head("Host: h", "X: a", "\tb"),
    "a folded first line": head(" Host: h"),
    "space before the colon": head("Host: h", "X : a"),
    "a tab before the colon": head("Host: h", "Content-Length\t: 3"),
    "no name": head("Host: h", ": a"),
    "no colon": head("Host: h", "nonsense"),
    "a bracket in a name": head("Host: h", "X[: a"),
    "a NUL in a name": head("Host: h", "X\0: a"),
    "an umlaut in a name": head("Host: h", "\xe4: a"),
    "a NUL in a value": head("Host: h", "X: a\0b"),
    "a bell in a value": head("Host: h", "X: \x07"),
    "a DEL in a value": head("Host: h", "X: \x7f"),
    "no host": head(),
    "two hosts": head("Host: h", "Host: h"),
    "a host with a space": head("Host: a b"),
    "a host with a slash": head("Host: a/b"),
    "a host with a user": head("Host: u@h"),
    "a method with a colon": head("Host: h", first="GE:T / HTTP/1.1"),
    "an empty method": head("Host: h", first=" / HTTP/1.1"),
    "a long method": head("Host: h", first="G" * 40 + " / HTTP/1.1"),
    "a space in the target": head("Host: h", first="GET /a b HTTP/1.1"),
    "two spaces": head("Host: h", first="GET  / HTTP/1.1"),
    "a tab as separator": head("Host: h", first="GET\t/ HTTP/1.1"),
    "a fragment": head("Host: h", first="GET /a#b HTTP/1.1"),
    "a raw umlaut": head("Host: h", first="GET /\xe4 HTTP/1.1"),
    "a control character in the target": head("Host: h", first="GET /\x01 HTTP/1.1"),
    "asterisk form": head("Host: h", first="OPTIONS * HTTP/1.1"),
    "authority form": head("Host: h", first="CONNECT h:443 HTTP/1.1"),
    "a relative target": head("Host: h", first="GET a HTTP/1.1"),
    "another scheme": head("Host: h", first="GET ftp://h/ HTTP/1.1"),
    "a user in the target": head("Host: h", first="GET http://u@h/ HTTP/1.1"),
    "no host in the target": head("Host: h", first="GET http:///a HTTP/1.1"),
    "another host in the target": head("Host: h", first="GET http://other/ HTTP/1.1"),
    "another port in the target": head("Host: h", first="GET http://h:81/ HTTP/1.1"),
    "HTTP/0.9": b"GET /\r\n\r\n",
    "a small http": head("Host: h", first="GET / http/1.1"),
    "a space after the version": head("Host: h", first="GET / HTTP/1.1 "),
}


@pytest.mark.parametrize("data", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
def test_what_two_readers_could_read_differently_is_refused(data: bytes) -> None:
    assert status_of(data) == 400


@pytest.mark.parametrize("version", ["HTTP/2.0", "HTTP/1.2", "HTTP/0.9", "HTTP/3", "HTTP/1.10"])
def test_other_versions_are_refused_by_name(version: str) -> None:
    assert status_of(head("Host: h", first=f"GET / {version}")) == 505


def test_heads_are_bounded() -> None:
    assert status_of(head("Host: h", "X: " + "a" * 33_000)) == 431
    assert status_of(head("Host: h", *["X: a"] * 100)) == 431
    assert parse(head("Host: h", *["X: a"] * 99), LIMITS).headers
    assert status_of(head("Host: h", first="GET /" + "a" * 16_384 + " HTTP/1.1")) == 414


def test_only_100_continue_may_be_expected() -> None:
    assert status_of(head("Host: h", "Expect: 200-ok")) == 417
    assert status_of(head("Host: h", "Expect: 100-continue", "Expect: more")) == 417


@pytest.mark.parametrize(
    ("beginning", "status"),
    [
        (b"GET / HTTP/1.1\nHost", 400),
        (b"GET / HTTP/1.1\r\nHost: h\rX", 400),
        (b"\x16\x03\x01\x02\x00\x01", 400),
        (b"{", 400),
        (b"GET /" + b"a" * 17_000, 414),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 33_000, 431),
    ],
)
def test_a_hopeless_beginning_is_refused_before_its_end(beginning: bytes, status: int) -> None:
    with pytest.raises(RefusedRequestError) as refused:
        judge_beginning(beginning, 0, LIMITS)
    assert refused.value.status == status


@given(st.lists(st.integers(1, 40), max_size=10))
def test_every_beginning_of_a_good_head_may_be_waited_for(cuts: list[int]) -> None:
    whole = head("Host: h", "Accept: x", "X-Long: " + "y" * 50)
    known = 0
    for cut in cuts:
        judge_beginning(whole[: known + cut], known, LIMITS)
        known = min(len(whole), known + cut)
    assert parse(whole, LIMITS).plain


class Witness:
    """What llhttp makes of a head."""

    def __init__(self, data: bytes) -> None:
        self.url = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.done = False
        self.parser: Any = httptools.HttpRequestParser(self)
        self.parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value.strip(b" \t")))

    def on_headers_complete(self) -> None:
        self.done = True


LINES = st.sampled_from(
    ["Host: h", "Host:h", "Accept: */*", "X-Empty:", "Content-Length: 3", "Transfer-Encoding: chunked", "Cookie: a=b; c=d"]
)
TARGETS = st.sampled_from(["/", "/v2/a/b?n=1", "http://h/x", "/%41"])


@given(TARGETS, st.lists(LINES, max_size=5), st.integers(0, 200), st.binary(max_size=2), st.booleans())
def test_whatever_is_accepted_means_the_same_to_another_parser(
    target: str, lines: list[str], place: int, damage: bytes, damaged: bool
) -> None:
    data = head("Host: h", *lines, first=f"POST {target} HTTP/1.1")
    if damaged:
        place %= len(data) - 4
        data = data[:place] + damage + data[place + len(damage) :]
    if data.find(b"\r\n\r\n") != len(data) - 4:
        return
    try:
        ours = parse(data, LIMITS)
    except RefusedRequestError:
        return
    if ours.method != "POST" or b"upgrade" in dict(ours.headers):
        return
    witness = Witness(data)
    assert witness.done
    assert witness.headers == ours.headers
    assert witness.parser.get_method() == b"POST"
    assert witness.url.endswith(ours.raw_path + (b"?" + ours.query if b"?" in witness.url else b""))
