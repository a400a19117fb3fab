"""A push to the very `repositoryUri` that the API returned, in every configuration of names, by the client that is strictest."""

import base64
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.clients.docker import Docker
from tests.e2e.dropin import ACCOUNT, DropIn, served
from tests.e2e.namespace import ADDRESS, InsideSandbox

pytestmark = [pytest.mark.xdist_group("dropin"), pytest.mark.requires_client("dockerd", "docker", "boto3")]

LOOPBACK = "127.0.0.1"
OTHER_REGION = "eu-west-1"
ASK = """\
import boto3, json, sys
ecr = boto3.client("ecr", endpoint_url=sys.argv[1], region_name=sys.argv[2])
made = ecr.create_repository(repositoryName="team/app")["repository"]
data = ecr.get_authorization_token()["authorizationData"][0]
print(json.dumps([made["repositoryUri"], data["proxyEndpoint"], data["authorizationToken"]]))
"""


@dataclass(frozen=True)
class Case:
    """A configuration, and what comes of it."""

    settings: dict[str, str]
    port: int
    scheme: str
    registry: str
    """Before the repository name, in the default registry."""
    api: str
    """`host[:port]` of the API."""
    address: str = LOOPBACK
    """Where the names lead."""
    below: str = ""
    """What stands behind the region in the names of other registries; empty where there are none."""

    @property
    def hosts(self) -> dict[str, str]:
        """Every name that is used, apart from localhost."""
        others = [f"{ACCOUNT}.dkr.ecr.{OTHER_REGION}.{self.below}"] if self.below else []
        names = {name.partition(":")[0] for name in (self.registry, self.api, *others)}
        return {name: self.address for name in names if (name != "localhost" and not name[0].isdigit()) or ".dkr." in name}


DOMAIN_REGISTRY = f"{ACCOUNT}.dkr.ecr.us-east-1.moorage.test"
CASES = {
    "nothing": Case({}, 5000, "http", "localhost:5000", "localhost:5000", below="localhost:5000"),
    "an ip address": Case({"MOORAGE_ADDRESS": "127.0.0.1:5000"}, 5000, "http", "127.0.0.1:5000", "127.0.0.1:5000"),
    "an ip address with tls": Case(
        {"MOORAGE_ADDRESS": f"{ADDRESS}:5443"}, 5443, "https", f"{ADDRESS}:5443", f"{ADDRESS}:5443", ADDRESS
    ),
    "a host": Case(
        {"MOORAGE_ADDRESS": "registry.test:5000"},
        5000,
        "http",
        "registry.test:5000",
        "registry.test:5000",
        below="registry.test:5000",
    ),
    "a host with tls": Case(
        {"MOORAGE_ADDRESS": "registry.test"}, 443, "https", "registry.test", "registry.test", ADDRESS, "registry.test"
    ),
    "a domain": Case(
        {"MOORAGE_DOMAIN": "moorage.test:5000"},
        *(5000, "http", f"{DOMAIN_REGISTRY}:5000", "api.ecr.us-east-1.moorage.test:5000"),
        below="moorage.test:5000",
    ),
    "a domain with tls": Case(
        {"MOORAGE_DOMAIN": "moorage.test"},
        *(443, "https", DOMAIN_REGISTRY, "api.ecr.us-east-1.moorage.test", ADDRESS, "moorage.test"),
    ),
}


def ask(inside: InsideSandbox, case: Case, region: str, trusted: Path) -> tuple[str, str, str]:
    """Make a repository in a region; returns its `repositoryUri`, the `proxyEndpoint` and the password."""
    words = (sys.executable, "-c", ASK, f"{case.scheme}://{case.api}", region)
    uri, proxy, token = json.loads(inside.run(*words, env={"AWS_CA_BUNDLE": str(trusted)}).out)
    return uri, proxy, base64.b64decode(token).decode().partition(":")[2]


def push_and_pull(engine: Docker, uri: str, registry: str, password: str, folder: Path) -> None:
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    engine("login", "-u", "AWS", "--password-stdin", registry, stdin=password)
    engine("build", "-q", "-t", uri, str(folder))
    engine("push", "-q", uri)
    engine("rmi", "-f", uri)
    engine("pull", "-q", uri)


@contextmanager
def engine_in(served_there: DropIn, tmp_path: Path) -> Iterator[tuple[InsideSandbox, Docker]]:
    inside = served_there.box(served_there.root / "box")
    engine = Docker(inside)
    try:
        yield inside, engine
    finally:
        engine.stop()


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_docker_pushes_to_the_uri_that_the_api_returned(case: Case, tmp_path: Path) -> None:
    settings = {**case.settings, "MOORAGE_PORT": str(case.port)}
    wildcard = ("--name", f"*.dkr.ecr.{OTHER_REGION}.{case.below.partition(':')[0]}") if case.below else ()
    for there in served(case.hosts, settings, *wildcard, tls=case.scheme == "https"):
        there.trust_everywhere()
        with engine_in(there, tmp_path) as (inside, engine):
            uri, proxy, password = ask(inside, case, "us-east-1", there.authority)
            assert (uri, proxy) == (f"{case.registry}/team/app", f"{case.scheme}://{case.registry}")
            push_and_pull(engine, uri, proxy, password, tmp_path)
            if case.below:
                uri, proxy, password = ask(inside, case, OTHER_REGION, there.authority)
                other = f"{ACCOUNT}.dkr.ecr.{OTHER_REGION}.{case.below}"
                assert (uri, proxy) == (f"{other}/team/app", f"{case.scheme}://{other}")
                push_and_pull(engine, uri, proxy, password, tmp_path)


@pytest.mark.parametrize(
    ("settings", "registry", "api"),
    [
        ({"MOORAGE_ADDRESS": "registry.test"}, "registry.test", "registry.test"),
        ({"MOORAGE_DOMAIN": "moorage.test"}, DOMAIN_REGISTRY, "api.ecr.us-east-1.moorage.test"),
    ],
    ids=["a host", "a domain"],
)
def test_behind_a_trusted_proxy_that_does_tls_too(settings: dict[str, str], registry: str, api: str, tmp_path: Path) -> None:
    case = Case(settings, 5000, "https", registry, api, ADDRESS)
    everything = {**settings, "MOORAGE_PORT": "5000", "MOORAGE_HOST": LOOPBACK, "MOORAGE_TRUSTED_PROXIES": LOOPBACK}
    for there in served(case.hosts, everything, tls=False):
        there.trust_everywhere()
        with engine_in(there, tmp_path) as (inside, engine):
            files = (there.authority.parent / "cert.pem", there.authority.parent / "key.pem")
            proxy = inside.start(
                sys.executable, Path(__file__).with_name("proxy.py"), ADDRESS, "443", *files, "5000", log="proxy"
            )
            while "listening" not in proxy.said():
                assert proxy.process.poll() is None, proxy.said()
                time.sleep(0.05)
            try:
                uri, endpoint, password = ask(inside, case, "us-east-1", there.authority)
                assert (uri, endpoint) == (f"{registry}/team/app", f"https://{registry}")
                push_and_pull(engine, uri, endpoint, password, tmp_path)
            finally:
                proxy.stop()
