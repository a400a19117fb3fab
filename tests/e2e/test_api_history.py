"""Search, tag history, rollback, undelete and purge through `/api/v1` and its commands, with real clients beside them."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.clients.containers_tools import skopeo_copy
from tests.clients.tool import Sandbox
from tests.e2e.api import Answer, Api, Key
from tests.e2e.http import assert_holds, push
from tests.e2e.images import OCI_INDEX, Content, index, runnable, small
from tests.e2e.registry import Registry, open_registry
from tests.e2e.server import ACCESS_KEY_ID, SECRET_ACCESS_KEY, Server

pytestmark = pytest.mark.ours
NOBODY = "sha256:" + "0" * 64


@pytest.fixture
def api(registry: Registry) -> Api:
    return Api(registry.host)


def get(api: Api, path: str, **query: Any) -> Answer:
    return api.ask("GET", f"{path}?{urlencode(query, doseq=True)}")


def roll_back(api: Api, repository: str, tag: str, **point: str) -> Answer:
    return api.ask("POST", "/tags/rollback", {"repository": repository, "tag": tag, **point})


def undelete(api: Api, repository: str, content: Content) -> Answer:
    return api.ask("POST", "/images/undelete", {"repository": repository, "digest": content.digest})


def remove(registry: Registry, repository: str, content: Content) -> None:
    assert registry.http.delete(f"/v2/{repository}/manifests/{content.digest}").status_code == 202


def moorage(host: str, *words: str) -> str:
    """What a command prints; it must succeed."""
    keys = {"AWS_ACCESS_KEY_ID": ACCESS_KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY, "AWS_REGION": "us-east-1"}
    done = subprocess.run(
        [sys.executable, "-m", "moorage", *words],
        env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "AWS_ENDPOINT_URL": f"http://{host}", **keys},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# --- rollback and undelete ------------------------------------------------------------------------------------------


@pytest.mark.requires_client("skopeo")
def test_a_tag_is_rolled_back_to_an_image_that_was_deleted_and_skopeo_pulls_it(
    registry: Registry, api: Api, repository: str, box: Sandbox, tmp_path: Path
) -> None:
    first, second = runnable(), small("v2 " + repository)
    push(registry.http, repository, first, "seed")
    source, target = f"docker://{registry.host}/{repository}:seed", f"docker://{registry.host}/{repository}:prod"
    skopeo_copy(box, source, target)
    push(registry.http, repository, second, "prod")
    remove(registry, repository, first)
    assert moorage(registry.host, "tags", "rollback", repository, "prod").splitlines() == [
        f"{repository}:prod is on {first.digest} again; it was on {second.digest}.",
        f"  {first.digest} had been removed and is back.",
    ]
    skopeo_copy(box, target, f"dir:{tmp_path}/back")
    assert (tmp_path / "back/manifest.json").read_bytes() == first.manifest.data
    assert_holds(registry.http, repository, first, "prod")
    moves = get(api, "/tags/history", repository=repository, tag="prod").document["moves"]
    assert [(move["from_digest"], move["to_digest"], move["state"]) for move in moves] == [
        (second.digest, first.digest, "live"),
        (first.digest, second.digest, "live"),
        (None, first.digest, "live"),
    ]
    assert {move["by"] for move in moves} == {"arn:aws:iam::123456789012:root"}


def test_a_rollback_to_a_digest_a_move_or_a_time(registry: Registry, api: Api, repository: str) -> None:
    contents = [small(f"{repository} {number}") for number in range(3)]
    for content in contents:
        push(registry.http, repository, content, "prod")
        time.sleep(0.01)
    moves = get(api, "/tags/history", repository=repository, tag="prod").document["moves"]
    for point, wanted in (
        ({"to_digest": contents[0].digest}, contents[0]),
        ({"to_move": moves[1]["id"]}, contents[1]),
        ({"to_time": moves[2]["at"]}, contents[0]),
        ({}, contents[1]),
    ):
        answer = roll_back(api, repository, "prod", **point)
        assert (answer.status, answer.document["digest"]) == (200, wanted.digest)
        assert registry.http.head(f"/v2/{repository}/manifests/prod").headers["Docker-Content-Digest"] == wanted.digest
    again = roll_back(api, repository, "prod", to_digest=contents[1].digest).document
    assert again["from_digest"] == again["digest"] == contents[1].digest


def test_an_immutable_tag_stays(registry: Registry, api: Api) -> None:
    repository = registry.new()
    registry.ecr.delete_repository(repositoryName=repository)
    registry.ecr.create_repository(repositoryName=repository, imageTagMutability="IMMUTABLE")
    first, second = small("1 " + repository), small("2 " + repository)
    push(registry.http, repository, first, "prod")
    assert registry.http.delete(f"/v2/{repository}/manifests/prod").status_code == 202
    push(registry.http, repository, second, "prod")
    answer = roll_back(api, repository, "prod")
    assert (answer.status, answer.code) == (409, "ImageTagAlreadyExists")
    assert_holds(registry.http, repository, second, "prod")
    remove(registry, repository, first)
    assert undelete(api, repository, first).status == 200


def test_an_index_comes_back_whole(registry: Registry, api: Api, repository: str) -> None:
    children = [small(f"{repository} {number}") for number in range(2)]
    both = index(*children)
    push(registry.http, repository, both, "multi", "latest")
    for content in (both, *children):
        remove(registry, repository, content)
    assert registry.http.get(f"/v2/{repository}/manifests/multi").status_code == 404
    other = small("other " + repository)
    push(registry.http, repository, other, "latest")
    removed = get(api, "/images/removed", repository=repository).document["images"]
    assert {image["digest"]: image["tags"] for image in removed} == {
        both.digest: ["latest", "multi"],
        children[0].digest: [],
        children[1].digest: [],
    }
    done = undelete(api, repository, both).document
    assert [image["digest"] for image in done["images"]][-1] == both.digest and len(done["images"]) == 3
    assert done["images"][-1]["tags"] == ["multi"]
    assert done["images"][-1]["tags_elsewhere"] == [{"tag": "latest", "digest": other.digest}]
    assert_holds(registry.http, repository, both, "multi")
    assert get(api, "/images/removed", repository=repository).document == {"images": [], "next": None}


def test_a_removed_image_comes_back_after_kill_9(own_server: Callable[..., Server]) -> None:
    server = own_server()
    registry = open_registry(server.host)
    repository, content = registry.new(), runnable()
    push(registry.http, repository, content, "v1")
    remove(registry, repository, content)
    server.kill()
    server.start()
    assert undelete(Api(server.host), repository, content).document["images"][0]["tags"] == ["v1"]
    server.kill()
    server.start()
    assert_holds(open_registry(server.host).http, repository, content, "v1")


def test_without_retention_nothing_comes_back(own_server: Callable[..., Server]) -> None:
    server = own_server(MOORAGE_RETENTION="0")
    registry, api = open_registry(server.host), Api(server.host)
    repository, content, other = registry.new(), small("gone"), small("there")
    push(registry.http, repository, content, "v1")
    push(registry.http, repository, other, "v1")
    remove(registry, repository, content)
    assert get(api, "/images/removed", repository=repository).document["images"] == []
    moves = get(api, "/tags/history", repository=repository, tag="v1").document["moves"]
    assert [move["state"] for move in moves] == ["live", "gone"]
    for answer in (undelete(api, repository, content), roll_back(api, repository, "v1")):
        assert answer.status == 404 and answer.code in {"ImageGone", "ImageNotFound"}


def test_what_is_purged_is_gone(registry: Registry, api: Api, repository: str) -> None:
    contents = [small(f"{repository} {number}") for number in range(3)]
    for content in contents:
        push(registry.http, repository, content, "v1")
        remove(registry, repository, content)
    assert moorage(registry.host, "images", "purge", repository, contents[0].digest) == "1 removed image purged.\n"
    assert undelete(api, repository, contents[0]).code == "ImageNotFound"
    assert undelete(api, repository, contents[1]).status == 200
    answer = api.ask("POST", "/images/purge", {"repository": repository, "digests": [contents[1].digest]})
    assert (answer.status, answer.code) == (409, "ImageNotRemoved")
    assert json.loads(moorage(registry.host, "images", "purge", repository, "--json")) == {
        "repository": repository,
        "purged": 1,
        "more": False,
    }
    assert_holds(registry.http, repository, contents[1], "v1")


# --- search ---------------------------------------------------------------------------------------------------------


def test_images_and_tags_are_found_in_many_repositories(registry: Registry, api: Api) -> None:
    mark = registry.new("find").replace("/", "-")
    names = [registry.create(f"{mark}/{name}") for name in ("one", "two")]
    child = runnable().children[0]
    both = index(child)
    push(registry.http, names[0], both, "v1.0", "v1.1")
    push(registry.http, names[1], small(mark), "v1.1", "v2.0")
    found = list(api.entries("/tags", "tags", limit=1, repository=f"{mark}/*", tag="v1.*"))
    assert [(each["repository"], each["tag"]) for each in found] == [
        (names[0], "v1.0"),
        (names[0], "v1.1"),
        (names[1], "v1.1"),
    ]
    found = list(api.entries("/images", "images", repository=f"{mark}/*", platform="linux/amd64", media_type=OCI_INDEX))
    assert [(each["digest"], each["tags"]) for each in found] == [(both.digest, ["v1.0", "v1.1"])]
    untagged = get(api, "/images", repository=f"{mark}/*", tagged="false").document["images"]
    assert [each["digest"] for each in untagged] == [child.digest]
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert get(api, "/images", repository=f"{mark}/*", pushed_after=soon).document == {"images": [], "next": None}
    assert (
        len(get(api, "/images", repository=f"{mark}/*", pushed_before=soon, digest=child.digest[:20]).document["images"]) == 1
    )


def test_the_commands_find_the_same(registry: Registry, api: Api, repository: str) -> None:
    contents = [small(f"{repository} {number}") for number in range(3)]
    for number, content in enumerate(contents):
        push(registry.http, repository, content, f"v{number}")
    shown = json.loads(moorage(registry.host, "images", "list", repository, "--json", "--limit", "2"))["images"]
    assert [image["digest"] for image in shown] == [contents[2].digest, contents[1].digest]
    lines = moorage(registry.host, "tags", "list", repository, "--reverse", "--pushed-after", "1h").splitlines()
    assert lines[0].split()[:3] == ["REPOSITORY", "TAG", "DIGEST"]
    assert [line.split()[1] for line in lines[1:]] == ["v2", "v1", "v0"]
    remove(registry, repository, contents[0])
    assert contents[0].digest in moorage(registry.host, "images", "removed", repository)
    assert moorage(registry.host, "images", "undelete", repository, contents[0].digest) == (
        f"{contents[0].digest} is back, tagged v0.\n"
    )
    assert moorage(registry.host, "tags", "history", repository, "v0").splitlines()[1].split()[3] == contents[0].digest


# --- abuse ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/images", {"tag": "*" * 2_000}),
        ("/images", {"repository": "*a" * 100}),
        ("/tags", {"tag": "*a*a*a*a*a*a*a*a*b"}),
        ("/images", {"label": ["k"] * 11}),
        ("/images", {"sort": "size"}),
        ("/images", {"pushed_after": "yesterday"}),
        ("/images", {"pulled_before": "99999-01-01T00:00:00Z"}),
        ("/images", {"digest": "' OR 1=1 --"}),
        ("/images", {"limit": "1001"}),
        ("/images", {"next": "AAAA"}),
        ("/tags", {"order": "asc;drop"}),
        ("/tags/history", {"repository": "team/app", "tag": "-"}),
        ("/tags/history", {"repository": "UPPER", "tag": "v1"}),
        ("/images/removed", {"repository": "x" * 257}),
    ],
)
def test_a_search_that_makes_no_sense_is_refused(api: Api, path: str, query: dict[str, Any]) -> None:
    answer = get(api, path, **query)
    assert (answer.status, answer.code) in {(400, "InvalidParameter"), (400, "InvalidName")}, answer.body


def test_unknown_names_are_not_found(api: Api, registry: Registry, repository: str) -> None:
    content = small(repository)
    push(registry.http, repository, content, "v1")
    for answer, code in (
        (get(api, "/images", repository="no/where"), "RepositoryNotFound"),
        (get(api, "/tags/history", repository="no/where", tag="v1"), "RepositoryNotFound"),
        (get(api, "/images/removed", repository="no/where"), "RepositoryNotFound"),
        (roll_back(api, "no/where", "v1"), "RepositoryNotFound"),
        (api.ask("POST", "/images/purge", {"repository": "no/where"}), "RepositoryNotFound"),
        (undelete(api, "no/where", content), "RepositoryNotFound"),
        (get(api, "/tags/history", repository=repository, tag="v2"), "TagNeverThere"),
        (roll_back(api, repository, "v2"), "TagNeverThere"),
        (roll_back(api, repository, "v1"), "NothingEarlier"),
        (roll_back(api, repository, "v1", to_digest=NOBODY), "NothingEarlier"),
        (roll_back(api, repository, "v1", to_move="999999999999999999"), "NothingEarlier"),
        (roll_back(api, repository, "v1", to_time="1970-01-01T00:00:00Z"), "NothingEarlier"),
        (api.ask("POST", "/images/purge", {"repository": repository, "digests": [NOBODY]}), "ImageNotFound"),
    ):
        assert (answer.status, answer.code) == (404, code), answer.body
    assert (undelete(api, repository, content).status, undelete(api, repository, content).code) == (409, "ImageNotRemoved")


@pytest.mark.parametrize(
    "body",
    [
        {"to_time": "9999-01-01T00:00:00Z"},
        {"to_time": "0001-01-01T00:00:00Z"},
        {"to_digest": NOBODY, "to_move": "1"},
        {"to_digest": "sha256:short"},
        {"to_move": "-1"},
        {"to": "v1"},
        {"tag": "no tag"},
    ],
)
def test_a_rollback_that_makes_no_sense_is_refused(registry: Registry, api: Api, repository: str, body: dict[str, str]) -> None:
    push(registry.http, repository, small(repository), "v1")
    answer = api.ask("POST", "/tags/rollback", {"repository": repository, "tag": "v1", **body})
    assert answer.status in {400, 404} and answer.code in {"InvalidParameter", "NothingEarlier"}, answer.body


def test_a_page_token_is_good_for_its_search_only(registry: Registry, api: Api, repository: str) -> None:
    for number in range(3):
        push(registry.http, repository, small(f"{repository} {number}"), f"v{number}")
    token = get(api, "/images", repository=repository, limit=1).document["next"]
    assert len(get(api, "/images", repository=repository, next=token).document["images"]) == 2
    forged = token[:-2] + ("AA" if token[-2:] != "AA" else "BB")
    for path, query in (
        ("/images", {"repository": repository, "next": forged}),
        ("/images", {"next": token}),
        ("/images", {"repository": repository, "sort": "pulled", "next": token}),
        ("/tags", {"repository": repository, "next": token}),
        ("/images/removed", {"repository": repository, "next": token}),
    ):
        answer = get(api, path, **query)
        assert (answer.status, answer.code) == (400, "InvalidParameter"), answer.body


def test_another_account_sees_and_brings_back_nothing(own_server: Callable[..., Server]) -> None:
    server = own_server(MOORAGE_ADDRESS="localhost:5000")
    registry, api = open_registry(server.host), Api(server.host)
    repository, content = registry.new(), small("mine")
    push(registry.http, repository, content, "v1")
    remove(registry, repository, content)
    push(registry.http, repository, small("there"), "v1")
    key = api.ask("POST", "/accounts", {"name": "second"}).document["root_key"]
    other = replace(api, key=Key(key["access_key_id"], key["secret_access_key"]))
    token = get(api, "/images", limit=1, repository="*").document["next"] or "AAAA"
    assert get(other, "/images").document == {"images": [], "next": None}
    assert get(other, "/tags", repository="*").document == {"tags": [], "next": None}
    assert get(other, "/images", limit=1, repository="*", next=token).status == 400
    for answer in (
        get(other, "/images", repository=repository),
        get(other, "/tags/history", repository=repository, tag="v1"),
        get(other, "/images/removed", repository=repository),
        roll_back(other, repository, "v1"),
        undelete(other, repository, content),
        other.ask("POST", "/images/purge", {"repository": repository}),
    ):
        assert (answer.status, answer.code) == (404, "RepositoryNotFound")
    assert undelete(api, repository, content).status == 200
