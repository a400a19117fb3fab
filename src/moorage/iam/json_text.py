"""JSON as policies are read: strictly, so that no two readers can see two different policies in one text."""

import json
from typing import Any

from moorage.core.texts import is_unicode
from moorage.iam.errors import MalformedPolicyError


class Literal(str):
    """A number as it was written: `1.50` stays `1.50`."""

    __slots__ = ()


def read(text: str) -> Any:
    """The value of a JSON text: dict (in the text's order), list, str, bool, None, or Literal for a number.

    Raises MalformedPolicyError, and nothing else, whatever the text is: for what is not JSON, and for what parsers treat
    differently: repeated keys, NaN and Infinity, lone surrogates in the text, U+0000 in a key. Strings are for `checked`.
    """
    if not is_unicode(text):
        raise MalformedPolicyError("The text has a lone surrogate.")
    try:
        return json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=Literal,
            parse_float=Literal,
            parse_constant=_refuse_constant,
        )
    except json.JSONDecodeError as error:
        raise MalformedPolicyError(
            f"The text is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        ) from None
    except RecursionError:
        raise MalformedPolicyError("The JSON is nested too deeply.") from None


def checked(text: str) -> str:
    """A string of the document; raises MalformedPolicyError for what JSON can spell and no database may keep."""
    if "\0" in text or not is_unicode(text):
        raise MalformedPolicyError("A string has a character that is not allowed.")
    return text


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise MalformedPolicyError(f"The key {json.dumps(key[:64])} is repeated.")
        found[checked(key)] = value
    return found


def _refuse_constant(name: str) -> Any:
    raise MalformedPolicyError(f"{name} is not a JSON value.")
