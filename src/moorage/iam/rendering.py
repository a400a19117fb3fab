"""Policies as ECR prints them (ECR API reference, samples of GetRepositoryPolicy).

It is the layout of a well-known Java printer: objects are indented by two spaces, `"key" : value`; arrays stand on one line,
`[ "a", "b" ]`, and one of objects opens them there, `[ {`.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from moorage.iam.json_text import Literal, read

LONGEST = 10_240
"""Characters of the longest text that ECR takes."""

_BEYOND_LATIN_1 = re.compile(r"[^\x00-\xff]")


def render(text: str, *, principals: Mapping[str, str] = {}) -> str:
    """The same JSON value in ECR's layout, keys in the text's order; raises MalformedPolicyError for what is not JSON.

    `principals` are ARNs of users and roles that are to be shown otherwise where statements name them.

    Characters beyond U+00FF, which a policy's text may only spell as escapes, are escapes in the result too. A text that the
    layout would make longer than ECR takes stays as it is: what is shown can be set again.
    """
    value = read(text)
    if principals:
        _rename(value, principals)
    shown = _value(value, 0)
    return text if len(shown) > max(LONGEST, len(text)) else shown


def _rename(document: Any, principals: Mapping[str, str]) -> None:
    listed = document["Statement"] if isinstance(document["Statement"], list) else [document["Statement"]]
    for statement in listed:
        for element in ("Principal", "NotPrincipal"):
            named = statement.get(element)
            if isinstance(named, dict) and "AWS" in named:
                given = named["AWS"]
                renamed = [principals.get(each, each) for each in (given if isinstance(given, list) else [given])]
                named["AWS"] = renamed if isinstance(given, list) else renamed[0]


def _value(value: Any, level: int) -> str:
    if isinstance(value, dict):
        inner, outer = "  " * (level + 1), "  " * level
        lines = [f"{inner}{_text(key)} : {_value(item, level + 1)}" for key, item in value.items()]
        return "{\n" + ",\n".join(lines) + f"\n{outer}}}" if lines else "{ }"
    if isinstance(value, list):
        return f"[ {', '.join(_value(item, level) for item in value)} ]" if value else "[ ]"
    if isinstance(value, Literal):
        return str(value)
    return _text(value) if isinstance(value, str) else json.dumps(value)


def _text(text: str) -> str:
    return _BEYOND_LATIN_1.sub(_escape, json.dumps(text, ensure_ascii=False))


def _escape(found: re.Match[str]) -> str:
    return json.dumps(found[0])[1:-1]
