"""`moorage repositories`: what a push would make."""

import argparse

from moorage.cli.remote.command import Client, Group, Verbs, show_facts, show_json


def _build(verbs: Verbs) -> None:
    preview = verbs.add("preview", _preview, "say what a push to a name would make")
    preview.add_argument("name", metavar="NAME", help="the repository's name")


def _preview(arguments: argparse.Namespace, client: Client) -> int:
    found = client.call("GET", "/repositories/preview", {"repository": arguments.name})
    if arguments.json:
        show_json(found)
        return 0
    facts = {name.replace("_", " "): value for name, value in found.items() if value not in (None, [], {})}
    if tags := found["resource_tags"]:
        facts["resource tags"] = [f"{key}={value}" for key, value in tags.items()]
    show_facts(facts)
    return 0


REPOSITORIES = Group("repositories", "look at what a push would make", _build)
