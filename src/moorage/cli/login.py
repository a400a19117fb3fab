"""`moorage login`: sign a container client in without the aws command line."""

import base64
import binascii
import http.client
import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from moorage.cli.client import send
from moorage.cli.clients import CLIENTS
from moorage.cli.environment import Environment, chosen_environment
from moorage.cli.errors import CommandError
from moorage.config import Options, aws_variables

_TARGET = "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken"


@dataclass(frozen=True, slots=True)
class Login:
    """What GetAuthorizationToken gave."""

    password: str = field(repr=False)
    proxy_endpoint: str
    """URL of the registry that the password is for."""


def run(options: Options, client: str) -> int:
    """Ask for a token and hand it to the client; returns the client's exit status."""
    if shutil.which(client) is None:
        others = [other for other in CLIENTS if shutil.which(other)]
        advice = f" --client {others[0]} would use the one that is." if others else ""
        raise CommandError(f"{client} is not installed, or not in the PATH.{advice}")
    variables = aws_variables()
    login = request_login(chosen_environment(options, variables), variables.get("AWS_CA_BUNDLE"))
    return subprocess.run(command(client, login), input=login.password.encode(), check=False).returncode


def command(client: str, login: Login) -> list[str]:
    """The client's command line; the password goes to its standard input."""
    endpoint = urlsplit(login.proxy_endpoint)
    # docker has no such flag: it takes plain http from localhost, and from elsewhere by its daemon's configuration.
    insecure = ["--tls-verify=false"] if endpoint.scheme == "http" and client != "docker" else []
    return [client, "login", "--username", "AWS", "--password-stdin", *insecure, endpoint.netloc]


def request_login(environment: Environment, ca_bundle: str | None = None) -> Login:
    """Call GetAuthorizationToken (ECR API reference); CommandError when there is no answer or a refusal."""
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": _TARGET}
    status, body = send(environment, "ecr", "POST", "/", headers, b"{}", ca_bundle)
    try:
        document = json.loads(body)
        if status != http.client.OK:
            reason = document.get("message") or document.get("Message") or document.get("__type")
            raise CommandError(f"{environment.endpoint_url} refused the login: {reason} (HTTP {status}).")
        return _login(document["authorizationData"][0])
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, binascii.Error):
        raise CommandError(
            f"{environment.endpoint_url} does not answer like a registry with ECR's API (HTTP {status}); check the endpoint."
        ) from None


def _login(data: Mapping[str, Any]) -> Login:
    _, _, password = base64.b64decode(data["authorizationToken"], validate=True).decode().partition(":")
    return Login(password=password, proxy_endpoint=data["proxyEndpoint"])
