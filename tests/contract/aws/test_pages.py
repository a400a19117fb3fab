"""Pages: every size gives the same whole in the same order, and a token is good for its own listing only."""

import base64
from collections.abc import Callable
from typing import Any

import pytest

from tests.contract.aws.door import Door, constraint, refused
from tests.e2e.images import small

_BAD_TOKEN = constraint("nextToken", "Invalid token")
_COUNT = 7
_KEYS = {"DescribeRepositories": "repositories", "ListImages": "imageIds", "DescribeImages": "imageDetails"}

Listing = Callable[..., dict[str, Any]]


@pytest.fixture(params=sorted(_KEYS))
def operation(request: pytest.FixtureRequest) -> str:
    """A listing operation."""
    return str(request.param)


@pytest.fixture
def listing(door: Door, region: str, operation: str) -> Listing:
    """The operation on a registry or repository of its own that has seven things to list."""
    client = door.client(region)
    names = [f"team/r{number}" for number in (3, 1, 6, 0, 5, 2, 4)]
    for name in names if operation == "DescribeRepositories" else names[:1]:
        door.call("CreateRepository", client, repositoryName=name)
    if operation != "DescribeRepositories":
        for number in range(_COUNT):
            door.push(names[0], small(f"page {number}"), *([f"t{number}"] if number % 2 else []), client=client)
    named = {} if operation == "DescribeRepositories" else {"repositoryName": names[0]}
    return lambda **members: door.call(operation, client, **{**named, **members})


def _walk(listing: Listing, key: str, size: int) -> tuple[list[Any], list[int]]:
    found: list[Any] = []
    sizes: list[int] = []
    token: dict[str, str] = {}
    while True:
        page = listing(maxResults=size, **token)
        found += page[key]
        sizes.append(len(page[key]))
        if "nextToken" not in page:
            return found, sizes
        token = {"nextToken": page["nextToken"]}


def test_every_page_size_gives_the_same_whole(listing: Listing, operation: str) -> None:
    key = _KEYS[operation]
    whole = listing()
    assert whole.keys() == {key} and len(whole[key]) == _COUNT
    for size in (*range(1, _COUNT + 2), 1000):
        found, sizes = _walk(listing, key, size)
        assert found == whole[key]
        assert sizes == [size] * (_COUNT // size) + ([_COUNT % size] if _COUNT % size else [])


@pytest.mark.parametrize(
    ("size", "bound"),
    [(0, "greater than or equal to 1"), (-1, "greater than or equal to 1"), (1001, "less than or equal to 1000")],
)
def test_a_page_has_one_to_a_thousand_elements(listing: Listing, size: int, bound: str) -> None:
    with refused("InvalidParameterException", constraint("maxResults", f"Member must have value {bound}")):
        listing(maxResults=size)


def test_a_token_that_was_not_issued_is_refused(listing: Listing) -> None:
    token = listing(maxResults=2)["nextToken"]
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    flipped = base64.urlsafe_b64encode(bytes([raw[0] ^ 1]) + raw[1:]).decode()
    moved = base64.urlsafe_b64encode(raw[:16] + b'["zzz"]').decode()
    for forged in ("", "x", "ä", "A" * 22, token[:-4], flipped, moved, "x" * 5000):
        with refused("InvalidParameterException", _BAD_TOKEN):
            listing(nextToken=forged)


def test_a_token_may_be_used_again_and_with_another_page_size(listing: Listing, operation: str) -> None:
    key = _KEYS[operation]
    token = listing(maxResults=2)["nextToken"]
    assert listing(nextToken=token, maxResults=3) == listing(nextToken=token, maxResults=3)
    assert listing(nextToken=token)[key] == listing()[key][2:]


def test_repositories_come_in_the_order_of_their_names(door: Door, region: str) -> None:
    client = door.client(region)
    names = ["b/x", "a-b", "a/b", "a", "ab", "a.b", "a_b", "b1", "b"]
    for name in (name + "0" for name in names):
        door.call("CreateRepository", client, repositoryName=name)
    found = door.call("DescribeRepositories", client)["repositories"]
    assert [entry["repositoryName"] for entry in found] == sorted(name + "0" for name in names)


def test_a_token_of_another_listing_repository_registry_or_filter_is_refused(door: Door, region: str) -> None:
    here, there = door.new_repository(), door.new_repository()
    for name in (here, there):
        for number in range(3):
            door.push(name, small(f"scope {number}"), f"t{number}")
    tokens = {
        name: door.call(name, repositoryName=here, maxResults=1)["nextToken"] for name in ("ListImages", "DescribeImages")
    }
    uses: list[tuple[str, str, dict[str, Any]]] = [
        ("ListImages", "DescribeImages", {"repositoryName": here}),
        ("DescribeImages", "ListImages", {"repositoryName": here}),
        ("ListImages", "ListImages", {"repositoryName": there}),
        ("DescribeImages", "DescribeImages", {"repositoryName": there}),
        ("ListImages", "ListImages", {"repositoryName": here, "filter": {"tagStatus": "TAGGED"}}),
        ("DescribeImages", "DescribeImages", {"repositoryName": here, "filter": {"tagStatus": "TAGGED"}}),
        ("ListImages", "DescribeRepositories", {}),
    ]
    for source, use, members in uses:
        with refused("InvalidParameterException", _BAD_TOKEN):
            door.call(use, nextToken=tokens[source], **members)
    repositories = door.call("DescribeRepositories", maxResults=1)["nextToken"]
    with refused("InvalidParameterException", _BAD_TOKEN):
        door.call("DescribeRepositories", door.client(region), nextToken=repositories)


def test_a_token_dies_with_its_repository(door: Door, repository: str) -> None:
    door.push(repository, small("first"), "1", "2")
    token = door.call("ListImages", repositoryName=repository, maxResults=1)["nextToken"]
    door.call("DeleteRepository", repositoryName=repository, force=True)
    door.call("CreateRepository", repositoryName=repository)
    with refused("InvalidParameterException", _BAD_TOKEN):
        door.call("ListImages", repositoryName=repository, nextToken=token)


def test_what_is_removed_between_two_pages_moves_nothing_else(door: Door, repository: str) -> None:
    contents = [small(f"between {number}") for number in range(4)]
    for number, content in enumerate(contents):
        door.push(repository, content, f"t{number}")
    first = door.call("ListImages", repositoryName=repository, maxResults=2)
    door.call("BatchDeleteImage", repositoryName=repository, imageIds=first["imageIds"])
    rest = door.call("ListImages", repositoryName=repository, nextToken=first["nextToken"])["imageIds"]
    assert [entry["imageTag"] for entry in rest] == ["t2", "t3"]


def test_botos_paginators_reach_the_end(door: Door, repository: str) -> None:
    door.push(repository, small("many tags"), *(f"v{number:02}" for number in range(25)))
    pages = list(door.ecr.get_paginator("list_images").paginate(repositoryName=repository, PaginationConfig={"PageSize": 10}))
    assert [len(page["imageIds"]) for page in pages] == [10, 10, 5]
