"""What botocore ships about ECR beside its model: examples, paginators and waiters."""

from functools import cache
from typing import Any

from botocore.loaders import Loader


@cache
def examples() -> dict[str, list[dict[str, Any]]]:
    """Requests with their answers, by operation."""
    found: dict[str, list[dict[str, Any]]] = _load("examples-1")["examples"]
    return found


@cache
def paginators() -> dict[str, dict[str, Any]]:
    """How the pages of an operation are walked, by operation."""
    found: dict[str, dict[str, Any]] = _load("paginators-1")["pagination"]
    return found


@cache
def waiters() -> dict[str, dict[str, Any]]:
    """What is asked again and again, by the waiter's name."""
    found: dict[str, dict[str, Any]] = _load("waiters-2")["waiters"]
    return found


def _load(name: str) -> dict[str, Any]:
    found: dict[str, Any] = Loader().load_service_model("ecr", name)
    return found
