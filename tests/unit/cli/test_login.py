"""`moorage login`, against a stand-in server and stand-in clients."""

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import metadata
from pathlib import Path

import pytest

from moorage.cli.environment import Environment, chosen_environment
from moorage.cli.errors import CommandError
from moorage.cli.login import Login, command, request_login
from moorage.cli.main import main
from moorage.config import load


class Registry:
    """Answers every POST alike, and keeps the last request."""

    def __init__(self) -> None:
        self.status, self.answer = 200, b""
        self.headers: dict[str, str] = {}
        self.body = b""
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                registry.headers = dict(self.headers.items())
                registry.body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(registry.status)
                self.end_headers()
                self.wfile.write(registry.answer)

            def log_message(self, format: str, *args: object) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.grant("http://localhost:5000")

    def grant(self, proxy_endpoint: str) -> None:
        token = base64.b64encode(b"AWS:pass:word").decode()
        data = {"authorizationToken": token, "expiresAt": 1.5, "proxyEndpoint": proxy_endpoint}
        self.answer = json.dumps({"authorizationData": [data]}).encode()

    def environment(self) -> Environment:
        return Environment(self.url, "AKIAEXAMPLE", "secret", "eu-west-1")


@pytest.fixture
def registry() -> Iterator[Registry]:
    registry = Registry()
    thread = threading.Thread(target=registry.server.serve_forever, args=(0.05,))
    thread.start()
    yield registry
    registry.server.shutdown()
    thread.join()
    registry.server.server_close()


def test_the_request_is_a_signed_get_authorization_token(registry: Registry) -> None:
    assert request_login(registry.environment()) == Login("pass:word", "http://localhost:5000")
    assert registry.headers["X-Amz-Target"] == "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken"
    assert registry.headers["Content-Type"] == "application/x-amz-json-1.1"
    assert registry.headers["User-Agent"] == f"moorage/{metadata.version('moorage')}"
    assert "Credential=AKIAEXAMPLE/" in registry.headers["Authorization"]
    assert "/eu-west-1/ecr/aws4_request" in registry.headers["Authorization"]
    assert registry.body == b"{}"


def test_a_refusal_is_told_in_the_servers_words(registry: Registry) -> None:
    registry.status, registry.answer = 400, b'{"__type": "UnrecognizedClientException", "message": "The key is invalid."}'
    with pytest.raises(CommandError, match=r"refused the login: The key is invalid. \(HTTP 400\)"):
        request_login(registry.environment())


@pytest.mark.parametrize("answer", [b"", b"<html>", b"[]", b"{}", b'{"authorizationData": [{"authorizationToken": "?"}]}'])
def test_what_is_no_registry_is_told_apart(registry: Registry, answer: bytes) -> None:
    registry.answer = answer
    with pytest.raises(CommandError, match="does not answer like a registry with ECR's API"):
        request_login(registry.environment())


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "https://127.0.0.1:1"])
def test_a_server_that_does_not_answer_is_said(url: str) -> None:
    with pytest.raises(CommandError, match=r"does not answer: .*Is the server running\?"):
        request_login(Environment(url, "AKIA", "secret", "us-east-1"))


@pytest.mark.parametrize("url", ["localhost:5000", "http://127.0.0.1:x", "http://", "ftp://localhost"])
def test_an_endpoint_that_is_no_url_is_said(url: str) -> None:
    with pytest.raises(CommandError, match="is not a URL such as http://localhost:5000"):
        request_login(Environment(url, "AKIA", "secret", "us-east-1"))


def test_each_client_gets_the_flags_that_it_knows() -> None:
    plain, tls = Login("p", "http://localhost:5000"), Login("p", "https://registry.example")
    assert command("docker", plain)[1:] == ["login", "--username", "AWS", "--password-stdin", "localhost:5000"]
    assert command("podman", plain)[-2:] == ["--tls-verify=false", "localhost:5000"]
    assert command("skopeo", tls)[-2:] == ["--password-stdin", "registry.example"]


def test_the_aws_variables_count_only_with_an_endpoint(tmp_path: Path) -> None:
    (tmp_path / "root-credentials.json").write_text('{"access_key_id": "LOCAL", "secret_access_key": "x"}')
    options = load({"data_dir": str(tmp_path)}, {}).options
    amazons = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t"}
    assert chosen_environment(options, amazons).access_key_id == "LOCAL"
    ours = {**amazons, "AWS_ENDPOINT_URL": "http://far:5000", "AWS_DEFAULT_REGION": "eu-west-1"}
    assert chosen_environment(options, ours) == Environment("http://far:5000", "AKIA", "s", "eu-west-1", "t")


def test_the_password_goes_to_the_client_by_standard_input(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = tmp_path / "podman"
    client.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/arguments\n/bin/cat > {tmp_path}/password\nexit 7\n')
    client.chmod(0o755)
    for name, value in {"AWS_ENDPOINT_URL": registry.url, "AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "s"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL_ECR", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["login", "--client", "podman"]) == 7, "the client's own exit status"
    assert (tmp_path / "password").read_text() == "pass:word"
    assert (tmp_path / "arguments").read_text() == ("login --username AWS --password-stdin --tls-verify=false localhost:5000\n")


def test_a_client_that_is_missing_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "skopeo").touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["login"]) == 1
    assert capsys.readouterr().err == (
        "moorage: docker is not installed, or not in the PATH. --client skopeo would use the one that is.\n"
    )
