"""`moorage iam session`: temporary credentials that are good now, and their end."""

import argparse

from moorage.cli.remote.command import Client, Verbs, show_json, show_table


def build(verbs: Verbs) -> None:
    """Declare the commands."""
    verbs.add("list", _list, "show the temporary credentials that are good now")
    revoke = verbs.add("revoke", _revoke, "end temporary credentials now, and the tokens made with them")
    revoke.add_argument("id", metavar="KEY", help="their access key, as list shows it")


def _list(arguments: argparse.Namespace, client: Client) -> int:
    found = list(client.entries("/sessions", "sessions"))
    if arguments.json:
        show_json({"sessions": found})
        return 0
    headings = "KEY KIND WHO OPENED-BY IDENTITY SINCE EXPIRES".split()
    members = "access_key_id kind principal_arn origin source_identity created_at expires_at".split()
    rows = [{**each, "origin": each["opened_by"] or each["provider"]} for each in found]
    show_table(rows, dict(zip(members, headings, strict=True)))
    return 0


def _revoke(arguments: argparse.Namespace, client: Client) -> int:
    client.call("DELETE", f"/sessions/{arguments.id}")
    if arguments.json:
        show_json({})
    return 0
