"""The aws command line client, both generations, in the order in which people use it."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.clients.aws_cli import Aws
from tests.clients.containers_tools import podman, skopeo, skopeo_copy
from tests.clients.plugin import CLIENTS
from tests.clients.tool import Sandbox
from tests.e2e.http import push
from tests.e2e.images import OCI_MANIFEST, digest, small
from tests.e2e.registry import Registry

pytestmark = pytest.mark.ours

_VERSIONS = [pytest.param(name, marks=pytest.mark.requires_client(name)) for name in ("aws-cli-v2", "aws-cli-v1")]


@pytest.fixture(params=_VERSIONS)
def aws(request: pytest.FixtureRequest, registry: Registry, box: Sandbox) -> Aws:
    return registry.aws(box, CLIENTS[request.param].path())


def test_repositories_are_created_described_and_deleted(registry: Registry, aws: Aws) -> None:
    name = f"cli/r{aws.box.root.name.replace('_', '0').lower()}"
    made = aws.ecr("create-repository", "--repository-name", name)["repository"]
    assert made["repositoryUri"] == f"{registry.host}/{name}"
    (seen,) = aws.ecr("describe-repositories", "--repository-names", name)["repositories"]
    assert seen == made
    assert name in {each["repositoryName"] for each in aws.ecr("describe-repositories")["repositories"]}
    again = aws.run("ecr", "create-repository", "--repository-name", name, check=False)
    assert again.code == 254 or "RepositoryAlreadyExistsException" in again.err
    push(registry.http, name, small("cli"), "1")
    full = aws.run("ecr", "delete-repository", "--repository-name", name, check=False)
    assert full.code != 0
    assert "RepositoryNotEmptyException" in full.err
    aws.ecr("delete-repository", "--repository-name", name, "--force")
    gone = aws.run("ecr", "describe-repositories", "--repository-names", name, check=False)
    assert "RepositoryNotFoundException" in gone.err


def test_images_are_listed_described_fetched_retagged_and_deleted(registry: Registry, repository: str, aws: Aws) -> None:
    content, name = small("cli image"), ("--repository-name", repository)
    push(registry.http, repository, content, "1")
    assert aws.ecr("list-images", *name)["imageIds"] == [{"imageDigest": content.digest, "imageTag": "1"}]
    (detail,) = aws.ecr("describe-images", *name, "--image-ids", "imageTag=1")["imageDetails"]
    assert (detail["imageDigest"], detail["imageTags"]) == (content.digest, ["1"])
    assert detail["imageManifestMediaType"] == OCI_MANIFEST
    (fetched,) = aws.ecr("batch-get-image", *name, "--image-ids", "imageTag=1")["images"]
    assert fetched["imageManifest"].encode() == content.manifest.data
    put = ("put-image", *name, "--image-tag", "retagged", "--image-manifest", fetched["imageManifest"])
    assert aws.ecr(*put, "--image-manifest-media-type", OCI_MANIFEST)["image"]["imageId"]["imageDigest"] == content.digest
    assert "ImageAlreadyExistsException" in aws.run("ecr", *put, check=False).err
    removed = aws.ecr("batch-delete-image", *name, "--image-ids", "imageTag=1", "imageTag=absent")
    assert removed["imageIds"] == [{"imageDigest": content.digest, "imageTag": "1"}]
    assert [failure["failureCode"] for failure in removed["failures"]] == ["ImageNotFound"]
    assert registry.http.get(f"/v2/{repository}/tags/list").json()["tags"] == ["retagged"]
    aws.ecr("batch-delete-image", *name, "--image-ids", f"imageDigest={content.digest}")
    assert aws.ecr("list-images", *name)["imageIds"] == []


def test_a_layer_goes_up_in_parts_and_comes_down_by_its_url(
    registry: Registry, repository: str, aws: Aws, tmp_path: Path
) -> None:
    name, layer = ("--repository-name", repository), bytes(range(256)) * 24_000
    parts = (layer[: 5 * 1024 * 1024], layer[5 * 1024 * 1024 :])
    upload = ("--upload-id", aws.ecr("initiate-layer-upload", *name)["uploadId"])
    first = 0
    for number, part in enumerate(parts):
        (tmp_path / f"part{number}").write_bytes(part)
        span = ("--part-first-byte", str(first), "--part-last-byte", str(first + len(part) - 1))
        blob = ("--layer-part-blob", f"fileb://{tmp_path}/part{number}")
        got = aws.ecr("upload-layer-part", *name, *upload, *span, *blob)
        first += len(part)
        assert got["lastByteReceived"] == first - 1
    done = aws.ecr("complete-layer-upload", *name, *upload, "--layer-digests", digest(layer))
    assert done["layerDigest"] == digest(layer)
    absent = digest(b"absent")
    checked = aws.ecr("batch-check-layer-availability", *name, "--layer-digests", digest(layer), absent)["layers"]
    assert {each["layerDigest"]: each["layerAvailability"] for each in checked} == {
        digest(layer): "AVAILABLE",
        absent: "UNAVAILABLE",
    }
    config = b'{"architecture":"amd64","os":"linux"}'
    registry.http.post(f"/v2/{repository}/blobs/uploads/?digest={digest(config)}", data=config)
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest(config), "size": len(config)},
        "layers": [
            {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest(layer), "size": len(layer)},
        ],
    }
    aws.ecr("put-image", *name, "--image-tag", "made-by-hand", "--image-manifest", json.dumps(manifest))
    url = aws.ecr("get-download-url-for-layer", *name, "--layer-digest", digest(layer))["downloadUrl"]
    got_bytes = requests.get(url, timeout=60)
    assert got_bytes.status_code == 200
    assert got_bytes.content == layer


@pytest.mark.requires_client("skopeo", "podman")
def test_the_login_password_signs_clients_in(registry: Registry, repository: str, aws: Aws, tmp_path: Path) -> None:
    (aws.box.root / "docker/config.json").unlink()
    password = aws.run("ecr", "get-login-password").out.strip()
    login = ("--tls-verify=false", "-u", "AWS", "--password-stdin", registry.host)
    assert "Login Succeeded" in podman(aws.box, "login", *login, stdin=password).out
    podman(aws.box, "logout", registry.host)
    refused = skopeo(aws.box, "list-tags", "--tls-verify=false", f"docker://{registry.host}/{repository}", check=False)
    assert "unauthorized" in refused.err or "authentication required" in refused.err
    assert "Login Succeeded" in skopeo(aws.box, "login", *login, stdin=password).out
    push(registry.http, repository, small("signed in"), "1")
    skopeo_copy(aws.box, f"docker://{registry.host}/{repository}:1", f"dir:{tmp_path}/out")


def test_the_authorization_token_names_this_registry(registry: Registry, aws: Aws) -> None:
    (entry,) = aws.ecr("get-authorization-token")["authorizationData"]
    assert entry["proxyEndpoint"] == f"http://{registry.host}"
    username, _, password = base64.b64decode(entry["authorizationToken"]).decode().partition(":")
    assert username == "AWS"
    assert registry.http.get("/v2/", auth=(username, password)).status_code == 200


def test_callers_are_told_who_they_are(aws: Aws) -> None:
    said = json.loads(aws.run("sts", "get-caller-identity", "--output", "json").out)
    assert said == {"UserId": "123456789012", "Account": "123456789012", "Arn": "arn:aws:iam::123456789012:root"}


def test_policies_are_made_attached_and_shown_with_the_whole_account(aws: Aws) -> None:
    def iam(*words: str) -> Any:
        out = aws.run("iam", *words, "--output", "json").out
        return json.loads(out) if out.strip() else None

    name = f"cli-{aws.box.root.name}"
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}]}
    made = iam("create-policy", "--policy-name", name, "--policy-document", json.dumps(document))["Policy"]
    iam("create-user", "--user-name", name)
    iam("attach-user-policy", "--user-name", name, "--policy-arn", made["Arn"])
    iam("put-user-policy", "--user-name", name, "--policy-name", "own", "--policy-document", json.dumps(document))
    attached = iam("list-attached-user-policies", "--user-name", name)["AttachedPolicies"]
    assert attached == [{"PolicyName": name, "PolicyArn": made["Arn"]}]
    whole = iam("get-account-authorization-details", "--filter", "User", "LocalManagedPolicy")
    (user,) = (each for each in whole["UserDetailList"] if each["UserName"] == name)
    assert (user["AttachedManagedPolicies"], user["UserPolicyList"][0]["PolicyDocument"]) == (attached, document)
    (policy,) = (each for each in whole["Policies"] if each["Arn"] == made["Arn"])
    assert (policy["AttachmentCount"], policy["PolicyVersionList"][0]["Document"]) == (1, document)
    refused = aws.run("iam", "delete-policy", "--policy-arn", made["Arn"], check=False)
    assert "(DeleteConflict)" in refused.err and "Cannot delete a policy attached to entities." in refused.err
