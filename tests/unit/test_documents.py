"""The documents keep their promises: links resolve, and every setting, command and operation is described."""

import argparse
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from tests.tree import ROOT, text, tracked

_FENCE = re.compile(r"^ {0,3}(```+|~~~+).*?^ {0,3}\1[`~]*\s*$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)")
_LINK = re.compile(r"\]\(\s*<?([^)\s>]+)>?(?:\s+[\"'(][^)]*)?\)|^ {0,3}\[[^\]^]+\]:\s*<?(\S+?)>?(?:\s|$)", re.MULTILINE)
_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)
_HEADING = re.compile(r"^ {0,3}#{1,6}\s+(.+?)\s*#*\s*$", re.MULTILINE)
_VARIABLE = re.compile(r"\bMOORAGE_[A-Z0-9_]*[A-Z0-9]\b")

# They steer the tests and builds, not the server.
_TOOLING_VARIABLES = frozenset({"MOORAGE_SOAK", "MOORAGE_TOOL_CACHE"})


def _documents() -> list[Path]:
    return [path for path in tracked() if path.suffix == ".md"]


def _links(document: Path) -> Iterator[str]:
    prose = _CODE.sub("", _FENCE.sub("", text(document)))
    yield from (first or second for first, second in _LINK.findall(prose))
    yield from (target for target in re.findall(r"<(?:a|img)\b[^>]*?\b(?:href|src)=\"([^\"]+)\"", prose))


def _anchors(document: Path) -> set[str]:
    """The anchors of a document's headings, as forges derive them, and those that it sets itself."""
    prose = _FENCE.sub("", text(document))
    anchors = set(re.findall(r"<a\b[^>]*?\b(?:id|name)=\"([^\"]+)\"", prose))
    for heading in _HEADING.findall(prose):
        words = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = base = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
        count = 0
        while slug in anchors:
            count += 1
            slug = f"{base}-{count}"
        anchors.add(slug)
    return anchors


def _fault(document: Path, link: str) -> str | None:
    """What is wrong with a link, or None."""
    if _ELSEWHERE.match(link):
        return None
    target, _, anchor = unquote(link).partition("#")
    origin = ROOT if target.startswith("/") else (ROOT / document).parent
    found = (origin / target.lstrip("/")).resolve() if target else ROOT / document
    if not found.exists() or not found.is_relative_to(ROOT.resolve()):
        return f"{document}: {link} leads nowhere"
    if anchor and found.suffix == ".md" and anchor not in _anchors(found.relative_to(ROOT.resolve())):
        return f"{document}: {link} has no such heading"
    return None


def _commands(parser: argparse.ArgumentParser, words: tuple[str, ...] = ()) -> Iterator[str]:
    """Every command that does something, such as `moorage gc`."""
    below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if words and not below:
        yield " ".join(("moorage", *words))
    for action in below:
        for word, child in action.choices.items():
            yield from _commands(child, (*words, word))


def test_every_relative_link_leads_somewhere() -> None:
    faults = [fault for document in _documents() for link in _links(document) if (fault := _fault(document, link))]
    assert not faults, "\n".join(faults)


def test_every_setting_is_documented() -> None:
    variables = [setting.variable for setting in importlib.import_module("moorage.config").SETTINGS]
    page = text(Path("docs/settings.md"))
    assert not (missing := [name for name in variables if f"`{name}`" not in page]), missing


def test_documents_name_only_settings_that_exist() -> None:
    config = importlib.import_module("moorage.config")
    known = {setting.variable for setting in config.SETTINGS} | {config.CONFIG_VARIABLE} | _TOOLING_VARIABLES
    pages = [path for path in _documents() if path.name != "CHANGELOG.md" and "adr" not in path.parts]
    unknown = [f"{page}: {name}" for page in pages for name in sorted(set(_VARIABLE.findall(text(page))) - known)]
    assert not unknown, "\n".join(unknown)


def test_every_command_is_documented() -> None:
    commands = list(_commands(importlib.import_module("moorage.cli.main").build_parser()))
    pages = " ".join((text(Path("docs/commands.md")) + text(Path("README.md"))).split())
    assert commands
    assert not (missing := [words for words in commands if words not in pages]), missing


def test_every_operation_is_documented() -> None:
    named = importlib.import_module("moorage.app").operation_names
    operations = [name for service in ("ecr", "iam", "sts", "cloudtrail") for name in named(service)]
    page = text(Path("docs/compatibility.md"))
    assert operations
    assert not (missing := [name for name in operations if not re.search(rf"\b{name}\b", page)]), missing
