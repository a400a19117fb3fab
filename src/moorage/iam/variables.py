"""Variables in policies, `${aws:username}` (IAM user guide, "IAM policy elements: Variables and tags").

What a variable stands for is text, never a wildcard: a user named `*` gains nothing from `${aws:username}`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from moorage.iam.context import LONGEST_VALUE, Context
from moorage.iam.matching import Pattern

VERSION = "2012-10-17"
"""Of the documents that have variables; in others `${…}` is text like any other."""

_VARIABLE = re.compile(r"\$\{(?:([*?$])|\s*([^\s${},'*?](?:[^${},'*?]*[^\s${},'*?])?)\s*(?:,\s*'([^']*)'\s*)?)\}")


@dataclass(frozen=True, slots=True)
class Variable:
    """`${key}` or `${key, 'default'}`."""

    key: str
    """In lower case."""
    default: str | None = None

    def value(self, context: Context) -> str | None:
        """What it stands for; None if its key is absent and it has no default, and if the key has several values or one that
        is too long to be compared.
        """
        values = context.get(self.key)
        if not values:
            return self.default
        return values[0] if len(values) == 1 and len(values[0]) <= LONGEST_VALUE else None


@dataclass(frozen=True, slots=True)
class Verbatim:
    """`${*}`, `${?}` or `${$}`: the character itself."""

    text: str


Token = str | Verbatim | Variable


def tokens_of(text: str) -> tuple[Token, ...]:
    """The text, cut at its variables. What has not the form of a variable is text."""
    found: list[Token] = []
    end = 0
    for match in _VARIABLE.finditer(text):
        found.append(text[end : match.start()])
        character, key, default = match.groups()
        found.append(Verbatim(character) if character else Variable(key.lower(), default))
        end = match.end()
    found.append(text[end:])
    return tuple(token for token in found if token != "")


@dataclass(frozen=True, slots=True)
class Template:
    """A pattern with gaps."""

    pieces: tuple[Pattern | Variable, ...]

    @classmethod
    def of(cls, tokens: Iterable[Token], *, wild: bool) -> "Template":
        """`wild`: whether `*` and `?` in the text, outside of variables, are wildcards."""
        pieces: list[Pattern | Variable] = []
        for of_variables, run in groupby(tokens, lambda token: isinstance(token, Variable)):
            if of_variables:
                pieces += (token for token in run if isinstance(token, Variable))
            else:
                pieces.append(Pattern.joined(_pattern(token, wild) for token in run if not isinstance(token, Variable)))
        return cls(tuple(pieces) or (_EMPTY,))

    @property
    def fixed(self) -> Pattern | None:
        """The pattern that it always is, if it has no variables."""
        first = self.pieces[0]
        return first if len(self.pieces) == 1 and isinstance(first, Pattern) else None

    @property
    def head(self) -> str:
        """What everything that it can match begins with, as far as that does not depend on the request."""
        first = self.pieces[0]
        return first.head if isinstance(first, Pattern) else ""

    @property
    def keys(self) -> frozenset[str]:
        """The context keys that it reads."""
        return frozenset(piece.key for piece in self.pieces if isinstance(piece, Variable))

    @property
    def weight(self) -> int:
        """How many steps a match takes at most; a variable's value may come to stand beside a `?`."""
        patterns = [piece for piece in self.pieces if isinstance(piece, Pattern)]
        single = any(len(part) > 1 for pattern in patterns for part in pattern.parts)
        of_variable = 1 + (LONGEST_VALUE if single else 0)
        return sum(pattern.weight for pattern in patterns) + (len(self.pieces) - len(patterns)) * of_variable

    def matches(self, text: str, context: Context) -> bool:
        """Whether it matches the whole text; it matches none if one of its variables stands for nothing."""
        position = 0
        for number, piece in enumerate(self.pieces):
            known = piece.value(context) if isinstance(piece, Variable) else piece.text
            if known is None:
                rest = self._resolved(number, context)
                return rest is not None and rest.matches(text[position:])
            if not text.startswith(known, position):
                return False
            position += len(known)
        return position == len(text)

    def resolve(self, context: Context) -> Pattern | None:
        """The pattern for this request; None if a variable stands for nothing."""
        return self._resolved(0, context)

    def _resolved(self, start: int, context: Context) -> Pattern | None:
        found: list[Pattern] = []
        for piece in self.pieces[start:]:
            if isinstance(piece, Variable):
                value = piece.value(context)
                if value is None:
                    return None
                found.append(Pattern.plain(value))
            else:
                found.append(piece)
        return Pattern.joined(found)


_EMPTY = Pattern.plain("")


def _pattern(token: str | Verbatim, wild: bool) -> Pattern:
    if isinstance(token, Verbatim):
        return Pattern.plain(token.text)
    return Pattern.wild(token) if wild else Pattern.plain(token)
