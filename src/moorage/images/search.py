"""What can be asked of images and tags, beyond ECR: patterns, prefixes, times, labels, platforms. Parsed at the border."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from moorage.core.errors import InvalidParameterError
from moorage.core.names import MAX_REPOSITORY_NAME

Order = Literal["pushed", "pulled", "tag"]
"""By push, by last pull, or by the name of the tag; the last lists tags, the others images."""

MOST_STARS = 4
"""ECR's own limit of `*` in a pattern (ECR user guide, "Lifecycle policy properties")."""

_LONGEST_TAG = 128
_LONGEST_LABEL = 64 * 1024
MOST_LABELS = 10
_LONGEST_TYPE = 255
_DIGEST_PREFIX = re.compile(r"[a-z0-9]{1,16}(?::[a-f0-9]{0,128})?")
_HEX = re.compile(r"[a-f0-9]{1,64}")
_PLATFORM_PART = re.compile(r"[A-Za-z0-9_.-]{1,64}")

_SAME_VARIANT = {("arm64", "v8"), ("arm", "v7")}
"""What an architecture means where no variant is stated (as containerd normalises platforms)."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A text in which `*` stands for any run of characters."""

    text: str

    @classmethod
    def parse(cls, text: str, member: str, longest: int) -> "Pattern":
        """Raises InvalidParameterError for a pattern that is empty, too long, or has too many `*`."""
        shown = re.sub(r"\*+", "*", text)
        if not 1 <= len(text) <= longest:
            raise InvalidParameterError.at(member, f"must have 1 to {longest} characters")
        if shown.count("*") > MOST_STARS:
            raise InvalidParameterError.at(member, f"must have at most {MOST_STARS} wildcards (*)")
        return cls(shown)

    @property
    def is_exact(self) -> bool:
        """Whether only one text matches."""
        return "*" not in self.text

    @property
    def prefix(self) -> str:
        """What every match begins with."""
        return self.text.partition("*")[0]


@dataclass(frozen=True, slots=True)
class Label:
    """A label of an image's config, with any value or with this one."""

    key: str
    value: str | None = None

    @classmethod
    def parse(cls, text: str) -> "Label":
        """`key` or `key=value`; the value may be empty and may contain `=`."""
        key, equals, value = text.partition("=")
        if not key or len(text) > _LONGEST_LABEL:
            raise InvalidParameterError.at("label", "must be key or key=value")
        return cls(key, value if equals else None)


@dataclass(frozen=True, slots=True)
class Platform:
    """`os[/architecture[/variant]]`; what is not stated may be anything."""

    os: str
    architecture: str | None = None
    variant: str | None = None

    @classmethod
    def parse(cls, text: str) -> "Platform":
        """Raises InvalidParameterError."""
        parts = text.split("/")
        if len(parts) > 3 or not all(map(_PLATFORM_PART.fullmatch, parts)):
            raise InvalidParameterError.at("platform", "must be os, os/architecture or os/architecture/variant")
        return cls(*parts)

    @property
    def may_lack_variant(self) -> bool:
        """Whether an image that states no variant has this one: arm64 is v8, and arm is v7."""
        return (self.architecture, self.variant) in _SAME_VARIANT


@dataclass(frozen=True, slots=True)
class Span:
    """From `after`, itself included, until `before`, itself excluded; milliseconds."""

    after: int | None = None
    before: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether every time is in it."""
        return self.after is None and self.before is None


@dataclass(frozen=True, slots=True)
class Search:
    """What images or tags are looked for, and in which order; every condition that is set must hold."""

    repository: Pattern | None = None
    tag: Pattern | None = None
    digest: str | None = None
    """A prefix."""
    pushed: Span = Span()
    pulled: Span = Span()
    """With only `before`, images that were never pulled match too."""
    labels: tuple[Label, ...] = ()
    platform: Platform | None = None
    """Of the image, or of one that the index names."""
    media_type: str | None = None
    artifact_type: str | None = None
    tagged: bool | None = None
    order: Order = "pushed"
    descending: bool = True


def parse(
    *,
    order: Order,
    descending: bool,
    repository: str | None = None,
    tag: str | None = None,
    digest: str | None = None,
    pushed: tuple[int | None, int | None] = (None, None),
    pulled: tuple[int | None, int | None] = (None, None),
    labels: Sequence[str] = (),
    platform: str | None = None,
    media_type: str | None = None,
    artifact_type: str | None = None,
    tagged: bool | None = None,
) -> Search:
    """A search from outside; raises InvalidParameterError."""
    if len(labels) > MOST_LABELS:
        raise InvalidParameterError.at("label", f"must be given at most {MOST_LABELS} times")
    for member, text in (("media_type", media_type), ("artifact_type", artifact_type)):
        if text is not None and not 1 <= len(text) <= _LONGEST_TYPE:
            raise InvalidParameterError.at(member, f"must have 1 to {_LONGEST_TYPE} characters")
    return Search(
        repository=Pattern.parse(repository, "repository", MAX_REPOSITORY_NAME) if repository is not None else None,
        tag=Pattern.parse(tag, "tag", _LONGEST_TAG) if tag is not None else None,
        digest=_digest(digest) if digest is not None else None,
        pushed=Span(*pushed),
        pulled=Span(*pulled),
        labels=tuple(map(Label.parse, dict.fromkeys(labels))),
        platform=Platform.parse(platform) if platform is not None else None,
        media_type=media_type,
        artifact_type=artifact_type,
        tagged=tagged,
        order=order,
        descending=descending,
    )


def _digest(text: str) -> str:
    """A digest's beginning; bare hexadecimal is taken for that of a sha256 digest, as tools print it."""
    if _HEX.fullmatch(text):
        return f"sha256:{text}"
    if not _DIGEST_PREFIX.fullmatch(text):
        raise InvalidParameterError.at("digest", "must be the beginning of a digest, such as sha256:0123")
    return text
