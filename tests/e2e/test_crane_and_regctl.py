"""crane and regctl: every verb that reaches a registry."""

import json
from pathlib import Path

import pytest

from tests.clients.go_programs import crane, regctl
from tests.clients.tool import Sandbox
from tests.e2e.http import assert_holds, push
from tests.e2e.images import artifact, runnable, small
from tests.e2e.registry import Registry


@pytest.mark.requires_client("crane")
def test_crane_lists_copies_validates_tags_and_deletes(registry: Registry, repository: str, box: Sandbox) -> None:
    content, single = runnable(), small("crane")
    push(registry.http, repository, content, "1", "2")
    push(registry.http, repository, single, "single")
    name, other = f"{registry.host}/{repository}", registry.new()
    assert set(crane(box, "ls", name).out.split()) == {"1", "2", "single"}
    assert repository in crane(box, "catalog", registry.host).out.split()
    assert crane(box, "digest", f"{name}:1").out.strip() == content.digest
    assert crane(box, "manifest", f"{name}:1").out.strip().encode() == content.manifest.data
    assert json.loads(crane(box, "config", f"{name}:single").out)["os"] == "linux"
    crane(box, "validate", "--remote", f"{name}:1")
    crane(box, "copy", f"{name}:1", f"{registry.host}/{other}:copied")
    assert_holds(registry.http, other, content, "copied")
    crane(box, "tag", f"{name}:single", "again")
    assert crane(box, "digest", f"{name}:again").out.strip() == single.digest
    crane(box, "delete", f"{name}@{single.digest}")
    assert set(crane(box, "ls", name).out.split()) == {"1", "2"}
    blob = content.children[0].blobs[0]
    assert crane(box, "blob", f"{name}@{blob.digest}").out.encode() == blob.data


@pytest.mark.requires_client("crane")
def test_crane_mutates_appends_and_exports(registry: Registry, repository: str, box: Sandbox, tmp_path: Path) -> None:
    name = f"{registry.host}/{repository}"
    push(registry.http, repository, small("base"), "base")
    crane(box, "mutate", "--label", "a=b", "-t", f"{name}:labelled", f"{name}:base")
    assert json.loads(crane(box, "config", f"{name}:labelled").out)["config"]["Labels"]["a"] == "b"
    crane(box, "export", f"{name}:base", str(tmp_path / "base.tar"))
    crane(box, "append", "-b", f"{name}:base", "-f", str(tmp_path / "base.tar"), "-t", f"{name}:two")
    assert len(json.loads(crane(box, "manifest", f"{name}:two").out)["layers"]) == 2
    crane(box, "validate", "--remote", f"{name}:two")


@pytest.mark.requires_client("regctl")
def test_regctl_copies_images_and_deletes_only_the_tag_it_is_told(registry: Registry, repository: str, box: Sandbox) -> None:
    content, other = runnable(), registry.new()
    push(registry.http, repository, content, "1", "keep")
    name = f"{registry.host}/{repository}"
    regctl(box, registry.host, "image", "copy", f"{name}:1", f"{registry.host}/{other}:copied")
    assert_holds(registry.http, other, content, "copied")
    assert set(regctl(box, registry.host, "tag", "ls", name).out.split()) == {"1", "keep"}
    assert repository in regctl(box, registry.host, "repo", "ls", registry.host).out.split()
    regctl(box, registry.host, "tag", "delete", f"{name}:1")
    assert regctl(box, registry.host, "tag", "ls", name).out.split() == ["keep"]
    assert regctl(box, registry.host, "image", "digest", f"{name}:keep").out.strip() == content.digest
    assert_holds(registry.http, repository, content, "keep")


@pytest.mark.requires_client("regctl")
def test_regctl_uploads_a_blob_in_chunks(registry: Registry, repository: str, box: Sandbox, tmp_path: Path) -> None:
    data = bytes(range(256)) * 4096 * 3
    (tmp_path / "blob").write_bytes(data)
    chunked = f"reg={registry.host},tls=disabled,blobChunk={256 * 1024},blobMax={256 * 1024}"
    put = box.root / "put.sh"
    program = regctl(box, registry.host, "version").argv[0]
    put.write_text(f'exec {program} --host {chunked} blob put {registry.host}/{repository} < "{tmp_path}/blob"\n')
    digest = box.run("sh", put).out.strip()
    assert registry.http.get(f"/v2/{repository}/blobs/{digest}").content == data


@pytest.mark.ours
@pytest.mark.requires_client("regctl")
def test_regctl_attaches_artifacts_and_lists_referrers(
    registry: Registry, repository: str, box: Sandbox, tmp_path: Path
) -> None:
    subject = small("subject")
    push(registry.http, repository, subject, "1")
    name, other = f"{registry.host}/{repository}", registry.new()
    (tmp_path / "sbom.json").write_text('{"spdxVersion": "SPDX-2.3"}')
    kind = "application/spdx+json"
    put = ("artifact", "put", "--artifact-type", kind, "-f", str(tmp_path / "sbom.json"), "-m", kind, "--subject", f"{name}:1")
    regctl(box, registry.host, *put)
    listed = json.loads(regctl(box, registry.host, "artifact", "list", "--format", "{{json .}}", f"{name}:1").out)
    assert [entry["artifactType"] for entry in listed["descriptors"]] == [kind]
    regctl(box, registry.host, "image", "copy", "--referrers", f"{name}:1", f"{registry.host}/{other}:1")
    found = registry.http.get(f"/v2/{other}/referrers/{subject.digest}").json()["manifests"]
    assert [entry["artifactType"] for entry in found] == [kind]
    fallback = subject.digest.replace(":", "-")
    assert fallback not in registry.http.get(f"/v2/{other}/tags/list").json()["tags"]


@pytest.mark.ours
@pytest.mark.requires_client("regctl")
def test_regctl_deletes_a_referrer_and_its_entry(registry: Registry, repository: str, box: Sandbox) -> None:
    subject = small("with referrers")
    push(registry.http, repository, subject, "1")
    note = push(registry.http, repository, artifact(b"note", "application/x.note", subject))
    regctl(box, registry.host, "manifest", "delete", "--referrers", f"{registry.host}/{repository}@{note}")
    assert registry.http.get(f"/v2/{repository}/referrers/{subject.digest}").json()["manifests"] == []
    assert registry.http.get(f"/v2/{repository}/tags/list").json()["tags"] == ["1"]
