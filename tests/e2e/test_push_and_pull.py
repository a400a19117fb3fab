"""Every client pushes and pulls the same images, and not one byte differs."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients.containers_tools import skopeo, skopeo_copy
from tests.clients.go_programs import crane, oras, regctl
from tests.clients.tool import Sandbox
from tests.e2e.http import assert_holds, push
from tests.e2e.images import DOCKER_INDEX, DOCKER_MANIFEST, Layout, buildkit_cache, files_by_digest, runnable, small
from tests.e2e.registry import Registry

Transfer = Callable[[Sandbox, Registry, Path, str], None]


def _skopeo_push(box: Sandbox, registry: Registry, layout: Path, name: str) -> None:
    skopeo_copy(box, f"oci:{layout}:1", f"docker://{registry.host}/{name}:1")


def _skopeo_pull(box: Sandbox, registry: Registry, layout: Path, name: str) -> None:
    skopeo_copy(box, f"docker://{registry.host}/{name}:1", f"oci:{layout}:1")


def _oras_push(box: Sandbox, registry: Registry, layout: Path, name: str) -> None:
    oras(box, "copy", "--from-oci-layout", f"{layout}:1", "--to-plain-http", f"{registry.host}/{name}:1")


def _oras_pull(box: Sandbox, registry: Registry, layout: Path, name: str) -> None:
    oras(box, "copy", "--from-plain-http", f"{registry.host}/{name}:1", "--to-oci-layout", f"{layout}:1")


def _regctl_push(box: Sandbox, registry: Registry, layout: Path, name: str) -> None:
    regctl(box, registry.host, "image", "copy", f"ocidir://{layout}:1", f"{registry.host}/{name}:1")


def _regctl_pull(box: Sandbox, registry: Registry, layout: Path, name: str) -> None:
    regctl(box, registry.host, "image", "copy", f"{registry.host}/{name}:1", f"ocidir://{layout}:1")


def _crane_push(box: Sandbox, registry: Registry, layout: Path, name: str) -> None:
    crane(box, "push", "--index", str(layout), f"{registry.host}/{name}:wrapped")
    (entry,) = json.loads((layout / "index.json").read_text())["manifests"]
    crane(box, "tag", f"{registry.host}/{name}@{entry['digest']}", "1")


def _crane_pull(box: Sandbox, registry: Registry, layout: Path, name: str) -> None:
    crane(box, "pull", "--format=oci", f"{registry.host}/{name}:1", str(layout))


_CLIENTS: dict[str, tuple[Transfer, Transfer]] = {
    "skopeo": (_skopeo_push, _skopeo_pull),
    "oras": (_oras_push, _oras_pull),
    "regctl": (_regctl_push, _regctl_pull),
    "crane": (_crane_push, _crane_pull),
}
_EACH = [pytest.param(name, marks=pytest.mark.requires_client(name)) for name in _CLIENTS]


@pytest.mark.parametrize("client", _EACH)
def test_a_pushed_index_is_stored_byte_for_byte(
    registry: Registry, repository: str, box: Sandbox, client: str, tmp_path: Path
) -> None:
    content = runnable(zstd=True)
    Layout(tmp_path / "in").write(content, "1")
    _CLIENTS[client][0](box, registry, tmp_path / "in", repository)
    assert_holds(registry.http, repository, content, "1")


@pytest.mark.parametrize("client", _EACH)
def test_a_pulled_index_arrives_byte_for_byte(
    registry: Registry, repository: str, box: Sandbox, client: str, tmp_path: Path
) -> None:
    content = runnable(zstd=True)
    push(registry.http, repository, content, "1")
    _CLIENTS[client][1](box, registry, tmp_path / "out", repository)
    arrived = files_by_digest(tmp_path / "out")
    assert content.everything().items() <= arrived.items()


@pytest.mark.requires_client("skopeo")
def test_skopeo_pushes_an_index_in_docker_types(registry: Registry, repository: str, box: Sandbox, tmp_path: Path) -> None:
    Layout(tmp_path / "in").write(runnable(), "1")
    target = f"docker://{registry.host}/{repository}:docker"
    skopeo_copy(box, f"oci:{tmp_path}/in:1", target, "--format", "v2s2")
    got = registry.http.get(f"/v2/{repository}/manifests/docker", headers={"Accept": DOCKER_INDEX})
    assert got.headers["Content-Type"] == DOCKER_INDEX
    document = got.json()
    assert {entry["mediaType"] for entry in document["manifests"]} == {DOCKER_MANIFEST}
    assert skopeo(box, "inspect", "--raw", "--tls-verify=false", target).out.encode() == got.content
    skopeo_copy(box, target, f"dir:{tmp_path}/out")
    assert (tmp_path / "out/manifest.json").read_bytes() == got.content


@pytest.mark.requires_client("skopeo")
def test_skopeo_lists_inspects_copies_synchronises_and_deletes(
    registry: Registry, repository: str, box: Sandbox, tmp_path: Path
) -> None:
    first, second, other = small("first", labels={"who": "skopeo"}), small("second"), registry.new()
    push(registry.http, repository, first, "b", "a")
    push(registry.http, repository, second, "c")
    source = f"docker://{registry.host}/{repository}"
    assert set(json.loads(skopeo(box, "list-tags", "--tls-verify=false", source).out)["Tags"]) == {"a", "b", "c"}
    seen = json.loads(skopeo(box, "inspect", "--tls-verify=false", f"{source}:a").out)
    assert (seen["Digest"], seen["Labels"], seen["Architecture"]) == (first.digest, {"who": "skopeo"}, "amd64")
    skopeo_copy(box, f"{source}:a", f"docker://{registry.host}/{other}:copied")
    assert_holds(registry.http, other, first, "copied")
    sync = ("sync", "--all", "--src", "docker", "--dest", "dir", "--src-tls-verify=false")
    skopeo(box, *sync, f"{registry.host}/{repository}", str(tmp_path))
    assert len(list(tmp_path.rglob("manifest.json"))) == 3
    skopeo(box, "delete", "--tls-verify=false", f"{source}:a")
    assert registry.http.get(f"/v2/{repository}/tags/list").json()["tags"] == ["c"]


@pytest.mark.parametrize("client", [_EACH[0], _EACH[1], _EACH[2]])
def test_many_tags_and_platforms_pushed_twice_change_nothing(
    registry: Registry, repository: str, box: Sandbox, client: str, tmp_path: Path
) -> None:
    content = runnable()
    Layout(tmp_path / "in").write(content, "1")
    for _ in range(2):
        _CLIENTS[client][0](box, registry, tmp_path / "in", repository)
    assert_holds(registry.http, repository, content, "1")
    assert registry.http.get(f"/v2/{repository}/tags/list").json()["tags"] == ["1"]


def test_the_index_of_a_build_cache_is_stored_though_its_entries_are_blobs(registry: Registry, repository: str) -> None:
    content = buildkit_cache("cache")
    push(registry.http, repository, content, "buildcache")
    assert_holds(registry.http, repository, content, "buildcache")
