"""Where the statements of a policy stand in its text, as IAM's simulator points at them (IAM API reference, Position)."""

import json
import re
from bisect import bisect_right
from dataclasses import dataclass

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]')
_COLON = re.compile(r"\s*:")


@dataclass(frozen=True, slots=True)
class Position:
    """The place behind a brace, as the simulator counts it: the first line is 1, the first column of a line is 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Span:
    """One statement: behind its opening brace, and behind its closing one."""

    start: Position
    end: Position


def statement_spans(text: str) -> tuple[Span, ...]:
    """The spans of a policy's statements in their order. The text must be a policy; of another one nothing is promised."""
    lines = [0, *(found.end() for found in re.finditer("\n", text))]
    return tuple(Span(_at(lines, start), _at(lines, end)) for start, end in _offsets(text))


def _offsets(text: str) -> list[tuple[int, int]]:
    """Where each statement begins and ends, both behind the brace."""
    found: list[tuple[int, int]] = []
    depth = opened = 0
    inside, floor = False, 1  # floor: how deep the statements' braces stand, one more if they are in a list
    for token in _TOKEN.finditer(text):
        mark = token[0]
        if mark[0] == '"':
            if depth == 1 and _is_key(text, token.end()):
                inside, floor = json.loads(mark) == "Statement", 1
        elif mark in "{[":
            if inside and mark == "[" and depth == 1:
                floor = 2
            elif inside and mark == "{" and depth == floor:
                opened = token.end()
            depth += 1
        else:
            depth -= 1
            if inside and mark == "}" and depth == floor:
                found.append((opened, token.end()))
    return found


def _is_key(text: str, end: int) -> bool:
    return _COLON.match(text, end) is not None


def _at(lines: list[int], offset: int) -> Position:
    line = bisect_right(lines, offset)
    return Position(line, offset - lines[line - 1] + 1)
