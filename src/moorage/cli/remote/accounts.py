"""`moorage account`: further accounts of the installation, and what everybody in them may do at most."""

import argparse

from moorage.cli.remote.account_policies import add_policy_commands
from moorage.cli.remote.command import Client, Group, Verbs, show_facts, show_json, show_table


def _build(verbs: Verbs) -> None:
    create = verbs.add("create", _create, "make an account and its root key")
    create.add_argument("--id", metavar="ID", help="twelve digits (default: a free id)")
    create.add_argument("name", metavar="NAME", help="what people call it")
    verbs.add("list", _list, "show the accounts")
    add_policy_commands(verbs)


def _create(arguments: argparse.Namespace, client: Client) -> int:
    body = {"name": arguments.name, **({"account_id": arguments.id} if arguments.id is not None else {})}
    made = client.call("POST", "/accounts", body=body)
    if arguments.json:
        show_json(made)
        return 0
    show_facts(
        {
            "account": made["account_id"],
            "name": made["name"],
            "access key id": made["root_key"]["access_key_id"],
            "secret access key": made["root_key"]["secret_access_key"],
        }
    )
    print("\nThe secret is shown this once. Keep it; whoever has it may do everything in this account.")
    return 0


def _list(arguments: argparse.Namespace, client: Client) -> int:
    found = list(client.entries("/accounts", "accounts"))
    if arguments.json:
        show_json({"accounts": found})
    else:
        show_table(found, {"account_id": "ACCOUNT", "name": "NAME", "created_at": "CREATED"})
    return 0


ACCOUNTS = Group("account", "make, list and limit accounts", _build)
