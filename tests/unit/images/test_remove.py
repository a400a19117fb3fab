"""Removal, retention and return of images (rules 7 and 8 of the design)."""

import json

import pytest
import sqlalchemy as sa

from moorage.core import clock
from moorage.core.digest import Digest
from moorage.images import referrers, remove, store
from moorage.images.errors import ImageReferencedError
from moorage.layers import collect
from moorage.repositories.errors import RepositoryNotEmptyError
from moorage.repositories.model import Repository
from moorage.storage.database.schema.images import image_children, images, manifests, tag_history, tags
from moorage.storage.database.schema.journal import events
from moorage.storage.database.schema.layers import layers
from moorage.storage.database.schema.repositories import repositories
from tests.unit.ground import GRACE, RETENTION, ROOT, Ground, config_of, descriptor, digest_of, index_of, manifest_of

DATA = b"the bytes of a layer"


def row_of(ground: Ground, body: bytes) -> sa.Row[tuple[object, ...]]:
    return ground.rows(sa.select(images).where(images.c.digest == digest_of(body)))[0]


def test_a_removed_image_is_seen_by_nobody_and_its_row_stays(ground: Ground, repository: Repository) -> None:
    body = ground.push(repository, "app", "v1", "v2", layers=[DATA])
    assert ground.remove(repository, body) == ["v1", "v2"]
    assert ground.digests(repository) == set() and ground.count(tags) == 0
    assert ground.do("DescribeImages", repositoryName=repository.name)["imageDetails"] == []
    assert ground.layer(repository, digest_of(DATA)) is None
    points = ground.database.point_reader()
    assert store.by_digest_now(points, repository.id, digest_of(body)) is None
    points.close()
    row = row_of(ground, body)
    assert (row.removed_at, row.removed_by) == (ground.clock.now(), ROOT.arn)


def test_removal_takes_every_tag_off_and_tells_each(ground: Ground, repository: Repository) -> None:
    body = ground.push(repository, "app", "v1", "v2")
    ground.remove(repository, body)
    moves = ground.rows(sa.select(tag_history.c.tag, tag_history.c.from_digest).where(tag_history.c.to_digest.is_(None)))
    assert [tuple(row) for row in moves] == [("v1", digest_of(body)), ("v2", digest_of(body))]
    found = [json.loads(row.detail) for row in ground.rows(sa.select(events.c.detail).order_by(events.c.id.desc()).limit(2))]
    assert {(detail["action-type"], detail["image-tag"]) for detail in found} == {("DELETE", "v1"), ("DELETE", "v2")}


def test_a_layer_that_another_image_needs_stays_visible(ground: Ground, repository: Repository) -> None:
    first = ground.push(repository, "first", layers=[DATA])
    ground.push(repository, "second", layers=[DATA])
    ground.remove(repository, first)
    assert ground.blob(repository, digest_of(DATA)) == DATA
    assert ground.layer(repository, digest_of(config_of("first"))) is None


def test_an_image_that_an_index_names_cannot_go_before_it(ground: Ground, repository: Repository) -> None:
    child = ground.push(repository, "child", "v1")
    index = index_of([child])
    ground.put(repository, index)
    with pytest.raises(ImageReferencedError) as refused:
        ground.remove(repository, child)
    assert digest_of(index) in refused.value.message and ground.tags(repository) == {"v1": digest_of(child)}
    ground.remove(repository, index)
    ground.remove(repository, child)


def test_nothing_of_a_removed_image_is_collected_before_its_retention_and_grace_are_over(
    ground: Ground, repository: Repository
) -> None:
    body = ground.push(repository, "app", layers=[DATA])
    ground.remove(repository, body)
    ground.clock.advance(RETENTION - 1)
    assert ground.purge() == 0
    assert collect.collect(ground.database, ground.blobs, GRACE) == collect.Collected()
    ground.clock.advance(1)
    assert (ground.purge(), ground.count(images), ground.count(manifests)) == (1, 0, 0)
    ground.clock.advance(GRACE)
    assert collect.collect(ground.database, ground.blobs, GRACE) == collect.Collected()
    ground.clock.advance(1)
    assert collect.collect(ground.database, ground.blobs, GRACE).blobs == 2
    assert ground.memory.keys() == set() and ground.count(layers) == 0


def test_purging_at_once_ends_the_retention_of_what_was_removed_and_nothing_else(
    ground: Ground, repository: Repository
) -> None:
    gone, kept = ground.push(repository, "gone", layers=[DATA]), ground.push(repository, "kept", layers=[DATA])
    ground.remove(repository, gone)
    assert ground.purge(retention=0) == 1
    assert ground.digests(repository) == {digest_of(kept)} and ground.count(manifests) == 1
    ground.clock.advance(GRACE + 1)
    collect.collect(ground.database, ground.blobs, GRACE)
    assert ground.blob(repository, digest_of(DATA)) == DATA


def test_a_push_of_the_same_digest_brings_an_image_back_with_a_new_push_time(ground: Ground, repository: Repository) -> None:
    body = ground.push(repository, "app", "v1", layers=[DATA])
    before = row_of(ground, body)
    ground.remove(repository, body)
    ground.clock.advance(clock.DAY)
    ground.push(repository, "app", "v2", layers=[DATA])
    after = row_of(ground, body)
    assert (after.id, after.pushed_at, after.removed_at, after.removed_by) == (before.id, ground.clock.now(), None, None)
    assert ground.tags(repository) == {"v2": digest_of(body)} and ground.blob(repository, digest_of(DATA)) == DATA
    assert ground.purge(retention=0) == 0


def test_an_image_that_came_back_before_the_purge_is_not_purged(ground: Ground, repository: Repository) -> None:
    body = ground.push(repository, "app", layers=[DATA])
    ground.remove(repository, body)
    ground.clock.advance(RETENTION)
    ground.push(repository, "app", layers=[DATA])
    assert ground.purge() == 0 and ground.digests(repository) == {digest_of(body)}


def test_purging_goes_on_over_many_steps(ground: Ground, repository: Repository) -> None:
    config = config_of()
    ground.push_blob(repository, config)
    for number in range(7):
        body = manifest_of(config, [], annotations={"number": str(number)})
        ground.put(repository, body)
        ground.remove(repository, body)
        ground.push_blob(repository, config)
    steps = [ground.write(lambda tx: remove.purge(tx, 0, limit=3)) for _ in range(4)]
    assert steps == [3, 3, 1, 0] and ground.count(manifests) == 0


def test_a_purged_child_of_a_removed_index_can_come_back_to_it(ground: Ground, repository: Repository) -> None:
    child = ground.push(repository, "child", layers=[DATA])
    index = index_of([child])
    ground.put(repository, index)
    ground.remove(repository, index)
    ground.clock.advance(1)
    ground.remove(repository, child)
    ground.write(lambda tx: tx.execute(sa.update(images).where(images.c.digest == digest_of(index)).values(removed_at=tx.now)))
    ground.write(lambda tx: tx.execute(sa.update(images).where(images.c.digest == digest_of(child)).values(removed_at=0)))
    ground.purge()
    assert [row.child_id for row in ground.rows(sa.select(image_children.c.child_id))] == [None]
    ground.push(repository, "child", layers=[DATA])
    ground.put(repository, index, "v1")
    with pytest.raises(ImageReferencedError):
        ground.remove(repository, child)


def test_the_bytes_of_a_manifest_are_shared_and_go_with_their_last_image(ground: Ground, repository: Repository) -> None:
    other = ground.repository("other/app")
    body = ground.push(repository, "app")
    ground.push(other, "app")
    assert ground.count(manifests) == 1
    ground.remove(repository, body)
    ground.purge(retention=0)
    assert ground.count(manifests) == 1
    ground.do("DeleteRepository", repositoryName=other.name, force=True)
    ground.drop()
    assert ground.count(manifests) == 0


def test_removed_images_do_not_hinder_the_deletion_of_a_repository(ground: Ground, repository: Repository) -> None:
    body = ground.push(repository, "app", "v1")
    with pytest.raises(RepositoryNotEmptyError):
        ground.do("DeleteRepository", repositoryName=repository.name)
    ground.remove(repository, body)
    ground.do("DeleteRepository", repositoryName=repository.name)
    ground.drop()
    assert ground.count(repositories) == ground.count(images) == ground.count(layers) == ground.count(manifests) == 0
    ground.clock.advance(GRACE + 1)
    collect.collect(ground.database, ground.blobs, GRACE)
    assert ground.memory.keys() == set()


def test_force_deletes_a_repository_with_all_that_it_has(ground: Ground, repository: Repository) -> None:
    child = ground.push(repository, "child", "v1", layers=[DATA])
    ground.put(repository, index_of([child]), "index")
    ground.push(repository, "artifact", subject=descriptor("application/x", child))
    kept = ground.repository("other/app")
    ground.push(kept, "child", layers=[DATA])
    ground.do("DeleteRepository", repositoryName=repository.name, force=True)
    ground.drop()
    ground.clock.advance(GRACE + 1)
    collect.collect(ground.database, ground.blobs, GRACE)
    assert ground.blob(kept, digest_of(DATA)) == DATA and ground.digests(kept) == {digest_of(child)}
    assert ground.rows(sa.text("PRAGMA foreign_key_check")) == []


# --- referrers ------------------------------------------------------------------------------------------------------


def page(
    ground: Ground, repository: Repository, subject: str, kind: str | None = None, after: str | None = None
) -> referrers.Page:
    return ground.read(lambda tx: referrers.page(tx, repository.id, subject, (kind,) if kind else (), after))


def test_referrers_are_those_that_are_not_removed_whether_their_subject_is_here_or_not(
    ground: Ground, repository: Repository
) -> None:
    subject = descriptor("application/vnd.oci.image.manifest.v1+json", b"absent subject")
    artifacts = [
        ground.push(repository, name, subject=subject, artifactType=f"application/{name}", annotations={"n": name})
        for name in "ab"
    ]
    found = page(ground, repository, subject["digest"])
    assert [entry["digest"] for entry in found.descriptors] == sorted(map(digest_of, artifacts)) and found.last is None
    only = page(ground, repository, subject["digest"], "application/a").descriptors
    assert [dict(entry) for entry in only] == [
        {
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": digest_of(artifacts[0]),
            "size": len(artifacts[0]),
            "artifactType": "application/a",
            "annotations": {"n": "a"},
        }
    ]
    ground.remove(repository, artifacts[0])
    left = page(ground, repository, subject["digest"]).descriptors
    assert [entry["digest"] for entry in left] == [digest_of(artifacts[1])]
    assert page(ground, repository, str(Digest.of(b"nobody"))).descriptors == ()


def test_a_page_of_referrers_stays_below_what_clients_take_for_a_manifest(ground: Ground, repository: Repository) -> None:
    subject = descriptor("application/x", b"subject")
    config = config_of()
    ground.push_blob(repository, config)
    large = "x" * 1_000_000
    bodies = [manifest_of(config, [], subject=subject, annotations={"large": large, "n": str(n)}) for n in range(5)]
    for body in bodies:
        ground.put(repository, body)
    seen: list[str] = []
    after = None
    while True:
        found = page(ground, repository, subject["digest"], after=after)
        assert found.descriptors and len(json.dumps([dict(entry) for entry in found.descriptors])) < 4 * 1024 * 1024
        seen += [str(entry["digest"]) for entry in found.descriptors]
        after = found.last
        if after is None:
            break
    assert seen == sorted(map(digest_of, bodies))
