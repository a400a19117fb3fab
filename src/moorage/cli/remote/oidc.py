"""`moorage iam oidc`: keys of token issuers that are given, for issuers that this server cannot ask."""

import argparse
import json
import sys
from pathlib import Path

from moorage.cli.errors import CommandError
from moorage.cli.remote.command import Client, Verbs, show_facts, show_json

_PATH = "/oidc-providers/keys"


def build(verbs: Verbs) -> None:
    """Declare the commands."""
    keys = verbs.group("keys", "give and forget the keys of token issuers")
    give = keys.add("set", _set, "give the keys of a provider, instead of having them fetched")
    give.add_argument("url", metavar="URL", help="the provider's URL, such as https://gitlab.example.com")
    give.add_argument("file", metavar="FILE", help="the issuer's key set (JSON); - for standard input")
    clear = keys.add("clear", _clear, "forget the keys of a provider, so that they are fetched")
    clear.add_argument("url", metavar="URL", help="the provider's URL")


def _set(arguments: argparse.Namespace, client: Client) -> int:
    made = client.call("PUT", _PATH, body={"url": arguments.url, "keys": _keys_in(arguments.file)})
    if arguments.json:
        show_json(made)
    else:
        show_facts({"provider": made["arn"], "keys": [key or "(without id)" for key in made["key_ids"]]})
    return 0


def _clear(arguments: argparse.Namespace, client: Client) -> int:
    client.call("DELETE", _PATH, query={"url": arguments.url})
    if arguments.json:
        show_json({})
    return 0


def _keys_in(name: str) -> list[object]:
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text("utf-8")
        document = json.loads(text)
    except OSError as error:
        raise CommandError(f"{name} cannot be read: {error.strerror}.") from None
    except ValueError:
        raise CommandError(f"{name} is not JSON.") from None
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list):
        raise CommandError(f'{name} is no key set: a JSON object with a list "keys".')
    return keys
