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

from tests.contract.aws.door import Door
from tests.e2e.images import DOCKER_MANIFEST, artifact, image, index, layer, manifest, small
from tests.e2e.server import Server

REPOSITORY = "release/app"
FIXED = "release/fixed"


def main(folder: Path) -> None:
    """Fill an installation and keep it in `folder`."""
    with tempfile.TemporaryDirectory() as place:
        server = Server(Path(place) / "data", "fast", settings={"MOORAGE_WORKERS": "1"})
        server.start()
        door = Door(server)
        expected = _fill(door)
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
