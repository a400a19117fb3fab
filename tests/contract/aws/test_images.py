"""BatchGetImage, ListImages and DescribeImages."""

from typing import Any

import pytest

from tests.contract.aws.door import ACCOUNT, Door, constraint, refused
from tests.e2e.images import DOCKER_MANIFEST, OCI_CONFIG, OCI_INDEX, OCI_MANIFEST, artifact, digest, index, small

_BAD_DIGEST = "Invalid request parameters: image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'"
_BAD_TAG = "Invalid request parameters: image tag should satisfy the regex '[a-zA-Z0-9-_.]+'"
_OTHER = "Invalid request parameters: given tag does not map to the given digest"
_NEITHER = "Invalid request parameters: both tag and digest cannot be null"
_NOT_FOUND = "Requested image not found"

FAILURES: list[tuple[dict[str, str], str, str]] = [
    ({"imageTag": "absent"}, "ImageNotFound", _NOT_FOUND),
    ({"imageDigest": digest(b"absent")}, "ImageNotFound", _NOT_FOUND),
    ({"imageDigest": "md5:00"}, "ImageNotFound", _NOT_FOUND),
    ({"imageTag": "absent", "imageDigest": digest(b"absent")}, "ImageNotFound", _NOT_FOUND),
    ({"imageTag": "1", "imageDigest": digest(b"absent")}, "ImageTagDoesNotMatchDigest", _OTHER),
    ({"imageDigest": "x"}, "InvalidImageDigest", _BAD_DIGEST),
    ({"imageDigest": "sha256:zz"}, "InvalidImageDigest", _BAD_DIGEST),
    ({"imageTag": "1", "imageDigest": "x"}, "InvalidImageDigest", _BAD_DIGEST),
    ({"imageTag": "a/b"}, "InvalidImageTag", _BAD_TAG),
    ({"imageTag": "x" * 129}, "InvalidImageTag", _BAD_TAG),
    ({}, "MissingDigestAndTag", _NEITHER),
]


@pytest.mark.parametrize("operation", ["BatchGetImage", "BatchDeleteImage"])
@pytest.mark.parametrize(("image_id", "code", "reason"), FAILURES)
def test_an_identifier_that_names_no_image_fails_alone(
    door: Door, repository: str, operation: str, image_id: dict[str, str], code: str, reason: str
) -> None:
    content = small("failures")
    door.push(repository, content, "1", "2")
    answer = door.call(operation, repositoryName=repository, imageIds=[image_id, {"imageTag": "2"}])
    assert answer["failures"] == [{"imageId": image_id, "failureCode": code, "failureReason": reason}]
    good = answer["images"][0]["imageId"] if operation == "BatchGetImage" else answer["imageIds"][0]
    assert good == {"imageDigest": content.digest, "imageTag": "2"}
    assert "1" in door.tags(repository)


@pytest.mark.parametrize("operation", ["BatchGetImage", "BatchDeleteImage"])
def test_both_lists_are_there_also_when_they_are_empty(door: Door, repository: str, operation: str) -> None:
    door.push(repository, small("lists"), "1")
    key = "images" if operation == "BatchGetImage" else "imageIds"
    failed = door.raw(operation, {"repositoryName": repository, "imageIds": [{"imageTag": "absent"}]}).document
    assert failed.keys() == {key, "failures"} and failed[key] == []
    answer = door.raw(operation, {"repositoryName": repository, "imageIds": [{"imageTag": "1"}]}).document
    assert answer.keys() == {key, "failures"} and answer["failures"] == []


@pytest.mark.parametrize("operation", ["BatchGetImage", "BatchDeleteImage", "DescribeImages"])
def test_a_batch_has_one_to_a_hundred_identifiers(door: Door, repository: str, operation: str) -> None:
    for ids, bound in (([], "greater than or equal to 1"), ([{"imageTag": "x"}] * 101, "less than or equal to 100")):
        with refused("InvalidParameterException", constraint("imageIds", f"Member must have length {bound}")):
            door.call(operation, repositoryName=repository, imageIds=ids)


def test_an_image_is_got_by_tag_digest_or_both(door: Door, repository: str) -> None:
    content = small("got")
    door.push(repository, content, "1")
    both = {"imageTag": "1", "imageDigest": content.digest}
    for image_id in ({"imageTag": "1"}, {"imageDigest": content.digest}, both):
        (image,) = door.call("BatchGetImage", repositoryName=repository, imageIds=[image_id])["images"]
        assert image == {
            "registryId": ACCOUNT,
            "repositoryName": repository,
            "imageId": both,
            "imageManifest": content.manifest.data.decode(),
            "imageManifestMediaType": OCI_MANIFEST,
        }


def test_by_digest_there_is_one_element_for_each_tag(door: Door, repository: str) -> None:
    content = small("tagged thrice")
    door.push(repository, content, "c", "a", "b")
    images = door.call("BatchGetImage", repositoryName=repository, imageIds=[{"imageDigest": content.digest}])["images"]
    assert [image["imageId"]["imageTag"] for image in images] == ["a", "b", "c"]


def test_an_identifier_given_twice_is_answered_once(door: Door, repository: str) -> None:
    door.push(repository, small("twice"), "1", "2")
    ids = [{"imageTag": "2"}, {"imageTag": "1"}, {"imageTag": "2"}, {"imageTag": "none"}, {"imageTag": "none"}]
    answer = door.call("BatchGetImage", repositoryName=repository, imageIds=ids)
    assert [image["imageId"]["imageTag"] for image in answer["images"]] == ["2", "1"]
    assert len(answer["failures"]) == 1


@pytest.mark.parametrize(
    "accepted", [[OCI_MANIFEST], [DOCKER_MANIFEST], ["text/html"], [OCI_INDEX, "application/json"], ["*/*"]]
)
def test_nothing_is_converted_whatever_is_accepted(door: Door, repository: str, accepted: list[str]) -> None:
    content = small("accepted")
    door.push(repository, content, "1")
    ids = [{"imageTag": "1"}]
    answer = door.call("BatchGetImage", repositoryName=repository, imageIds=ids, acceptedMediaTypes=accepted)
    assert [image["imageManifest"].encode() for image in answer["images"]] == [content.manifest.data]


def test_accepted_media_types_have_their_bounds(door: Door, repository: str) -> None:
    text = constraint("acceptedMediaTypes", "Member must have length greater than or equal to 1")
    with refused("InvalidParameterException", text):
        door.call("BatchGetImage", repositoryName=repository, imageIds=[{"imageTag": "1"}], acceptedMediaTypes=[])


def test_a_pull_is_remembered_and_a_look_is_not(door: Door, repository: str) -> None:
    content = small("pulled")
    door.push(repository, content, "1")
    door.call("ListImages", repositoryName=repository)
    (before,) = door.call("DescribeImages", repositoryName=repository)["imageDetails"]
    assert "lastRecordedPullTime" not in before
    door.call("BatchGetImage", repositoryName=repository, imageIds=[{"imageTag": "1"}])
    door.settle()  # nobody's pull waits for this to be written
    (after,) = door.call("DescribeImages", repositoryName=repository)["imageDetails"]
    assert after["lastRecordedPullTime"] >= before["imagePushedAt"]


def test_images_are_listed_in_the_order_in_which_they_came_and_their_tags_by_name(door: Door, repository: str) -> None:
    first, second, third = small("1st"), small("2nd"), small("3rd")
    door.push(repository, first, "z", "B", "a")
    door.push(repository, second)
    door.push(repository, third, "0")
    shown = [(first, "B"), (first, "a"), (first, "z"), (second, None), (third, "0")]
    assert door.call("ListImages", repositoryName=repository)["imageIds"] == [
        {"imageDigest": content.digest, **({"imageTag": tag} if tag else {})} for content, tag in shown
    ]


@pytest.mark.parametrize(
    ("image_filter", "shown"),
    [
        ({}, "tu"),
        ({"tagStatus": "ANY"}, "tu"),
        ({"tagStatus": "TAGGED"}, "t"),
        ({"tagStatus": "UNTAGGED"}, "u"),
        ({"imageStatus": "ACTIVE"}, "tu"),
        ({"imageStatus": "ANY"}, "tu"),
        ({"imageStatus": "ARCHIVED"}, ""),
        ({"imageStatus": "ACTIVATING"}, ""),
        ({"tagStatus": "TAGGED", "imageStatus": "ACTIVE"}, "t"),
    ],
)
def test_filters_choose(door: Door, repository: str, image_filter: dict[str, str], shown: str) -> None:
    contents = {"t": small("tagged"), "u": small("untagged")}
    door.push(repository, contents["t"], "1")
    door.push(repository, contents["u"])
    wanted = [contents[name].digest for name in shown]
    listed = door.call("ListImages", repositoryName=repository, filter=image_filter)["imageIds"]
    described = door.call("DescribeImages", repositoryName=repository, filter=image_filter)["imageDetails"]
    assert [entry["imageDigest"] for entry in listed] == wanted
    assert [entry["imageDigest"] for entry in described] == wanted


def test_a_filter_outside_the_model_is_refused(door: Door, repository: str) -> None:
    with refused(
        "InvalidParameterException",
        constraint("filter.tagStatus", "Member must satisfy enum value set: [TAGGED, UNTAGGED, ANY]"),
    ):
        door.call("ListImages", repositoryName=repository, filter={"tagStatus": "SOME"})


def test_an_image_is_described_with_what_it_has_and_nothing_else(door: Door, repository: str) -> None:
    content = small("described")
    door.push(repository, content, "b", "a")
    (detail,) = door.call("DescribeImages", repositoryName=repository)["imageDetails"]
    detail.pop("imagePushedAt")
    assert detail == {
        "registryId": ACCOUNT,
        "repositoryName": repository,
        "imageDigest": content.digest,
        "imageTags": ["a", "b"],
        "imageSizeInBytes": sum(len(blob.data) for blob in content.blobs),
        "imageManifestMediaType": OCI_MANIFEST,
        "artifactMediaType": OCI_CONFIG,
        "imageStatus": "ACTIVE",
    }


def test_an_untagged_image_has_no_list_of_tags(door: Door, repository: str) -> None:
    door.push(repository, small("untagged"))
    (detail,) = door.raw("DescribeImages", {"repositoryName": repository}).document["imageDetails"]
    assert not {"imageTags", "lastRecordedPullTime", "subjectManifestDigest"} & detail.keys()
    assert None not in detail.values()


def test_an_index_has_the_size_of_its_largest_image(door: Door, repository: str) -> None:
    few, many = small("few"), small("many" * 1000)
    content = index(few, many)
    door.push(repository, content, "1")
    ids = [{"imageTag": "1"}]
    (detail,) = door.call("DescribeImages", repositoryName=repository, imageIds=ids)["imageDetails"]
    assert detail["imageSizeInBytes"] == max(sum(len(blob.data) for blob in child.blobs) for child in (few, many))
    assert detail["imageManifestMediaType"] == OCI_INDEX and "artifactMediaType" not in detail


def test_an_artifact_is_described_by_its_configs_type(door: Door, repository: str) -> None:
    door.push(repository, artifact(b"chart", "application/vnd.example"), "1")
    (detail,) = door.call("DescribeImages", repositoryName=repository)["imageDetails"]
    assert detail["artifactMediaType"] == "application/vnd.oci.empty.v1+json"


def test_named_images_are_described_once_each_in_the_order_of_the_names(door: Door, repository: str) -> None:
    first, second = small("1st"), small("2nd")
    door.push(repository, first, "a", "b")
    door.push(repository, second, "c")
    ids = [{"imageTag": "c"}, {"imageTag": "a"}, {"imageDigest": first.digest}, {"imageTag": "b"}]
    details = door.call("DescribeImages", repositoryName=repository, imageIds=ids)["imageDetails"]
    assert [detail["imageDigest"] for detail in details] == [second.digest, first.digest]


@pytest.mark.parametrize("image_id", [image_id for image_id, _, _ in FAILURES])
def test_one_image_that_is_not_there_fails_the_whole_description(door: Door, repository: str, image_id: dict[str, Any]) -> None:
    door.push(repository, small("all or nothing"), "1")
    text = (
        f"The image with imageId {{imageDigest:'{image_id.get('imageDigest', 'null')}', "
        f"imageTag:'{image_id.get('imageTag', 'null')}'}} does not exist within the repository with name '{repository}' "
        f"in the registry with id '{ACCOUNT}'"
    )
    with refused("ImageNotFoundException", text):
        door.call("DescribeImages", repositoryName=repository, imageIds=[{"imageTag": "1"}, image_id])


@pytest.mark.parametrize("more", [{"maxResults": 1}, {"nextToken": "x"}])
def test_identifiers_and_pages_do_not_go_together(door: Door, repository: str, more: dict[str, Any]) -> None:
    text = constraint("imageIds", "must not be combined with nextToken or maxResults")
    with refused("InvalidParameterException", text):
        door.call("DescribeImages", repositoryName=repository, imageIds=[{"imageTag": "1"}], **more)
