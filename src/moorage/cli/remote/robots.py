"""`moorage iam robot`: users for pipelines, made in one line with what they may do and a password."""

import argparse
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from moorage.cli.remote.command import Client, Parser, Verbs, show_facts, show_json, show_table
from moorage.cli.remote.moments import seconds_of


def build(verbs: Verbs) -> None:
    """Declare the commands."""
    create = verbs.add("create", _create, "make a robot, and show its password this once")
    create.add_argument("name", metavar="NAME", help="unique among the account's users")
    create.add_argument(
        "--repositories",
        metavar="PATTERN",
        action="append",
        required=True,
        help="these, such as team/app or 'team/*'; may be repeated",
    )
    create.add_argument(
        "--actions",
        metavar="ACTION",
        action="append",
        required=True,
        help="pull, push, all, or an action such as ecr:PutImage; may be repeated",
    )
    create.add_argument(
        "--tags",
        metavar="PATTERN",
        action="append",
        help="push and delete these only, such as 'dev-*'; may be repeated (default: all)",
    )
    _takes_lifetime(create)
    verbs.add("list", _list, "show the robots")
    rotate = verbs.add("rotate", _rotate, "give a robot another password, and end the one before")
    rotate.add_argument("name", metavar="NAME", help="as list shows it")
    _takes_lifetime(rotate)
    delete = verbs.add("delete", _delete, "remove a robot, and end its password now")
    delete.add_argument("name", metavar="NAME", help="as list shows it")


def _takes_lifetime(parser: Parser) -> None:
    parser.add_argument("--expires", metavar="TIME", default="90d", help="15m to 365d from now (default: 90d)")


def _create(arguments: argparse.Namespace, client: Client) -> int:
    body = {
        "name": arguments.name,
        "repositories": arguments.repositories,
        "actions": arguments.actions,
        "lifetime_seconds": seconds_of(arguments.expires, "--expires"),
    }
    if arguments.tags is not None:
        body["tags"] = arguments.tags
    return _show(arguments, client.call("POST", "/robots", body=body))


def _rotate(arguments: argparse.Namespace, client: Client) -> int:
    body = {"name": arguments.name, "lifetime_seconds": seconds_of(arguments.expires, "--expires")}
    return _show(arguments, client.call("POST", "/robots/rotate", body=body))


def _list(arguments: argparse.Namespace, client: Client) -> int:
    found = list(client.entries("/robots", "robots"))
    if arguments.json:
        show_json({"robots": found})
        return 0
    headings = "NAME REPOSITORIES ACTIONS TAGS EXPIRES LAST-USED".split()
    members = "name repositories actions tags expires_at last_used_at".split()
    show_table(found, dict(zip(members, headings, strict=True)))
    return 0


def _delete(arguments: argparse.Namespace, client: Client) -> int:
    client.call("DELETE", "/robots", query={"name": arguments.name})
    if arguments.json:
        show_json({})
    return 0


def _show(arguments: argparse.Namespace, made: Mapping[str, Any]) -> int:
    if arguments.json:
        show_json(made)
        return 0
    members = ("name", "arn", "repositories", "actions", "tags", "expires_at", "username", "password")
    show_facts({member.replace("_at", ""): made[member] for member in members})
    print("\nThe password is shown this once. To sign in with it, where $PASSWORD holds it:\n")
    where = urlsplit(made["endpoint"]).netloc
    print(f'  echo "$PASSWORD" | docker login --username {made["username"]} --password-stdin {where}')
    return 0
