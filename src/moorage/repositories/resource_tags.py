"""Tags on resources: AWS's rules for keys and values (AWS General Reference, "Tagging AWS resources").

ECR lets a resource have keys that differ in case only, although conditions do not tell them apart. Here no resource has: a
condition on a tag must not depend on which of two tags it is shown.
"""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from moorage.repositories.errors import InvalidTagParameterError, TooManyTagsError

MOST_TAGS = 50
_LONGEST_KEY = 128
_LONGEST_VALUE = 256
_SIGNS = frozenset("_.:/=+-@")


def parse_tags(given: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """From the API's list of Key and Value; raises InvalidTagParameterError or TooManyTagsError."""
    tags: dict[str, str] = {}
    for entry in given:
        key, value = parse_key(entry.get("Key", "")), entry.get("Value", "")
        if len(value) > _LONGEST_VALUE:
            raise InvalidTagParameterError(f"The value of the tag '{key}' is longer than {_LONGEST_VALUE} characters.")
        if not _is_plain(value):
            raise InvalidTagParameterError(f"The value of the tag '{key}' has {_FOREIGN}")
        if key in tags:
            raise InvalidTagParameterError(f"The tag key '{key}' is given twice.")
        refuse_other_spellings(tags, [key])
        tags[key] = value
    refuse_too_many(len(tags))
    return tags


def requested_tags(given: Sequence[Mapping[str, str]] | None) -> dict[str, tuple[str, ...]]:
    """The context keys that a request's tags fill, good or not: `aws:TagKeys` and `aws:RequestTag/KEY`."""
    if not given:
        return {}
    filled: dict[str, tuple[str, ...]] = {"aws:tagkeys": tuple(entry.get("Key", "") for entry in given)}
    for entry in given:
        name = f"aws:requesttag/{entry.get('Key', '').lower()}"
        filled[name] = (*filled.get(name, ()), entry.get("Value", ""))
    return filled


def parse_keys(given: Sequence[str]) -> list[str]:
    """The keys of tags to remove; raises InvalidTagParameterError or TooManyTagsError."""
    refuse_too_many(len(set(given)))
    return [parse_key(key) for key in given]


def parse_key(key: str) -> str:
    """A tag's key; raises InvalidTagParameterError."""
    if not 1 <= len(key) <= _LONGEST_KEY:
        raise InvalidTagParameterError(f"A tag key must have 1 to {_LONGEST_KEY} characters.")
    if key.lower().startswith("aws:"):
        raise InvalidTagParameterError("Tag keys that begin with 'aws:' are reserved for AWS.")
    if not _is_plain(key):
        raise InvalidTagParameterError(f"A tag key has {_FOREIGN}")
    return key


def refuse_other_spellings(held: Iterable[str], given: Iterable[str]) -> None:
    """Raise InvalidTagParameterError where a key that is given differs in case only from one that is held."""
    spelled: dict[str, set[str]] = {}
    for key in held:
        spelled.setdefault(key.lower(), set()).add(key)
    for key in given:
        if others := spelled.get(key.lower(), set()) - {key}:
            raise InvalidTagParameterError(
                f"The tag keys '{min(others)}' and '{key}' differ in case only; conditions on tags do not tell them apart."
            )


def refuse_too_many(count: int) -> None:
    """Raise TooManyTagsError for more tags than a repository may have."""
    if count > MOST_TAGS:
        raise TooManyTagsError(f"A repository can have at most {MOST_TAGS} tags.")


_FOREIGN = f"a character other than letters, digits, spaces and {' '.join(sorted(_SIGNS))}"


def _is_plain(text: str) -> bool:
    r"""AWS's `[\p{L}\p{Z}\p{N}_.:/=+\-@]*`: letters, spaces and digits of any script."""
    return all(character in _SIGNS or unicodedata.category(character)[0] in "LZN" for character in text)
