"""`moorage tags`: find tags, see where they were, and put them back there."""

import argparse
import re
from typing import Any

from moorage.cli.errors import CommandError
from moorage.cli.remote.command import Client, Group, Verbs, show_json, show_table
from moorage.cli.remote.filters import add_filters, found
from moorage.cli.remote.moments import FORMS, is_moment, moment

_DIGEST = re.compile(r"sha(256|512):[a-f0-9]+")
_MOVE = re.compile(r"[0-9]{1,18}")


def _build(verbs: Verbs) -> None:
    add_filters(verbs.add("list", _list, "find tags"))
    history = verbs.add("history", _history, "show every move of a tag, newest first")
    rollback = verbs.add("rollback", _rollback, "put a tag back where it was")
    for parser in (history, rollback):
        parser.add_argument("repository", metavar="REPO", help="the repository's name")
        parser.add_argument("tag", metavar="TAG", help="the tag")
    rollback.add_argument(
        "--to",
        metavar="POINT",
        help=f"a digest that it was on, the id of a move, or {FORMS} (default: the image before the present one)",
    )


def _list(arguments: argparse.Namespace, client: Client) -> int:
    tags = found(arguments, client, "tags", descending=False)
    if arguments.json:
        show_json({"tags": tags})
        return 0
    headings = "REPOSITORY TAG DIGEST PLATFORM SIZE MOVED PUSHED PULLED".split()
    members = "repository tag digest platform size moved_at pushed_at last_pulled_at".split()
    show_table(tags, dict(zip(members, headings, strict=True)))
    return 0


def _history(arguments: argparse.Namespace, client: Client) -> int:
    moves = list(client.entries("/tags/history", "moves", {"repository": arguments.repository, "tag": arguments.tag}))
    if arguments.json:
        show_json({"moves": moves})
        return 0
    headings = "ID WHEN BY TO IMAGE FROM".split()
    members = "id at by to_digest state from_digest".split()
    show_table(moves, dict(zip(members, headings, strict=True)))
    return 0


def _rollback(arguments: argparse.Namespace, client: Client) -> int:
    body = {"repository": arguments.repository, "tag": arguments.tag, **_point(arguments.to)}
    done = client.call("POST", "/tags/rollback", body=body)
    if arguments.json:
        show_json(done)
        return 0
    tag, digest = f"{done['repository']}:{done['tag']}", done["digest"]
    if done["from_digest"] == digest:
        print(f"{tag} is on {digest} already.")
    else:
        print(f"{tag} is on {digest} again; it was on {done['from_digest'] or 'nothing'}.")
    for image in done["brought_back"]:
        print(f"  {image} had been removed and is back.")
    return 0


def _point(text: str | None) -> dict[str, Any]:
    """Which of the three the argument is; a date is no move, for it has dashes."""
    if text is None:
        return {}
    if _DIGEST.fullmatch(text):
        return {"to_digest": text}
    if _MOVE.fullmatch(text):
        return {"to_move": text}
    if not is_moment(text):
        raise CommandError(f"--to must be a digest, the id of a move or {FORMS}, not {text!r}.")
    return {"to_time": moment(text)}


TAGS = Group("tags", "find tags, see where they were, put them back", _build)
