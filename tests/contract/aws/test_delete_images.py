"""BatchDeleteImage: tags, images, and what protects them."""

from typing import Any

from tests.contract.aws.door import Door
from tests.e2e.images import index, small


def _delete(door: Door, repository: str, *image_ids: dict[str, str]) -> tuple[Any, Any]:
    answer = door.call("BatchDeleteImage", repositoryName=repository, imageIds=list(image_ids))
    return answer["imageIds"], answer["failures"]


def _protected(image_id: dict[str, str], *indexes: str) -> list[dict[str, Any]]:
    reason = f"Requested image referenced by manifest list: [{', '.join(sorted(indexes))}]"
    return [{"imageId": image_id, "failureCode": "ImageReferencedByManifestList", "failureReason": reason}]


def test_a_tag_goes_alone_and_the_image_with_the_last(door: Door, repository: str) -> None:
    content = small("two tags")
    door.push(repository, content, "a", "b")
    assert _delete(door, repository, {"imageTag": "a"}) == ([{"imageDigest": content.digest, "imageTag": "a"}], [])
    assert door.tags(repository) == {"b": content.digest}
    assert _delete(door, repository, {"imageTag": "b"}) == ([{"imageDigest": content.digest, "imageTag": "b"}], [])
    assert door.digests(repository) == set()


def test_both_tags_in_one_request_take_the_image_along(door: Door, repository: str) -> None:
    content = small("two tags at once")
    door.push(repository, content, "a", "b")
    listed = door.call("ListImages", repositoryName=repository)["imageIds"]
    assert _delete(door, repository, *listed) == (listed, [])
    assert door.digests(repository) == set()


def test_by_digest_an_image_goes_with_all_its_tags_each_reported(door: Door, repository: str) -> None:
    content = small("three tags")
    door.push(repository, content, "c", "a", "b")
    deleted, failures = _delete(door, repository, {"imageDigest": content.digest})
    assert deleted == [{"imageDigest": content.digest, "imageTag": tag} for tag in "abc"] and failures == []
    assert door.digests(repository) == set()


def test_an_untagged_image_is_reported_without_a_tag(door: Door, repository: str) -> None:
    content = small("untagged")
    door.push(repository, content)
    assert _delete(door, repository, {"imageDigest": content.digest}) == ([{"imageDigest": content.digest}], [])


def test_tag_and_digest_together_remove_just_the_tag(door: Door, repository: str) -> None:
    content = small("both")
    door.push(repository, content, "a", "b")
    both = {"imageDigest": content.digest, "imageTag": "a"}
    assert _delete(door, repository, both) == ([both], [])
    assert door.tags(repository) == {"b": content.digest}


def test_an_image_named_twice_is_reported_once(door: Door, repository: str) -> None:
    content = small("named twice")
    door.push(repository, content, "a")
    by_digest, by_tag, by_both = (
        {"imageDigest": content.digest},
        {"imageTag": "a"},
        {"imageDigest": content.digest, "imageTag": "a"},
    )
    for ids in ((by_digest, by_tag, by_both, by_digest), (by_tag, by_digest), (by_both, by_tag)):
        assert _delete(door, repository, *ids) == ([by_both], [])
        door.put(repository, content, "a")


def test_what_was_never_there_is_a_failure_beside_what_was(door: Door, repository: str) -> None:
    content = small("beside")
    door.push(repository, content, "a")
    wrong = {"imageDigest": small("another").digest, "imageTag": "a"}
    deleted, failures = _delete(door, repository, {"imageTag": "a"}, wrong, {"imageTag": "b"})
    assert deleted == [{"imageDigest": content.digest, "imageTag": "a"}]
    assert [(entry["imageId"], entry["failureCode"]) for entry in failures] == [
        (wrong, "ImageNotFound"),
        ({"imageTag": "b"}, "ImageNotFound"),
    ]


def test_what_is_gone_cannot_be_deleted_again(door: Door, repository: str) -> None:
    content = small("gone")
    door.push(repository, content, "a")
    _delete(door, repository, {"imageTag": "a"})
    _, failures = _delete(door, repository, {"imageTag": "a"}, {"imageDigest": content.digest})
    assert [failure["failureCode"] for failure in failures] == ["ImageNotFound"] * 2


def test_a_child_goes_only_after_every_index_that_names_it(door: Door, repository: str) -> None:
    child, other = small("child"), small("other child")
    first, second = index(child, other), index(child)
    door.push(repository, first, "first")
    door.put(repository, second, "second")
    by_digest = {"imageDigest": child.digest}
    assert _delete(door, repository, by_digest) == ([], _protected(by_digest, first.digest, second.digest))
    _delete(door, repository, {"imageTag": "first"})
    assert _delete(door, repository, by_digest) == ([], _protected(by_digest, second.digest))
    _delete(door, repository, {"imageDigest": second.digest})
    assert _delete(door, repository, by_digest) == ([by_digest], [])


def test_the_last_tag_of_a_child_stays_and_any_other_goes(door: Door, repository: str) -> None:
    child = small("tagged child")
    content = index(child)
    door.push(repository, content, "index")
    for tag in ("a", "b"):
        door.put(repository, child, tag)
    assert _delete(door, repository, {"imageTag": "a"}) == ([{"imageDigest": child.digest, "imageTag": "a"}], [])
    for image_id in ({"imageTag": "b"}, {"imageTag": "b", "imageDigest": child.digest}):
        assert _delete(door, repository, image_id) == ([], _protected(image_id, content.digest))
    assert door.tags(repository) == {"index": content.digest, "b": child.digest}


def test_an_index_and_its_children_may_go_in_one_request_in_that_order(door: Door, repository: str) -> None:
    child = small("child")
    content = index(child)
    door.push(repository, content, "1")
    deleted, failures = _delete(door, repository, {"imageDigest": content.digest}, {"imageDigest": child.digest})
    assert failures == []
    assert deleted == [{"imageDigest": content.digest, "imageTag": "1"}, {"imageDigest": child.digest}]


def test_an_index_keeps_its_untagged_children(door: Door, repository: str) -> None:
    child = small("child")
    content = index(child)
    door.push(repository, content, "1")
    _delete(door, repository, {"imageTag": "1"})
    assert door.digests(repository) == {child.digest}


def test_the_layers_of_a_removed_image_are_no_longer_there_unless_another_has_them(door: Door, repository: str) -> None:
    gone, stays = small("gone"), small("stays")
    door.push(repository, gone, "gone")
    door.push(repository, stays, "stays")
    _delete(door, repository, {"imageTag": "gone"})
    digests = [blob.digest for content in (gone, stays) for blob in content.blobs]
    layers = door.call("BatchCheckLayerAvailability", repositoryName=repository, layerDigests=digests)["layers"]
    assert [layer["layerAvailability"] for layer in layers] == ["UNAVAILABLE"] * 2 + ["AVAILABLE"] * 2
