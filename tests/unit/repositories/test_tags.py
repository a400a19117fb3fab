from typing import Any

import pytest

from moorage.core.errors import InvalidParameterError
from moorage.repositories import tag_store
from moorage.repositories.errors import InvalidTagParameterError, RepositoryNotFoundError, TooManyTagsError
from moorage.repositories.model import Repository
from moorage.repositories.resource_tags import requested_tags
from tests.unit.ground import ACCOUNT, Ground


def arn(name: str, region: str = "us-east-1") -> str:
    return f"arn:aws:ecr:{region}:{ACCOUNT}:repository/{name}"


def pairs(**tags: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def tags(ground: Ground, repository: Repository) -> Any:
    return ground.do("ListTagsForResource", resourceArn=arn(repository.name))["tags"]


def test_tags_are_merged_and_listed_in_the_order_of_their_keys(ground: Ground) -> None:
    repository = ground.repository(tags=pairs(team="red", b=""))
    assert tags(ground, repository) == pairs(b="", team="red")
    assert ground.do("TagResource", resourceArn=arn(repository.name), tags=pairs(team="blue", a="1")) == {}
    assert tags(ground, repository) == pairs(a="1", b="", team="blue")
    assert ground.do("UntagResource", resourceArn=arn(repository.name), tagKeys=["a", "b", "absent", "a"]) == {}
    assert tags(ground, repository) == pairs(team="blue")
    ground.do("TagResource", resourceArn=arn(repository.name), tags=[])
    ground.do("UntagResource", resourceArn=arn(repository.name), tagKeys=["team"])
    assert tags(ground, repository) == []


def test_no_more_than_fifty_tags_after_the_merge(ground: Ground, repository: Repository) -> None:
    ground.do("TagResource", resourceArn=arn(repository.name), tags=pairs(**{f"k{number}": "" for number in range(50)}))
    ground.do("TagResource", resourceArn=arn(repository.name), tags=pairs(k7="new"))
    with pytest.raises(TooManyTagsError):
        ground.do("TagResource", resourceArn=arn(repository.name), tags=pairs(k7="newer", k50=""))
    assert len(tags(ground, repository)) == 50
    with pytest.raises(TooManyTagsError):
        ground.do("UntagResource", resourceArn=arn(repository.name), tagKeys=[f"k{number}" for number in range(51)])


@pytest.mark.parametrize("key", ["", "k" * 129, "aws:mine", "AWS:mine", "a\tb", "a*b", "a,b", "😀"])
def test_keys_follow_awss_rules(ground: Ground, repository: Repository, key: str) -> None:
    with pytest.raises(InvalidTagParameterError):
        ground.do("TagResource", resourceArn=arn(repository.name), tags=[{"Key": key, "Value": ""}])
    with pytest.raises(InvalidTagParameterError):
        ground.do("UntagResource", resourceArn=arn(repository.name), tagKeys=[key])


@pytest.mark.parametrize("value", ["v" * 257, "a\nb", "a;b"])
def test_values_follow_awss_rules(ground: Ground, repository: Repository, value: str) -> None:
    with pytest.raises(InvalidTagParameterError):
        ground.do("TagResource", resourceArn=arn(repository.name), tags=pairs(key=value))


def test_letters_of_any_script_are_legal(ground: Ground, repository: Repository) -> None:
    given = pairs(**{"Größe 1": "+-=._:/@ 大", "k" * 128: "v" * 256})
    ground.do("TagResource", resourceArn=arn(repository.name), tags=given)
    assert tags(ground, repository) == given


@pytest.mark.parametrize("name", ["TagResource", "UntagResource", "ListTagsForResource"])
def test_only_a_repository_of_this_registry_has_tags(ground: Ground, repository: Repository, name: str) -> None:
    more: dict[str, Any] = {"TagResource": {"tags": []}, "UntagResource": {"tagKeys": []}}.get(name, {})
    with pytest.raises(RepositoryNotFoundError):
        ground.do(name, resourceArn=arn("absent"), **more)
    for wrong in (arn(repository.name, "eu-west-1"), arn(repository.name).replace("arn:aws:", "arn:aws-cn:")):
        with pytest.raises(InvalidParameterError, match="'Invalid ARN'"):
            ground.do(name, resourceArn=wrong, **more)


def test_keys_that_differ_in_case_only_are_refused_within_a_request(ground: Ground, repository: Repository) -> None:
    both = pairs(env="prod", ENV="dev")
    with pytest.raises(InvalidTagParameterError, match="'env' and 'ENV' differ in case only"):
        ground.do("TagResource", resourceArn=arn(repository.name), tags=both)
    with pytest.raises(InvalidTagParameterError):
        ground.repository("other", tags=both)
    assert tags(ground, repository) == []


def test_a_key_that_is_there_in_another_case_is_neither_replaced_nor_joined(ground: Ground) -> None:
    repository = ground.repository(tags=pairs(Env="prod"))
    with pytest.raises(InvalidTagParameterError, match="'Env' and 'env' differ in case only"):
        ground.do("TagResource", resourceArn=arn(repository.name), tags=pairs(env="dev"))
    ground.do("UntagResource", resourceArn=arn(repository.name), tagKeys=["env"])
    assert tags(ground, repository) == pairs(Env="prod")
    ground.do("UntagResource", resourceArn=arn(repository.name), tagKeys=["Env"])
    ground.do("TagResource", resourceArn=arn(repository.name), tags=pairs(env="dev"))
    assert tags(ground, repository) == pairs(env="dev")


def test_both_spellings_of_an_earlier_release_can_be_told_apart_and_removed(ground: Ground, repository: Repository) -> None:
    ground.write(lambda tx: tag_store.put(tx, repository.id, {"Env": "prod", "env": "dev"}))
    for key in ("Env", "env", "ENV"):
        with pytest.raises(InvalidTagParameterError):
            ground.do("TagResource", resourceArn=arn(repository.name), tags=pairs(**{key: "test"}))
    ground.do("UntagResource", resourceArn=arn(repository.name), tagKeys=["env"])
    assert tags(ground, repository) == pairs(Env="prod")


def test_a_request_shows_policies_every_value_of_a_key_that_it_gives_twice() -> None:
    assert requested_tags([*pairs(env="prod", ENV="dev"), *pairs(env="test")]) == {
        "aws:tagkeys": ("env", "ENV", "env"),
        "aws:requesttag/env": ("prod", "dev", "test"),
    }
