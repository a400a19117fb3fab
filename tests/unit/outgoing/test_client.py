"""The one client for outgoing requests, with real servers on the loopback, and with servers that mean ill."""

import gzip
import ipaddress
import socket
import threading

import pytest

from moorage.outgoing.client import OutgoingClient
from moorage.outgoing.errors import (
    BadAnswerError,
    ForbiddenAddressError,
    InsecureUrlError,
    RefusedByServerError,
    RefusedUrlError,
    TooManyRedirectsError,
    TooSlowError,
    UnreachableError,
)
from moorage.outgoing.networks import Permitted
from moorage.outgoing.resolve import SystemResolver
from tests.unit.outgoing.scripted import Scripted, client, moved, ok, says


def test_an_answer_comes_with_its_body_and_nothing_is_sent_but_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with Scripted(says(ok(b'{"a": 1}', "Set-Cookie: a=b", "X-One: 1"))) as server:
        asking = client()
        answer = asking.get(server.url("/a?b=c"))
        asking.get(server.url("/second"))
    assert (answer.body, answer.headers["x-one"], answer.url) == (b'{"a": 1}', "1", server.url("/a?b=c"))
    first, second = server.heads
    assert first.startswith(b"GET /a?b=c HTTP/1.1\r\n")
    names = {line.partition(b":")[0].lower() for line in second.split(b"\r\n")[1:] if line}
    assert names == {b"host", b"accept", b"accept-encoding", b"user-agent", b"connection"}


def test_https_is_verified_for_the_name_and_connected_to_the_address_that_was_checked() -> None:
    with Scripted(says(ok(b"yes")), certificate_for="issuer.example") as server:
        assert client("127.0.0.1").get(server.url(host="issuer.example")).body == b"yes"
        assert f"Host: issuer.example:{server.port}\r\n".encode() in server.heads[0]
        with pytest.raises(UnreachableError, match="certificate"):
            client("127.0.0.1").get(server.url(host="another.example"))
        with pytest.raises(UnreachableError, match="certificate"):
            OutgoingClient(Permitted([ipaddress.ip_network("127.0.0.0/8")])).get(server.url(host="localhost"))


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0", "[::1]", "[::ffff:7f00:1]"]
)
def test_no_spelling_of_a_local_address_is_connected_to_unless_it_is_listed(host: str) -> None:
    with Scripted(says(ok())) as server:
        with pytest.raises((ForbiddenAddressError, RefusedUrlError)):
            client(networks=()).get(f"https://{host}:{server.port}/")
        assert server.heads == []


def test_a_name_that_resolves_to_a_private_address_is_refused() -> None:
    for address in ("10.0.0.1", "169.254.169.254", "::1", "fd00::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"):
        with pytest.raises(ForbiddenAddressError):
            client(address, networks=()).get("https://innocent.example/")


def test_of_a_names_addresses_only_those_that_passed_are_connected_to() -> None:
    with Scripted(says(ok(b"the listed one"))) as server:
        assert client("10.0.0.1", "169.254.169.254", "127.0.0.1").get(server.url(host="two.example")).body == b"the listed one"


def test_a_name_is_resolved_once_for_each_request_so_that_it_cannot_change_its_mind() -> None:
    answers = [["127.0.0.1"], ["169.254.169.254"]]
    asked: list[str] = []

    def fickle(host: str, _seconds: float) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
        asked.append(host)
        return [ipaddress.ip_address(text) for text in answers.pop(0)]

    with Scripted(says(ok(b"first"))) as server:
        asking = OutgoingClient(Permitted([ipaddress.ip_network("127.0.0.0/8")]), resolve=fickle)
        assert asking.get(server.url(host="fickle.example")).body == b"first"
        with pytest.raises(ForbiddenAddressError):
            asking.get(server.url(host="fickle.example"))
    assert asked == ["fickle.example", "fickle.example"]


def test_plain_http_needs_a_listed_network() -> None:
    with pytest.raises(InsecureUrlError):
        client("8.8.8.8").get("http://public.example/")


def test_redirects_are_followed_three_times_and_not_once_more() -> None:
    with Scripted(says(moved("/1"), moved("/2", 307), moved("/3", 308), ok(b"end"))) as server:
        answer = client().get(server.url("/0"))
        assert (answer.body, answer.url) == (b"end", server.url("/3"))
    with Scripted(says(moved("/again"))) as server:
        with pytest.raises(TooManyRedirectsError):
            client().get(server.url("/again"))
        assert len(server.heads) == 4


@pytest.mark.parametrize(
    "location",
    [
        *("https://127.0.0.2/", "https://169.254.169.254/latest/meta-data/", "https://[::1]/", "https://10.0.0.1/"),
        *("https://[::ffff:169.254.169.254]/", "https://localhost/", "https://2130706433/"),
    ],
)
def test_a_redirect_to_an_address_inside_is_refused(location: str) -> None:
    with Scripted(says(moved(location))) as server:
        # The first server is the only one that is listed; everything is judged anew where it sends us.
        asking = OutgoingClient(Permitted([ipaddress.ip_network("127.0.0.1/32")]), resolve=lambda host, _: _literal(host))
        with pytest.raises(ForbiddenAddressError):
            asking.get(server.url())


def _literal(host: str) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    named = {"localhost": "::1", "2130706433": "127.0.0.2"}
    return [ipaddress.ip_address(named.get(host, host))]


@pytest.mark.parametrize(
    "location", ["http://8.8.8.8/", "file:///etc/passwd", "https://user:password@example.com/", "ftp://a/"]
)
def test_a_redirect_to_what_is_not_asked_is_refused(location: str) -> None:
    with Scripted(says(moved(location))) as server, pytest.raises((InsecureUrlError, RefusedUrlError)):
        client().get(server.url())


@pytest.mark.parametrize(("status", "transient"), [(404, False), (500, True), (503, True), (429, True), (204, False)])
def test_another_status_is_an_error_that_says_whether_to_try_again(status: int, transient: bool) -> None:
    answer = f"HTTP/1.1 {status} Text\r\nContent-Length: 0\r\n\r\n".encode()
    with Scripted(says(answer)) as server, pytest.raises(RefusedByServerError) as caught:
        client().get(server.url())
    assert (caught.value.status, caught.value.transient) == (status, transient)


def test_a_body_that_does_not_end_is_given_up() -> None:
    def endless(connected: socket.socket, _head: bytes) -> None:
        connected.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            connected.sendall(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")

    with Scripted(endless) as server, pytest.raises(BadAnswerError, match="too large"):
        client().get(server.url())


def test_a_body_of_exactly_the_limit_is_taken_and_one_more_byte_is_not() -> None:
    with Scripted(says(ok(b"x" * 100), ok(b"x" * 101))) as server:
        assert len(client(body=100).get(server.url()).body) == 100
        with pytest.raises(BadAnswerError, match="too large"):
            client(body=100).get(server.url())


def test_compressed_answers_are_not_taken_so_that_no_bomb_unfolds() -> None:
    bomb = gzip.compress(b"\0" * (64 * 1024 * 1024))
    with Scripted(says(ok(bomb, "Content-Encoding: gzip"))) as server, pytest.raises(BadAnswerError, match="encoded"):
        client().get(server.url())


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: %s\r\n" % (n, b"y" * 500) for n in range(90)) + b"\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(200)) + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 " + b"2" * 100_000 + b"\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_headers_that_are_too_large_or_none_are_refused(head: bytes) -> None:
    with Scripted(says(head)) as server, pytest.raises((BadAnswerError, UnreachableError)):
        client().get(server.url())


@pytest.mark.parametrize("begin", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"])
def test_a_server_that_drips_is_given_up_though_it_is_never_silent(begin: bytes) -> None:
    def drip(connected: socket.socket, _head: bytes) -> None:
        connected.sendall(begin)
        while not server.stopped.wait(0.02):
            connected.sendall(b"x")

    with Scripted(drip) as server, pytest.raises(TooSlowError):
        client(idle=5, total=0.4).get(server.url())


def test_a_server_that_says_nothing_is_given_up() -> None:
    def silent(_connected: socket.socket, _head: bytes) -> None:
        server.stopped.wait(10)

    with Scripted(silent) as server, pytest.raises(TooSlowError):
        client(idle=0.2, total=10).get(server.url())


def test_a_handshake_that_stalls_is_given_up() -> None:
    with Scripted(says(ok())) as server, pytest.raises(TooSlowError):  # it waits for a request in plain http
        client("127.0.0.1", idle=0.2).get(server.url(host="tls.example").replace("http:", "https:"))


def test_a_body_that_breaks_off_is_no_answer() -> None:
    short = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{}"
    with Scripted(says(short)) as server, pytest.raises(UnreachableError):
        client().get(server.url())


def test_a_host_that_is_not_there_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(UnreachableError):
        client().get(f"http://127.0.0.1:{port}/")


def test_errors_show_no_address() -> None:
    with pytest.raises(ForbiddenAddressError) as caught:
        client("10.9.8.7").get("https://innocent.example/secret")
    assert "10.9.8.7" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_resolver_that_hangs_is_waited_for_only_so_long() -> None:
    release = threading.Event()

    def hang(_host: str) -> list[str]:
        release.wait(10)
        return ["8.8.8.8"]

    with pytest.raises(TooSlowError):
        SystemResolver(hang)("slow.example", 0.1)
    release.set()


def test_a_name_without_addresses_is_unreachable() -> None:
    def unknown(_host: str) -> list[str]:
        raise socket.gaierror("no such name")

    with pytest.raises(UnreachableError):
        SystemResolver(unknown)("nowhere.example", 5)
    with pytest.raises(UnreachableError):
        SystemResolver(lambda _host: [])("nowhere.example", 5)


def test_the_systems_resolver_knows_addresses_and_names_each_once() -> None:
    assert SystemResolver()("127.0.0.1", 5) == (ipaddress.ip_address("127.0.0.1"),)
    found = SystemResolver(lambda _host: ["8.8.8.8", "8.8.8.8", "2606:4700::1111"])("a.example", 5)
    assert [str(address) for address in found] == ["8.8.8.8", "2606:4700::1111"]
