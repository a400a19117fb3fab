"""One run: prepare the servers, take the items in interleaved rounds, stop everything whatever happens."""

import ssl
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import trustme

from bench.items import control
from bench.items.item import Item, Phase, Stage
from bench.measure import Figures, Series, gather, rotation
from bench.processes import cpu_seconds
from bench.servers import Certificate, Server

_WARM = 0.2
_PAUSE = 0.05


def say(text: str) -> None:
    """Tell a waiting person how far it is; the report itself goes to standard output."""
    print(text, file=sys.stderr, flush=True)


def take(
    stage: Stage, servers: Sequence[Server], items: Sequence[Item], rounds: int
) -> dict[str, dict[str, dict[str, Series]]]:
    """Prepare the content on every registry and take all items; item -> server -> figure -> series.

    Raises what an item raises; the servers are stopped in any case.
    """
    results: dict[str, dict[str, dict[str, Series]]] = {}
    registries = [server for server in servers if server.is_registry]
    try:
        if any(item.phase != "control" for item in items):
            prepare(stage, registries)
        for phase in ("plain", "stopped", "tls", "control"):
            chosen = [item for item in items if item.phase == phase]
            taking = registries if phase != "control" else [server for server in servers if server.keys]
            if chosen and taking:
                results |= _phase(stage, taking, phase, chosen, rounds)
    finally:
        _stop_all(servers)
    return results


def prepare(stage: Stage, servers: Sequence[Server]) -> None:
    """Push the content to each server in turn."""
    for server in servers:
        began = time.perf_counter()
        server.start()
        stage.content.prepare(server)
        say(f"{server.title}: content prepared in {time.perf_counter() - began:.0f} s")
        server.stop()


def certificate(home: Path) -> Certificate:
    """A fresh certificate for 127.0.0.1 and localhost, trusted by the clients of this run only."""
    authority = trustme.CA()
    issued = authority.issue_cert("localhost", "127.0.0.1")
    chain, key = home / "chain.pem", home / "key.pem"
    for part in issued.cert_chain_pems:
        part.write_to_path(chain, append=True)
    key.touch(mode=0o600)
    issued.private_key_pem.write_to_path(key)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    return Certificate(chain, key, trust)


def _phase(
    stage: Stage, servers: Sequence[Server], phase: Phase, items: Iterable[Item], rounds: int
) -> dict[str, dict[str, dict[str, Series]]]:
    _stop_all(servers)
    if phase != "stopped":
        shared = certificate(stage.scratch) if phase == "tls" else None
        with ThreadPoolExecutor(len(servers)) as pool:
            list(pool.map(lambda server: server.start(shared), servers))
        if phase == "control":
            for server in servers:
                control.prepare(server)
        _settle(servers)
    return {item.name: _item(stage, servers, item, item.rounds or rounds) for item in items}


def _item(stage: Stage, servers: Sequence[Server], item: Item, rounds: int) -> dict[str, dict[str, Series]]:
    began = time.perf_counter()
    by_name = {server.name: server for server in servers}
    slices: dict[str, list[Figures]] = {name: [] for name in by_name}
    if item.warm:
        for server in servers:
            item.run(stage, server, _WARM)
    for number in range(rounds):
        for name in rotation(list(by_name), number):
            time.sleep(_PAUSE)
            slices[name].append(item.run(stage, by_name[name], stage.slice))
    say(f"{item.name}: {time.perf_counter() - began:.1f} s")
    return {name: gather(taken) for name, taken in slices.items()}


def _settle(servers: Sequence[Server], limit: float = 3.0) -> None:
    """Wait until the servers rest: none uses more than a tenth of a core, or the limit is over."""
    ends = time.monotonic() + limit
    while time.monotonic() < ends:
        before = [cpu_seconds(server.pid) for server in servers]
        time.sleep(0.3)
        if all(cpu_seconds(server.pid) - then <= 0.03 for server, then in zip(servers, before, strict=True)):
            return


def _stop_all(servers: Sequence[Server]) -> None:
    with ThreadPoolExecutor(max(1, len(servers))) as pool:
        list(pool.map(lambda server: server.stop(), servers))
