"""Which port the server takes, and what it says when it cannot."""

import contextlib
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from moorage.cli.errors import CommandError
from moorage.cli.listening import Listener, remembered_port
from moorage.cli.listening import listen as listen_patiently
from moorage.config import Options, load


@pytest.fixture
def base() -> int:
    """A port after which several more are free."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if port < 65_000 and all(is_free(each) for each in range(port, port + 6)):
            return port


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def need_ipv6() -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6 loopback address")


@contextlib.contextmanager
def occupied(port: int, family: socket.AddressFamily = socket.AF_INET, address: str = "127.0.0.1") -> Iterator[None]:
    if family == socket.AF_INET6:
        need_ipv6()
    with socket.socket(family) as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind((address, port))
        other.listen()
        yield


def options(data: Path, port: int | None = None, host: str = "127.0.0.1") -> Options:
    flags = {"data_dir": str(data), "host": host} | ({"port": str(port)} if port is not None else {})
    return load(flags, {}).options


def listen(options: Options, first: int = 5000) -> Listener:
    return listen_patiently(options, first, patience=0)


def taken_port(data: Path, first: int) -> int:
    listener = listen(options(data), first)
    listener.socket.close()
    return listener.port


def test_the_configured_port_is_taken_and_answers(tmp_path: Path, base: int) -> None:
    listener = listen(options(tmp_path, base))
    assert (listener.port, listener.moved) == (base, None)
    with listener.socket:
        socket.create_connection(("127.0.0.1", base), timeout=5).close()


def test_port_0_is_any_free_port(tmp_path: Path) -> None:
    with listen(options(tmp_path, 0)).socket as bound:
        assert bound.getsockname()[1] > 0


@pytest.mark.parametrize(
    ("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"), (socket.AF_INET, "127.0.0.2")]
)
def test_a_configured_port_that_is_taken_is_named(
    tmp_path: Path, base: int, family: socket.AddressFamily, address: str
) -> None:
    host = "0.0.0.0" if address == "127.0.0.2" else "127.0.0.1"
    with occupied(base, family, address), pytest.raises(CommandError, match=f"^port {base} is taken. .* --port"):
        listen(options(tmp_path, base, host))


def test_two_servers_cannot_share_a_port(tmp_path: Path, base: int) -> None:
    with listen(options(tmp_path, base)).socket, pytest.raises(CommandError, match="is taken"):
        listen(options(tmp_path, base))


def test_the_first_pair_is_used_and_nothing_need_be_said_or_kept(tmp_path: Path, base: int) -> None:
    listener = listen(options(tmp_path), base)
    listener.socket.close()
    assert (listener.port, listener.moved, remembered_port(tmp_path)) == (base, None, None)


@pytest.mark.parametrize("offset", [0, 1])
def test_when_either_port_of_a_pair_is_taken_the_next_pair_is_used_said_and_kept(
    tmp_path: Path, base: int, offset: int
) -> None:
    with occupied(base + offset, socket.AF_INET6, "::1"):
        listener = listen(options(tmp_path), base)
        listener.socket.close()
    assert (listener.port, listener.moved) == (base + 2, f"port {base} is taken, using {base + 2} from now on")
    assert stat.S_IMODE((tmp_path / "listen.json").stat().st_mode) == 0o600
    assert taken_port(tmp_path, base) == base + 2, "the next start keeps it, although the first pair is free again"


def test_a_kept_port_that_is_taken_later_is_replaced(tmp_path: Path, base: int) -> None:
    (tmp_path / "listen.json").write_text(f'{{"port": {base + 2}}}')
    with occupied(base + 2):
        assert taken_port(tmp_path, base) == base
    assert remembered_port(tmp_path) == base


@pytest.mark.parametrize("content", ["", "[]", '{"port": "x"}', '{"port": 0}', "{}"])
def test_a_broken_memory_is_no_memory(tmp_path: Path, content: str) -> None:
    (tmp_path / "listen.json").write_text(content)
    assert remembered_port(tmp_path) is None


def test_a_host_that_is_not_ours_is_said(tmp_path: Path, base: int) -> None:
    with pytest.raises(CommandError, match=r"192\.0\.2\.1 port \d+ cannot be listened on"):
        listen(options(tmp_path, base, "192.0.2.1"))
    with pytest.raises(CommandError, match=r"The host no-such-host\.invalid cannot be listened on"):
        listen(options(tmp_path, base, "no-such-host.invalid"))


def test_all_addresses_of_both_families_can_be_listened_on(tmp_path: Path, base: int) -> None:
    need_ipv6()
    with listen(options(tmp_path, base, "::")).socket:
        for address in ("127.0.0.1", "::1"):
            with socket.create_connection((address, base), timeout=5) as connection:
                assert connection.getpeername()[1] == base


def test_a_port_that_is_left_a_moment_later_is_waited_for(tmp_path: Path, base: int) -> None:
    other = socket.create_server(("127.0.0.1", base))
    timer = threading.Timer(0.3, other.close)
    timer.start()
    listener = listen_patiently(options(tmp_path), base)
    listener.socket.close()
    timer.join()
    assert (listener.port, listener.moved) == (base, None)
