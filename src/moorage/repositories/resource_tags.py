"""Tags on resources: AWS's rules for keys and values (AWS General Reference, "Tagging AWS resources")."""

from collections.abc import Mapping, Sequence

from moorage.repositories.errors import InvalidTagParameterError, TooManyTagsError

MOST_TAGS = 50
_LONGEST_KEY = 128
_LONGEST_VALUE = 256


def parse_tags(given: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """From the API's list of Key and Value; raises InvalidTagParameterError or TooManyTagsError."""
    tags: dict[str, str] = {}
    for entry in given:
        key, value = entry.get("Key", ""), entry.get("Value", "")
        if not 1 <= len(key) <= _LONGEST_KEY:
            raise InvalidTagParameterError(f"A tag key must have 1 to {_LONGEST_KEY} characters.")
        if len(value) > _LONGEST_VALUE:
            raise InvalidTagParameterError(f"The value of the tag '{key}' is longer than {_LONGEST_VALUE} characters.")
        if key.lower().startswith("aws:"):
            raise InvalidTagParameterError("Tag keys that begin with 'aws:' are reserved for AWS.")
        if key in tags:
            raise InvalidTagParameterError(f"The tag key '{key}' is given twice.")
        tags[key] = value
    if len(tags) > MOST_TAGS:
        raise TooManyTagsError(f"A repository can have at most {MOST_TAGS} tags.")
    return tags
