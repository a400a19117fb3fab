"""Patterns of policies, ready to be matched (IAM user guide, "Resource", "Action" and "String condition operators").

No pattern, however it is made, takes more steps than it has characters, and no step more than one pass over the text.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

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

    @classmethod
    def joined(cls, patterns: Iterable["Pattern"]) -> "Pattern":
        """What matches what these match, one behind the other; of none, the empty text."""
        parts: list[list[str]] = [[""]]
        for pattern in patterns:
            start, *after = pattern.parts
            parts[-1][-1] += start[0]
            parts[-1] += start[1:]
            parts += map(list, after)
        return cls(tuple(map(tuple, parts)))

    @property
    def text(self) -> str | None:
        """What it stands for, if it has no wildcard."""
        return self.parts[0][0] if len(self.parts) == 1 and len(self.parts[0]) == 1 else None

    @property
    def head(self) -> str:
        """What everything that it matches begins with."""
        return self.parts[0][0]

    @property
    def weight(self) -> int:
        """How many steps a match takes at most."""
        if len(self.parts) == 1:
            return len(self.parts[0])
        first, *middle, last = self.parts
        return len(first) + len(last) + sum(1 if len(part) == 1 else _length(part) for part in middle)

    def matches(self, text: str) -> bool:
        """Whether it matches the whole text."""
        first, *rest = self.parts
        position = _length(first)
        if not rest:
            return position == len(text) and _fits(first, text, 0)
        *middle, last = rest
        end = len(text) - _length(last)
        if position > end or not _fits(first, text, 0) or not _fits(last, text, end):
            return False
        for part in middle:
            found = _find(part, text, position, end)
            if found < 0:
                return False
            position = found + _length(part)
        return True


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


def _find(part: tuple[str, ...], text: str, position: int, end: int) -> int:
    """The first place from `position` on where a part stands, whole before `end`; -1 if there is none."""
    if len(part) == 1:
        return text.find(part[0], position, end)
    last = end - _length(part)
    if last < position:
        return -1
    # Every place at once, each of them a bit: a regular expression would ask each for itself.
    places = _places(text)
    starts = (1 << last + 1) - (1 << position)
    offset = 0
    for piece in part:
        for character in piece:
            starts &= places.get(character, 0) >> offset
            if not starts:
                return -1
            offset += 1
        offset += 1
    return (starts & -starts).bit_length() - 1


@lru_cache(maxsize=64)  # many patterns ask about few texts
def _places(text: str) -> Mapping[str, int]:
    """Where each character of a text stands: the bits of a number, the first character's the lowest."""
    found: dict[str, int] = {}
    bit = 1
    for character in text:
        found[character] = found.get(character, 0) | bit
        bit <<= 1
    return found


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
