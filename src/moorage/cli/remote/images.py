"""`moorage images`: find images, bring removed ones back, or end their retention."""

import argparse
from typing import Any

from moorage.cli.remote.command import Client, Group, Verbs, show_json, show_table
from moorage.cli.remote.filters import add_filters, found

_REPOSITORY = "the repository's name"
_MOST_NAMED = 400
"""Digests that one request names at most."""


def _build(verbs: Verbs) -> None:
    shown = verbs.add("list", _list, "find images")
    add_filters(shown)
    shown.add_argument("--sort", choices=("pushed", "pulled"), default="pushed", help="newest first (default: pushed)")
    removed = verbs.add("removed", _removed, "show the removed images that can be brought back")
    removed.add_argument("repository", metavar="REPO", help=_REPOSITORY)
    undelete = verbs.add("undelete", _undelete, "bring a removed image back, with its tags")
    undelete.add_argument("repository", metavar="REPO", help=_REPOSITORY)
    undelete.add_argument("digest", metavar="DIGEST", help="as removed shows it")
    purge = verbs.add("purge", _purge, "end the retention of removed images now")
    purge.add_argument("repository", metavar="REPO", help=_REPOSITORY)
    purge.add_argument("digests", metavar="DIGEST", nargs="*", help="only these (default: all removed images)")


def _list(arguments: argparse.Namespace, client: Client) -> int:
    images = found(arguments, client, "images", descending=True, sort=arguments.sort)
    if arguments.json:
        show_json({"images": images})
        return 0
    headings = "REPOSITORY TAGS DIGEST PLATFORM SIZE PUSHED PULLED".split()
    members = "repository tags digest platform size pushed_at last_pulled_at".split()
    show_table(images, dict(zip(members, headings, strict=True)))
    return 0


def _removed(arguments: argparse.Namespace, client: Client) -> int:
    images = list(client.entries("/images/removed", "images", {"repository": arguments.repository}))
    if arguments.json:
        show_json({"images": images})
        return 0
    headings = "DIGEST TAGS REMOVED BY UNTIL".split()
    members = "digest tags removed_at removed_by kept_until".split()
    show_table(images, dict(zip(members, headings, strict=True)))
    return 0


def _undelete(arguments: argparse.Namespace, client: Client) -> int:
    body = {"repository": arguments.repository, "digest": arguments.digest}
    done = client.call("POST", "/images/undelete", body=body)
    if arguments.json:
        show_json(done)
        return 0
    for image in done["images"]:
        print(f"{image['digest']} is back{_tags(image)}.")
        for other in image["tags_elsewhere"]:
            print(f"  The tag {other['tag']} stays on {other['digest']}.")
    return 0


def _tags(image: dict[str, Any]) -> str:
    return f", tagged {', '.join(image['tags'])}" if image["tags"] else ""


def _purge(arguments: argparse.Namespace, client: Client) -> int:
    purged, left = 0, list(arguments.digests)
    while True:
        some, left = left[:_MOST_NAMED], left[_MOST_NAMED:]
        body = {"repository": arguments.repository, **({"digests": some} if some else {})}
        done = client.call("POST", "/images/purge", body=body)
        purged += done["purged"]
        if not left and not done["more"]:
            break
    if arguments.json:
        show_json({**done, "purged": purged})
    else:
        print(f"{purged} removed image{'' if purged == 1 else 's'} purged.")
    return 0


IMAGES = Group("images", "find images, bring removed ones back", _build)
