import json
from functools import partial

import pytest
import sqlalchemy as sa

from moorage.core import clock, media_types
from moorage.core.descriptor import InvalidManifestError
from moorage.core.digest import Digest
from moorage.images import accounting
from moorage.images.errors import (
    ImageLayersNotFoundError,
    ImageReferencedError,
    ImageTagAlreadyExistsError,
    PreconditionFailedError,
    ReferencedImagesNotFoundError,
)
from moorage.images.model import TagCondition
from moorage.images.tagging import MOST_TAGS
from moorage.layers import collect
from moorage.repositories.errors import LimitExceededError
from moorage.repositories.model import Repository
from moorage.storage.database.schema.images import image_children, image_layers, images, manifests, tag_history, tags
from moorage.storage.database.schema.journal import audit, events
from moorage.storage.database.schema.repositories import usage, usage_deltas
from tests.unit.ground import GRACE, ROOT, Ground, config_of, descriptor, digest_of, index_of, manifest_of


def history(ground: Ground) -> list[tuple[object, ...]]:
    columns = tag_history.c.tag, tag_history.c.from_digest, tag_history.c.to_digest
    return [tuple(row) for row in ground.rows(sa.select(*columns).order_by(tag_history.c.id))]


def counted(ground: Ground, repository: Repository) -> tuple[int, int]:
    """Images and bytes, pending changes included."""
    totals = {"images": 0, "bytes": 0}
    for table in (usage, usage_deltas):
        for row in ground.rows(sa.select(table).where(table.c.repository_id == repository.id)):
            totals = {"images": totals["images"] + row.images, "bytes": totals["bytes"] + row.bytes}
    return totals["images"], totals["bytes"]


def test_a_manifest_is_stored_byte_for_byte_with_what_its_config_says(ground: Ground, repository: Repository) -> None:
    created = {"created": "2024-05-06T07:08:09.123Z", "variant": "v8"}
    config = config_of("app", **created)
    ground.push_blob(repository, config)
    body = json.dumps(json.loads(manifest_of(config, [], annotations={"a": "\u00e4"})), indent=3).encode()
    pushed = ground.put(repository, body, "v1")
    assert (pushed.digest, pushed.media_type, pushed.tags) == (digest_of(body), media_types.OCI_MANIFEST, ("v1",))
    assert ground.rows(sa.select(manifests.c.body))[0].body == body
    row = ground.rows(sa.select(images))[0]
    assert (row.os, row.architecture, row.variant, row.labels) == ("linux", "amd64", "v8", '{"name": "app"}')
    assert (row.built_at, row.pushed_at, row.pushed_by) == (1714979289123, ground.clock.now(), ROOT.arn)
    assert (row.size, row.image_size, row.annotations) == (len(body), len(config), '{"a": "\u00e4"}')


def test_config_and_layers_must_be_here_and_every_missing_one_is_named(ground: Ground, repository: Repository) -> None:
    config, layers = config_of(), [b"one", b"two"]
    ground.push_blob(repository, layers[0])
    with pytest.raises(ImageLayersNotFoundError) as refused:
        ground.put(repository, manifest_of(config, layers), "v1")
    assert refused.value.digests == (digest_of(config), digest_of(b"two"))
    assert [entry["detail"]["digest"] for entry in refused.value.entries()] == list(refused.value.digests)
    assert ground.count(images) == ground.count(manifests) == ground.count(tags) == 0


def test_a_layer_of_another_repository_does_not_count(ground: Ground, repository: Repository) -> None:
    other = ground.repository("other/app")
    body = ground.push(other, "app")
    with pytest.raises(ImageLayersNotFoundError):
        ground.put(repository, body)


def test_sizes_that_lie_are_refused(ground: Ground, repository: Repository) -> None:
    config = config_of()
    ground.push_blob(repository, config)
    document = json.loads(manifest_of(config, []))
    document["config"]["size"] += 1
    with pytest.raises(InvalidManifestError, match="bytes"):
        ground.put(repository, json.dumps(document).encode())


def test_a_manifest_of_ten_thousand_layers_is_stored(ground: Ground, repository: Repository) -> None:
    config = config_of()
    for data in (config, b"layer"):
        ground.push_blob(repository, data)
    ground.put(repository, manifest_of(config, [b"layer"] * 9000))
    assert ground.count(image_layers) == 2 and counted(ground, repository)[0] == 1


def test_pushing_the_same_again_changes_nothing_but_the_audit(ground: Ground, repository: Repository) -> None:
    body = ground.push(repository, "app", "v1")
    before = ground.rows(sa.select(images)), ground.count(events), ground.count(tag_history), ground.count(usage_deltas)
    ground.clock.advance(1000)
    ground.put(repository, body, "v1")
    assert (
        ground.rows(sa.select(images)),
        ground.count(events),
        ground.count(tag_history),
        ground.count(usage_deltas),
    ) == before
    assert ground.rows(sa.select(audit.c.event_name).order_by(audit.c.id.desc()).limit(1))[0].event_name == "PutImage"


def test_a_push_is_an_event_for_each_tag(ground: Ground, repository: Repository) -> None:
    body = ground.push(repository, "app", "v1", "v2")
    ground.push(repository, "untagged")
    found = [
        json.loads(row.detail) for row in ground.rows(sa.select(events.c.detail).where(events.c.kind == "ECR Image Action"))
    ]
    assert [(detail["action-type"], detail["image-tag"]) for detail in found] == [("PUSH", "v1"), ("PUSH", "v2"), ("PUSH", "")]
    assert found[0]["image-digest"] == digest_of(body) and found[0]["artifact-media-type"] == media_types.OCI_CONFIG


def test_an_image_may_be_pushed_by_another_algorithm_too(ground: Ground, repository: Repository) -> None:
    body = ground.push(repository, "app")
    pushed = ground.put(repository, body, "v512", algorithm="sha512")
    assert pushed.digest == str(Digest.of(body, "sha512"))
    assert ground.digests(repository) == {digest_of(body), pushed.digest}


def test_a_push_into_a_full_repository_is_refused(ground: Ground, repository: Repository) -> None:
    ground.write(lambda tx: accounting.change(tx, repository.id, images=100_000, size=0))
    with pytest.raises(LimitExceededError):
        ground.push(repository, "app")
    assert ground.count(images) == 0


# --- tags -----------------------------------------------------------------------------------------------------------


def test_a_tag_moves_what_it_was_on_stays_and_every_move_is_remembered(ground: Ground, repository: Repository) -> None:
    first, second = ground.push(repository, "first", "v1"), ground.push(repository, "second", "v1", "v2")
    ground.put(repository, first, "v1")
    assert ground.tags(repository) == {"v1": digest_of(first), "v2": digest_of(second)}
    assert history(ground) == [
        ("v1", None, digest_of(first)),
        ("v1", digest_of(first), digest_of(second)),
        ("v2", None, digest_of(second)),
        ("v1", digest_of(second), digest_of(first)),
    ]
    rows = ground.rows(sa.select(tag_history.c.moved_by, tag_history.c.moved_at))
    assert {tuple(row) for row in rows} == {(ROOT.arn, ground.clock.now())}


@pytest.mark.parametrize(
    ("mode", "exclusion", "fixed", "free"),
    [
        ("IMMUTABLE", None, "v1", None),
        ("IMMUTABLE_WITH_EXCLUSION", "dev-*", "v1", "dev-1"),
        ("MUTABLE_WITH_EXCLUSION", "v*", "v1", "latest"),
        ("MUTABLE", None, None, "v1"),
    ],
)
def test_a_fixed_tag_stays_and_can_be_put_again_where_it_is(
    ground: Ground, mode: str, exclusion: str | None, fixed: str | None, free: str | None
) -> None:
    filters = {"imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": exclusion}]} if exclusion else {}
    repository = ground.repository("fixed/app", imageTagMutability=mode, **filters)
    first = ground.push(repository, "first", *filter(None, (fixed, free)))
    if fixed:
        with pytest.raises(ImageTagAlreadyExistsError):
            ground.push(repository, "second", fixed)
        ground.put(repository, first, fixed)
        assert ground.tags(repository)[fixed] == digest_of(first)
        assert counted(ground, repository)[0] == 1  # the refused push left nothing
    if free:
        second = ground.push(repository, "second", free)
        assert ground.tags(repository)[free] == digest_of(second)


def test_a_fixed_tag_can_be_taken_off_and_put_anew(ground: Ground) -> None:
    repository = ground.repository("fixed/app", imageTagMutability="IMMUTABLE")
    ground.remove(repository, ground.push(repository, "first", "v1"))
    second = ground.push(repository, "second", "v1")
    assert ground.tags(repository) == {"v1": digest_of(second)}


def test_a_condition_on_a_tag_holds_or_nothing_happens(ground: Ground, repository: Repository) -> None:
    any_digest = frozenset({"*"})
    first = ground.push(repository, "first")
    with pytest.raises(PreconditionFailedError):
        ground.put(repository, first, "v1", condition=TagCondition(must_be=any_digest))
    ground.put(repository, first, "v1", condition=TagCondition(must_not_be=any_digest))
    second = ground.push(repository, "second")
    with pytest.raises(PreconditionFailedError):
        ground.put(repository, second, "v1", condition=TagCondition(must_not_be=any_digest))
    with pytest.raises(PreconditionFailedError):
        ground.put(repository, second, "v1", condition=TagCondition(must_be=frozenset({digest_of(second)})))
    ground.put(repository, second, "v1", condition=TagCondition(must_be=frozenset({digest_of(first)})))
    assert ground.tags(repository) == {"v1": digest_of(second)}


def test_an_image_has_at_most_a_thousand_tags_also_by_moving_them(ground: Ground, repository: Repository) -> None:
    full, other = ground.push(repository, "full", "one"), ground.push(repository, "other", "moving")
    image_id = ground.rows(sa.select(images.c.id).where(images.c.digest == digest_of(full)))[0].id
    rows = [
        {"repository_id": repository.id, "name": f"t{number}", "image_id": image_id, "moved_at": 0}
        for number in range(MOST_TAGS - 1)
    ]
    ground.write(lambda tx: tx.execute(sa.insert(tags), rows))
    for tag in ("new", "moving"):
        with pytest.raises(LimitExceededError):
            ground.put(repository, full, tag)
    ground.put(repository, full, "one")
    assert ground.tags(repository)["moving"] == digest_of(other)


# --- indexes and what may be absent ---------------------------------------------------------------------------------


def test_an_index_needs_its_images_unless_it_may_be_sparse(ground: Ground, repository: Repository) -> None:
    here, absent = ground.push(repository, "here"), manifest_of(config_of("absent"), [])
    index = index_of([here, absent])
    with pytest.raises(ReferencedImagesNotFoundError) as refused:
        ground.put(repository, index)
    assert refused.value.digests == (digest_of(absent),)
    ground.put(repository, index, "v1", sparse=True)
    rows = ground.rows(sa.select(image_children.c.digest, image_children.c.child_id))
    assert {row.digest: row.child_id is not None for row in rows} == {digest_of(here): True, digest_of(absent): False}


def test_a_sparse_index_adopts_the_images_that_come_later(ground: Ground, repository: Repository) -> None:
    config = config_of("later")
    later = manifest_of(config, [])
    index = index_of([later])
    ground.put(repository, index, "v1", sparse=True)
    ground.push_blob(repository, config)
    ground.put(repository, later)
    with pytest.raises(ImageReferencedError):
        ground.remove(repository, later)
    ground.remove(repository, index)
    ground.remove(repository, later)
    assert ground.digests(repository) == set()


def test_an_index_is_as_large_as_its_largest_image(ground: Ground, repository: Repository) -> None:
    small, large = ground.push(repository, "small", layers=[b"x"]), ground.push(repository, "large", layers=[b"y" * 500])
    index = index_of([small, large])
    ground.put(repository, index)
    sizes = {row.digest: row.image_size for row in ground.rows(sa.select(images.c.digest, images.c.image_size))}
    assert sizes[digest_of(index)] == sizes[digest_of(large)] == 500 + len(config_of("large"))


def test_an_index_whose_manifests_are_layers_holds_them(ground: Ground, repository: Repository) -> None:
    """BuildKit's cache, as it was."""
    ground.push_blob(repository, b"cached layer")
    document = {
        "schemaVersion": 2,
        "mediaType": media_types.OCI_INDEX,
        "manifests": [descriptor("application/vnd.docker.image.rootfs.diff.tar.gzip", b"cached layer")],
    }
    ground.put(repository, json.dumps(document).encode(), "cache")
    ground.clock.advance(10 * GRACE)
    collect.collect(ground.database, ground.blobs, GRACE)
    assert ground.blob(repository, digest_of(b"cached layer")) == b"cached layer"


def foreign_image(ground: Ground, repository: Repository) -> bytes:
    config = config_of()
    ground.push_blob(repository, config)
    layers = [descriptor("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", b"windows", urls=["https://example.com"])]
    return manifest_of(config, [], layers=layers)


def test_a_foreign_layer_may_be_absent_and_is_held_once_it_comes(ground: Ground, repository: Repository) -> None:
    body = foreign_image(ground, repository)
    ground.put(repository, body, "v1")
    before = counted(ground, repository)
    ground.push_blob(repository, b"windows")
    ground.put(repository, body, "v1")
    assert counted(ground, repository) == (before[0], before[1] + len(b"windows"))
    ground.clock.advance(10 * GRACE)
    collect.collect(ground.database, ground.blobs, GRACE)
    assert ground.blob(repository, digest_of(b"windows")) == b"windows"
    ground.remove(repository, body)
    assert counted(ground, repository) == (0, 0)


def test_a_revived_image_counts_and_shows_all_that_it_holds(ground: Ground, repository: Repository) -> None:
    ground.push_blob(repository, b"windows")
    body = foreign_image(ground, repository)
    ground.put(repository, body)
    before = counted(ground, repository)
    ground.remove(repository, body)
    ground.push_blob(repository, config_of())
    ground.put(repository, body)  # the foreign layer was not pushed again, and is held all the same
    assert counted(ground, repository) == before
    assert ground.blob(repository, digest_of(b"windows")) == b"windows"
    ground.remove(repository, body)
    assert counted(ground, repository) == (0, 0)


# --- usage ----------------------------------------------------------------------------------------------------------


def test_usage_counts_each_blob_once_and_folds_to_the_same_totals(ground: Ground, repository: Repository) -> None:
    shared = b"shared layer"
    bodies = [ground.push(repository, name, layers=[shared, name.encode()]) for name in ("a", "b", "c")]
    ground.remove(repository, bodies[1])
    expected = sum(len(body) + len(config_of(name)) + 1 for body, name in ((bodies[0], "a"), (bodies[2], "c"))) + len(shared)
    assert counted(ground, repository) == (2, expected)
    assert ground.write(accounting.fold) > 0
    assert ground.write(accounting.fold) == 0
    row = ground.rows(sa.select(usage).where(usage.c.repository_id == repository.id))[0]
    assert (row.images, row.bytes, ground.count(usage_deltas)) == (2, expected, 0)
    assert ground.read(partial(accounting.images_in, repository_id=repository.id)) == 2
    for body in (bodies[0], bodies[2]):
        ground.remove(repository, body)
    ground.clock.advance(clock.HOUR)
    ground.write(accounting.fold)
    assert counted(ground, repository) == (0, 0)


def test_a_layer_that_was_acknowledged_serves_a_push_though_its_last_image_goes_meanwhile(
    ground: Ground, repository: Repository
) -> None:
    config, layer = config_of(), b"shared"
    for data in (config, layer):
        ground.push_blob(repository, data)
    first = ground.put(repository, manifest_of(config, [layer]), "v1")
    ground.push_blob(repository, layer)  # acknowledged again, for a second image
    ground.do("BatchDeleteImage", repositoryName=repository.name, imageIds=[{"imageDigest": first.digest}])
    ground.clock.advance(GRACE - 1)
    ground.put(repository, manifest_of(config, [layer], annotations={"n": "2"}), "v2")
    assert ground.blob(repository, digest_of(layer)) == layer


def test_a_layer_whose_last_image_went_long_ago_serves_no_push(ground: Ground, repository: Repository) -> None:
    config = config_of()
    ground.push_blob(repository, config)
    first = ground.put(repository, manifest_of(config, []), "v1")
    ground.do("BatchDeleteImage", repositoryName=repository.name, imageIds=[{"imageDigest": first.digest}])
    ground.clock.advance(GRACE + 1)
    with pytest.raises(ImageLayersNotFoundError):
        ground.put(repository, manifest_of(config, [], annotations={"n": "2"}), "v2")


def test_thousands_of_missing_layers_are_answered_shortly(ground: Ground, repository: Repository) -> None:
    config = config_of()
    ground.push_blob(repository, config)
    with pytest.raises(ImageLayersNotFoundError) as refused:
        ground.put(repository, manifest_of(config, [b"%d" % number for number in range(5000)]), "v1")
    assert len(json.dumps(refused.value.entries())) < 50_000
    assert len(refused.value.message) < 20_000


def test_sizes_of_what_lies_elsewhere_may_be_any_and_add_up_to_no_overflow(ground: Ground, repository: Repository) -> None:
    config = config_of()
    ground.push_blob(repository, config)
    document = json.loads(manifest_of(config, []))
    foreign = {"mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar", "size": 2**63 - 1}
    document["layers"] = [{**foreign, "digest": digest_of(b"%d" % number)} for number in range(3)]
    ground.put(repository, json.dumps(document).encode(), "v1")
    assert ground.rows(sa.select(images.c.image_size))[0].image_size == 2**63 - 1
