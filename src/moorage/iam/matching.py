"""Patterns of policies, ready to be matched (IAM user guide, "Resource", "Action" and "String condition operators").

No pattern, however it is made, takes more time than its length times the text's.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

Matcher = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A text with wildcards, in which what is a wildcard and what is a character cannot be confused.

    `parts` are what stands between the `*`; each part is the texts between its `?`. So `a?b*c` is `((a, b), (c,))`.
    """

    parts: tuple[tuple[str, ...], ...]

    @classmethod
    def wild(cls, text: str) -> "Pattern":
        """A text in which `*` and `?` are wildcards."""
        return cls(tuple(tuple(part.split("?")) for part in text.split("*")))

    @classmethod
    def plain(cls, text: str) -> "Pattern":
        """A text that stands for itself."""
        return cls(((text,),))

    def __add__(self, other: "Pattern") -> "Pattern":
        *before, end = self.parts
        start, *after = other.parts
        return Pattern((*before, (*end[:-1], end[-1] + start[0], *start[1:]), *after))

    @property
    def text(self) -> str | None:
        """What it stands for, if it has no wildcard."""
        return self.parts[0][0] if len(self.parts) == 1 and len(self.parts[0]) == 1 else None

    @property
    def head(self) -> str:
        """What everything that it matches begins with."""
        return self.parts[0][0]

    def matches(self, text: str) -> bool:
        """Whether it matches the whole text."""
        first, *rest = self.parts
        position = _length(first)
        if not rest:
            return position == len(text) and _fits(first, text, 0)
        if not _fits(first, text, 0):
            return False
        *middle, last = rest
        for part in middle:
            found = _find(part, text, position)
            if found < 0:
                return False
            position = found + _length(part)
        start = len(text) - _length(last)
        return start >= position and _fits(last, text, start)


def _length(part: tuple[str, ...]) -> int:
    return sum(map(len, part)) + len(part) - 1


def _fits(part: tuple[str, ...], text: str, position: int) -> bool:
    if position + _length(part) > len(text):
        return False
    for piece in part:
        if not text.startswith(piece, position):
            return False
        position += len(piece) + 1
    return True


def _find(part: tuple[str, ...], text: str, position: int) -> int:
    if len(part) == 1:
        return text.find(part[0], position)
    expression = re.compile(".".join(map(re.escape, part)), re.DOTALL)  # of fixed length: there is nothing to go back over
    found = expression.search(text, position)
    return found.start() if found else -1


def matcher(pattern: Pattern) -> Matcher:
    """The quickest way to ask a pattern that does not change."""
    if (text := pattern.text) is not None:
        return text.__eq__
    if any(len(part) > 1 for part in pattern.parts):
        return pattern.matches
    head, *middle, tail = (part[0] for part in pattern.parts)
    if not middle and not tail:
        return lambda text: text.startswith(head)
    return _glob(head, tuple(middle), tail)


def _glob(head: str, middle: tuple[str, ...], tail: str) -> Matcher:
    least = len(head) + sum(map(len, middle)) + len(tail)

    def matches(text: str) -> bool:
        if len(text) < least or not text.endswith(tail) or not text.startswith(head):
            return False
        position = len(head)
        for part in middle:
            found = text.find(part, position)
            if found < 0:
                return False
            position = found + len(part)
        return position <= len(text) - len(tail)

    return matches


def any_of(patterns: Iterable[Pattern]) -> Matcher:
    """Whether one of them matches; those without wildcards are looked up."""
    texts: set[str] = set()
    wild: list[Matcher] = []
    for pattern in patterns:
        if (text := pattern.text) is not None:
            texts.add(text)
        else:
            wild.append(matcher(pattern))
    if not wild:
        return frozenset(texts).__contains__
    if not texts and len(wild) == 1:
        return wild[0]
    return lambda text: text in texts or any(one(text) for one in wild)
