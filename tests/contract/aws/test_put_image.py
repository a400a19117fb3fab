"""PutImage: what is stored, what is refused, and where tags go."""

import json
from typing import Any

import pytest

from tests.contract.aws.door import ACCOUNT, Door, constraint, refused
from tests.e2e.images import DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, artifact, attested, digest, index, json_bytes, small

_TAG_RULE = "must satisfy regular expression '[a-zA-Z0-9-_.]+'"
_MODES = ("MUTABLE", "IMMUTABLE", "IMMUTABLE_WITH_EXCLUSION", "MUTABLE_WITH_EXCLUSION")


def _settings(mode: str, *filters: str) -> dict[str, Any]:
    exclusions = [{"filterType": "WILDCARD", "filter": pattern} for pattern in filters]
    return {"imageTagMutability": mode, **({"imageTagMutabilityExclusionFilters": exclusions} if filters else {})}


def _immutable(tag: str, repository: str) -> str:
    return (
        f"The image tag '{tag}' already exists in the '{repository}' repository and cannot be overwritten "
        "because the repository is immutable."
    )


def _exists(image: str, tag: str, repository: str) -> str:
    return f"Image with digest '{image}' and tag '{tag}' already exists in the repository with name '{repository}' in registry with id '{ACCOUNT}'"


def test_an_image_is_stored_byte_for_byte(door: Door, repository: str) -> None:
    content = small("bytes", annotations={"name": "Zoë \u2603 \U0001f40b"})
    text = json.dumps(json.loads(content.manifest.data), indent=3, ensure_ascii=False) + "\n \n"
    for blob in content.blobs:
        door.upload(repository, blob.data)
    image = door.call("PutImage", repositoryName=repository, imageManifest=text, imageTag="1")["image"]
    assert image == {
        "registryId": ACCOUNT,
        "repositoryName": repository,
        "imageId": {"imageDigest": digest(text.encode()), "imageTag": "1"},
        "imageManifest": text,
        "imageManifestMediaType": OCI_MANIFEST,
    }
    assert door.call("BatchGetImage", repositoryName=repository, imageIds=[{"imageTag": "1"}])["images"] == [image]


def test_an_image_without_a_tag_has_none_in_the_answer(door: Door, repository: str) -> None:
    content = small("untagged")
    door.push(repository, content)
    assert door.call("ListImages", repositoryName=repository)["imageIds"] == [{"imageDigest": content.digest}]


def test_a_moved_tag_leaves_the_old_image_untagged(door: Door, repository: str) -> None:
    old, new = small("old"), small("new")
    door.push(repository, old, "latest")
    door.push(repository, new, "latest")
    listed = door.call("ListImages", repositoryName=repository)["imageIds"]
    assert listed == [{"imageDigest": old.digest}, {"imageDigest": new.digest, "imageTag": "latest"}]


def test_a_further_tag_does_not_change_when_the_image_came(door: Door, repository: str) -> None:
    content = small("again")
    door.push(repository, content, "1")
    (before,) = door.call("DescribeImages", repositoryName=repository)["imageDetails"]
    door.put(repository, content, "2")
    (after,) = door.call("DescribeImages", repositoryName=repository)["imageDetails"]
    assert after == {**before, "imageTags": ["1", "2"]}


@pytest.mark.parametrize("mode", _MODES)
def test_the_same_image_and_tag_already_exist_in_every_mode(door: Door, mode: str) -> None:
    repository = door.new_repository(**_settings(mode, *(["v*"] if "EXCLUSION" in mode else [])))
    content = small("same")
    door.push(repository, content, "v1", "other")
    for tag in ("v1", "other"):
        with refused("ImageAlreadyExistsException", _exists(content.digest, tag, repository)):
            door.put(repository, content, tag)
    with refused("ImageAlreadyExistsException", _exists(content.digest, "null", repository)):
        door.put(repository, content)


@pytest.mark.parametrize(
    ("mode", "movable", "fixed"),
    [
        ("MUTABLE", ["v1", "latest"], []),
        ("IMMUTABLE", [], ["v1", "latest"]),
        ("IMMUTABLE_WITH_EXCLUSION", ["latest", "dev-x-1"], ["v1", "xlatest", "latest2", "dev-1"]),
        ("MUTABLE_WITH_EXCLUSION", ["v1", "xlatest", "latest2"], ["latest", "dev-x-1"]),
    ],
)
def test_which_tags_may_move_depends_on_mode_and_filters(door: Door, mode: str, movable: list[str], fixed: list[str]) -> None:
    filters = ("latest", "dev-*-*") if "EXCLUSION" in mode else ()
    repository = door.new_repository(**_settings(mode, *filters))
    old, new = small("old"), small("new")
    door.push(repository, old, *movable, *fixed)
    door.push(repository, new)
    for tag in movable:
        door.put(repository, new, tag)
    for tag in fixed:
        with refused("ImageTagAlreadyExistsException", _immutable(tag, repository)):
            door.put(repository, new, tag)
    assert door.tags(repository) == {**dict.fromkeys(movable, new.digest), **dict.fromkeys(fixed, old.digest)}


def test_a_refused_tag_does_not_bring_its_image_in(door: Door) -> None:
    repository = door.new_repository(imageTagMutability="IMMUTABLE")
    old, new = small("old"), small("new")
    door.push(repository, old, "1")
    for blob in new.blobs:
        door.upload(repository, blob.data)
    with refused("ImageTagAlreadyExistsException", _immutable("1", repository)):
        door.put(repository, new, "1")
    assert door.digests(repository) == {old.digest}


def test_a_fixed_tag_can_be_deleted_and_pushed_anew(door: Door) -> None:
    repository = door.new_repository(imageTagMutability="IMMUTABLE")
    old, new = small("old"), small("new")
    door.push(repository, old, "1")
    door.call("BatchDeleteImage", repositoryName=repository, imageIds=[{"imageTag": "1"}])
    door.push(repository, new, "1")
    assert door.tags(repository) == {"1": new.digest}


def test_a_removed_image_comes_back_with_a_new_push_time(door: Door, repository: str) -> None:
    content = small("revived")
    door.push(repository, content, "1")
    (before,) = door.call("DescribeImages", repositoryName=repository)["imageDetails"]
    door.call("BatchDeleteImage", repositoryName=repository, imageIds=[{"imageDigest": content.digest}])
    door.push(repository, content, "2")
    (after,) = door.call("DescribeImages", repositoryName=repository)["imageDetails"]
    assert after["imagePushedAt"] > before["imagePushedAt"] and after["imageTags"] == ["2"]


@pytest.mark.parametrize("tag", ["-x", ".x", "a b", "a/b", "a:b", "ä", "x" * 129, "a\n", "a*"])
def test_a_tag_outside_the_grammar_is_refused(door: Door, repository: str, tag: str) -> None:
    with refused("InvalidParameterException", constraint("imageTag", _TAG_RULE)):
        door.put(repository, small("tags"), tag)


def test_a_tag_longer_than_the_model_has_it_is_refused(door: Door, repository: str) -> None:
    with refused("InvalidParameterException", constraint("imageTag", "Member must have length less than or equal to 300")):
        door.put(repository, small("tags"), "x" * 301)


@pytest.mark.parametrize("text", ["{", "[]", "1", '"x"', "null", '{"a":1,"a":2}', "\ufeff{}", '{"a":' * 2000])
def test_a_manifest_that_is_no_json_object_is_refused(door: Door, repository: str, text: str) -> None:
    with refused("InvalidParameterException", constraint("ImageManifest", "Invalid JSON syntax")):
        door.call("PutImage", repositoryName=repository, imageManifest=text, imageManifestMediaType=OCI_MANIFEST)


@pytest.mark.parametrize(
    ("document", "media_type", "message"),
    [
        ({"schemaVersion": 2}, None, "The manifest states no media type, and neither does the request."),
        (
            {"mediaType": OCI_MANIFEST},
            DOCKER_MANIFEST,
            f"The manifest's mediaType '{OCI_MANIFEST}' contradicts the request's '{DOCKER_MANIFEST}'.",
        ),
        ({"schemaVersion": 2}, OCI_MANIFEST, "An image manifest must have a config."),
        ({"schemaVersion": 2}, "text/html", "Manifests of the type 'text/html' are not supported."),
        ({"config": {"digest": "x", "size": 1}}, OCI_MANIFEST, "config.digest is missing or malformed."),
        (
            {"config": {"digest": digest(b""), "size": -1}},
            OCI_MANIFEST,
            "config.size must be a whole number of bytes.",
        ),
        ({"manifests": [], "layers": []}, OCI_INDEX, "A manifest must not have both manifests and config or layers."),
    ],
)
def test_a_manifest_that_makes_no_sense_is_refused(
    door: Door, repository: str, document: dict[str, Any], media_type: str | None, message: str
) -> None:
    stated = {"imageManifestMediaType": media_type} if media_type else {}
    with refused("InvalidParameterException", message):
        door.call("PutImage", repositoryName=repository, imageManifest=json.dumps(document), **stated)


def test_the_media_type_is_the_stated_one_where_the_manifest_has_none(door: Door, repository: str) -> None:
    content = small("untyped")
    document = json.loads(content.manifest.data)
    del document["mediaType"]
    for blob in content.blobs:
        door.upload(repository, blob.data)
    text = json.dumps(document)
    image = door.call("PutImage", repositoryName=repository, imageManifest=text, imageManifestMediaType=DOCKER_MANIFEST)[
        "image"
    ]
    assert image["imageManifestMediaType"] == DOCKER_MANIFEST
    assert image["imageId"] == {"imageDigest": digest(text.encode())}


def test_a_size_that_lies_is_refused(door: Door, repository: str) -> None:
    content = small("lies")
    door.push(repository, content)
    document = json.loads(content.manifest.data)
    layer = document["layers"][0]
    layer["size"] += 1
    text = f"{layer['digest']} has {layer['size'] - 1} bytes, not {layer['size']} as the manifest says."
    with refused("InvalidParameterException", text):
        door.call("PutImage", repositoryName=repository, imageManifest=json.dumps(document))


@pytest.mark.parametrize("given", ["x", "md5:00", "sha256:00", digest(b"").upper()])
def test_a_digest_that_is_none_is_refused(door: Door, repository: str, given: str) -> None:
    with refused("InvalidParameterException", f"The digest '{given}' is malformed or of an unsupported algorithm."):
        door.put(repository, small("digests"), imageDigest=given)


def test_a_digest_that_is_right_is_taken_also_of_another_algorithm(door: Door, repository: str) -> None:
    content = small("right")
    for blob in content.blobs:
        door.upload(repository, blob.data)
    for algorithm in ("sha256", "sha512"):
        wanted = digest(content.manifest.data, algorithm)
        assert door.put(repository, content, algorithm, imageDigest=wanted)["imageId"]["imageDigest"] == wanted


def test_an_index_is_taken_once_its_children_are_there(door: Door, repository: str) -> None:
    content = attested("subject")
    door.push(repository, content, "1")
    assert door.digests(repository) == {content.digest, *(child.digest for child in content.children)}


def test_the_missing_children_of_an_index_are_named_each_once(door: Door, repository: str) -> None:
    here, absent = small("here"), small("absent")
    door.push(repository, here)
    content = index(here, absent, absent)
    text = (
        f"Images with digests '[{absent.digest}]' required for pushing image into repository with name "
        f"'{repository}' in the registry with id '{ACCOUNT}' do not exist"
    )
    with refused("ReferencedImagesNotFoundException", text):
        door.put(repository, content, "1")
    assert door.digests(repository) == {here.digest}


def test_a_layer_of_another_repository_does_not_count(door: Door, repository: str) -> None:
    content = small("elsewhere")
    door.push(door.new_repository(), content)
    text = (
        f"Layers with digests '[{', '.join(blob.digest for blob in content.blobs)}]' required for pushing image into repository "
        f"with name '{repository}' in the registry with id '{ACCOUNT}' do not exist"
    )
    with refused("LayersNotFoundException", text):
        door.put(repository, content)


def test_a_subject_may_be_absent_and_is_shown(door: Door, repository: str) -> None:
    subject = small("the subject")
    content = artifact(b"signature", "application/vnd.example.signature", subject)
    door.push(repository, content)
    (detail,) = door.call("DescribeImages", repositoryName=repository)["imageDetails"]
    assert detail["subjectManifestDigest"] == subject.digest


def test_layers_that_are_fetched_from_elsewhere_may_be_absent(door: Door, repository: str) -> None:
    content = small("windows")
    for blob in content.blobs:
        door.upload(repository, blob.data)
    document = json.loads(content.manifest.data)
    document["layers"].append(
        {"mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "digest": digest(b"away"), "size": 4}
    )
    text = json_bytes(document).decode()
    assert door.call("PutImage", repositoryName=repository, imageManifest=text)["image"]["imageManifest"] == text
