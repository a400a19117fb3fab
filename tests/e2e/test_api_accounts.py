"""Further accounts: made by `/api/v1/accounts`, with registries of their own that no other account can see into."""

import http.client
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from moorage.app import operation_names
from tests.clients.containers_tools import SKOPEO
from tests.clients.tool import Sandbox
from tests.e2e.api import Api, Key, password_of
from tests.e2e.http import Http, codes, push
from tests.e2e.images import Content, Layout, runnable, small
from tests.e2e.server import Server

pytestmark = pytest.mark.ours

DEFAULT = "123456789012"
OTHER = "210987654321"
NOBODY = "999999999999"


@pytest.fixture(scope="module")
def server(connection: str) -> Iterator[Server]:
    """A server whose address is a name, so that every registry has one."""
    root = Path(tempfile.mkdtemp(prefix="mo-"))
    server = Server(root / "data", connection).named("localhost")
    server.start()
    yield server
    server.stop()
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(scope="module")
def api(server: Server) -> Api:
    return Api(server.host)


@pytest.fixture(scope="module")
def other(api: Api) -> Api:
    """The root of a second account."""
    made = api.ask("POST", "/accounts", {"name": "second", "account_id": OTHER})
    assert made.status == 201, made.body
    key = made.document["root_key"]
    return replace(api, key=Key(key["access_key_id"], key["secret_access_key"]))


@pytest.fixture
def ecrs(api: Api, other: Api) -> Iterator[tuple[Any, Any]]:
    """The ECR API for both roots."""
    clients = api.ecr(), other.ecr()
    yield clients
    for client in clients:
        client.close()


def session_of(server: Server, password: str, account: str, region: str = "us-east-1") -> Http:
    """The registry's endpoint of an account, named by Host, since such names do not resolve on every machine."""
    session = Http(f"http://{server.host}/", "AWS", password)
    session.headers["Host"] = f"{account}.dkr.ecr.{region}.localhost:{server.port}"
    return session


def test_an_account_gets_a_free_id_and_a_root_key_that_works(api: Api) -> None:
    answer = api.ask("POST", "/accounts", {"name": "third"})
    made = answer.document
    assert answer.status == 201 and answer.headers["cache-control"] == "no-store"
    assert re.fullmatch(r"[1-9][0-9]{11}", made["account_id"])
    assert re.fullmatch(r"[0-9-]+T[0-9:]+\.[0-9]{3}Z", made["created_at"])
    third = replace(api, key=Key(made["root_key"]["access_key_id"], made["root_key"]["secret_access_key"]))
    assert third.ask("GET", "/tokens").document == {"tokens": [], "next": None}
    listed = {each["account_id"]: each for each in api.entries("/accounts", "accounts", limit=1)}
    assert listed[made["account_id"]] == {name: made[name] for name in ("account_id", "name", "created_at")}
    assert DEFAULT in listed and list(listed) == sorted(listed)


def test_an_id_is_taken_once(api: Api, other: Api) -> None:
    for taken in (OTHER, DEFAULT):
        answer = api.ask("POST", "/accounts", {"name": "again", "account_id": taken})
        assert (answer.status, answer.code) == (409, "AccountAlreadyExists")


@pytest.mark.parametrize("account_id", ["", "1", "12345678901a", "1234567890123", "21098765432\n", "２10987654321", 5, None])
def test_an_id_is_twelve_digits(api: Api, account_id: object) -> None:
    answer = api.ask("POST", "/accounts", {"name": "bad", "account_id": account_id})
    assert answer.status == (201 if account_id is None else 400)


@pytest.mark.parametrize("name", ["", "x" * 51, "a\nb", "a\x00", "\N{SNOWMAN}", 5, None])
def test_a_name_is_short_and_printable(api: Api, name: object) -> None:
    assert api.ask("POST", "/accounts", {"name": name}).code == "InvalidParameter"


def test_only_the_default_account_makes_and_lists_accounts(other: Api) -> None:
    for method, action in (("POST", "moorage:CreateAccount"), ("GET", "moorage:ListAccounts")):
        answer = other.ask(method, "/accounts", {"name": "mine"} if method == "POST" else None)
        assert (answer.status, answer.code) == (403, "AccessDenied")
        assert answer.document["message"] == (
            f"User: arn:aws:iam::{OTHER}:root is not authorized to perform: {action} on resource: * "
            f"because the {action} action is reserved to the account 123456789012"
        )


def test_two_accounts_with_one_repository_name_do_not_see_each_other(server: Server, ecrs: tuple[Any, Any]) -> None:
    images: list[Content] = []
    for ecr, account in zip(ecrs, (DEFAULT, OTHER), strict=True):
        made = ecr.create_repository(repositoryName="team/same")["repository"]
        assert made["registryId"] == account
        password, endpoint = password_of(ecr)
        assert made["repositoryUri"] == f"{endpoint.removeprefix('http://')}/team/same"
        session = session_of(server, password, account)
        images.append(small(f"of {account}"))
        push(session, "team/same", images[-1], "1")
        assert session.get("/v2/_catalog").json()["repositories"] == ["team/same"]
    assert password_of(ecrs[0])[1] == f"http://localhost:{server.port}"
    assert password_of(ecrs[1])[1] == f"http://{OTHER}.dkr.ecr.us-east-1.localhost:{server.port}"
    for ecr, mine, foreign, account in zip(ecrs, images, reversed(images), (DEFAULT, OTHER), strict=True):
        (listed,) = ecr.list_images(repositoryName="team/same")["imageIds"]
        assert listed == {"imageDigest": mine.digest, "imageTag": "1"}
        session = session_of(server, password_of(ecr)[0], account)
        assert session.get("/v2/team/same/manifests/1").content == mine.manifest.data
        assert session.get(f"/v2/team/same/manifests/{foreign.digest}").status_code == 404
        layer = foreign.blobs[0].digest
        assert session.get(f"/v2/team/same/blobs/{layer}").status_code == 404
        assert session.post(f"/v2/team/same/blobs/uploads/?mount={layer}&from=team/same").status_code == 202
        assert session.post(f"/v2/team/same/blobs/uploads/?mount={layer}").status_code == 202


def test_a_registry_of_another_account_is_denied_whether_or_not_it_exists(server: Server, ecrs: tuple[Any, Any]) -> None:
    password, _ = password_of(ecrs[1])
    said = []
    for account in (DEFAULT, NOBODY):
        calls: dict[str, dict[str, str]] = {
            "ListImages": {"registryId": account, "repositoryName": "team/same"},
            "CreateRepository": {"registryId": account, "repositoryName": "team/mine"},
            "ListTagsForResource": {"resourceArn": f"arn:aws:ecr:us-east-1:{account}:repository/team/same"},
        }
        for name in sorted(calls.keys() & {*operation_names("ecr")}):
            with pytest.raises(ClientError) as caught:
                getattr(ecrs[1], xform_name(name))(**calls[name])
            assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
            said.append(caught.value.response["Error"]["Message"].replace(account, "ACCOUNT"))
        session = session_of(server, password, account)
        for path in ("/v2/team/same/manifests/1", "/v2/no/such/manifests/1", "/v2/_catalog", "/v2/team/same/tags/list"):
            answer = session.get(path)
            assert (answer.status_code, codes(answer)) == (403, ["DENIED"])
            said.append(answer.json()["errors"][0]["message"].replace(account, "ACCOUNT"))
    assert said[: len(said) // 2] == said[len(said) // 2 :], "nothing tells the two apart"


def test_a_registry_is_there_in_every_region_as_soon_as_it_is_used(server: Server, other: Api) -> None:
    far = replace(other, region="ap-south-2")
    ecr = far.ecr()
    assert ecr.describe_repositories()["repositories"] == []
    ecr.create_repository(repositoryName="team/far")
    password, endpoint = password_of(ecr)
    ecr.close()
    assert endpoint == f"http://{OTHER}.dkr.ecr.ap-south-2.localhost:{server.port}"
    content = small("far")
    push(session_of(server, password, OTHER, "ap-south-2"), "team/far", content, "1")
    assert session_of(server, password, OTHER).get("/v2/team/far/manifests/1").status_code == 401


def test_tokens_of_another_account_are_absent(api: Api, other: Api) -> None:
    mine = other.token("mine")
    answer = api.ask("DELETE", f"/tokens/{mine['id']}")
    absent = api.ask("DELETE", f"/tokens/{'0' * 16}")
    assert (answer.status, answer.code) == (absent.status, absent.code) == (404, "TokenNotFound")
    assert answer.document["message"] == absent.document["message"]
    assert mine["id"] not in {each["id"] for each in api.entries("/tokens", "tokens")}
    assert mine["id"] in {each["id"] for each in other.entries("/tokens", "tokens")}


def test_a_page_token_of_another_account_is_refused(api: Api, other: Api) -> None:
    for _ in range(2):
        other.token()
    theirs = other.ask("GET", "/tokens?limit=1").document["next"]
    assert other.ask("GET", f"/tokens?limit=1&next={theirs}").status == 200
    for path in (f"/tokens?limit=1&next={theirs}", f"/accounts?next={theirs}"):
        answer = api.ask("GET", path)
        assert (answer.status, answer.code) == (400, "InvalidParameter")


@pytest.mark.parametrize("host", ["", "api.", "x"])
def test_the_api_is_the_same_under_every_host(server: Server, api: Api, host: str) -> None:
    name = f"{host}{OTHER}.dkr.ecr.us-east-1.localhost:{server.port}"
    method, target, headers, body = replace(api, host=name).signed("GET", "/accounts?limit=1")
    connection = http.client.HTTPConnection(server.host)
    connection.request(method, target, body, {**headers, "Host": name})
    answer = connection.getresponse()
    assert answer.status == 200 and json.loads(answer.read())["accounts"]
    connection.close()


@pytest.mark.requires_client("skopeo")
def test_a_real_client_pushes_to_the_uri_that_the_api_returned(server: Server, ecrs: tuple[Any, Any]) -> None:
    made = ecrs[1].create_repository(repositoryName="team/real")["repository"]["repositoryUri"]
    password, endpoint = password_of(ecrs[1])
    box = Sandbox(Path(tempfile.mkdtemp(prefix="mo-")))
    content = runnable()
    Layout(box.root / "image").write(content, "1")
    box.sign_in(endpoint.removeprefix("http://"), "AWS", password)
    # Where no resolver knows the name, the server is asked by the whole URL, as if it were a proxy.
    proxy = f"http://{server.host}"
    words = ("copy", "--all", "--dest-tls-verify=false", f"oci:{box.root}/image:1", f"docker://{made}:1")
    box.run(SKOPEO.path(), *words, env={"HTTP_PROXY": proxy, "HTTPS_PROXY": proxy, "_CONTAINERS_ROOTLESS_UID": "1000"})
    (listed,) = ecrs[1].list_images(repositoryName="team/real", filter={"tagStatus": "TAGGED"})["imageIds"]
    assert listed == {"imageTag": "1", "imageDigest": content.digest}
    shutil.rmtree(box.root, ignore_errors=True)


def test_with_an_ip_address_for_a_name_accounts_are_refused_with_the_settings_that_help(
    own_server: Callable[..., Server],
) -> None:
    server = own_server()
    api = Api(server.host)
    answer = api.ask("POST", "/accounts", {"name": "unreachable"})
    assert (answer.status, answer.code) == (409, "RegistriesWithoutNames")
    assert f"{server.host} is an IP address" in answer.document["message"]
    assert "MOORAGE_ADDRESS" in answer.document["message"] and "MOORAGE_DOMAIN" in answer.document["message"]
    assert [each["account_id"] for each in api.entries("/accounts", "accounts")] == [DEFAULT]
    named = own_server(MOORAGE_DOMAIN="registry.example")
    assert Api(named.host).ask("POST", "/accounts", {"name": "reachable"}).status == 201
