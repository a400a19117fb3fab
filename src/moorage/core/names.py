"""Names of repositories and tags, and what a manifest is asked for by (OCI distribution-spec; botocore's ECR model)."""

import re
from dataclasses import dataclass

from moorage.core.digest import Digest
from moorage.core.errors import InvalidNameError, InvalidTagError

REPOSITORY_PATTERN = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*"
"""As the service prints it in its errors."""

# The same language without the nested repetition, so that no name can make the engine backtrack.
_COMPONENT = re.compile(r"[a-z0-9]+(?:(?:\.|__|_|-+)[a-z0-9]+)*")
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")

MAX_REPOSITORY_NAME = 256
MIN_REPOSITORY_NAME = 2


def is_repository_name(text: str) -> bool:
    """Whether a repository can have that name."""
    return MIN_REPOSITORY_NAME <= len(text) <= MAX_REPOSITORY_NAME and all(map(_COMPONENT.fullmatch, text.split("/")))


class RepositoryName(str):
    """A repository's name within its registry: 2 to 256 characters of botocore's `RepositoryName` pattern."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> "RepositoryName":
        """Read a name from outside; raises InvalidNameError in ECR's wording."""
        if not is_repository_name(text):
            raise InvalidNameError.at("repositoryName", f"must satisfy regular expression '{REPOSITORY_PATTERN}'")
        return cls(text)


class TagName(str):
    """A tag: 1 to 128 characters (distribution-spec, "Pulling manifests")."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> "TagName":
        """Read a tag from outside; raises InvalidTagError in ECR's wording."""
        if not _TAG.fullmatch(text):
            raise InvalidTagError.at("imageTag", "must satisfy regular expression '[a-zA-Z0-9-_.]+'")
        return cls(text)


@dataclass(frozen=True, slots=True)
class Reference:
    """What stands after `/manifests/`: exactly one of a tag and a digest."""

    tag: TagName | None = None
    digest: Digest | None = None

    @classmethod
    def parse(cls, text: str) -> "Reference":
        """A text with a colon is a digest, any other a tag; `sha256-…` is a tag like any other."""
        if ":" in text:
            return cls(digest=Digest.parse(text))
        return cls(tag=TagName.parse(text))

    def __str__(self) -> str:
        return str(self.digest or self.tag)
