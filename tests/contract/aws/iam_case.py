"""What a case of an error of IAM is, for the modules that list them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.contract.aws.door import Door

Members = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ground:
    """What a case may use: the door, IAM as the root sees it, and a fresh user."""

    door: Door
    iam: Any
    user: str


Preparation = Callable[[Ground], tuple[Members, str]]
"""Prepares; returns the request's further members, and the text of the error to come."""


@dataclass(frozen=True, slots=True)
class IamCase:
    """One error of one operation; the request names the fresh user unless the preparation says otherwise."""

    operation: str
    code: str
    """As the answer has it."""
    prepare: Preparation

    def __str__(self) -> str:
        return f"{self.operation}-{self.code}"


def always(message: str, **members: Any) -> Preparation:
    """Nothing to prepare."""
    return lambda _ground: (members, message)


# What the model declares and this server never raises, with the reason.
NEVER = {
    "ServiceFailure": "a fault of the server; nothing that a caller sends may lead there",
    "ConcurrentModification": "changes are made one after the other, so none finds another under way",
    "EntityTemporarilyUnmodifiable": "what is made or changed can be changed again at once",
}
