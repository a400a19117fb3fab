"""What a command that asks a server is made of: its parser, and what it does with a client."""

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Query = Mapping[str, str | Sequence[str]]
"""Parameters; those with several values are repeated."""


class Client(Protocol):
    """`/api/v1` of a server, as `cli.client` reaches it; declared here so that parsers need not load botocore."""

    def call(
        self,
        method: str,
        path: str,
        query: Query | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The answer; raises CommandError for a refusal."""
        ...

    def entries(self, path: str, member: str, query: Query | None = None) -> Iterator[dict[str, Any]]:
        """Every entry of a listing, until its end."""
        ...


Run = Callable[[argparse.Namespace, Client], int]
"""Carries a command out, and returns the exit status."""

Parser = argparse.ArgumentParser


@dataclass(frozen=True, slots=True)
class Group:
    """Commands with one word in front, such as `moorage token create`."""

    word: str
    help: str
    build: Callable[["Verbs"], None]


@dataclass(frozen=True, slots=True)
class Command:
    """A command of one word, such as `moorage audit`."""

    word: str
    help: str
    build: Callable[[Parser], None]
    """Declares its arguments."""
    run: Run


class Verbs:
    """The commands of a group, as they are declared."""

    def __init__(self, actions: "argparse._SubParsersAction[Any]", finish: Callable[[Parser], None]) -> None:
        self._actions = actions
        self._finish = finish

    def add(self, word: str, run: Run, help_text: str) -> Parser:
        """Declare `moorage GROUP WORD`; what it returns takes further arguments. Its answer is printed by `show`."""
        text = help_text[0].upper() + help_text[1:]
        parser: Parser = self._actions.add_parser(word, help=help_text, description=f"{text}.")
        parser.set_defaults(remote=run)
        parser.add_argument("--json", action="store_true", help="print the server's answer as JSON, for scripts")
        self._finish(parser)
        return parser

    def group(self, word: str, help_text: str) -> "Verbs":
        """Declare commands with one more word in front, such as `moorage iam session list`."""
        text = help_text[0].upper() + help_text[1:]
        parser: Parser = self._actions.add_parser(word, help=help_text, description=f"{text}.")
        verbs = parser.add_subparsers(dest="inner_verb", metavar="command", required=True, parser_class=type(parser))
        return Verbs(verbs, self._finish)


def show_table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> None:
    """Print entries in aligned columns, `columns` being headings by member; a dash stands for what is not there."""
    lines = [[*columns.values()], *([_cell(row.get(member)) for member in columns] for row in rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(columns))]
    for line in lines:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def show_facts(facts: Mapping[str, Any]) -> None:
    """Print one thing's members below each other."""
    width = max(map(len, facts)) + 1
    for name, value in facts.items():
        print(f"{name + ':':<{width}} {_cell(value)}")


def show_json(document: Any) -> None:
    """Print what a script reads."""
    print(json.dumps(document, indent=2))


def _cell(value: Any) -> str:
    if value is None or value == []:
        return "-"
    return printable(",".join(map(str, value)) if isinstance(value, list) else str(value))


def printable(text: str) -> str:
    """A text of a server's as a terminal may see it: nothing in it moves the cursor."""
    return "".join(character if character.isprintable() else "?" for character in text)
