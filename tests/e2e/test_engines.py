"""The engines on nodes and laptops: containerd and Docker, as daemons of their own."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.containerd import Containerd
from tests.clients.docker import Docker
from tests.clients.tool import Sandbox
from tests.e2e.http import assert_holds, push
from tests.e2e.images import DOCKER_MANIFEST, files_by_digest, runnable
from tests.e2e.registry import Registry

# Engines are started one after the other on one worker; two cores do not carry more.
pytestmark = pytest.mark.xdist_group("engines")


@pytest.fixture
def containerd(box: Sandbox) -> Iterator[Containerd]:
    daemon = Containerd(box)
    yield daemon
    daemon.stop()


@pytest.fixture
def docker(box: Sandbox) -> Iterator[Docker]:
    engine = Docker(box)
    yield engine
    engine.stop()


@pytest.mark.requires_client("containerd", "ctr")
def test_containerd_pulls_runs_and_pushes_every_platform(registry: Registry, repository: str, containerd: Containerd) -> None:
    content = runnable(zstd=True)
    push(registry.http, repository, content, "1")
    name, other = f"{registry.host}/{repository}:1", registry.new()
    user = ("--plain-http", "--user", f"{registry.username}:{registry.password}")
    containerd.ctr("images", "pull", *user, "--snapshotter", "native", "--all-platforms", name)
    assert content.everything().items() <= files_by_digest(containerd.blobs).items()
    ran = containerd.ctr("run", "--rm", "--snapshotter", "native", name, "one")
    assert ran.out.strip() == "hello"
    containerd.ctr("images", "push", *user, f"{registry.host}/{other}:1", name)
    assert_holds(registry.http, other, content, "1")


@pytest.mark.requires_client("dockerd", "docker")
def test_docker_signs_in_pulls_runs_pushes_and_mounts(
    registry: Registry, repository: str, box: Sandbox, docker: Docker, tmp_path: Path
) -> None:
    content = runnable()
    push(registry.http, repository, content, "1")
    (box.root / "docker/config.json").unlink()
    name, target = f"{registry.host}/{repository}:1", registry.new()
    assert docker_refused(docker, name)
    signed_in = docker("login", "-u", registry.username, "--password-stdin", registry.host, stdin=registry.password)
    assert "Login Succeeded" in signed_in.out
    docker("pull", "-q", name)
    (seen,) = json.loads(docker("image", "inspect", name).out)
    assert seen["RepoDigests"] == [f"{registry.host}/{repository}@{content.digest}"]
    assert docker("run", "--rm", "--network", "none", name).out.strip() == "hello"
    docker("tag", name, f"{registry.host}/{target}:pushed")
    assert f"Mounted from {repository}" in docker("push", f"{registry.host}/{target}:pushed").out
    assert registry.http.head(f"/v2/{target}/manifests/pushed").headers["Content-Type"] == DOCKER_MANIFEST
    docker("rmi", "-f", name, f"{registry.host}/{target}:pushed")
    docker("pull", "-q", f"{registry.host}/{target}:pushed")
    (tmp_path / "Dockerfile").write_text(f'FROM {name}\nRUN ["/bin/busybox", "touch", "/made"]\nLABEL built=yes\n')
    built = f"{registry.host}/{target}:built"
    docker("build", "-q", "--network", "none", "-t", built, str(tmp_path))
    docker("push", "-q", built)
    manifest = registry.http.get(f"/v2/{target}/manifests/built").json()
    config = registry.http.get(f"/v2/{target}/blobs/{manifest['config']['digest']}").json()
    assert config["config"]["Labels"]["built"] == "yes"


def docker_refused(docker: Docker, name: str) -> bool:
    """Whether the engine, not signed in, is told so and gets nothing."""
    answer = docker.attempt("pull", "-q", name)
    return answer.code != 0 and ("no basic auth credentials" in answer.err or "unauthorized" in answer.err.lower())


@pytest.mark.requires_client("dockerd", "docker")
def test_docker_pushes_a_new_image_of_many_layers(registry: Registry, repository: str, docker: Docker, tmp_path: Path) -> None:
    lines = ["FROM scratch"]
    for number in range(6):
        (tmp_path / f"file{number}").write_bytes(base64.b64encode(bytes([number]) * 50_000))
        lines.append(f"COPY file{number} /file{number}")
    (tmp_path / "Dockerfile").write_text("\n".join(lines))
    name = f"{registry.host}/{repository}:layers"
    docker("build", "-q", "-t", name, str(tmp_path))
    docker("push", "-q", name)
    manifest = registry.http.get(f"/v2/{repository}/manifests/layers").json()
    assert len(manifest["layers"]) == 6
    for entry in (manifest["config"], *manifest["layers"]):
        answer = registry.http.get(f"/v2/{repository}/blobs/{entry['digest']}")
        assert len(answer.content) == entry["size"]
    assert docker("push", name).out.count("Layer already exists") == 6
