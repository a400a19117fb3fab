"""`moorage account policy`: service control policies, which say what everybody in an account may do at most."""

import argparse
import sys
from pathlib import Path

from moorage.cli.errors import CommandError
from moorage.cli.remote.command import Client, Verbs, show_json, show_table

_MOST_BYTES = 1024 * 1024
"""More than any policy may have; the server knows the bounds."""


def add_policy_commands(verbs: Verbs) -> None:
    """Declare `moorage account policy …`."""
    group = verbs.group("policy", "set, show and remove service control policies, which limit a whole account")
    put = group.add("set", _set, "set or replace a service control policy of an account")
    _takes(put, "name")
    put.add_argument("file", metavar="FILE", help="the policy's text; - reads it from stdin")
    _takes(group.add("list", _list, "show an account's service control policies"))
    _takes(group.add("show", _show, "print the text of a service control policy"), "name")
    _takes(group.add("delete", _delete, "remove a service control policy"), "name")


def _takes(parser: argparse.ArgumentParser, *more: str) -> None:
    parser.add_argument("account", metavar="ACCOUNT", help="twelve digits")
    for word in more:
        parser.add_argument(word, metavar=word.upper(), help="what the policy is called")


def _path(arguments: argparse.Namespace) -> str:
    name = f"/{arguments.name}" if hasattr(arguments, "name") else ""
    return f"/accounts/{arguments.account}/policies{name}"


def _set(arguments: argparse.Namespace, client: Client) -> int:
    done = client.call("PUT", _path(arguments), body={"document": _read(arguments.file)})
    if arguments.json:
        show_json(done)
    else:
        print(f"{done['name']} limits the account {arguments.account} from now on.")
    return 0


def _list(arguments: argparse.Namespace, client: Client) -> int:
    found = list(client.entries(_path(arguments), "policies"))
    if arguments.json:
        show_json({"policies": found})
    elif found:
        show_table(found, {"name": "NAME", "set_at": "SET"})
    else:
        print(
            f"The account {arguments.account} operates the installation: it has no service control policies, and no such limit."
        )
    return 0


def _show(arguments: argparse.Namespace, client: Client) -> int:
    found = client.call("GET", _path(arguments))
    if arguments.json:
        show_json(found)
    else:
        print(found["document"])
    return 0


def _delete(arguments: argparse.Namespace, client: Client) -> int:
    client.call("DELETE", _path(arguments))
    if arguments.json:
        show_json({})
    return 0


def _read(file: str) -> str:
    try:
        with sys.stdin.buffer if file == "-" else Path(file).open("rb") as source:
            return source.read(_MOST_BYTES).decode()
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise CommandError(f"{file} is not a text in UTF-8.") from None
