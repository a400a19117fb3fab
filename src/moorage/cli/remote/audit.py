"""`moorage audit`: who did what, and why they could."""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any

from moorage.cli.errors import CommandError
from moorage.cli.remote.command import Client, Command, Parser, show_table
from moorage.cli.remote.moments import FORMS, moment

_PAUSE_SECONDS = 2.0
_ORDINARY = 100
_TEXTS = ("event_name", "event_source", "principal", "username", "access_key_id", "resource", "error_code", "request_id")
_COLUMNS = {
    "time": "TIME",
    "event": "EVENT",
    "who": "WHO",
    "from": "FROM",
    "resource": "ON",
    "outcome": "OUTCOME",
    "by": "BY",
    "count": "COUNT",
}


def _build(parser: Parser) -> None:
    parser.add_argument("--after", metavar="TIME", help=f"made then or later: {FORMS}")
    parser.add_argument("--before", metavar="TIME", help="made earlier")
    parser.add_argument("--event-name", metavar="NAME", help="such as PutImage")
    parser.add_argument("--event-source", metavar="SERVICE", help="such as ecr.amazonaws.com or iam.amazonaws.com")
    parser.add_argument("--principal", metavar="ARN", help="who called")
    parser.add_argument("--username", metavar="NAME", help="a user's name, a session's name, or root")
    parser.add_argument("--access-key-id", metavar="ID", help="the key that signed")
    parser.add_argument("--resource", metavar="ARN", help="what it was about")
    parser.add_argument(
        "--error-code",
        metavar="CODE",
        help="as the client read it, such as AccessDenied of IAM or AccessDeniedException of ECR",
    )
    parser.add_argument("--request-id", metavar="ID", help="as the client was told it")
    failed = parser.add_mutually_exclusive_group()
    failed.add_argument("--failed", dest="failed", action="store_const", const="true", help="only what was denied or failed")
    failed.add_argument("--succeeded", dest="failed", action="store_const", const="false", help="only what succeeded")
    kinds = parser.add_mutually_exclusive_group()
    kinds.add_argument("--changes", dest="read_only", action="store_const", const="false", help="only what changes something")
    kinds.add_argument("--reads", dest="read_only", action="store_const", const="true", help="only what reads")
    parser.add_argument(
        "--account", metavar="ID", help="what is in the record of another account, or all; for operators of the installation"
    )
    parser.add_argument("--limit", metavar="N", type=int, default=_ORDINARY, help=f"at most so many (default: {_ORDINARY})")
    parser.add_argument("--follow", action="store_true", help="then go on with what is recorded, until Ctrl-C")


def _run(arguments: argparse.Namespace, client: Client) -> int:
    if arguments.limit < 1:
        raise CommandError("--limit must be at least 1.")
    path, query = _asked(arguments)
    found, follow = _newest(client, path, query, arguments.limit)
    if not arguments.follow:
        _show(found, as_json=arguments.json)
        return 0
    _print(reversed(found), as_json=arguments.json)
    while True:
        time.sleep(_PAUSE_SECONDS)
        answer = client.call("GET", path, {**query, "limit": "1000", "follow": follow})
        follow = answer["follow"]
        _print(iter(answer["events"]), as_json=arguments.json)


def _asked(arguments: argparse.Namespace) -> tuple[str, dict[str, str]]:
    """The path and the filters."""
    query = {name: value for name in (*_TEXTS, "failed", "read_only") if (value := getattr(arguments, name)) is not None}
    for name in ("after", "before"):
        if (given := getattr(arguments, name)) is not None:
            query[name] = moment(given)
    if arguments.account is None:
        return "/audit", query
    return "/audit/all", query if arguments.account == "all" else {**query, "account": arguments.account}


def _newest(client: Client, path: str, query: Mapping[str, str], limit: int) -> tuple[list[dict[str, Any]], str]:
    found: list[dict[str, Any]] = []
    follow, following = "", dict[str, str]()
    while True:
        answer = client.call("GET", path, {**query, "limit": str(min(limit - len(found), 1000)), **following})
        found += answer["events"]
        follow = follow or answer["follow"]
        if answer["next"] is None or len(found) >= limit:
            return found, follow
        following = {"next": answer["next"]}


def _show(events: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        _print(iter(events), as_json=True)
    else:
        show_table([_row(event) for event in events], _COLUMNS)


def _print(events: Iterator[dict[str, Any]], *, as_json: bool) -> None:
    """One line for each, at once."""
    for event in events:
        facts = _row(event)
        line = json.dumps(event) if as_json else "  ".join(str(facts[name] or "-") for name in _COLUMNS)
        print("".join(character if character.isprintable() else "?" for character in line))
    sys.stdout.flush()


def _row(event: Mapping[str, Any]) -> dict[str, Any]:
    identity, more = event["userIdentity"], event["additionalEventData"]
    ruling = more.get("authorization", {})
    resources = event.get("resources", [])
    return {
        "time": event["eventTime"],
        "event": event["eventName"],
        "who": identity.get("arn") or identity.get("accessKeyId") or identity["type"],
        "from": event["sourceIPAddress"],
        "resource": resources[0]["ARN"] if resources else None,
        "outcome": event.get("errorCode", "ok"),
        "by": ", ".join(ruling.get("statements") or []) or ruling.get("by"),
        "count": more.get("count", 1),
    }


AUDIT = Command("audit", "show who did what, from where, and what allowed or denied it", _build, _run)
