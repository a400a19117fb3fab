"""`moorage login`: sign a container client in without the aws command line."""

import base64
import binascii
import contextlib
import http.client
import json
import shutil
import ssl
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from moorage.cli.clients import CLIENTS
from moorage.cli.environment import Environment, local_environment
from moorage.cli.errors import CommandError
from moorage.config import Options, aws_variables

_TARGET = "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken"
_SECONDS = 30


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


def chosen_environment(options: Options, variables: Mapping[str, str]) -> Environment:
    """From the AWS variables if they name both an endpoint and a key, else as `moorage env` finds it.

    A key alone does not count: it is more likely one of Amazon's.
    """
    endpoint = variables.get("AWS_ENDPOINT_URL_ECR") or variables.get("AWS_ENDPOINT_URL")
    key_id, secret = variables.get("AWS_ACCESS_KEY_ID"), variables.get("AWS_SECRET_ACCESS_KEY")
    if not endpoint or not key_id or not secret:
        return local_environment(options)
    region = variables.get("AWS_REGION") or variables.get("AWS_DEFAULT_REGION") or options.identity.region
    return Environment(endpoint, key_id, secret, region, variables.get("AWS_SESSION_TOKEN"))


def command(client: str, login: Login) -> list[str]:
    """The client's command line; the password goes to its standard input."""
    endpoint = urlsplit(login.proxy_endpoint)
    # docker has no such flag: it takes plain http from localhost, and from elsewhere by its daemon's configuration.
    insecure = ["--tls-verify=false"] if endpoint.scheme == "http" and client != "docker" else []
    return [client, "login", "--username", "AWS", "--password-stdin", *insecure, endpoint.netloc]


def request_login(environment: Environment, ca_bundle: str | None = None) -> Login:
    """Call GetAuthorizationToken (ECR API reference); CommandError when there is no answer or a refusal."""
    status, body = _post(environment, ca_bundle)
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


def _post(environment: Environment, ca_bundle: str | None) -> tuple[int, bytes]:
    path = _checked(environment.endpoint_url).path.rstrip("/") + "/"
    request = AWSRequest(
        method="POST",
        url=environment.endpoint_url.rstrip("/") + "/",
        data=b"{}",
        headers={"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": _TARGET},
    )
    key = Credentials(environment.access_key_id, environment.secret_access_key, environment.session_token)
    SigV4Auth(key, "ecr", environment.region).add_auth(request)
    try:
        connection = _connect(environment.endpoint_url, ca_bundle)
        try:
            connection.request("POST", path, b"{}", dict(request.headers.items()))
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise CommandError(f"{environment.endpoint_url} does not answer: {reason}. Is the server running?") from None


def _connect(endpoint_url: str, ca_bundle: str | None) -> http.client.HTTPConnection:
    url = _checked(endpoint_url)
    host = url.hostname or ""
    if url.scheme == "https":
        context = ssl.create_default_context(cafile=ca_bundle)
        return http.client.HTTPSConnection(host, url.port, timeout=_SECONDS, context=context)
    return http.client.HTTPConnection(host, url.port, timeout=_SECONDS)


def _checked(endpoint_url: str) -> SplitResult:
    with contextlib.suppress(ValueError):
        url = urlsplit(endpoint_url)
        # Reading the port is what finds a bad one.
        if url.scheme in {"http", "https"} and url.hostname and url.port != 0:
            return url
    raise CommandError(f"The endpoint {endpoint_url!r} is not a URL such as http://localhost:5000.")
