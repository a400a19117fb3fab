"""`moorage iam explain`: why somebody may or may not do something."""

import argparse
import json
from typing import Any

from moorage.cli.errors import CommandError
from moorage.cli.remote.command import Client, Verbs, printable, show_facts, show_json


def add_explain(verbs: Verbs) -> None:
    """Declare it."""
    parser = verbs.add("explain", _explain, "say why somebody may or may not do something, and what would allow it")
    parser.add_argument(
        "--principal",
        metavar="PRINCIPAL",
        default="self",
        help="a user's name, or the ARN of a user, a role, its session or a root (default: whoever asks)",
    )
    parser.add_argument("--action", metavar="ACTION", required=True, help="such as ecr:PutImage")
    parser.add_argument("--resource", metavar="ARN", default="*", help="an ARN, or a repository's name (default: *)")
    parser.add_argument(
        "--context",
        metavar="KEY=VALUE",
        action="append",
        help="take this for true, such as aws:SourceIp=10.0.0.1; may be repeated, also for one key",
    )


def _explain(arguments: argparse.Namespace, client: Client) -> int:
    context: dict[str, list[str]] = {}
    for text in arguments.context or ():
        key, sign, value = text.partition("=")
        if not key or not sign:
            raise CommandError(f"--context must be KEY=VALUE, not {text!r}.")
        context.setdefault(key, []).append(value)
    body = {"principal": arguments.principal, "action": arguments.action, "resource": arguments.resource, "context": context}
    found = client.call("POST", "/iam/explain", body=body)
    if arguments.json:
        show_json(found)
    else:
        _show(found)
    return 0


def _show(found: dict[str, Any]) -> None:
    facts = {"principal": found["principal"], "action": found["action"], "resource": found["resource"]}
    show_facts({**facts, "decision": f"{_VERDICTS[found['decision']]} ({found['by']})"})
    print()
    for layer in found["layers"]:
        by = f" by {_names(layer['statements'])}" if layer["statements"] else ""
        _say(f"{_SAYS[layer['decision']]} {layer['layer']}{by}")
        for unmet in layer["unmet"]:
            _say(f"                {_name(unmet['statement'])} would allow it, but for:")
            for condition in unmet["conditions"]:
                _say(f"                  {_condition(condition)}")
    if found["missing"]:
        _say(f"Policies read these keys, which have no value: {', '.join(found['missing'])}", apart=True)
    if found["decision"] != "allowed":
        _show_remedy(found)
    if found["foreign"] and found["possible"]:
        _say("The resource is another account's, whose policies must allow it too. They are not asked here.", apart=True)


def _show_remedy(found: dict[str, Any]) -> None:
    if found["obstacles"]:
        _say(f"No Allow helps before this is changed: {_names(found['obstacles'])}", apart=True)
    if not found["possible"]:
        _say(f"No statement could allow it. {found['reason']}", apart=True)
    for suggestion in found["suggestions"]:
        article = "an" if suggestion["place"][0] in "aeiou" else "a"
        _say(f"To allow it, add to {article} {suggestion['place']}:", apart=True)
        print(json.dumps(suggestion["statement"], indent=2))


_VERDICTS = {"allowed": "allowed", "explicitDeny": "denied", "implicitDeny": "not allowed"}
_SAYS = {"allowed": "allows:        ", "explicitDeny": "denies:        ", "implicitDeny": "does not allow:"}


def _say(text: str, *, apart: bool = False) -> None:
    print(("\n" if apart else "") + printable(text))


def _condition(condition: dict[str, Any]) -> str:
    given = ", ".join(condition["given"]) if condition["given"] is not None else "nothing"
    return f"{condition['operator']} {condition['key']} {', '.join(condition['values'])}; given: {given}"


def _names(statements: list[dict[str, Any]]) -> str:
    return ", ".join(map(_name, statements))


def _name(statement: dict[str, Any]) -> str:
    return f"{statement['policy']}#{statement['sid'] or statement['number']}"
