"""Unmodified clients that know only Amazon's names, with the server in Amazon's place (docs/drop-in.md)."""

import base64
import json
import sys
import uuid
from pathlib import Path

import pytest

from tests.clients.aws_cli import AWS_V1, AWS_V2, ECR_LOGIN_DEBIAN
from tests.clients.containerd import Containerd
from tests.clients.containers_tools import podman, skopeo
from tests.clients.docker import Docker
from tests.clients.go_programs import CRANE, ECR_LOGIN
from tests.clients.tool import Sandbox, Tool
from tests.e2e.dropin import ACCOUNT, DOMAIN, REGION, REGISTRY, DropIn
from tests.e2e.images import Content, Layout, runnable, small
from tests.e2e.namespace import InsideSandbox

# One server for all: they stay on one worker.
pytestmark = pytest.mark.xdist_group("dropin")

HELPERS = [
    pytest.param(ECR_LOGIN_DEBIAN, marks=pytest.mark.requires_client("ecr-login-debian"), id="debian"),
    pytest.param(ECR_LOGIN, marks=pytest.mark.requires_client("ecr-login"), id="current"),
]
BOTO3 = """\
import boto3, json, sys
ecr = boto3.client("ecr")
made = ecr.create_repository(repositoryName=sys.argv[1])["repository"]
data = ecr.get_authorization_token()["authorizationData"][0]
print(json.dumps([made["repositoryUri"], data["proxyEndpoint"], data["authorizationToken"]]))
"""


def create(inside: InsideSandbox, dropin: DropIn, name: str | None = None) -> tuple[str, str]:
    """A new repository by boto3, without an endpoint; returns its `repositoryUri` and the password."""
    name = name or f"team/r{uuid.uuid4().hex[:12]}"
    done = inside.run(sys.executable, "-c", BOTO3, name, env={"AWS_CA_BUNDLE": str(dropin.authority)})
    uri, proxy, token = json.loads(done.out)
    assert (uri, proxy) == (f"{REGISTRY}/{name}", f"https://{REGISTRY}")
    return uri, base64.b64decode(token).decode().partition(":")[2]


def layout(box: Sandbox, content: Content) -> str:
    """Lay an image out on disk; returns the name that skopeo has for it."""
    Layout(box.root / "layout").write(content, "1")
    return f"oci:{box.root}/layout:1"


def use_helper(box: Sandbox, helper: Tool, *hosts: str) -> None:
    """Have every client of the Docker family ask the credential helper for these hosts."""
    (bin_folder := box.root / "bin").mkdir(exist_ok=True)
    (bin_folder / "docker-credential-ecr-login").symlink_to(helper.path())
    (box.root / "docker/config.json").write_text(json.dumps({"credHelpers": dict.fromkeys(hosts, "ecr-login")}))


def with_path(box: Sandbox) -> dict[str, str]:
    return {"PATH": f"{box.root}/bin:{box.environment()['PATH']}"}


@pytest.mark.requires_client("boto3", "skopeo")
def test_boto3_and_skopeo_need_no_endpoint(dropin: DropIn, inside: InsideSandbox) -> None:
    uri, password = create(inside, dropin)
    source = layout(inside, small("drop-in"))
    skopeo(inside, "login", "-u", "AWS", "--password-stdin", REGISTRY, stdin=password)
    skopeo(inside, "copy", "--all", source, f"docker://{uri}:1")
    assert json.loads(skopeo(inside, "list-tags", f"docker://{uri}").out)["Tags"] == ["1"]


@pytest.mark.parametrize("helper", HELPERS)
def test_the_credential_helper_knows_the_registry_by_its_name(dropin: DropIn, inside: InsideSandbox, helper: Tool) -> None:
    got = json.loads(inside.run(helper.path(), "get", stdin=REGISTRY).out)
    assert got["Username"] == "AWS"
    assert got["ServerURL"] == REGISTRY
    assert inside.run(helper.path(), "get", stdin=f"https://{REGISTRY}").code == 0
    other_region = f"{ACCOUNT}.dkr.ecr.eu-west-1.{DOMAIN}"
    assert not inside.run(helper.path(), "get", stdin=other_region, check=False).out.startswith(
        "{"
    )  # no API has that name here
    assert inside.run(helper.path(), "get", stdin=REGISTRY, env={"AWS_SECRET_ACCESS_KEY": "wrong"}, check=False).code != 0


@pytest.mark.requires_client("ecr-login", "skopeo")
def test_a_current_helper_knows_the_dual_stack_name_too(dropin: DropIn, inside: InsideSandbox) -> None:
    host = f"{ACCOUNT}.dkr-ecr.{REGION}.on.aws"
    use_helper(inside, ECR_LOGIN, host)
    uri, _ = create(inside, dropin)
    source = layout(inside, small("dual-stack"))
    dual = uri.replace(REGISTRY, host)
    inside.run("skopeo", "copy", "--all", source, f"docker://{dual}:1", env=with_path(inside))
    assert "1" in inside.run("skopeo", "list-tags", f"docker://{dual}", env=with_path(inside)).out


@pytest.mark.parametrize("helper", HELPERS)
@pytest.mark.requires_client("skopeo", "podman", "crane")
def test_skopeo_podman_and_crane_sign_in_by_the_helper(dropin: DropIn, inside: InsideSandbox, helper: Tool) -> None:
    use_helper(inside, helper, REGISTRY)
    env = with_path(inside)
    uri, _ = create(inside, dropin)
    source = layout(inside, runnable())
    inside.run("skopeo", "copy", "--all", source, f"docker://{uri}:1", env=env)
    stores = ("--root", f"{inside.root}/pm/root", "--runroot", f"{inside.root}/pm/run", "--storage-driver", "vfs")
    inside.run("podman", *stores, "pull", "-q", f"{uri}:1", env=env)
    inside.run("podman", *stores, "push", "-q", f"{uri}:1", f"{uri}:2", env=env)
    assert inside.run(CRANE.path(), "ls", uri, env=env).out.split() == ["1", "2"]


@pytest.mark.parametrize(
    "tool",
    [
        pytest.param(AWS_V1, marks=pytest.mark.requires_client("aws-cli-v1"), id="v1"),
        pytest.param(AWS_V2, marks=pytest.mark.requires_client("aws-cli-v2"), id="v2"),
    ],
)
def test_the_aws_command_line_needs_no_endpoint(dropin: DropIn, inside: InsideSandbox, tool: Tool) -> None:
    name = f"cli/r{uuid.uuid4().hex[:12]}"
    made = dropin.aws(inside, tool.path(), "ecr", "create-repository", "--repository-name", name)["repository"]
    assert made["repositoryUri"] == f"{REGISTRY}/{name}"
    assert dropin.aws(inside, tool.path(), "sts", "get-caller-identity")["Account"] == ACCOUNT
    password = inside.run(tool.path(), "ecr", "get-login-password", env={"AWS_CA_BUNDLE": str(dropin.authority)}).out.strip()
    seen = inside.run("curl", "-sS", "-u", f"AWS:{password}", f"https://{REGISTRY}/v2/{name}/tags/list")
    assert json.loads(seen.out)["name"] == name


@pytest.mark.requires_client("dockerd", "docker")
def test_docker_pushes_to_the_uri_and_checks_the_certificate(dropin: DropIn, inside: InsideSandbox, tmp_path: Path) -> None:
    uri, password = create(inside, dropin)
    engine = Docker(inside)
    try:
        engine("login", "-u", "AWS", "--password-stdin", REGISTRY, stdin=password)
        (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
        engine("build", "-q", "-t", f"{uri}:1", str(tmp_path))
        engine("push", "-q", f"{uri}:1")
        engine("rmi", "-f", f"{uri}:1")
        engine("pull", "-q", f"{uri}:1")
    finally:
        engine.stop()


@pytest.mark.requires_client("containerd", "ctr")
def test_containerd_pulls_from_the_uri(dropin: DropIn, inside: InsideSandbox) -> None:
    uri, password = create(inside, dropin)
    source = layout(inside, runnable())
    skopeo(inside, "copy", "--all", "--dest-creds", f"AWS:{password}", source, f"docker://{uri}:1")
    daemon = Containerd(inside)
    try:
        daemon.ctr("images", "pull", "--user", f"AWS:{password}", "--snapshotter", "native", "--all-platforms", f"{uri}:1")
    finally:
        daemon.stop()


@pytest.mark.requires_client("podman")
def test_podman_signs_in_and_pushes(dropin: DropIn, inside: InsideSandbox) -> None:
    uri, password = create(inside, dropin)
    podman(inside, "login", "-u", "AWS", "--password-stdin", REGISTRY, stdin=password)
    (inside.root / "Containerfile").write_text("FROM scratch\nCOPY Containerfile /\n")
    podman(inside, "build", "-q", "-t", f"{uri}:1", str(inside.root))
    podman(inside, "push", "-q", f"{uri}:1")
