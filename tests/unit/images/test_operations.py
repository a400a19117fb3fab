"""ECR's operations on images."""

import json
from typing import Any

import pytest
import sqlalchemy as sa

from moorage.core import media_types
from moorage.core.errors import InvalidParameterError, InvalidTagError
from moorage.images.errors import (
    ImageAlreadyExistsError,
    ImageDigestDoesNotMatchError,
    ImageLayersNotFoundError,
    ImageNotFoundError,
    ImageTagAlreadyExistsError,
)
from moorage.images.model import ImageFacts
from moorage.images.operations import ImageOperations
from moorage.repositories.model import Repository
from moorage.storage.database.schema.images import images, tags
from moorage.storage.database.schema.journal import audit
from moorage.storage.database.transaction import Transaction
from tests.unit.ground import Ground, config_of, digest_of, index_of, manifest_of
from tests.unit.interleaving import Interleaved

NAME = "team/app"


def put(ground: Ground, body: bytes, tag: str | None = None, **params: Any) -> dict[str, Any]:
    tagged = {"imageTag": tag} if tag else {}
    return dict(ground.do("PutImage", repositoryName=NAME, imageManifest=body.decode(), **tagged, **params)["image"])


def batch(ground: Ground, operation: str, *image_ids: dict[str, str]) -> dict[str, Any]:
    return ground.do(operation, repositoryName=NAME, imageIds=list(image_ids))


def codes(answer: dict[str, Any]) -> list[str]:
    return [entry["failureCode"] for entry in answer["failures"]]


def named(answer: dict[str, Any]) -> list[tuple[str, str | None]]:
    return [(entry["imageDigest"], entry.get("imageTag")) for entry in answer["imageIds"]]


@pytest.fixture
def body(ground: Ground, repository: Repository) -> bytes:
    """A manifest whose blobs are here."""
    for data in (config_of(), b"layer"):
        ground.push_blob(repository, data)
    return manifest_of(config_of(), [b"layer"])


# --- PutImage -------------------------------------------------------------------------------------------------------


def test_put_image_answers_with_what_it_stored(ground: Ground, body: bytes) -> None:
    image = put(ground, body, "v1")
    assert image["imageId"] == {"imageDigest": digest_of(body), "imageTag": "v1"}
    assert (image["imageManifest"], image["imageManifestMediaType"]) == (body.decode(), media_types.OCI_MANIFEST)


def test_the_very_image_with_that_tag_exists_already_in_every_mode(ground: Ground, body: bytes) -> None:
    put(ground, body, "v1")
    with pytest.raises(ImageAlreadyExistsError):
        put(ground, body, "v1")
    with pytest.raises(ImageAlreadyExistsError):
        put(ground, body)
    fixed = ground.repository("fixed/app", imageTagMutability="IMMUTABLE")
    ground.push(fixed, "app", "v1")
    manifest = ground.do("BatchGetImage", repositoryName="fixed/app", imageIds=[{"imageTag": "v1"}])["images"][0][
        "imageManifest"
    ]
    with pytest.raises(ImageAlreadyExistsError):
        ground.do("PutImage", repositoryName="fixed/app", imageManifest=manifest, imageTag="v1")


def test_a_new_tag_on_the_same_image_keeps_its_push_time(ground: Ground, body: bytes, repository: Repository) -> None:
    put(ground, body)
    begun = ground.clock.now()
    ground.clock.advance(1000)
    put(ground, body, "v2")
    assert ground.tags(repository) == {"v2": digest_of(body)}
    assert ground.rows(sa.select(images.c.pushed_at))[0].pushed_at == begun


def test_the_digest_that_is_given_must_be_the_manifests(ground: Ground, body: bytes, repository: Repository) -> None:
    with pytest.raises(ImageDigestDoesNotMatchError):
        put(ground, body, imageDigest=digest_of(b"other"))
    assert ground.digests(repository) == set()
    put(ground, body, imageDigest=digest_of(body))


def test_a_fixed_tag_is_not_moved_by_the_api_either(ground: Ground) -> None:
    fixed = ground.repository("fixed/app", imageTagMutability="IMMUTABLE")
    ground.push(fixed, "first", "v1")
    second = ground.push(fixed, "second")
    with pytest.raises(ImageTagAlreadyExistsError):
        ground.do("PutImage", repositoryName="fixed/app", imageManifest=second.decode(), imageTag="v1")


def test_what_cannot_be_put_is_refused(ground: Ground, repository: Repository, body: bytes) -> None:
    with pytest.raises(ImageLayersNotFoundError):
        put(ground, manifest_of(config_of("absent"), []))
    with pytest.raises(InvalidTagError):
        put(ground, body, "-v1")
    with pytest.raises(InvalidParameterError):
        put(ground, b"no json")
    assert ground.digests(repository) == set()


# --- BatchGetImage --------------------------------------------------------------------------------------------------


def test_an_image_named_by_digest_comes_once_for_each_tag(ground: Ground, repository: Repository) -> None:
    body, untagged = ground.push(repository, "app", "v1", "v2"), ground.push(repository, "untagged")
    answer = batch(
        ground, "BatchGetImage", {"imageDigest": digest_of(body)}, {"imageDigest": digest_of(untagged)}, {"imageTag": "v2"}
    )
    found = [(image["imageId"]["imageDigest"], image["imageId"]["imageTag"]) for image in answer["images"]]
    assert found == [(digest_of(body), "v1"), (digest_of(body), "v2"), (digest_of(untagged), None), (digest_of(body), "v2")]
    assert answer["images"][2]["imageManifest"] == untagged.decode()


@pytest.mark.parametrize("operation", ["BatchGetImage", "BatchDeleteImage"])
def test_identifiers_that_name_nothing_are_failures_with_their_codes(
    ground: Ground, repository: Repository, operation: str
) -> None:
    first, second = ground.push(repository, "first", "v1"), ground.push(repository, "second")
    answer = batch(
        ground,
        operation,
        {"imageTag": "absent"},
        {"imageDigest": digest_of(b"absent")},
        {"imageDigest": digest_of(second), "imageTag": "v1"},
        {"imageDigest": "nonsense"},
        {"imageTag": "not a tag"},
        {},
    )
    expected = ["ImageNotFound"] * 2 + [
        "ImageTagDoesNotMatchDigest",
        "InvalidImageDigest",
        "InvalidImageTag",
        "MissingDigestAndTag",
    ]
    assert codes(answer) == expected
    assert ground.digests(repository) == {digest_of(first), digest_of(second)}


def test_a_pull_through_the_api_is_remembered(ground: Ground, repository: Repository) -> None:
    ground.push(repository, "app", "v1")
    ground.clock.advance(5)
    batch(ground, "BatchGetImage", {"imageTag": "v1"})
    detail = ground.do("DescribeImages", repositoryName=NAME)["imageDetails"][0]
    assert detail["lastRecordedPullTime"] == ground.clock.now()


# --- BatchDeleteImage -----------------------------------------------------------------------------------------------


def test_a_tag_goes_alone_and_an_image_with_its_last(ground: Ground, repository: Repository) -> None:
    body = ground.push(repository, "app", "v1", "v2")
    assert named(batch(ground, "BatchDeleteImage", {"imageTag": "v1"})) == [(digest_of(body), "v1")]
    assert ground.tags(repository) == {"v2": digest_of(body)}
    assert named(batch(ground, "BatchDeleteImage", {"imageTag": "v2"})) == [(digest_of(body), "v2")]
    assert ground.digests(repository) == set()


def test_a_digest_takes_every_tag_with_it(ground: Ground, repository: Repository) -> None:
    body, untagged = ground.push(repository, "app", "v1", "v2"), ground.push(repository, "untagged")
    answer = batch(ground, "BatchDeleteImage", {"imageDigest": digest_of(body)}, {"imageDigest": digest_of(untagged)})
    assert named(answer) == [(digest_of(body), "v1"), (digest_of(body), "v2"), (digest_of(untagged), None)]
    assert ground.digests(repository) == set()


def test_a_tag_with_its_digest_takes_only_the_tag(ground: Ground, repository: Repository) -> None:
    body = ground.push(repository, "app", "v1", "v2")
    batch(ground, "BatchDeleteImage", {"imageDigest": digest_of(body), "imageTag": "v1"})
    assert ground.tags(repository) == {"v2": digest_of(body)}


def test_the_last_tag_of_what_an_index_names_stays(ground: Ground, repository: Repository) -> None:
    child = ground.push(repository, "child", "v1", "v2")
    index = index_of([child])
    ground.put(repository, index, "index")
    answer = batch(ground, "BatchDeleteImage", {"imageTag": "v1"}, {"imageTag": "v2"}, {"imageDigest": digest_of(child)})
    assert named(answer) == [(digest_of(child), "v1")]
    assert codes(answer) == ["ImageReferencedByManifestList"] * 2
    assert digest_of(index) in answer["failures"][0]["failureReason"]
    assert ground.tags(repository) == {"v2": digest_of(child), "index": digest_of(index)}
    answer = batch(ground, "BatchDeleteImage", {"imageTag": "index"}, {"imageDigest": digest_of(child)})
    assert codes(answer) == [] and ground.digests(repository) == set()


def test_what_list_images_shows_can_be_fed_into_batch_delete_image(ground: Ground, repository: Repository) -> None:
    ground.push(repository, "app", "v1", "v2")
    ground.push(repository, "untagged")
    listed = ground.do("ListImages", repositoryName=NAME)["imageIds"]
    answer = batch(ground, "BatchDeleteImage", *({key: value for key, value in entry.items() if value} for entry in listed))
    assert len(answer["imageIds"]) == 3 and codes(answer) == [] and ground.digests(repository) == set()


def test_an_identifier_given_twice_counts_once(ground: Ground, repository: Repository) -> None:
    body = ground.push(repository, "app", "v1")
    answer = batch(ground, "BatchDeleteImage", {"imageTag": "v1"}, {"imageTag": "v1"})
    assert named(answer) == [(digest_of(body), "v1")] and codes(answer) == []


def tag_by_rows(ground: Ground, body: bytes, names: list[str]) -> None:
    """Tags put on an image faster than pushes would."""

    def work(tx: Transaction) -> None:
        image = tx.all(sa.select(images.c.id, images.c.repository_id).where(images.c.digest == digest_of(body)))[0]
        rows = [{"repository_id": image.repository_id, "name": name, "image_id": image.id, "moved_at": 0} for name in names]
        tx.execute(sa.insert(tags), rows)

    ground.write(work)


def test_many_tags_go_in_steps_each_recorded_and_the_answer_is_as_of_one(ground: Ground, repository: Repository) -> None:
    bodies = [ground.push(repository, f"app {number}") for number in range(4)]
    for number, body in enumerate(bodies):
        tag_by_rows(ground, body, sorted(f"{number}-{each}" for each in range(600)))
    index = index_of(bodies[3:])
    ground.put(repository, index, "index")
    rows = ground.count(audit)
    wanted = [*({"imageDigest": digest_of(body)} for body in bodies), {"imageTag": "index"}, {"imageTag": "none"}]
    repeated = [
        {"imageTag": "0-5"},
        {"imageDigest": digest_of(bodies[1]), "imageTag": "1-7"},
        {"imageDigest": digest_of(index)},
    ]
    answer = batch(ground, "BatchDeleteImage", *wanted, *repeated)
    expected = [(digest_of(body), tag) for number, body in enumerate(bodies[:3]) for tag in sorted(all_tags(number))]
    assert named(answer) == [*expected, (digest_of(index), "index")]
    assert [(entry["imageId"].get("imageTag"), entry["failureCode"]) for entry in answer["failures"]] == [
        (None, "ImageReferencedByManifestList"),
        ("none", "ImageNotFound"),
    ]
    assert ground.digests(repository) == {digest_of(bodies[3])}
    recorded = ground.rows(sa.select(audit.c.event_name, audit.c.request_id).order_by(audit.c.id.desc()))
    assert {tuple(row) for row in recorded[: ground.count(audit) - rows]} == {("BatchDeleteImage", "request")}
    assert ground.count(audit) - rows == 4


def all_tags(number: int) -> list[str]:
    return [f"{number}-{each}" for each in range(600)]


def test_a_usual_deletion_is_one_transaction(ground: Ground, repository: Repository) -> None:
    bodies = [ground.push(repository, f"app {number}", f"a{number}", f"b{number}") for number in range(8)]
    rows = ground.count(audit)
    batch(ground, "BatchDeleteImage", *({"imageDigest": digest_of(body)} for body in bodies))
    assert ground.digests(repository) == set() and ground.count(audit) - rows == 1


def test_what_is_pushed_between_the_steps_of_a_deletion_stays(ground: Ground, repository: Repository) -> None:
    first, second = ground.push(repository, "first", "moving"), ground.push(repository, "second")
    for body, letter in ((first, "a"), (second, "b")):
        tag_by_rows(ground, body, [f"{letter}{each}" for each in range(900)])
    wanted = [{"imageDigest": digest_of(first)}, {"imageDigest": digest_of(second)}, {"imageTag": "moving"}]
    room = ImageOperations(ground.blobs, lambda *_: None, grace=0, sparse_indexes=False)
    call = ground.call("BatchDeleteImage", repository.name)
    pushed: list[bytes] = []
    database = Interleaved(ground.database, "write", lambda: pushed.append(ground.push(repository, "third", "moving")))
    answer = room.batch_delete_image(database, call, {"repositoryName": NAME, "imageIds": wanted})
    assert len(answer["imageIds"]) == 1801 and answer["failures"] == []
    assert ground.tags(repository) == {"moving": digest_of(pushed[0])}


# --- listings -------------------------------------------------------------------------------------------------------


def listed(ground: Ground, operation: str, member: str, **params: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    token: str | None = None
    while True:
        pages = {"nextToken": token} if token else {}
        answer = ground.do(operation, repositoryName=NAME, maxResults=2, **params, **pages)
        assert len(answer[member]) <= 2
        found += answer[member]
        token = answer.get("nextToken")
        if token is None:
            return found


@pytest.mark.parametrize(("status", "shown"), [("ANY", 5), ("TAGGED", 4), ("UNTAGGED", 1)])
def test_every_tag_and_every_untagged_image_is_listed_once_over_all_pages(
    ground: Ground, repository: Repository, status: str, shown: int
) -> None:
    ground.push(repository, "b", "z", "a", "m")
    ground.push(repository, "a")
    ground.push(repository, "c", "q")
    found = listed(ground, "ListImages", "imageIds", filter={"tagStatus": status})
    assert len(found) == len({(entry["imageDigest"], entry.get("imageTag")) for entry in found}) == shown


def test_images_are_described_once_each_in_the_order_in_which_they_came(ground: Ground, repository: Repository) -> None:
    bodies = [ground.push(repository, name, *tags) for name, tags in (("b", ["y", "x"]), ("a", []), ("c", ["q"]))]
    found = listed(ground, "DescribeImages", "imageDetails")
    assert [entry["imageDigest"] for entry in found] == list(map(digest_of, bodies))
    assert [entry["imageTags"] for entry in found] == [["x", "y"], None, ["q"]]
    detail = found[0]
    assert detail["imageSizeInBytes"] == len(config_of("b")) + len(b"layer of b")
    assert (detail["imageManifestMediaType"], detail["artifactMediaType"]) == (media_types.OCI_MANIFEST, media_types.OCI_CONFIG)
    untagged = listed(ground, "DescribeImages", "imageDetails", filter={"tagStatus": "UNTAGGED"})
    assert [entry["imageDigest"] for entry in untagged] == [digest_of(bodies[1])]


def test_described_images_are_all_or_nothing(ground: Ground, repository: Repository) -> None:
    body = ground.push(repository, "app", "v1", "v2")
    answer = batch(ground, "DescribeImages", {"imageTag": "v1"}, {"imageTag": "v2"})
    assert [entry["imageDigest"] for entry in answer["imageDetails"]] == [digest_of(body)]
    with pytest.raises(ImageNotFoundError) as refused:
        batch(ground, "DescribeImages", {"imageTag": "v1"}, {"imageTag": "absent"})
    assert "imageTag:'absent'" in refused.value.message
    with pytest.raises(InvalidParameterError):
        ground.do("DescribeImages", repositoryName=NAME, imageIds=[{"imageTag": "v1"}], maxResults=5)


def test_a_page_token_is_good_only_for_its_listing(ground: Ground, repository: Repository) -> None:
    ground.push(repository, "app", "a", "b", "c")
    token = ground.do("ListImages", repositoryName=NAME, maxResults=1)["nextToken"]
    for params in ({"filter": {"tagStatus": "TAGGED"}}, {}):
        operation = "ListImages" if params else "DescribeImages"
        with pytest.raises(InvalidParameterError):
            ground.do(operation, repositoryName=NAME, nextToken=token, **params)


# --- facts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "config",
    [
        b"",
        b"[]",
        b"null",
        b"\xff",
        b"{" * 100_000,
        b'{"os": 1, "config": [], "created": "yesterday"}',
        b'{"os": "\\ud800", "created": 5}',
    ],
)
def test_a_config_that_makes_no_sense_has_no_facts(config: bytes) -> None:
    assert ImageFacts.parse(config) == ImageFacts()


@pytest.mark.parametrize(
    ("created", "expected"),
    [
        ("1970-01-01T00:00:01Z", 1000),
        ("1970-01-01T01:00:01+01:00", 1000),
        ("1970-01-01T00:00:01", 1000),
        ("1970-01-01T00:00:01.123456789Z", 1123),
        ("0001-01-01T00:00:00Z", -62135596800000),
        ("0001-01-01T00:00:00+23:59", None),
        ("9999-12-31T23:59:59-23:59", None),
    ],
)
def test_the_time_of_the_build_is_read_where_it_can_be(created: str, expected: int | None) -> None:
    found = ImageFacts.parse(json.dumps({"created": created}).encode()).built_at
    assert found == expected or expected is None


def test_only_labels_that_are_text_are_kept() -> None:
    labels = {"a": "b", "c": 1, "d": "\ud800", **{str(number): "x" for number in range(2000)}}
    facts = ImageFacts.parse(json.dumps({"config": {"Labels": labels}}).encode())
    assert len(facts.labels) == 1000 and facts.labels["a"] == "b" and not {"c", "d"} & facts.labels.keys()
