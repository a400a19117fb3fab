"""Commands that ask a server: what their help tells, and how an answer is shown."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from moorage.cli.main import build_parser
from moorage.cli.remote.command import Query

_SESSION = {
    "access_key_id": "ASIAEXAMPLEEXAMPLE00",
    "kind": "AssumedRole",
    "principal_arn": "arn:aws:sts::123456789012:assumed-role/ci/run",
    "opened_by": None,
    "provider": None,
    "source_identity": None,
    "created_at": "2026-01-01T00:00:00.000Z",
    "expires_at": "2026-01-01T01:00:00.000Z",
}


class Server:
    """Answers every listing with these entries."""

    def __init__(self, *entries: dict[str, Any]) -> None:
        self._entries = entries

    def call(self, method: str, path: str, query: Query | None = None, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return {}

    def entries(self, path: str, member: str, query: Query | None = None) -> Iterator[dict[str, Any]]:
        return iter(self._entries)


@pytest.mark.parametrize(
    ("origin", "shown"),
    [
        ({"opened_by": "AKIAEXAMPLEEXAMPLE00"}, "AKIAEXAMPLEEXAMPLE00"),
        ({"opened_by": "arn:aws:iam::123456789012:user/alice"}, "arn:aws:iam::123456789012:user/alice"),
        (
            {"provider": "arn:aws:iam::123456789012:oidc-provider/gitlab.com"},
            "arn:aws:iam::123456789012:oidc-provider/gitlab.com",
        ),
        ({}, "-"),
    ],
)
def test_a_session_is_shown_with_who_opened_it(capsys: pytest.CaptureFixture[str], origin: dict[str, str], shown: str) -> None:
    arguments = build_parser().parse_args(["iam", "session", "list"])
    assert arguments.remote(arguments, Server({**_SESSION, **origin})) == 0
    heading, line = (text.split() for text in capsys.readouterr().out.splitlines())
    assert line[heading.index("OPENED-BY")] == shown


@pytest.mark.parametrize("command", ["iam robot create", "token list", "audit", "account policy set", "images list"])
def test_help_tells_a_client_nothing_of_the_servers_flags(capsys: pytest.CaptureFixture[str], command: str) -> None:
    with pytest.raises(SystemExit):
        build_parser().parse_args([*command.split(), "--help"])
    said = capsys.readouterr().out
    assert all(flag in said for flag in ("--data-dir", "--region", "AWS_*"))
    assert not any(flag in said for flag in ("--host", "--port", "--address", "--domain", "--account-id"))


def test_an_account_is_no_setting_of_a_command_that_asks_for_accounts(capsys: pytest.CaptureFixture[str]) -> None:
    parser = build_parser()
    assert parser.parse_args(["audit", "--account", "210987654321", "--port", "5002"]).account == "210987654321"
    with pytest.raises(SystemExit):
        parser.parse_args(["audit", "--account-id", "210987654321"])
    assert "unrecognized arguments: --account-id" in capsys.readouterr().err
