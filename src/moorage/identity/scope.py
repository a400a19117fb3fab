"""What a token is restricted to: some actions, on some repositories. Pure; it can take away, never add."""

import json
import re
from collections.abc import Sequence
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

MOST_PATTERNS = 100
MOST_ACTIONS = 50

_PATTERN = re.compile(rf"[a-z0-9._/*-]{{1,{MAX_REPOSITORY_NAME}}}")


@dataclass(frozen=True, slots=True)
class Scope:
    """Actions on repositories. Both lists are as they were asked for, without what was said twice."""

    repositories: tuple[str, ...]
    """Names, in which `*` stands for any run of characters, slashes too."""
    actions: tuple[str, ...]
    """Actions such as `ecr:PutImage`, and words of `WORDS`."""
    granted: frozenset[str]
    """The actions, each word replaced by what it stands for."""

    @classmethod
    def parse(cls, repositories: Sequence[str], actions: Sequence[str]) -> "Scope":
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
        return cls(tuple(dict.fromkeys(repositories)), tuple(dict.fromkeys(actions)), granted)

    @classmethod
    def load(cls, text: str) -> "Scope":
        """A scope as `dump` wrote it."""
        stored = json.loads(text)
        return cls.parse(stored["repositories"], stored["actions"])

    def dump(self) -> str:
        """The scope as it is stored."""
        return json.dumps({"repositories": self.repositories, "actions": self.actions})

    def allows(self, action: str, repository: str) -> bool:
        """Whether the action lies within the scope on the repository of that name."""
        return action in self.granted and self.covers(repository)

    def covers(self, repository: str) -> bool:
        """Whether the scope speaks of that repository at all."""
        return any(matches(pattern, repository) for pattern in self.repositories)


def _check_count(member: str, values: Sequence[str], most: int) -> None:
    if not 1 <= len(values) <= most:
        bound = "greater than or equal to 1" if not values else f"less than or equal to {most}"
        raise InvalidParameterError.at(member, f"Member must have length {bound}")
