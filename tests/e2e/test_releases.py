"""What an earlier release wrote must migrate, verify and be served: one fixture for each (`tests/releases/make.py`)."""

import hashlib
import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from moorage.storage.database.schema.whole import HEAD_REVISION
from tests.contract.aws.door import Door
from tests.e2e.api import Api, Key
from tests.e2e.http import Http
from tests.e2e.registry import Registry, open_registry
from tests.e2e.server import Server

RELEASES = Path(__file__).parents[1] / "releases"
_NAMES = sorted(path.parent.name for path in RELEASES.glob("*/database.sql"))
_FOREVER = {"MOORAGE_RETENTION": "36500d", "MOORAGE_GRACE": "36500d", "MOORAGE_WORKERS": "1"}
"""The fixtures stay as old as they are; nothing of them may expire before the test looks."""


@dataclass(frozen=True, slots=True)
class Upgraded:
    """An installation of an earlier release, served by this one."""

    server: Server
    door: Door
    registry: Registry
    expected: dict[str, Any]


@pytest.fixture(scope="module", params=_NAMES)
def upgraded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upgraded]:
    """The release's data directory, put together again and started."""
    release = RELEASES / request.param
    data = tmp_path_factory.mktemp(request.param) / "data"
    data.mkdir(mode=0o700)
    shutil.copytree(release / "blobs", data / "blobs")
    shutil.copyfile(release / "secret.key", data / "secret.key")
    (data / "secret.key").chmod(0o600)
    with closing(sqlite3.connect(data / "moorage.db")) as database:
        database.executescript((release / "database.sql").read_text())
        database.execute("UPDATE uploads SET expires_at = 1 << 60 WHERE digest IS NULL")
        database.execute("UPDATE tokens SET expires_at = 1 << 46")
        database.commit()
    server = Server(data, "fast", settings=_FOREVER)
    server.start()
    door = Door(server)
    yield Upgraded(server, door, open_registry(server.host), json.loads((release / "expected.json").read_text()))
    door.close()
    server.stop()


def test_the_database_has_the_newest_schema_and_is_whole(upgraded: Upgraded) -> None:
    assert upgraded.door.query("SELECT version_num FROM alembic_version") == [{"version_num": HEAD_REVISION}]
    assert upgraded.door.query("PRAGMA integrity_check") == [{"integrity_check": "ok"}]
    assert upgraded.door.query("PRAGMA foreign_key_check") == []


def test_every_blob_is_there_and_has_its_digest(upgraded: Upgraded) -> None:
    rows = upgraded.door.query("SELECT b.key, b.size, d.digest FROM blobs b JOIN blob_digests d ON d.blob_id = b.id")
    assert rows
    for row in rows:
        data = (upgraded.server.data / "blobs/objects" / row["key"][:2] / row["key"]).read_bytes()
        algorithm, _, expected = row["digest"].partition(":")
        assert (len(data), hashlib.new(algorithm, data).hexdigest()) == (row["size"], expected)


def test_repositories_keep_their_tags_and_images(upgraded: Upgraded) -> None:
    for repository, tags in upgraded.expected["tags"].items():
        assert upgraded.door.tags(repository) == tags
    for repository, digests in upgraded.expected["images"].items():
        assert sorted(upgraded.door.digests(repository)) == digests


def test_every_image_can_be_pulled_byte_for_byte(upgraded: Upgraded) -> None:
    for repository, digests in upgraded.expected["images"].items():
        for digest in digests:
            manifest = upgraded.registry.http.get(f"/v2/{repository}/manifests/{digest}")
            assert f"sha256:{hashlib.sha256(manifest.content).hexdigest()}" == digest
            document = manifest.json()
            for part in (*document.get("layers", ()), *([document["config"]] if "config" in document else ())):
                blob = upgraded.registry.http.get(f"/v2/{repository}/blobs/{part['digest']}")
                assert f"sha256:{hashlib.sha256(blob.content).hexdigest()}" == part["digest"]


def test_an_upload_that_was_begun_goes_on(upgraded: Upgraded) -> None:
    where = f"/v2/release/app/blobs/uploads/{upgraded.expected['upload']}"
    digest = f"sha256:{hashlib.sha256(b'begun and done').hexdigest()}"
    answer = upgraded.registry.http.put(f"{where}?digest={digest}", data=b" and done")
    assert answer.status_code == 201
    assert upgraded.registry.http.get(f"/v2/release/app/blobs/{digest}").content == b"begun and done"


def test_what_was_removed_is_still_kept_and_comes_back_when_it_is_pushed(upgraded: Upgraded) -> None:
    removed = upgraded.expected["removed"]
    row = upgraded.door.query("SELECT body FROM manifests WHERE digest = ?", removed["digest"])[0]
    where = {"repositoryName": "release/app", "imageTag": removed["tag"]}
    pushed = upgraded.door.call("PutImage", **where, imageManifest=row["body"].decode())
    assert pushed["image"]["imageId"] == {"imageDigest": removed["digest"], "imageTag": removed["tag"]}
    deleted = upgraded.door.call("BatchDeleteImage", repositoryName="release/app", imageIds=[pushed["image"]["imageId"]])
    assert not deleted["failures"]


def test_settings_of_repositories_are_kept(upgraded: Upgraded) -> None:
    found = upgraded.door.call("DescribeRepositories", repositoryNames=["release/app", "release/fixed"])["repositories"]
    assert [entry["imageScanningConfiguration"]["scanOnPush"] for entry in found] == [True, False]
    assert found[1]["imageTagMutability"] == "IMMUTABLE_WITH_EXCLUSION"
    assert found[1]["encryptionConfiguration"]["encryptionType"] == "KMS"


_SINCE_PART_2 = pytest.mark.parametrize("upgraded", ["part2"], indirect=True)


@_SINCE_PART_2
def test_policies_are_kept_as_they_were_shown(upgraded: Upgraded) -> None:
    for repository, text in upgraded.expected["policies"].items():
        assert upgraded.door.call("GetRepositoryPolicy", repositoryName=repository)["policyText"] == text
    assert upgraded.door.call("GetRegistryPolicy")["policyText"] == upgraded.expected["registryPolicy"]


@_SINCE_PART_2
def test_settings_of_the_registry_are_kept(upgraded: Upgraded) -> None:
    prefixes = {"prefixes": [upgraded.expected["template"]]}
    (template,) = upgraded.door.call("DescribeRepositoryCreationTemplates", **prefixes)["repositoryCreationTemplates"]
    assert template["resourceTags"] == [{"Key": "made", "Value": "by-template"}]
    excluded = upgraded.door.call("ListPullTimeUpdateExclusions")["pullTimeUpdateExclusions"]
    assert excluded == [upgraded.expected["exclusion"]]
    assert (
        upgraded.door.call("GetRegistryScanningConfiguration")["scanningConfiguration"]["rules"]
        == upgraded.expected["scanning"]
    )


@_SINCE_PART_2
def test_a_named_token_is_good_for_what_it_was_made_for_and_for_no_more(upgraded: Upgraded) -> None:
    token = upgraded.expected["token"]
    bearer = Http(f"http://{upgraded.server.host}", "AWS", token["password"])
    assert bearer.get("/v2/release/app/manifests/1.0").status_code == 200
    assert bearer.post("/v2/release/app/blobs/uploads/").status_code == 403
    assert token["id"] in [entry["id"] for entry in Api(upgraded.server.host).ask("GET", "/tokens").document["tokens"]]


@_SINCE_PART_2
def test_a_further_account_keeps_its_root_key_and_sees_nothing_of_others(upgraded: Upgraded) -> None:
    account = upgraded.expected["account"]
    client = upgraded.door.client(key_id=account["access_key_id"], secret=account["secret_access_key"])
    assert client.describe_repositories()["repositories"] == []
    key = Key(account["access_key_id"], account["secret_access_key"])
    assert Api(upgraded.server.host, key).ask("GET", "/accounts").code == "AccessDenied"
