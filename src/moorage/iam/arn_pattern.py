"""Patterns of ARNs: six segments, each with wildcards of its own (IAM user guide, "Resource" and "ARN condition operators")."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from moorage.iam.context import Context
from moorage.iam.matching import Matcher, Pattern, matcher
from moorage.iam.variables import Template, Token, tokens_of

_COLONS: Final = 5
_SERVICE: Final = 2

Segments = tuple[str, ...]


def segments_of(arn: str) -> Segments | None:
    """The six segments of an ARN, of which the last may hold colons; None for what is no ARN."""
    parts = tuple(arn.split(":", _COLONS))
    return parts if len(parts) == _COLONS + 1 and parts[0] == "arn" else None


@dataclass(frozen=True, slots=True)
class ArnPattern:
    """Wildcards stay within a segment; in the last, they take in `/` and `:` too."""

    whole: Matcher | None
    """Asks the whole text at once; where that is the same as asking each segment."""
    fixed: tuple[tuple[int, Matcher], ...] = ()
    """Otherwise: the places of segments that do not change, and how they are asked; those that match anything are left out."""
    changing: tuple[tuple[int, Template], ...] = ()
    """And of those with variables."""
    head: str = ""
    """What everything that it can match begins with, as far as that does not depend on the request."""
    keys: frozenset[str] = frozenset()
    weight: int = 1
    """How many steps a match takes at most."""

    @classmethod
    def of_resource(cls, text: str, *, variables: bool, wild_service: bool) -> "ArnPattern":
        """A pattern of `Resource`, which is `*` or has six segments; variables count in the last of them.

        The segment of the service has no wildcards in IAM's grammar. `wild_service` says what one that is there is
        nevertheless: a wildcard, or a character that no service's name has.
        """
        if text == "*":
            return cls(_always)
        *first, last = text.split(":", _COLONS)
        templates = [Template.of((part,), wild=wild_service or place != _SERVICE) for place, part in enumerate(first)]
        return cls._joined((*templates, Template.of(tokens_of(last) if variables else (last,), wild=True)))

    @classmethod
    def of_condition(cls, text: str, *, variables: bool) -> "ArnPattern | None":
        """A value of ArnLike and ArnEquals, where variables may stand anywhere; None if it has not six segments.

        `*` alone is any ARN.
        """
        if text == "*":
            return cls(_always)
        segments = _split(tokens_of(text) if variables else (text,))
        if len(segments) <= _COLONS:
            return None
        return cls._joined(tuple(Template.of(segment, wild=True) for segment in segments))

    @classmethod
    def _joined(cls, segments: tuple[Template, ...]) -> "ArnPattern":
        patterns = [segment.fixed for segment in segments]
        head: list[str] = []
        for segment, pattern in zip(segments, patterns, strict=True):
            head.append(segment.head)
            if pattern is None or pattern.text is None:
                break
        last = patterns[-1]
        if len(head) > _COLONS and last is not None:
            whole = Pattern.joined((Pattern.plain(":".join(head[:-1]) + ":"), last))
            return cls(matcher(whole), head=":".join(head), weight=whole.weight)
        fixed = [(place, matcher(pattern)) for place, pattern in enumerate(patterns) if pattern not in (None, _ANYTHING)]
        changing = [(place, segment) for place, segment in enumerate(segments) if patterns[place] is None]
        keys = frozenset[str]().union(*(segment.keys for segment in segments))
        wild = [pattern.weight for pattern in patterns if pattern is not None and pattern.text is None and pattern != _ANYTHING]
        weight = 1 + sum(wild) + sum(segment.weight for _, segment in changing)
        return cls(None, tuple(fixed), tuple(changing), ":".join(head), keys, weight)

    def matches(self, arn: str, segments: Segments | None, context: Context) -> bool:
        """Whether it matches an ARN, given whole and in `segments_of` it; `*`, a request about no resource, is no ARN."""
        if self.whole is not None:
            return self.whole(arn)
        if segments is None or not arn.startswith(self.head):
            return False
        for place, fits in self.fixed:
            if not fits(segments[place]):
                return False
        return all(template.matches(segments[place], context) for place, template in self.changing)


_ANYTHING = Pattern.wild("*")


def _always(_text: str) -> bool:
    return True


def _split(tokens: Iterable[Token]) -> list[list[Token]]:
    """Cut at the first five colons of the text; a colon in a variable's name or value is none of them."""
    segments: list[list[Token]] = [[]]
    for token in tokens:
        if not isinstance(token, str):
            segments[-1].append(token)
            continue
        first, *rest = token.split(":", _COLONS + 1 - len(segments)) if len(segments) <= _COLONS else (token,)
        segments[-1].append(first)
        segments.extend([part] for part in rest)
    return segments
