"""Queries and bodies of `/api/v1` become structs here; what does not fit is refused in one kind of sentence."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TypeVar

import msgspec
from msgspec import Struct, inspect

from moorage.core.errors import InvalidParameterError
from moorage.http.api.values import Nothing
from moorage.http.messages import BadRequestError, UnsupportedMediaTypeError

T = TypeVar("T", bound=Struct)

_SIGNATURE = "x-amz-"
"""What the parameters of a presigned request begin with; they are the signature's, not the route's."""

# msgspec also takes 1e3 for a number, 12345 for a date and `null` for nothing, which no client means.
_FORMS: Mapping[type[inspect.Type], re.Pattern[str]] = {
    inspect.IntType: re.compile(r"-?[0-9]{1,18}"),
    inspect.BoolType: re.compile(r"true|false"),
    inspect.DateTimeType: re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T.{1,40}"),
}
_FORM_NAMES: Mapping[type[inspect.Type], str] = {
    inspect.IntType: "a whole number",
    inspect.BoolType: "true or false",
    inspect.DateTimeType: "a time such as 2026-11-26T18:00:00Z",
}
_WHERE = re.compile(r"(?P<what>.*?)(?: - at `(?:\$\.?|key in )?(?P<where>[^`]*)`)?", re.DOTALL)


def decode_query(parameters: Mapping[str, list[str]], wanted: type[T]) -> T:
    """The query as that struct; raises InvalidParameterError, also for parameters that are unknown or repeated.

    Only a parameter whose field is a list may be repeated.
    """
    forms, lists = _forms(wanted), _lists(wanted)
    flat: dict[str, str | list[str]] = {}
    for name, values in parameters.items():
        if name.lower().startswith(_SIGNATURE):
            continue
        if name in lists:
            flat[name] = values
            continue
        if len(values) > 1:
            raise InvalidParameterError.at(name[:80], "must not be repeated")
        kind = forms.get(name)
        if kind is not None and not _FORMS[kind].fullmatch(values[0]):
            raise InvalidParameterError.at(name, f"must be {_FORM_NAMES[kind]}")
        flat[name] = values[0]
    try:
        return msgspec.convert(flat, wanted, strict=False)
    except msgspec.ValidationError as error:
        raise _refusal(error) from None


def decode_body(body: bytes, content_type: str | None, wanted: type[T]) -> T:
    """The body as that struct.

    Raises BadRequestError for what is no JSON or not wanted at all, UnsupportedMediaTypeError for another type than JSON,
    InvalidParameterError for JSON of another shape.
    """
    if wanted is Nothing:
        if body:
            raise BadRequestError("This request takes no body.")
        return wanted()
    media_type, _, parameters = (content_type or "").partition(";")
    if media_type.strip().lower() != "application/json" or parameters.strip().lower() not in {"", "charset=utf-8"}:
        raise UnsupportedMediaTypeError("The body must be of the type application/json.")
    try:
        return msgspec.json.decode(body, type=wanted)
    except msgspec.ValidationError as error:
        raise _refusal(error) from None
    except (ValueError, RecursionError):
        raise BadRequestError("The body is not valid JSON.") from None


# What msgspec says, and what ECR's sentences say instead.
_WORDINGS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"Expected `(?:str|array|object)` of length >= (\d+)"), r"Member must have length greater than or equal to \1"),
    (re.compile(r"Expected `(?:str|array|object)` of length <= (\d+)"), r"Member must have length less than or equal to \1"),
    (re.compile(r"Expected `(?:int|float)` >= (-?[\d.]+)"), r"Member must have value greater than or equal to \1"),
    (re.compile(r"Expected `(?:int|float)` <= (-?[\d.]+)"), r"Member must have value less than or equal to \1"),
    (re.compile(r"Expected `str` matching regex '(.*)'"), r"must satisfy regular expression '\1'"),
    (re.compile(r"Object missing required field `(.*)`"), r"the member \1 must not be null"),
    (re.compile(r"Object contains unknown field `(.*)`"), r"there is no member \1"),
    (re.compile(r"Expected `(.*?)`, got `(.*)`"), r"must be of the JSON type \1, not \2"),
)


def _refusal(error: msgspec.ValidationError) -> InvalidParameterError:
    """What is wrong, and where; the member comes first, and the wording is ECR's."""
    found = _WHERE.fullmatch(str(error))
    what, where = (found["what"], found["where"]) if found else (str(error), None)
    for pattern, wording in _WORDINGS:
        if match := pattern.fullmatch(what):
            what = match.expand(wording)
            break
    if where:
        return InvalidParameterError.at(where, what)
    return InvalidParameterError(f"Invalid request: {what}.")


@cache
def _forms(wanted: type[Struct]) -> Mapping[str, type[inspect.Type]]:
    """The parameters that must be written in one form, and which."""
    fields = msgspec.structs.fields(wanted)
    return {each.encode_name: kind for each in fields for kind in _kinds(inspect.type_info(each.type)) if kind in _FORMS}


@cache
def _lists(wanted: type[Struct]) -> frozenset[str]:
    """The parameters that may be repeated."""
    fields = msgspec.structs.fields(wanted)
    return frozenset(each.encode_name for each in fields if inspect.ListType in _kinds(inspect.type_info(each.type)))


def _kinds(described: inspect.Type) -> Iterator[type[inspect.Type]]:
    if isinstance(described, inspect.Metadata):
        yield from _kinds(described.type)
    elif isinstance(described, inspect.UnionType):
        for part in described.types:
            yield from _kinds(part)
    else:
        yield type(described)
