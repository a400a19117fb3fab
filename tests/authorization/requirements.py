"""The reader of `requirements.txt`: what each entry asks of its caller, as it was typed by hand."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PATH = Path(__file__).with_name("requirements.txt")
_ACTION = re.compile(r"[a-z-]+:[A-Z][A-Za-z]+")


@dataclass(frozen=True, slots=True)
class Need:
    """Actions on one resource."""

    actions: tuple[str, ...]
    resource: str
    """A kind such as `repository`, or `*`."""
    any_of: bool = False
    """Whether one of the actions is enough."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line."""

    section: str
    """`ecr`, `sts`, `cloudtrail`, `iam`, `oci` or `api`."""
    entry: str
    """An operation, or a method and what it is about."""
    variant: str
    """What the request has besides, after a `+`; empty for the plain one."""
    needs: tuple[Need, ...]
    """In the order in which they are asked. Empty: nothing is."""
    is_open: bool = False
    """Whether nobody has to sign."""
    installation: bool = False
    """Whether only the default account may be allowed to."""

    def __str__(self) -> str:
        return f"[{self.section}] {self.entry}" + (f"+{self.variant}" if self.variant else "")

    @property
    def actions(self) -> tuple[str, ...]:
        """Every action that it names, in order."""
        return tuple(action for need in self.needs for action in need.actions)


def read(text: str) -> tuple[Line, ...]:
    """The lines of such a file; raises ValueError for what cannot be read, or stands there twice."""
    lines = tuple(_lines(text))
    names = [str(line) for line in lines]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"stands there twice: {sorted(twice)}")
    return lines


def _lines(text: str) -> Iterator[Line]:
    section = ""
    for raw in text.splitlines():
        stripped = raw.strip()
        if not stripped or stripped.startswith("#"):
            continue
        if stripped.startswith("["):
            section = stripped.strip("[]")
            continue
        name, *cells = (cell.strip() for cell in stripped.split("|"))
        entry, _, variant = name.partition("+")
        if not section or not cells or cells[1:] not in ([], ["installation"]):
            raise ValueError(f"not a line: {raw}")
        needs = () if cells[0] in {"-", "open"} else tuple(_need(part) for part in cells[0].split(";"))
        yield Line(section, entry, variant, needs, cells[0] == "open", bool(cells[1:]))


def _need(text: str) -> Need:
    left, _, resource = text.partition("@")
    any_of = " or " in left
    actions = tuple(left.replace(" or ", " ").split())
    if not resource.strip() or not actions or not all(_ACTION.fullmatch(action) for action in actions):
        raise ValueError(f"not a requirement: {text}")
    return Need(actions, resource.strip(), any_of)


LINES = read(PATH.read_text())
