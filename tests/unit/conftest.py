"""Fixtures of the lower floors' tests."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from moorage.repositories.model import Repository
from tests.unit.ground import Ground, make_template


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty database file."""
    return make_template(tmp_path_factory.mktemp("template"))


@pytest.fixture
def grounds(tmp_path_factory: pytest.TempPathFactory, template: Path) -> Iterator[Callable[..., Ground]]:
    """Makes installations, and closes them in the end."""
    made: list[Ground] = []

    def make(**options: object) -> Ground:
        made.append(Ground(tmp_path_factory.mktemp("ground"), template, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for ground in made:
        ground.close()


@pytest.fixture
def ground(grounds: Callable[..., Ground]) -> Ground:
    """An installation with one account and one registry."""
    return grounds()


@pytest.fixture
def repository(ground: Ground) -> Repository:
    """A repository with mutable tags."""
    return ground.repository()
