"""Create-on-push: the first upload of a push makes the repository that a creation template provides for."""

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from tests.clients.containers_tools import skopeo_copy
from tests.clients.go_programs import crane
from tests.clients.tool import Sandbox
from tests.e2e.api import Api
from tests.e2e.http import assert_holds, push, upload, with_query
from tests.e2e.images import digest, runnable
from tests.e2e.registry import Registry, open_registry
from tests.e2e.server import Server

pytestmark = pytest.mark.ours


@pytest.fixture
def prefix(registry: Registry, repository: str) -> str:
    """A prefix of a template that makes repositories with immutable tags."""
    registry.ecr.create_repository_creation_template(
        prefix=repository, appliedFor=["CREATE_ON_PUSH"], imageTagMutability="IMMUTABLE"
    )
    return repository


def _mutability(registry: Registry, name: str) -> str:
    (found,) = registry.ecr.describe_repositories(repositoryNames=[name])["repositories"]
    return found["imageTagMutability"]


def _is_unknown(registry: Registry, name: str) -> bool:
    answer = registry.http.get(f"/v2/{name}/tags/list")
    return answer.status_code == 404 and answer.json()["errors"][0]["code"] == "NAME_UNKNOWN"


def test_the_first_post_creates_the_repository_and_looking_does_not(registry: Registry, prefix: str) -> None:
    name = f"{prefix}/new"
    assert registry.http.head(f"/v2/{name}/blobs/{digest(b'x')}").status_code == 404
    assert registry.http.head(f"/v2/{name}/manifests/1").status_code == 404
    assert registry.http.put(f"/v2/{name}/manifests/1", data=runnable().manifest.data).status_code in {400, 404}
    assert _is_unknown(registry, name)
    answer = registry.http.post(f"/v2/{name}/blobs/uploads/")
    assert answer.status_code == 202
    assert _mutability(registry, name) == "IMMUTABLE"
    closed = registry.http.put(with_query(answer.headers["Location"], digest=digest(b"x")), data=b"x")
    assert closed.status_code == 201
    content = runnable()
    push(registry.http, name, content, "1")
    assert_holds(registry.http, name, content, "1")


def test_an_upload_by_one_request_creates_the_repository(registry: Registry, prefix: str) -> None:
    data = f"monolithic in {prefix}".encode()
    headers = {"Content-Type": "application/octet-stream"}
    answer = registry.http.post(f"/v2/{prefix}/one/blobs/uploads/?digest={digest(data)}", data=data, headers=headers)
    assert answer.status_code == 201
    assert registry.http.get(f"/v2/{prefix}/one/blobs/{digest(data)}").content == data


def test_a_mount_creates_the_repository_with_what_is_mounted(registry: Registry, prefix: str) -> None:
    data = f"mounted from {prefix}".encode()
    upload(registry.http, prefix, data)
    for number, query in enumerate((f"mount={digest(data)}&from={prefix}", f"mount={digest(data)}")):
        answer = registry.http.post(f"/v2/{prefix}/mounted{number}/blobs/uploads/?{query}")
        assert answer.status_code == 201
        assert registry.http.get(f"/v2/{prefix}/mounted{number}/blobs/{digest(data)}").content == data
    absent = digest(f"absent from {prefix}".encode())
    answer = registry.http.post(f"/v2/{prefix}/unmounted/blobs/uploads/?mount={absent}&from={prefix}")
    assert answer.status_code == 202
    assert _mutability(registry, f"{prefix}/unmounted") == "IMMUTABLE"


def test_a_mount_that_comes_to_nothing_leaves_one_record_of_each_thing_done(own_server: Callable[..., Server]) -> None:
    server = own_server()
    registry = open_registry(server.host)
    registry.ecr.create_repository_creation_template(prefix="team", appliedFor=["CREATE_ON_PUSH"])
    answer = registry.http.post(f"/v2/team/app/blobs/uploads/?mount={digest(b'absent')}")
    assert answer.status_code == 202
    with closing(sqlite3.connect(f"file:{server.data}/moorage.db?mode=ro", uri=True)) as database:
        rows = database.execute(
            "SELECT event_name FROM audit WHERE request_id = ? ORDER BY event_name", (answer.headers["x-amzn-requestid"],)
        ).fetchall()
    assert rows == [("CreateRepository",), ("InitiateLayerUpload",)]


@pytest.mark.parametrize("query", ["", f"?mount={digest(b'y')}", f"?digest={digest(b'y')}"])
def test_without_a_template_a_push_is_told_that_there_is_no_repository(registry: Registry, repository: str, query: str) -> None:
    name = f"{repository}/none"
    answer = registry.http.post(f"/v2/{name}/blobs/uploads/{query}", data=b"y")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, "NAME_UNKNOWN")
    assert _is_unknown(registry, name)


def test_of_many_first_pushes_at_once_all_succeed(registry: Registry, prefix: str) -> None:
    name = f"{prefix}/crowd"
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: registry.http.post(f"/v2/{name}/blobs/uploads/").status_code, range(16)))
    assert answers == [202] * 16


@pytest.mark.parametrize(("actions", "status"), [(["push"], 404), (["push", "ecr:CreateRepository"], 202), (["all"], 202)])
def test_a_token_creates_only_what_its_scope_allows(registry: Registry, prefix: str, actions: list[str], status: int) -> None:
    api = Api(registry.host)
    session = api.sign_in(api.token(repositories=[f"{prefix}/*"], actions=actions)["password"])
    assert session.post(f"/v2/{prefix}/new/blobs/uploads/").status_code == status
    assert _is_unknown(registry, f"{prefix}/new") == (status == 404)


@pytest.mark.requires_client("skopeo")
def test_skopeo_pushes_to_a_repository_that_is_not_there(registry: Registry, prefix: str, box: Sandbox) -> None:
    content = runnable()
    push(registry.http, prefix, content, "1")
    skopeo_copy(box, f"docker://{registry.host}/{prefix}:1", f"oci:{box.root}/layout:1")
    target = f"docker://{registry.host}/{prefix}/by/skopeo:1"
    skopeo_copy(box, f"oci:{box.root}/layout:1", target)
    assert_holds(registry.http, f"{prefix}/by/skopeo", content, "1")
    assert _mutability(registry, f"{prefix}/by/skopeo") == "IMMUTABLE"


@pytest.mark.requires_client("crane")
def test_crane_copies_by_mounting_into_a_repository_that_is_not_there(registry: Registry, prefix: str, box: Sandbox) -> None:
    content = runnable()
    push(registry.http, prefix, content, "1")
    crane(box, "copy", f"{registry.host}/{prefix}:1", f"{registry.host}/{prefix}/by/crane:1")
    assert_holds(registry.http, f"{prefix}/by/crane", content, "1")
