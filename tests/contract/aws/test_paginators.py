"""Every paginator that botocore has for ECR, over several pages."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore import xform_name

from moorage.app import operation_names
from tests.contract.aws.botocore_data import paginators
from tests.contract.aws.door import Door, input_of
from tests.e2e.images import small

_IMPLEMENTED = {*operation_names("ecr")}
_COUNT, _SIZE = 8, 3
Members = dict[str, Any]


def _repositories(door: Door, client: Any) -> tuple[Members, str, list[str]]:
    for number in range(_COUNT):
        door.call("CreateRepository", client, repositoryName=f"team/r{number}")
    return {}, "repositoryName", [f"team/r{number}" for number in range(_COUNT)]


def _images(door: Door, client: Any) -> tuple[Members, str, list[str]]:
    name = door.new_repository(client)
    contents = [small(f"page {number}") for number in range(_COUNT)]
    for number, content in enumerate(contents):
        door.push(name, content, f"v{number}", client=client)
    return {"repositoryName": name}, "imageDigest", [content.digest for content in contents]


def _templates(door: Door, client: Any) -> tuple[Members, str, list[str]]:
    prefixes = [f"team/t{number}" for number in range(_COUNT)]
    for prefix in prefixes:
        door.call("CreateRepositoryCreationTemplate", client, prefix=prefix, appliedFor=["CREATE_ON_PUSH"])
    return {}, "prefix", prefixes


# Makes eight of what an operation lists; returns the request's members, and by which member of an entry they are known.
CONTENT: dict[str, Callable[[Door, Any], tuple[Members, str, list[str]]]] = {
    "DescribeImages": _images,
    "DescribeRepositories": _repositories,
    "DescribeRepositoryCreationTemplates": _templates,
    "ListImages": _images,
}


def test_every_paginator_of_an_implemented_operation_is_among_these() -> None:
    assert paginators().keys() & _IMPLEMENTED <= CONTENT.keys()


@pytest.mark.parametrize("name", sorted(paginators()))
def test_a_paginator_shows_everything_once(door: Door, region: str, name: str) -> None:
    client = door.client(region)
    walk = client.get_paginator(xform_name(name))
    if name not in _IMPLEMENTED:
        shape = input_of(name)
        structures = {member for member in shape.required_members if shape.members[member].type_name == "structure"}
        required: Members = {member: {} if member in structures else "x" for member in shape.required_members}
        with pytest.raises(client.exceptions.ClientError, match="UnknownOperationException"):
            list(walk.paginate(**required))
        return
    members, key, expected = CONTENT[name](door, client)
    pages = list(walk.paginate(**members, PaginationConfig={"PageSize": _SIZE}))
    shown = [page[paginators()[name]["result_key"]] for page in pages]
    assert [len(entries) for entries in shown] == [3, 3, 2]
    assert "nextToken" not in pages[-1]
    assert sorted(entry[key] for entries in shown for entry in entries) == sorted(expected)


@pytest.mark.parametrize("name", sorted(paginators().keys() & _IMPLEMENTED))
def test_a_paginator_can_be_stopped_and_continued(door: Door, region: str, name: str) -> None:
    client = door.client(region)
    walk = client.get_paginator(xform_name(name))
    members, key, expected = CONTENT[name](door, client)
    found: list[str] = []
    token: str | None = None
    while True:
        config = {"PageSize": _SIZE, "MaxItems": 2, "StartingToken": token}
        result = walk.paginate(**members, PaginationConfig=config).build_full_result()
        found += [entry[key] for entry in result[paginators()[name]["result_key"]]]
        token = result.get("NextToken")
        if token is None:
            break
    assert sorted(found) == sorted(expected)
