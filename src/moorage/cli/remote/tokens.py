"""`moorage token`: passwords for container clients that live longer or may do less than those of `moorage login`."""

import argparse
from typing import Any

from moorage.cli.remote.command import Client, Group, Verbs, show_facts, show_json, show_table
from moorage.cli.remote.moments import seconds_of


def _build(verbs: Verbs) -> None:
    create = verbs.add("create", _create, "make a token")
    create.add_argument("name", metavar="NAME", help="what people call it")
    create.add_argument("--for", dest="lifetime", metavar="TIME", default="12h", help="15m to 365d (default: 12h)")
    create.add_argument(
        "--repository",
        dest="repositories",
        metavar="PATTERN",
        action="append",
        help="only these, such as team/app or 'team/*'; may be repeated (default: all)",
    )
    create.add_argument(
        "--allow",
        dest="actions",
        metavar="ACTION",
        action="append",
        help="only this: pull, push, all, or an action such as ecr:PutImage; may be repeated (default: all)",
    )
    create.add_argument(
        "--tag",
        dest="tags",
        metavar="PATTERN",
        action="append",
        help="push and delete only these, such as 'dev-*'; may be repeated (default: all)",
    )
    verbs.add("list", _list, "show the tokens that are good now")
    revoke = verbs.add("revoke", _revoke, "end a token now")
    revoke.add_argument("id", metavar="ID", help="as list shows it")


def _create(arguments: argparse.Namespace, client: Client) -> int:
    body: dict[str, Any] = {"name": arguments.name, "lifetime_seconds": seconds_of(arguments.lifetime, "--for")}
    for member in ("repositories", "actions", "tags"):
        if (given := getattr(arguments, member)) is not None:
            body[member] = given
    made = client.call("POST", "/tokens", body=body)
    if arguments.json:
        show_json(made)
        return 0
    members = ("id", "name", "endpoint", "repositories", "actions", "tags", "expires_at", "username", "password")
    show_facts({member.replace("_at", ""): made[member] for member in members})
    print("\nThe password is shown this once.")
    return 0


def _list(arguments: argparse.Namespace, client: Client) -> int:
    found = list(client.entries("/tokens", "tokens"))
    if arguments.json:
        show_json({"tokens": found})
        return 0
    headings = "ID NAME REGION REPOSITORIES ACTIONS TAGS EXPIRES LAST-USED MADE-BY".split()
    members = "id name region repositories actions tags expires_at last_used_at principal_arn".split()
    show_table(found, dict(zip(members, headings, strict=True)))
    return 0


def _revoke(arguments: argparse.Namespace, client: Client) -> int:
    client.call("DELETE", f"/tokens/{arguments.id}")
    if arguments.json:
        show_json({})
    return 0


TOKENS = Group("token", "make, list and revoke tokens for container clients", _build)
