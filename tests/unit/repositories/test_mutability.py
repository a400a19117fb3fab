from typing import Any

import pytest

from moorage.core.errors import InvalidParameterError
from moorage.images.errors import ImageTagAlreadyExistsError
from moorage.repositories.errors import RepositoryNotFoundError
from moorage.repositories.model import Repository
from tests.unit.ground import ACCOUNT, Ground


def wild(*patterns: str) -> list[dict[str, str]]:
    return [{"filterType": "WILDCARD", "filter": pattern} for pattern in patterns]


def test_mode_and_filters_are_replaced_together_and_count_for_the_next_push(ground: Ground, repository: Repository) -> None:
    first = ground.push(repository, "first", "1.0", "latest")
    named: dict[str, Any] = {"repositoryName": repository.name}
    mode = {"imageTagMutability": "IMMUTABLE_WITH_EXCLUSION", "imageTagMutabilityExclusionFilters": wild("late*", "b")}
    assert ground.do("PutImageTagMutability", **named, **mode) == {"registryId": ACCOUNT, **named, **mode}
    ground.push(repository, "second", "latest")
    with pytest.raises(ImageTagAlreadyExistsError):
        ground.push(repository, "third", "1.0")
    answer = ground.do("PutImageTagMutability", **named, imageTagMutability="MUTABLE")
    assert answer["imageTagMutabilityExclusionFilters"] is None
    shown = ground.do("DescribeRepositories", repositoryNames=[repository.name])["repositories"][0]
    assert (shown["imageTagMutability"], shown["imageTagMutabilityExclusionFilters"]) == ("MUTABLE", None)
    ground.push(repository, "fourth", "1.0")
    assert first


@pytest.mark.parametrize(
    "members",
    [
        {"imageTagMutability": "MUTABLE", "imageTagMutabilityExclusionFilters": wild("a")},
        {"imageTagMutability": "IMMUTABLE_WITH_EXCLUSION"},
        {"imageTagMutability": "IMMUTABLE_WITH_EXCLUSION", "imageTagMutabilityExclusionFilters": []},
        {"imageTagMutability": "IMMUTABLE_WITH_EXCLUSION", "imageTagMutabilityExclusionFilters": wild(*"abcdef")},
        {"imageTagMutability": "IMMUTABLE_WITH_EXCLUSION", "imageTagMutabilityExclusionFilters": wild("a*b*c*")},
        {"imageTagMutability": "IMMUTABLE_WITH_EXCLUSION", "imageTagMutabilityExclusionFilters": wild("a b")},
        {"imageTagMutability": "FIXED"},
    ],
)
def test_what_does_not_go_together_is_refused(ground: Ground, repository: Repository, members: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameterError):
        ground.do("PutImageTagMutability", repositoryName=repository.name, **members)


def test_a_repository_that_is_not_there_has_no_mode(ground: Ground) -> None:
    with pytest.raises(RepositoryNotFoundError):
        ground.do("PutImageTagMutability", repositoryName="absent", imageTagMutability="MUTABLE")
