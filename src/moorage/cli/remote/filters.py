"""The filters that `moorage images list` and `moorage tags list` share."""

import argparse
import itertools
from typing import Any

from moorage.cli.remote.command import Client, Parser
from moorage.cli.remote.moments import FORMS, moment

_TEXTS = ("tag", "digest", "platform", "media_type", "artifact_type")
_TIMES = ("pushed_after", "pushed_before", "pulled_after", "pulled_before")


def add_filters(parser: Parser) -> None:
    """Declare them."""
    parser.add_argument("repository", metavar="REPO", nargs="?", help="a name or a pattern such as 'team/*' (default: all)")
    parser.add_argument("--tag", metavar="PATTERN", help="a tag or a pattern such as 'v1.*'")
    parser.add_argument("--digest", metavar="PREFIX", help="how the digest begins")
    parser.add_argument("--label", metavar="KEY[=VALUE]", action="append", help="of the image's config; may be repeated")
    parser.add_argument("--platform", metavar="OS[/ARCH[/VARIANT]]", help="of the image, or of one that the index names")
    parser.add_argument("--media-type", metavar="TYPE", help="of the manifest")
    parser.add_argument("--artifact-type", metavar="TYPE", help="of the artifact")
    for name in _TIMES:
        what, when = name.split("_")
        parser.add_argument(f"--{what}-{when}", metavar="TIME", help=f"{what} {when} {FORMS}")
    tagged = parser.add_mutually_exclusive_group()
    tagged.add_argument("--tagged", dest="tagged", action="store_const", const="true", help="with a tag")
    tagged.add_argument("--untagged", dest="tagged", action="store_const", const="false", help="without tags")
    parser.add_argument("--reverse", action="store_true", help="the other way round")
    parser.add_argument("--limit", metavar="N", type=_count, help="show at most so many (default: all)")


def found(arguments: argparse.Namespace, client: Client, member: str, *, descending: bool, **more: str) -> list[dict[str, Any]]:
    """What fits the filters; `member` is what holds it, and `descending` its ordinary order."""
    query: dict[str, Any] = {"order": "desc" if descending != arguments.reverse else "asc", **more}
    for name in ("repository", *_TEXTS, "label", "tagged"):
        if (given := getattr(arguments, name)) is not None:
            query[name] = given
    for name in _TIMES:
        if (given := getattr(arguments, name)) is not None:
            query[name] = moment(given)
    if arguments.limit is not None:
        query["limit"] = str(min(arguments.limit, 1000))
    return list(itertools.islice(client.entries(f"/{member}", member, query), arguments.limit))


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value
