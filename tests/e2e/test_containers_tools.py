"""podman, buildah and umoci make, push, pull and run images."""

import json
from pathlib import Path

import pytest

from tests.clients.containers_tools import buildah, podman, skopeo_copy, umoci
from tests.clients.tool import Sandbox
from tests.e2e.http import assert_holds, push
from tests.e2e.images import DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, runnable
from tests.e2e.registry import Registry


@pytest.mark.requires_client("podman")
def test_podman_signs_in_pulls_runs_tags_and_pushes(registry: Registry, repository: str, box: Sandbox) -> None:
    content = runnable()
    push(registry.http, repository, content, "1")
    (box.root / "docker/config.json").unlink()
    name, other = f"{registry.host}/{repository}", f"{registry.host}/{registry.new()}"
    login = ("login", "--tls-verify=false", "-u", registry.username, "--password-stdin", registry.host)
    assert "Login Succeeded" in podman(box, *login, stdin=registry.password).out
    podman(box, "pull", "-q", "--tls-verify=false", f"{name}:1")
    (seen,) = json.loads(podman(box, "image", "inspect", f"{name}:1").out)
    assert f"{name}@{content.digest}" in seen["RepoDigests"]
    limits = ("--network", "host", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024")
    assert podman(box, "run", "--rm", *limits, f"{name}:1").out.strip() == "hello"
    for tag, wanted, stored in (("oci", "oci", OCI_MANIFEST), ("docker", "v2s2", DOCKER_MANIFEST)):
        podman(box, "tag", f"{name}:1", f"{other}:{tag}")
        podman(box, "push", "-q", "--tls-verify=false", "--format", wanted, f"{other}:{tag}")
        answer = registry.http.head(f"/v2/{other.removeprefix(registry.host + '/')}/manifests/{tag}")
        assert answer.headers["Content-Type"] == stored
    podman(box, "rmi", "-f", "-a")
    podman(box, "pull", "-q", "--tls-verify=false", f"{other}:docker")


@pytest.mark.requires_client("buildah")
def test_buildah_builds_from_scratch_and_pushes_every_format(
    registry: Registry, repository: str, box: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY hello /hello\nLABEL a=b\n")
    (tmp_path / "hello").write_bytes(b"hello from buildah\n" * 1000)
    name = f"{registry.host}/{repository}"
    kinds = (
        ("oci", ("--format", "oci"), OCI_MANIFEST),
        ("docker", ("--format", "docker"), DOCKER_MANIFEST),
    )
    for kind, flags, stored in kinds:
        buildah(box, "bud", "-q", "--isolation", "chroot", *flags, "-t", f"{name}:{kind}", str(tmp_path))
        buildah(box, "push", "-q", "--tls-verify=false", f"{name}:{kind}")
        assert registry.http.head(f"/v2/{repository}/manifests/{kind}").headers["Content-Type"] == stored
    (tmp_path / "hello").write_bytes(b"zstd this time\n" * 1000)
    buildah(box, "bud", "-q", "--isolation", "chroot", "--format", "oci", "-t", f"{name}:zstd", str(tmp_path))
    buildah(box, "push", "-q", "--tls-verify=false", "--compression-format", "zstd", "--format", "oci", f"{name}:zstd")
    layers = registry.http.get(f"/v2/{repository}/manifests/zstd").json()["layers"]
    assert [layer["mediaType"] for layer in layers] == ["application/vnd.oci.image.layer.v1.tar+zstd"]
    buildah(box, "manifest", "create", "both")
    for kind in ("oci", "zstd"):
        buildah(box, "manifest", "add", "--tls-verify=false", "both", f"docker://{name}:{kind}")
    buildah(box, "manifest", "push", "-q", "--all", "--tls-verify=false", "both", f"docker://{name}:both")
    answer = registry.http.get(f"/v2/{repository}/manifests/both")
    assert answer.headers["Content-Type"] == OCI_INDEX
    assert len(answer.json()["manifests"]) == 2
    buildah(box, "pull", "-q", "--tls-verify=false", f"{name}:docker")


@pytest.mark.requires_client("umoci", "skopeo")
def test_an_image_made_by_umoci_comes_back_the_same(registry: Registry, repository: str, box: Sandbox, tmp_path: Path) -> None:
    umoci(box, "init", "--layout", "um")
    umoci(box, "new", "--image", "um:base")
    umoci(box, "unpack", "--image", "um:base", "bundle")
    (box.root / "bundle/rootfs/hello").write_text("hello from umoci\n")
    umoci(box, "repack", "--image", "um:v1", "bundle")
    umoci(box, "config", "--image", "um:v1", "--config.cmd", "/hello", "--architecture", "arm64")
    target = f"docker://{registry.host}/{repository}:um"
    skopeo_copy(box, f"oci:{box.root}/um:v1", target)
    skopeo_copy(box, target, f"oci:{box.root}/back:v1")
    before, after = (json.loads((box.root / folder / "index.json").read_text())["manifests"] for folder in ("um", "back"))
    digests = {
        entry["annotations"]["org.opencontainers.image.ref.name"]: entry["digest"] for entry in before if "annotations" in entry
    }
    assert after[0]["digest"] == digests["v1"]
    stored = registry.http.get(f"/v2/{repository}/manifests/um").json()
    assert registry.http.get(f"/v2/{repository}/blobs/{stored['config']['digest']}").json()["architecture"] == "arm64"


@pytest.mark.requires_client("podman", "skopeo")
def test_what_podman_pushed_skopeo_pulls(registry: Registry, repository: str, box: Sandbox, tmp_path: Path) -> None:
    name = f"{registry.host}/{repository}"
    push(registry.http, repository, runnable(), "1")
    push(registry.http, repository, runnable(zstd=True), "zstd")
    podman(box, "pull", "-q", "--tls-verify=false", f"{name}:zstd")
    podman(box, "pull", "-q", "--tls-verify=false", f"{name}:1")
    podman(box, "tag", f"{name}:1", f"{name}:2")
    podman(box, "push", "-q", "--tls-verify=false", "--digestfile", str(tmp_path / "digest"), f"{name}:2")
    skopeo_copy(box, f"docker://{name}:2", f"dir:{tmp_path}/out")
    answer = registry.http.get(f"/v2/{repository}/manifests/2")
    assert (tmp_path / "out/manifest.json").read_bytes() == answer.content
    assert answer.headers["Docker-Content-Digest"] == (tmp_path / "digest").read_text().strip()
    assert_holds(registry.http, repository, runnable(), "1")
