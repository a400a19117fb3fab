"""What a token is restricted to: some actions, on some repositories, with some tags. Pure; it can take away, never add."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from moorage.core.errors import InvalidParameterError
from moorage.core.names import MAX_REPOSITORY_NAME
from moorage.core.wildcard import matches

_PULL = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
    "ecr:ListImages",
)
_PUSH = (*_PULL, "ecr:CompleteLayerUpload", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart")
_ALL = (*_PUSH, "ecr:BatchDeleteImage", "ecr:CreateRepository", "ecr:DescribeRepositories")

WORDS = {"pull": frozenset(_PULL), "push": frozenset(_PUSH), "all": frozenset(_ALL)}
"""What a scope may say in place of single actions. Whoever pushes pulls too, for every client looks before it pushes."""

ACTIONS = WORDS["all"]
"""Every action that `/v2/` asks for; a token opens nothing else."""

TAGGING = frozenset({"ecr:BatchDeleteImage", "ecr:PutImage"})
"""The actions that a scope's tags limit: those that put tags, move them or take them away."""

MOST_PATTERNS = 100
MOST_ACTIONS = 50

_PATTERN = re.compile(rf"[a-z0-9._/*-]{{1,{MAX_REPOSITORY_NAME}}}")
_TAG_PATTERN = re.compile(r"[A-Za-z0-9_.*-]{1,128}")


@dataclass(frozen=True, slots=True)
class Scope:
    """Actions on repositories. The lists are as they were asked for, without what was said twice."""

    repositories: tuple[str, ...]
    """Names, in which `*` stands for any run of characters, slashes too."""
    actions: tuple[str, ...]
    """Actions such as `ecr:PutImage`, and words of `WORDS`."""
    granted: frozenset[str]
    """The actions, each word replaced by what it stands for."""
    tags: tuple[str, ...] | None = None
    """The tags that may be pushed and deleted, in which `*` stands for any run of characters; None: all of them."""

    @classmethod
    def parse(cls, repositories: Sequence[str], actions: Sequence[str], tags: Sequence[str] | None = None) -> "Scope":
        """Read a scope from outside; raises InvalidParameterError that names the member."""
        _check_count("repositories", repositories, MOST_PATTERNS)
        _check_count("actions", actions, MOST_ACTIONS)
        if not all(_PATTERN.fullmatch(pattern) for pattern in repositories):
            raise InvalidParameterError.at(
                "repositories", "Member must be a repository name, in which * stands for any run of characters"
            )
        if not all(action in WORDS or action in ACTIONS for action in actions):
            known = ", ".join([*WORDS, *sorted(ACTIONS)])
            raise InvalidParameterError.at("actions", f"Member must satisfy enum value set: [{known}]")
        granted = frozenset[str]().union(*(WORDS.get(action, frozenset((action,))) for action in actions))
        if tags is not None:
            _check_tags(tags, granted)
            tags = tuple(dict.fromkeys(tags))
        return cls(tuple(dict.fromkeys(repositories)), tuple(dict.fromkeys(actions)), granted, tags)

    @classmethod
    def load(cls, text: str) -> "Scope":
        """A scope as `dump` wrote it."""
        stored = json.loads(text)
        return cls.parse(stored["repositories"], stored["actions"], stored.get("tags"))

    def dump(self) -> str:
        """The scope as it is stored."""
        tags = {} if self.tags is None else {"tags": self.tags}
        return json.dumps({"repositories": self.repositories, "actions": self.actions, **tags})

    def allows(self, action: str, repository: str) -> bool:
        """Whether the action lies within the scope on the repository of that name."""
        return action in self.granted and self.covers(repository)

    def covers(self, repository: str) -> bool:
        """Whether the scope speaks of that repository at all."""
        return any(matches(pattern, repository) for pattern in self.repositories)

    def limits_tags(self, actions: Iterable[str]) -> bool:
        """Whether it matters to one of these actions which tags it is about."""
        return self.tags is not None and not TAGGING.isdisjoint(actions)

    def covers_tag(self, tag: str) -> bool:
        """Whether the tag may be pushed and deleted."""
        return self.tags is None or any(matches(pattern, tag) for pattern in self.tags)


def _check_count(member: str, values: Sequence[str], most: int) -> None:
    if not 1 <= len(values) <= most:
        bound = "greater than or equal to 1" if not values else f"less than or equal to {most}"
        raise InvalidParameterError.at(member, f"Member must have length {bound}")


def _check_tags(tags: Sequence[str], granted: frozenset[str]) -> None:
    _check_count("tags", tags, MOST_PATTERNS)
    if not all(_TAG_PATTERN.fullmatch(pattern) for pattern in tags):
        raise InvalidParameterError.at("tags", "Member must be a tag, in which * stands for any run of characters")
    if TAGGING.isdisjoint(granted):
        needed = " or ".join(sorted(TAGGING))
        raise InvalidParameterError.at("tags", f"Tags limit what is pushed and deleted, so actions must include {needed}")
