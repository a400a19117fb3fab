"""Make the fixture of a release: `python -m tests.releases.make FOLDER`, run in a checkout of that release.

The installation is made through the server's own doors, stopped in order, and kept as text and files: `database.sql`, the
blobs, the secret key, and `expected.json` with what its clients must still find after any later upgrade.
"""

import base64
import json
import shutil
import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

import requests

from tests.contract.aws.door import ACCOUNT, REGION, Door
from tests.e2e.api import Api
from tests.e2e.images import DOCKER_MANIFEST, artifact, image, index, layer, manifest, small
from tests.e2e.server import Server

REPOSITORY = "release/app"
FIXED = "release/fixed"
OTHER_ACCOUNT = "222233334444"


def main(folder: Path) -> None:
    """Fill an installation and keep it in `folder`."""
    with tempfile.TemporaryDirectory() as place:
        server = Server(Path(place) / "data", "fast", settings={"MOORAGE_WORKERS": "1", "MOORAGE_ADDRESS": "localhost:5000"})
        server.start()
        door = Door(server)
        expected = {**_fill(door), **_settings(door)}
        door.close()
        server.stop()
        _keep(server.data, folder)
    (folder / "expected.json").write_text(json.dumps(expected, indent=1, sort_keys=True) + "\n")


def _fill(door: Door) -> dict[str, Any]:
    members = {"tags": [{"Key": "team", "Value": "harbour"}], "imageScanningConfiguration": {"scanOnPush": True}}
    door.call("CreateRepository", repositoryName=REPOSITORY, **members)
    filters = [{"filterType": "WILDCARD", "filter": "dev-*"}]
    settings = {"imageTagMutability": "IMMUTABLE_WITH_EXCLUSION", "imageTagMutabilityExclusionFilters": filters}
    door.call("CreateRepository", repositoryName=FIXED, **settings, encryptionConfiguration={"encryptionType": "KMS"})
    first, second = small("first", annotations={"note": "first"}), small("second")
    door.push(REPOSITORY, first, "1.0", "latest")
    door.push(REPOSITORY, second, "2.0", "latest")
    many = index(image(layer({"many": b"1"}), labels={"who": "release"}), image(layer({"many": b"2"}), architecture="arm64"))
    door.push(REPOSITORY, many, "many")
    door.push(REPOSITORY, artifact(b"signed", "application/vnd.example.signature", first))
    door.push(FIXED, manifest(*many.children[0].blobs, media_type=DOCKER_MANIFEST), "prod-1")
    gone = small("gone")
    door.push(REPOSITORY, gone, "gone")
    door.call("BatchDeleteImage", repositoryName=REPOSITORY, imageIds=[{"imageTag": "gone"}])
    waiting = door.upload(REPOSITORY, b"no image refers to this layer yet")
    token = door.call("GetAuthorizationToken")["authorizationData"][0]["authorizationToken"]
    session = door.call("InitiateLayerUpload", repositoryName=REPOSITORY)["uploadId"]
    part = {"partFirstByte": 0, "partLastByte": 4, "layerPartBlob": b"begun"}
    door.call("UploadLayerPart", repositoryName=REPOSITORY, uploadId=session, **part)
    name, _, password = base64.b64decode(token).decode().partition(":")
    pulled = requests.get(f"http://{door.host}/v2/{REPOSITORY}/manifests/1.0", auth=(name, password), timeout=30)
    assert pulled.status_code == 200
    door.settle()
    return {
        "tags": {repository: door.tags(repository) for repository in (REPOSITORY, FIXED)},
        "images": {repository: sorted(door.digests(repository)) for repository in (REPOSITORY, FIXED)},
        "removed": {"digest": gone.digest, "tag": "gone"},
        "layer": waiting,
        "upload": session,
        "resourceTags": {"team": "harbour"},
    }


def _settings(door: Door) -> dict[str, Any]:
    """What came with part 2: policies, templates, settings of a registry, tokens with a scope, further accounts."""
    policies = {
        FIXED: _policy({"Sid": "pullers", "Principal": {"AWS": OTHER_ACCOUNT}, "Action": "ecr:BatchGetImage"}),
        REPOSITORY: _policy({"Principal": "*", "Action": ["ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"]}),
    }
    for repository, text in policies.items():
        door.call("SetRepositoryPolicy", repositoryName=repository, policyText=text)
    resource = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/*"
    mirror = {"Principal": {"AWS": OTHER_ACCOUNT}, "Action": "ecr:ReplicateImage", "Resource": resource}
    door.call("PutRegistryPolicy", policyText=_policy(mirror))
    tags = {"resourceTags": [{"Key": "made", "Value": "by-template"}]}
    door.call("CreateRepositoryCreationTemplate", prefix="made", appliedFor=["CREATE_ON_PUSH"], **tags)
    excluded = f"arn:aws:iam::{ACCOUNT}:role/scanner"
    door.prepare(
        "INSERT INTO pull_time_exclusions (registry_id, principal_arn, created_at) SELECT id, ?, 1 FROM registries", excluded
    )
    rules = [{"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": [{"filter": "release/*", "filterType": "WILDCARD"}]}]
    door.call("PutRegistryScanningConfiguration", scanType="BASIC", rules=rules)
    api = Api(door.host)
    other = api.ask("POST", "/accounts", {"account_id": OTHER_ACCOUNT, "name": "other"})
    scope = {"name": "reader", "repositories": ["release/*"], "actions": ["pull"], "lifetime_seconds": 365 * 86400}
    token = api.ask("POST", "/tokens", scope)
    assert (other.status, token.status) == (201, 201), (other.body, token.body)
    shown = {name: door.call("GetRepositoryPolicy", repositoryName=name)["policyText"] for name in policies}
    account = {key: other.document["root_key"][key] for key in ("access_key_id", "secret_access_key")}
    return {
        "policies": shown,
        "registryPolicy": door.call("GetRegistryPolicy")["policyText"],
        "template": "made",
        "exclusion": excluded,
        "scanning": rules,
        "account": {"id": OTHER_ACCOUNT, **account},
        "token": {"id": token.document["id"], "password": token.document["password"]},
    }


def _policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


def _keep(data: Path, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with closing(sqlite3.connect(data / "moorage.db")) as connection:
        (folder / "database.sql").write_text("".join(f"{line}\n" for line in connection.iterdump()))
    shutil.copyfile(data / "secret.key", folder / "secret.key")
    for kind in ("objects", "staging"):
        for path in sorted((data / "blobs" / kind).rglob("*")):
            if path.is_file():
                target = folder / "blobs" / path.relative_to(data / "blobs")
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
