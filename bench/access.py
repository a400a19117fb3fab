"""What authorization costs a pull: CPU of the server per request, without policies and with 2,000 statements.

    python -m bench.access [--rounds 7] [--seconds 1.5] [--source DIR] [--directory DIR]

Starts two `moorage serve` with two workers each. One has only its root; in the other are 1,000 users with two statements
each, a repository policy and a registry policy, and a user of them pulls. The rows go in with SQL, since thousands of calls
would take minutes. The load goes to one server at a time, A B, then B A. Manifests are pulled by tag over 16 connections in
two ways: `hot`, where the server knows the answer before it parses the request, and `ordinary`, with a condition in the
request, so that it goes the whole way. `--source` runs the code below another checkout's `src` instead, root only, for a
comparison with an earlier time.
"""

import argparse
import json
import os
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from bench.large import fill
from bench.load import Load, Plan, Running, build
from bench.processes import cpu_seconds
from bench.servers import Certificate, Moorage
from bench.wire import Target

USERS = 1000
_TAGS = 500
_REPOSITORY = "bench/access"
_ACCOUNT = "123456789012"
_CONNECTIONS = 16
_WAYS: Mapping[str, Mapping[str, str]] = {"hot": {}, "ordinary": {"If-None-Match": '"none"'}}


@dataclass(frozen=True, slots=True)
class _Conditional(Target):
    """A target with further headers in each request."""

    more: Mapping[str, str] = field(default_factory=dict)

    @property
    def headers(self) -> dict[str, str]:
        return {**Target.headers.__get__(self), **self.more}


class _Sourced(Moorage):
    """Moorage from the sources of a checkout."""

    def __init__(self, home: Path, source: Path | None) -> None:
        super().__init__(home, workers=2)
        self._source = source

    def _environment(self, port: int, certificate: Certificate | None) -> dict[str, str]:
        given = super()._environment(port, certificate)
        return given | ({"PYTHONPATH": str(self._source)} if self._source else {})

    def user_client(self, service: str, key: Mapping[str, str] | None = None) -> Any:
        """A client of one of the AWS APIs, with the root's key or another one."""
        key_id, secret = (key["AccessKeyId"], key["SecretAccessKey"]) if key else self.keys or ("", "")
        make: Any = boto3.client
        return make(
            service,
            endpoint_url=f"http://127.0.0.1:{self.target.port}",
            region_name="us-east-1",
            aws_access_key_id=key_id,
            aws_secret_access_key=secret,
            config=Config(proxies={}),
        )


def add_users(database: Path) -> None:
    """1,000 users, each with an inline policy of two statements."""
    with closing(sqlite3.connect(database)) as connection, connection:
        ids = [f"AIDABENCH{number:012d}" for number in range(USERS)]
        connection.executemany(
            "INSERT INTO iam_resources (id, account_id, kind, name, name_key, path, created_at)"
            f" VALUES (?, '{_ACCOUNT}', 'user', ?, ?, '/', 0)",
            ((unique, f"user{number}", f"user{number}") for number, unique in enumerate(ids)),
        )
        connection.executemany("INSERT INTO users (id) VALUES (?)", ((unique,) for unique in ids))
        rows = ((unique, _identity_policy(number)) for number, unique in enumerate(ids))
        connection.executemany(
            "INSERT INTO inline_policies (resource_id, name_key, name, text) VALUES (?, 'own', 'own', ?)", rows
        )


def _identity_policy(number: int) -> str:
    everywhere = f"arn:aws:ecr:us-east-1:{_ACCOUNT}:repository"
    pull = {
        "Effect": "Allow",
        "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        "Resource": f"{everywhere}/bench/*",
    }
    push = {
        "Effect": "Allow",
        "Action": ["ecr:GetAuthorizationToken", "ecr:Put*"],
        "Resource": ["*", f"{everywhere}/u{number}/*"],
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [pull, push]})


def add_resource_policies(server: _Sourced) -> None:
    """A repository policy and a registry policy of 20 statements each, which say nothing about the user who pulls."""
    ecr = server.client()
    statements = [
        {"Effect": "Deny", "Principal": {"AWS": str(210987654321 + number)}, "Action": "ecr:*"} for number in range(20)
    ]
    ecr.set_repository_policy(repositoryName=_REPOSITORY, policyText=json.dumps({"Statement": statements}))
    of_registry = [{**each, "Resource": "*"} for each in statements]
    ecr.put_registry_policy(policyText=json.dumps({"Statement": of_registry}))


def prepare(server: _Sourced, *, policies: bool) -> None:
    """Images, and where wanted policies; afterwards the server's requests are those of its root or of a user."""
    server.start()
    server.create_repositories([_REPOSITORY])
    server.stop()
    fill(server.database, _REPOSITORY, _TAGS)
    if policies:
        add_users(server.database)
    server.start()
    if policies:
        add_resource_policies(server)
        key = server.user_client("iam").create_access_key(UserName="user7")["AccessKey"]
        token = server.user_client("ecr", key).get_authorization_token()["authorizationData"][0]["authorizationToken"]
        server.authorization = f"Basic {token}"


def measure(server: _Sourced, program: Path, scratch: Path, more: Mapping[str, str], seconds: float) -> float:
    """Microseconds of the server's CPU per pull."""
    target = _Conditional(server.target.port, server.authorization, None, more)
    paths = [f"/v2/{_REPOSITORY}/manifests/v1.0.{number}" for number in range(1, _TAGS + 1)]

    def load(length: float) -> Load:
        return Running(program, target, Plan(paths, _CONNECTIONS, length), scratch).result()

    load(0.5)
    time.sleep(0.2)
    before = cpu_seconds(server.pid)
    done = load(seconds)
    return (cpu_seconds(server.pid) - before) / done.requests * 1e6


def main() -> None:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(prog="python -m bench.access", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--source", type=Path, help="a checkout's src; root only")
    parser.add_argument("--directory", type=Path, help="where the data lies while it runs")
    options = parser.parse_args()
    program = build()
    with tempfile.TemporaryDirectory(dir=options.directory) as folder:
        home = Path(folder)
        servers = {"root, no policies": _Sourced(home / "plain", options.source)}
        if options.source is None:
            servers[f"a user, {2 * USERS} statements"] = _Sourced(home / "policies", None)
        try:
            for name, server in servers.items():
                prepare(server, policies=name.startswith("a user"))
            report(servers, program, home, options.rounds, options.seconds)
        finally:
            for server in servers.values():
                server.stop()


def report(servers: Mapping[str, _Sourced], program: Path, scratch: Path, rounds: int, seconds: float) -> None:
    """Take turns, and print the medians."""
    figures: dict[tuple[str, str], list[float]] = {(way, name): [] for way in _WAYS for name in servers}
    for number in range(rounds):
        turn = list(servers.items())
        for name, server in turn if number % 2 == 0 else reversed(turn):
            for way, more in _WAYS.items():
                figures[way, name].append(measure(server, program, scratch, more, seconds))
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"CPU per pull in microseconds, {rounds} rounds of {seconds} s, load average {load}\n")
    print("| way | who | median | lowest | highest | noise |\n|---|---|---|---|---|---|")
    for (way, name), values in figures.items():
        middle = statistics.median(values)
        noise = (max(values) - min(values)) / middle
        print(f"| {way} | {name} | {middle:.1f} | {min(values):.1f} | {max(values):.1f} | {noise:.0%} |")


if __name__ == "__main__":
    main()
