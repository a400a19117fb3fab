"""Real systems and large layers, with the server's memory watched."""

import gzip
import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.clients.containers_tools import skopeo_copy
from tests.clients.tool import Sandbox
from tests.e2e.http import Http, assert_holds, start_upload, with_query
from tests.e2e.images import OCI_LAYER, Blob, Layout, digest, image, layer
from tests.e2e.registry import Registry, open_registry
from tests.e2e.server import Server

_MIB = 1024 * 1024
_MEMORY = 250 * 1000 * 1000
_DPKG = Path("/var/lib/dpkg/status")


@pytest.mark.requires_client("skopeo")
def test_a_small_root_file_system_goes_round(registry: Registry, repository: str, box: Sandbox, tmp_path: Path) -> None:
    busybox = Path("/bin/busybox")
    if not (busybox.exists() and _DPKG.exists()):
        pytest.skip("needs busybox-static and dpkg's list, as Debian has them")
    links = {f"bin/{name}": busybox.read_bytes() for name in ("busybox", "sh")}
    files = {**links, "var/lib/dpkg/status": _DPKG.read_bytes()[: 2 * _MIB], "etc/os-release": b"ID=debian\n"}
    content = image(layer(files), layer({"etc/hostname": b"box\n"}, "zstd"))
    Layout(tmp_path / "in").write(content, "root")
    skopeo_copy(box, f"oci:{tmp_path}/in:root", f"docker://{registry.host}/{repository}:root")
    assert_holds(registry.http, repository, content, "root")


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.requires_client("skopeo")
def test_a_whole_debian_goes_round(registry: Registry, repository: str, box: Sandbox, tmp_path: Path) -> None:
    if not shutil.which("mmdebstrap"):
        pytest.skip("needs mmdebstrap")
    box.run("mmdebstrap", "--variant=essential", "bookworm", tmp_path / "root.tar", timeout=300)
    plain = (tmp_path / "root.tar").read_bytes()
    content = image((Blob(f"{OCI_LAYER}+gzip", gzip.compress(plain, 1, mtime=0)), digest(plain)))
    Layout(tmp_path / "in").write(content, "debian")
    skopeo_copy(box, f"oci:{tmp_path}/in:debian", f"docker://{registry.host}/{repository}:debian")
    assert_holds(registry.http, repository, content, "debian")


class Stream:
    """A blob of any size that never stands in memory: one block, numbered."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __iter__(self) -> Iterator[bytes]:
        block = hashlib.sha256(b"block").digest() * (_MIB // 32)
        for number in range(self.size // _MIB):
            yield number.to_bytes(8, "big") + block[8:]

    def __len__(self) -> int:
        return self.size

    def digest(self) -> str:
        """Its sha256 digest."""
        running = hashlib.sha256()
        for block in self:
            running.update(block)
        return f"sha256:{running.hexdigest()}"


def _push(session: Http, name: str, blob: Stream, way: str) -> requests.Response:
    location, wanted = start_upload(session, name), blob.digest()
    headers = {"Content-Type": "application/octet-stream"}
    if way == "monolithic":
        headers["Content-Length"] = str(blob.size)
        return session.put(with_query(location, digest=wanted), data=_Sized(blob), headers=headers, timeout=600)
    if way == "stream":
        patched = session.patch(location, data=iter(blob), headers=headers, timeout=600)
        return session.put(with_query(patched.headers["Location"], digest=wanted), timeout=600)
    pending, first = b"", 0
    for block in blob:
        pending += block
        if len(pending) == 8 * _MIB:
            span = f"{first}-{first + len(pending) - 1}"
            patched = session.patch(location, data=pending, headers={**headers, "Content-Range": span})
            assert patched.status_code == 202, patched.text
            location = patched.headers["Location"]
            first, pending = first + len(pending), b""
    return session.put(with_query(location, digest=wanted), data=pending, headers=headers, timeout=600)


class _Sized:
    """A body with a length that is read block by block, as requests wants it."""

    def __init__(self, blob: Stream) -> None:
        self._blob = blob

    def __len__(self) -> int:
        return self._blob.size

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._blob)


def _pulled(session: Http, location: str) -> str:
    running = hashlib.sha256()
    with session.get(location, stream=True, timeout=600) as answer:
        for block in answer.iter_content(_MIB):
            running.update(block)
    return f"sha256:{running.hexdigest()}"


@pytest.mark.parametrize("way", ["monolithic", "stream", "chunks"])
def test_a_layer_of_64_mib_goes_round(registry: Registry, repository: str, way: str) -> None:
    blob = Stream(64 * _MIB)
    done = _push(registry.http, repository, blob, way)
    assert done.status_code == 201, done.text
    assert _pulled(registry.http, done.headers["Location"]) == blob.digest()


@pytest.mark.ours
@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("way", "gibibytes"), [("stream", 1), ("monolithic", 4), ("chunks", 4)])
def test_memory_stays_flat_while_a_huge_layer_goes_round(
    connection: str, tmp_path_factory: pytest.TempPathFactory, way: str, gibibytes: int
) -> None:
    root = tmp_path_factory.mktemp("huge")
    server = Server(root / "data", connection)
    server.start()
    registry = open_registry(server.host)
    watched: list[int] = []

    class Watched(Stream):
        def __iter__(self) -> Iterator[bytes]:
            for number, block in enumerate(super().__iter__()):
                if number % 256 == 0:
                    watched.append(server.proportional_memory())
                yield block

    blob = Watched(gibibytes * 1024 * _MIB)
    done = _push(registry.http, registry.new(), blob, way)
    assert done.status_code == 201, done.text
    running = hashlib.sha256()
    with registry.http.get(done.headers["Location"], stream=True, timeout=600) as answer:
        for number, block in enumerate(answer.iter_content(_MIB)):
            running.update(block)
            if number % 256 == 0:
                watched.append(server.proportional_memory())
    assert f"sha256:{running.hexdigest()}" == blob.digest()
    assert max(watched) < _MEMORY
    server.stop()
    shutil.rmtree(root)
