"""What `moorage tls self-signed` prints, run as it is printed: no client trusts the server before, each does after."""

import base64
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.aws_cli import AWS_V1, AWS_V2
from tests.clients.containerd import Containerd
from tests.clients.docker import Docker
from tests.clients.go_programs import CRANE
from tests.clients.tool import Result, Tool
from tests.e2e.dropin import MOORAGE, DropIn, served
from tests.e2e.images import Layout, small
from tests.e2e.namespace import ADDRESS, InsideSandbox

pytestmark = pytest.mark.xdist_group("dropin")

REGISTRY = "registry.test:5443"
ENDPOINT = f"https://{REGISTRY}"
IMAGE = f"{REGISTRY}/trust/app"
JAVA = """\
import java.net.URI;
import java.net.http.*;

class Get {
    public static void main(String[] words) throws Exception {
        var request = HttpRequest.newBuilder(URI.create(words[0])).build();
        System.out.println(HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString()).statusCode());
    }
}
"""
NODE = (
    "fetch(process.argv[1]).then((answer) => console.log(answer.status), (error) => { console.error(error); process.exit(1) })"
)


@pytest.fixture(scope="module")
def trusting() -> Iterator[DropIn]:
    yield from served({"registry.test": ADDRESS}, {"MOORAGE_ADDRESS": REGISTRY, "MOORAGE_PORT": "5443"})


@pytest.fixture(scope="module")
def password(trusting: DropIn) -> str:
    """Of the registry, which holds `trust/app:1`."""
    box = trusting.box(trusting.root / "setup")
    script = (
        f"import boto3\necr = boto3.client('ecr', endpoint_url='{ENDPOINT}')\necr.create_repository(repositoryName='trust/app')\n"
        "print(ecr.get_authorization_token()['authorizationData'][0]['authorizationToken'])"
    )
    token = box.run(sys.executable, "-c", script, env={"AWS_CA_BUNDLE": str(trusting.authority)}).out
    secret = base64.b64decode(token).decode().partition(":")[2]
    Layout(box.root / "layout").write(small("trust"), "1")
    box.sign_in(REGISTRY, "AWS", secret)
    certs = box.root / "certs"
    certs.mkdir()
    shutil.copy(trusting.authority, certs / "ca.crt")
    box.run("skopeo", "copy", "--dest-cert-dir", certs, f"oci:{box.root}/layout:1", f"docker://{IMAGE}:1")
    return secret


@pytest.fixture
def box(trusting: DropIn, password: str) -> Iterator[InsideSandbox]:
    root = Path(tempfile.mkdtemp(prefix="mo-"))  # short, since sockets stand in it
    sandbox = trusting.box(root)
    sandbox.sign_in(REGISTRY, "AWS", password)
    yield sandbox
    shutil.rmtree(root, ignore_errors=True)


def run(box: InsideSandbox, lines: list[str], *words: str | Path, check: bool = True) -> Result:
    """Run a command in a shell in which these lines were pasted before."""
    return box.run("sh", "-e", "-c", "\n".join([*lines, 'exec "$@"']), "sh", *words, check=check)


def assert_trusts_after(box: InsideSandbox, lines: list[str], *words: str | Path) -> Result:
    """The command fails for the certificate's sake without the lines, and works with them."""
    before = run(box, [], *words, check=False)
    said = (before.out + before.err).lower()
    assert before.code != 0 and ("certificate" in said or "pkix" in said), str(before)
    return run(box, lines, *words)


@pytest.mark.parametrize(
    "tool",
    [
        pytest.param(AWS_V1, marks=pytest.mark.requires_client("aws-cli-v1"), id="v1"),
        pytest.param(AWS_V2, marks=pytest.mark.requires_client("aws-cli-v2"), id="v2"),
    ],
)
def test_aws_cli(trusting: DropIn, box: InsideSandbox, tool: Tool) -> None:
    words = (tool.path(), "ecr", "describe-repositories", "--endpoint-url", ENDPOINT, "--output", "json")
    (found,) = json.loads(assert_trusts_after(box, trusting.lines_for("aws cli"), *words).out)["repositories"]
    assert found["repositoryUri"] == IMAGE


@pytest.mark.requires_client("boto3")
def test_boto3(trusting: DropIn, box: InsideSandbox) -> None:
    script = f"import boto3; print(boto3.client('ecr', endpoint_url='{ENDPOINT}').describe_repositories()['repositories'])"
    assert IMAGE in assert_trusts_after(box, trusting.lines_for("aws cli"), sys.executable, "-c", script).out


def test_moorage_login(trusting: DropIn, box: InsideSandbox) -> None:
    lines = [f"export AWS_ENDPOINT_URL={ENDPOINT}"]
    words = (*MOORAGE, "login", "--client", "skopeo")
    before = run(box, lines, *words, check=False)
    assert before.code == 1 and "certificate" in before.err.lower(), str(before)
    skopeo_trusts = trusting.lines_for("skopeo")
    assert "Login Succeeded" in run(box, [*lines, *skopeo_trusts, *trusting.lines_for("moorage")], *words).out


@pytest.mark.parametrize("library", ["urllib.request.urlopen('{}').status", "requests.get('{}').status_code"])
def test_python(trusting: DropIn, box: InsideSandbox, library: str) -> None:
    script = f"import requests, urllib.request; print({library.format(ENDPOINT + '/livez')})"
    assert assert_trusts_after(box, trusting.lines_for("Python"), sys.executable, "-c", script).out.strip() == "200"


@pytest.mark.requires_client("crane")
def test_go(trusting: DropIn, box: InsideSandbox) -> None:
    assert assert_trusts_after(box, trusting.lines_for("Go:"), CRANE.path(), "ls", IMAGE).out.split() == ["1"]


def test_curl(trusting: DropIn, box: InsideSandbox) -> None:
    words = ("curl", "-sS", f"{ENDPOINT}/livez")
    assert_trusts_after(box, trusting.lines_for("curl"), *words)


@pytest.mark.requires_client("node")
def test_node(trusting: DropIn, box: InsideSandbox) -> None:
    words = ("node", "-e", NODE, f"{ENDPOINT}/livez")
    assert assert_trusts_after(box, trusting.lines_for("Node"), *words).out.strip() == "200"


@pytest.mark.requires_client("java", "keytool")
def test_java(trusting: DropIn, box: InsideSandbox) -> None:
    (box.root / "Get.java").write_text(JAVA)
    done = assert_trusts_after(box, trusting.lines_for("Java"), "java", box.root / "Get.java", f"{ENDPOINT}/livez")
    assert done.out.split()[-1] == "200"


@pytest.mark.requires_client("skopeo", "podman")
def test_skopeo_and_podman(trusting: DropIn, box: InsideSandbox) -> None:
    stores = ("--root", f"{box.root}/pm/root", "--runroot", f"{box.root}/pm/run", "--storage-driver", "vfs")
    run(box, ["rm -rf /etc/containers/certs.d"], "true")
    assert_trusts_after(box, trusting.lines_for("skopeo"), "skopeo", "list-tags", f"docker://{IMAGE}")
    run(box, [], "podman", *stores, "pull", "-q", f"{IMAGE}:1")


@pytest.mark.requires_client("containerd", "ctr")
def test_containerd(trusting: DropIn, box: InsideSandbox, password: str) -> None:
    daemon = Containerd(box)
    try:
        pull = ("images", "pull", "--hosts-dir", "/etc/containerd/certs.d", "--user", f"AWS:{password}", f"{IMAGE}:1")
        words = ("ctr", "-a", daemon.socket, *pull[:2], "--snapshotter", "native", *pull[2:])
        assert_trusts_after(box, trusting.lines_for("containerd"), *words)
    finally:
        daemon.stop()


@pytest.mark.requires_client("dockerd", "docker")
def test_docker(trusting: DropIn, box: InsideSandbox) -> None:
    engine = Docker(box)
    try:
        refused = engine.attempt("pull", "-q", f"{IMAGE}:1")
        assert refused.code != 0 and "certificate" in refused.err, str(refused)
        run(box, trusting.lines_for("docker, as root"), "true")
        engine("pull", "-q", f"{IMAGE}:1")
        engine("tag", f"{IMAGE}:1", f"{IMAGE}:2")
        engine("push", "-q", f"{IMAGE}:2")
    finally:
        engine.stop()
