"""Artifacts, charts and signatures: oras, oras-py, helm and cosign."""

import json
from pathlib import Path

import oras.client
import oras.oci
import pytest

from tests.clients.go_programs import cosign, helm
from tests.clients.go_programs import oras as oras_program
from tests.clients.tool import Sandbox
from tests.e2e.http import push
from tests.e2e.images import small
from tests.e2e.registry import Registry

_COSIGN_BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"


@pytest.mark.requires_client("oras")
def test_oras_pushes_and_pulls_files(registry: Registry, repository: str, box: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"alpha\n")
    (tmp_path / "b.bin").write_bytes(bytes(range(256)) * 1000)
    name = f"{registry.host}/{repository}:v1,v2"
    program = ("push", "--plain-http", "--artifact-type", "application/x.files", name, "a.txt:text/plain", "b.bin")
    box.run(oras_program(box, "version").argv[0], *program, cwd=tmp_path)
    oras_program(box, "pull", "--plain-http", f"{registry.host}/{repository}:v2", "-o", str(tmp_path / "out"))
    for file in ("a.txt", "b.bin"):
        assert (tmp_path / "out" / file).read_bytes() == (tmp_path / file).read_bytes()
    tags = oras_program(box, "repo", "tags", "--plain-http", f"{registry.host}/{repository}").out.split()
    assert set(tags) == {"v1", "v2"}
    repositories = oras_program(box, "repo", "ls", "--plain-http", registry.host).out.split()
    assert repository in repositories
    oras_program(box, "manifest", "delete", "--plain-http", "-f", f"{registry.host}/{repository}:v1")
    assert registry.http.get(f"/v2/{repository}/manifests/v1").status_code == 404


@pytest.mark.ours
@pytest.mark.requires_client("oras")
def test_oras_attaches_discovers_and_copies_with_referrers(
    registry: Registry, repository: str, box: Sandbox, tmp_path: Path
) -> None:
    subject = small("oras subject")
    push(registry.http, repository, subject, "1")
    (tmp_path / "sbom.json").write_text("{}")
    name, other = f"{registry.host}/{repository}:1", registry.new()
    attach = ("attach", "--plain-http", "--artifact-type", "application/x.sbom", name, "sbom.json:application/json")
    box.run(oras_program(box, "version").argv[0], *attach, cwd=tmp_path)
    found = json.loads(oras_program(box, "discover", "--plain-http", "--format", "json", name).out)
    (referrer,) = found.get("referrers") or found["manifests"]
    assert referrer["artifactType"] == "application/x.sbom"
    filtered = ("discover", "--plain-http", "--artifact-type", "application/x.other", "--format", "json", name)
    none = json.loads(oras_program(box, *filtered).out)
    assert not (none.get("referrers") or none.get("manifests"))
    copy = ("copy", "-r", "--from-plain-http", "--to-plain-http", name, f"{registry.host}/{other}:copied")
    oras_program(box, *copy)
    listed = registry.http.get(f"/v2/{other}/referrers/{subject.digest}").json()["manifests"]
    assert [entry["digest"] for entry in listed] == [referrer["digest"]]
    assert registry.http.get(f"/v2/{other}/tags/list").json()["tags"] == ["copied"]


@pytest.mark.requires_client("oras-py")
def test_oras_py_pushes_pulls_and_attaches(registry: Registry, repository: str, tmp_path: Path) -> None:
    for name, text in (("a.txt", "alpha\n"), ("sbom.json", "{}")):
        (tmp_path / name).write_text(text)
    client = oras.client.OrasClient(hostname=registry.host, insecure=True, tls_verify=False, auth_backend="basic")
    client.auth.set_basic_auth(registry.username, registry.password)
    target = f"{registry.host}/{repository}"
    pushed = client.push(target=f"{target}:1", files=[str(tmp_path / "a.txt")], disable_path_validation=True)
    assert pushed.status_code == 201
    subject = oras.oci.Subject.from_manifest(client.get_manifest(client.get_container(f"{target}:1")))
    sbom = f"{tmp_path}/sbom.json:application/spdx+json"
    client.push(target=f"{target}:sbom", files=[sbom], disable_path_validation=True, subject=subject)
    assert set(client.get_tags(target)) == {"1", "sbom"}
    (pulled,) = client.pull(target=f"{target}:1", outdir=str(tmp_path / "out"))
    assert Path(pulled).read_text() == "alpha\n"
    manifest = registry.http.get(f"/v2/{repository}/manifests/sbom").json()
    assert manifest["subject"]["digest"] == registry.http.head(f"/v2/{repository}/manifests/1").headers["Docker-Content-Digest"]


@pytest.mark.requires_client("helm")
def test_helm_packages_pushes_shows_and_pulls_a_chart(
    registry: Registry, repository: str, box: Sandbox, tmp_path: Path
) -> None:
    prefix, _, chart = registry.create(f"{repository}/web").rpartition("/")
    folder = tmp_path / chart
    helm(box, "create", str(folder))
    description = (folder / "Chart.yaml").read_text().replace("version: 0.1.0", "version: 0.1.0+build.7")
    (folder / "Chart.yaml").write_text(description)
    helm(box, "package", str(folder), "-d", str(tmp_path))
    (archive,) = tmp_path.glob("*.tgz")
    helm(box, "push", "--plain-http", str(archive), f"oci://{registry.host}/{prefix}")
    assert registry.http.get(f"/v2/{prefix}/{chart}/tags/list").json()["tags"] == ["0.1.0_build.7"]
    source = f"oci://{registry.host}/{prefix}/{chart}"
    shown = helm(box, "show", "chart", "--plain-http", source, "--version", "0.1.0+build.7").out
    assert "name: web" in shown
    (tmp_path / "out").mkdir()
    helm(box, "pull", "--plain-http", source, "--version", "0.1.0+build.7", "-d", str(tmp_path / "out"))
    (pulled,) = (tmp_path / "out").glob("*.tgz")
    assert pulled.read_bytes() == archive.read_bytes()
    assert "Deployment" in helm(box, "template", "--plain-http", source, "--version", "0.1.0+build.7").out


@pytest.mark.requires_client("helm")
def test_helm_signs_in_and_out(registry: Registry, box: Sandbox) -> None:
    (box.root / "docker/config.json").unlink()
    login = ("registry", "login", "--plain-http", "-u", registry.username, "-p", registry.password, registry.host)
    assert "Login Succeeded" in (result := helm(box, *login)).out + result.err
    helm(box, "registry", "logout", registry.host)


@pytest.mark.requires_client("cosign")
def test_cosign_signs_attests_and_verifies_without_any_service(registry: Registry, repository: str, box: Sandbox) -> None:
    content = small("signed")
    push(registry.http, repository, content, "1")
    name = f"{registry.host}/{repository}@{content.digest}"
    offline = ("--allow-http-registry", "--use-signing-config=false", "--tlog-upload=false")
    verify = ("--key", "cosign.pub", "--allow-http-registry", "--insecure-ignore-tlog=true")
    cosign(box, "generate-key-pair")
    cosign(box, "sign", "--key", "cosign.key", *offline, name)
    (claim,) = json.loads(cosign(box, "verify", *verify, name).out)
    assert claim["critical"]["image"]["docker-manifest-digest"] == content.digest
    (box.root / "predicate.json").write_text('{"a": 1}')
    cosign(box, "attest", "--key", "cosign.key", *offline, "--predicate", "predicate.json", "--type", "custom", name)
    assert cosign(box, "verify-attestation", "--type", "custom", *verify, name).out
    other = small("not signed")
    push(registry.http, repository, other, "2")
    refused = box.run(cosign(box, "version").argv[0], "verify", *verify, f"{registry.host}/{repository}:2", check=False)
    assert refused.code != 0
    tags = set(registry.http.get(f"/v2/{repository}/tags/list").json()["tags"])
    referrers = registry.http.get(f"/v2/{repository}/referrers/{content.digest}")
    if referrers.status_code == 200:
        assert [entry["artifactType"] for entry in referrers.json()["manifests"]] == [_COSIGN_BUNDLE] * 2
        assert tags == {"1", "2"}


@pytest.mark.requires_client("cosign")
def test_cosign_signs_in_the_older_way_by_tags(registry: Registry, repository: str, box: Sandbox) -> None:
    content = small("signed by tag")
    push(registry.http, repository, content, "1")
    name = f"{registry.host}/{repository}@{content.digest}"
    offline = ("--allow-http-registry", "--use-signing-config=false", "--tlog-upload=false", "--new-bundle-format=false")
    cosign(box, "generate-key-pair")
    cosign(box, "sign", "--key", "cosign.key", *offline, name)
    (box.root / "sbom.json").write_text("{}")
    cosign(box, "attach", "sbom", "--allow-http-registry", "--sbom", "sbom.json", name)
    tags = set(registry.http.get(f"/v2/{repository}/tags/list").json()["tags"])
    stem = content.digest.replace(":", "-")
    assert {f"{stem}.sig", f"{stem}.sbom"} <= tags
    verify = ("--new-bundle-format=false", "--key", "cosign.pub", "--allow-http-registry", "--insecure-ignore-tlog=true")
    assert content.digest in cosign(box, "verify", *verify, name).out
