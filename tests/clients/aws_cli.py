"""The aws command line client: Debian's version 2, and version 1 where one stands first on PATH."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.clients.tool import Result, Sandbox, Tool, asks


def _first_of_version_1() -> str | None:
    path = shutil.which("aws")
    if path is None:
        return None
    done = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=60, check=False)
    return path if (done.stdout + done.stderr).startswith("aws-cli/1.") else None


def _debian() -> str | None:
    return shutil.which("/usr/bin/aws")


AWS_V2 = Tool("aws-cli-v2", _debian, asks("--version"), "Debian package awscli")
AWS_V1 = Tool("aws-cli-v1", _first_of_version_1, asks("--version"), "PyPI package awscli, first on PATH")
ECR_LOGIN_DEBIAN = Tool(
    "ecr-login-debian",
    lambda: shutil.which("/usr/bin/docker-credential-ecr-login"),
    asks("-v"),
    "Debian package amazon-ecr-credential-helper",
)
TOOLS = (AWS_V2, AWS_V1, ECR_LOGIN_DEBIAN)


@dataclass(frozen=True, slots=True)
class Aws:
    """One aws client, pointed at a registry by `--endpoint-url` (version 2.9 ignores AWS_ENDPOINT_URL)."""

    box: Sandbox
    path: str
    endpoint: str
    credentials: Mapping[str, str]
    """AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."""

    def run(self, *words: str, check: bool = True) -> Result:
        """Run one command."""
        env = {**self.credentials, "AWS_DEFAULT_REGION": "us-east-1", "AWS_PAGER": ""}
        return self.box.run(self.path, "--endpoint-url", self.endpoint, *words, check=check, env=env)

    def ecr(self, *words: str) -> Any:
        """Run one ecr command and read its JSON; None when it prints nothing."""
        return self.ask("ecr", *words)

    def ask(self, *words: str) -> Any:
        """Run one command and read its JSON; None when it prints nothing."""
        out = self.run(*words, "--output", "json").out
        return json.loads(out) if out.strip() else None
