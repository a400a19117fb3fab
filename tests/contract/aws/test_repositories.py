"""CreateRepository, DescribeRepositories and DeleteRepository."""

import time
from typing import Any

import pytest

from moorage.core.names import REPOSITORY_PATTERN
from tests.contract.aws.door import ACCOUNT, Door, constraint, no_repository, refused
from tests.e2e.images import small

_FILTERS = "imageTagMutabilityExclusionFilters"


def _wild(*patterns: str) -> list[dict[str, str]]:
    return [{"filterType": "WILDCARD", "filter": pattern} for pattern in patterns]


def _create(door: Door, repository: str, **members: Any) -> dict[str, Any]:
    made: dict[str, Any] = door.call("CreateRepository", repositoryName=f"{repository}-new", **members)["repository"]
    assert door.call("DescribeRepositories", repositoryNames=[f"{repository}-new"])["repositories"] == [made]
    return made


def test_a_repository_is_made_with_ecrs_defaults(door: Door, repository: str) -> None:
    name = f"{repository}-new"
    before = time.time()
    made = _create(door, repository)
    assert before - 0.01 <= made.pop("createdAt").timestamp() <= time.time()
    assert made == {
        "repositoryArn": f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/{name}",
        "registryId": ACCOUNT,
        "repositoryName": name,
        "repositoryUri": f"{door.host}/{name}",
        "imageTagMutability": "MUTABLE",
        "imageScanningConfiguration": {"scanOnPush": False},
        "encryptionConfiguration": {"encryptionType": "AES256"},
    }


def test_what_is_asked_for_is_kept_and_shown(door: Door, repository: str) -> None:
    made = _create(
        door,
        repository,
        imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=_wild("z*", "a-*-b"),
        imageScanningConfiguration={"scanOnPush": True},
        tags=[{"Key": "team", "Value": "blue"}, {"Key": "empty", "Value": ""}],
    )
    assert made["imageTagMutability"] == "IMMUTABLE_WITH_EXCLUSION"
    assert made[_FILTERS] == _wild("z*", "a-*-b")
    assert made["imageScanningConfiguration"] == {"scanOnPush": True}
    assert "tags" not in made


@pytest.mark.parametrize(
    ("given", "key"),
    [
        (None, f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/aws/ecr"),
        ("alias/mine", f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/mine"),
        ("0b7b1e6e-0000-0000-0000-000000000000", f"arn:aws:kms:us-east-1:{ACCOUNT}:key/0b7b1e6e-0000-0000-0000-000000000000"),
        ("arn:aws:kms:us-east-1:111122223333:key/x", "arn:aws:kms:us-east-1:111122223333:key/x"),
    ],
)
@pytest.mark.parametrize("kind", ["KMS", "KMS_DSSE"])
def test_a_key_is_shown_as_an_arn(door: Door, repository: str, kind: str, given: str | None, key: str) -> None:
    wanted = {"encryptionType": kind, **({"kmsKey": given} if given else {})}
    made = _create(door, repository, encryptionConfiguration=wanted)
    assert made["encryptionConfiguration"] == {"encryptionType": kind, "kmsKey": key}


@pytest.mark.parametrize(
    "name",
    [
        "a",
        "",
        "A/b",
        "-ab",
        "ab-",
        "a//b",
        "/ab",
        "ab/",
        "a..b",
        "a___b",
        "a._b",
        "ab ",
        "a b",
        "ä/b",
        "a:b",
        "a@b",
        "x" * 257,
        "ab\n",
    ],
)
def test_a_name_outside_the_grammar_is_refused(door: Door, name: str) -> None:
    length = {"a": "greater than or equal to 2", "": "greater than or equal to 2", "x" * 257: "less than or equal to 256"}
    pattern = f"must satisfy regular expression '{REPOSITORY_PATTERN}'"
    text = f"Member must have length {length[name]}" if name in length else pattern
    with refused("InvalidParameterException", constraint("repositoryName", text)):
        door.call("CreateRepository", repositoryName=name)


@pytest.mark.parametrize(
    "name", ["1a", "a--b", "a__b", "a.b", "a-----b/c", "x" * 256, "blobs/uploads", "manifests/latest", "v2/_a"]
)
def test_a_name_within_the_grammar_is_taken(door: Door, region: str, name: str) -> None:
    client = door.client(region)
    if name == "v2/_a":
        with refused(
            "InvalidParameterException", constraint("repositoryName", f"must satisfy regular expression '{REPOSITORY_PATTERN}'")
        ):
            door.call("CreateRepository", client, repositoryName=name)
        return
    door.call("CreateRepository", client, repositoryName=name)
    assert door.call("DescribeRepositories", client)["repositories"][0]["repositoryName"] == name


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"imageTagMutability": "IMMUTABLE_WITH_EXCLUSION"}, "must be given for a mode with exclusion, and for no other"),
        ({_FILTERS: _wild("a")}, "must be given for a mode with exclusion, and for no other"),
        (
            {"imageTagMutability": "IMMUTABLE", _FILTERS: _wild("a")},
            "must be given for a mode with exclusion, and for no other",
        ),
        (
            {"imageTagMutability": "MUTABLE_WITH_EXCLUSION", _FILTERS: _wild("a*b*c*")},
            "filter must contain at most 2 wildcards (*)",
        ),
        (
            {"imageTagMutability": "MUTABLE_WITH_EXCLUSION", _FILTERS: _wild(*"abcdef")},
            "Member must have length less than or equal to 5",
        ),
        ({"imageTagMutability": "MUTABLE_WITH_EXCLUSION", _FILTERS: []}, "Member must have length greater than or equal to 1"),
    ],
)
def test_mode_and_filters_must_go_together(door: Door, members: dict[str, Any], message: str) -> None:
    with refused("InvalidParameterException", constraint(_FILTERS, message)):
        door.call("CreateRepository", repositoryName="team/never", **members)


def test_a_key_without_key_management_is_refused(door: Door) -> None:
    text = constraint("encryptionConfiguration", "kmsKey must not be given with AES256")
    with refused("InvalidParameterException", text):
        door.call(
            "CreateRepository", repositoryName="team/never", encryptionConfiguration={"encryptionType": "AES256", "kmsKey": "x"}
        )


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ([("", "v")], "A tag key must have 1 to 128 characters."),
        ([("k" * 129, "v")], "A tag key must have 1 to 128 characters."),
        ([("k", "v" * 257)], "The value of the tag 'k' is longer than 256 characters."),
        ([("AWS:k", "v")], "Tag keys that begin with 'aws:' are reserved for AWS."),
        ([("k", "v"), ("k", "w")], "The tag key 'k' is given twice."),
    ],
)
def test_a_resource_tag_outside_awss_rules_is_refused(door: Door, tags: list[tuple[str, str]], message: str) -> None:
    with refused("InvalidTagParameterException", message):
        door.call("CreateRepository", repositoryName="team/never", tags=[{"Key": key, "Value": value} for key, value in tags])


def test_fifty_tags_of_the_longest_kind_are_taken(door: Door, repository: str) -> None:
    _create(door, repository, tags=[{"Key": f"{number:0128}", "Value": "v" * 256} for number in range(50)])
    kept = door.query(
        "SELECT count(*) AS n FROM resource_tags JOIN repositories r ON r.id = repository_id WHERE r.name = ?",
        f"{repository}-new",
    )
    assert kept == [{"n": 50}]


def test_a_refused_creation_leaves_nothing(door: Door, repository: str) -> None:
    with refused("TooManyTagsException", "A repository can have at most 50 tags."):
        _create(door, repository, tags=[{"Key": str(number), "Value": ""} for number in range(51)])
    with refused("RepositoryNotFoundException", no_repository(f"{repository}-new")):
        door.call("DescribeRepositories", repositoryNames=[f"{repository}-new"])


def test_named_repositories_come_in_the_order_of_the_names_each_once(door: Door) -> None:
    first, second = door.new_repository(), door.new_repository()
    answer = door.call("DescribeRepositories", repositoryNames=[second, first, second])
    assert [found["repositoryName"] for found in answer["repositories"]] == [second, first]
    assert "nextToken" not in answer


def test_one_unknown_name_fails_the_whole_call(door: Door, repository: str) -> None:
    with refused("RepositoryNotFoundException", no_repository("team/absent")):
        door.call("DescribeRepositories", repositoryNames=[repository, "team/absent"])


@pytest.mark.parametrize("more", [{"maxResults": 5}, {"nextToken": "x"}])
def test_names_and_pages_do_not_go_together(door: Door, repository: str, more: dict[str, Any]) -> None:
    text = constraint("repositoryNames", "must not be combined with nextToken or maxResults")
    with refused("InvalidParameterException", text):
        door.call("DescribeRepositories", repositoryNames=[repository], **more)


def test_a_deleted_repository_is_shown_once_more_and_its_name_is_free_at_once(door: Door, repository: str) -> None:
    (before,) = door.call("DescribeRepositories", repositoryNames=[repository])["repositories"]
    assert door.call("DeleteRepository", repositoryName=repository)["repository"] == before
    with refused("RepositoryNotFoundException", no_repository(repository)):
        door.call("DeleteRepository", repositoryName=repository)
    door.call("CreateRepository", repositoryName=repository)
    assert door.call("ListImages", repositoryName=repository) == {"imageIds": []}


def test_force_deletes_what_is_in_it(door: Door, repository: str) -> None:
    content = small("forced")
    door.push(repository, content, "1")
    door.call("DeleteRepository", repositoryName=repository, force=True)
    door.call("CreateRepository", repositoryName=repository)
    layers = door.call(
        "BatchCheckLayerAvailability", repositoryName=repository, layerDigests=[blob.digest for blob in content.blobs]
    )["layers"]
    assert {layer["layerAvailability"] for layer in layers} == {"UNAVAILABLE"}
    assert door.digests(repository) == set()


def test_layers_without_an_image_do_not_hinder_a_deletion(door: Door, repository: str) -> None:
    door.upload(repository, b"left over")
    assert door.call("DeleteRepository", repositoryName=repository)["repository"]["repositoryName"] == repository


def test_removed_images_do_not_hinder_a_deletion(door: Door, repository: str) -> None:
    door.push(repository, small("removed"), "1")
    door.call("BatchDeleteImage", repositoryName=repository, imageIds=[{"imageTag": "1"}])
    assert door.call("DeleteRepository", repositoryName=repository)["repository"]["repositoryName"] == repository
