"""What a case of an error is, for the modules that list them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.contract.aws.door import Door, no_repository

ABSENT = "team/absent"

Members = dict[str, Any]
Preparation = Callable[[Door, str], tuple[Members, str]]
"""Prepares a fresh repository; returns the request's further members, and the text of the error to come."""


@dataclass(frozen=True, slots=True)
class Case:
    """One error of one operation."""

    operation: str
    code: str
    prepare: Preparation

    def __str__(self) -> str:
        return f"{self.operation}-{self.code}"


def always(message: str, **members: Any) -> Preparation:
    """Nothing to prepare."""
    return lambda _door, _repository: (members, message)


def absent(**members: Any) -> Preparation:
    """A repository that is not there."""
    return always(no_repository(ABSENT), repositoryName=ABSENT, **members)
