"""One installation for all tests of authorization."""

from collections.abc import Iterator

import pytest

from tests.authorization.matrix import Matrix
from tests.authorization.place import Place
from tests.authorization.town import Town


@pytest.fixture(scope="session")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matrix]:
    """The matrix on an installation of its own."""
    place = Place(tmp_path_factory.mktemp("authorization"))
    try:
        yield Matrix(place)
    finally:
        place.close()


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Another installation, with images and people."""
    place = Place(tmp_path_factory.mktemp("town"))
    try:
        yield Town(place)
    finally:
        place.close()
