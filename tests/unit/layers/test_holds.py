"""A repository's hold on blobs: stamps, grace, hiding and collection (rules 7 and 8 of the design)."""

from functools import partial

import pytest
import sqlalchemy as sa

from moorage.core import clock
from moorage.core.digest import Digest
from moorage.layers import collect, reads, store
from moorage.layers.errors import LayerInUseError, LayersNotFoundError
from moorage.layers.model import Layer
from moorage.repositories.model import Repository
from moorage.storage.database.schema.layers import blobs, layers
from tests.unit.ground import GRACE, Ground, config_of, digest_of, manifest_of

DATA = b"the bytes of a layer"
DIGEST = digest_of(DATA)


@pytest.fixture
def other(ground: Ground) -> Repository:
    return ground.repository("other/app")


def mount(ground: Ground, destination: Repository, source: Repository) -> bool:
    return ground.write(partial(reads.mount, repository_id=destination.id, digest=Digest.parse(DIGEST), source_id=source.id))


def unlink(ground: Ground, repository: Repository, digest: str = DIGEST) -> None:
    ground.write(lambda tx: reads.unlink(tx, ground.registry, repository.id, repository.name, Digest.parse(digest)))


def run(ground: Ground) -> collect.Collected:
    return collect.collect(ground.database, ground.blobs, GRACE)


def test_a_layer_without_an_image_is_kept_for_the_grace_period_and_no_longer(ground: Ground, repository: Repository) -> None:
    ground.push_blob(repository, DATA)
    ground.clock.advance(GRACE)
    assert run(ground) == collect.Collected() and ground.blob(repository, DIGEST) == DATA
    ground.clock.advance(1)
    assert run(ground) == collect.Collected(1, 1, len(DATA))
    assert ground.layer(repository, DIGEST) is None and ground.memory.keys() == set()


def test_a_layer_that_an_image_needs_is_never_collected(ground: Ground, repository: Repository) -> None:
    ground.push(repository, "app", layers=[DATA])
    ground.clock.advance(100 * GRACE)
    assert run(ground) == collect.Collected() and ground.blob(repository, DIGEST) == DATA


@pytest.mark.parametrize("again", ["push", "mount"])
def test_pushing_or_mounting_again_begins_the_grace_period_anew(
    ground: Ground, repository: Repository, other: Repository, again: str
) -> None:
    for holder in (repository, other):
        ground.push_blob(holder, DATA)
    ground.clock.advance(GRACE)
    if again == "push":
        ground.push_blob(repository, DATA)
    else:
        assert mount(ground, repository, other)
    ground.clock.advance(1)
    assert run(ground) == collect.Collected(layers=1)
    assert ground.blob(repository, DIGEST) == DATA and ground.layer(other, DIGEST) is None


@pytest.mark.parametrize(("age", "wanted"), [(0, False), (GRACE // 2, False), (GRACE // 2 + 1, True), (GRACE, True)])
def test_an_existence_check_renews_the_stamp_only_when_half_the_period_is_over(age: int, wanted: bool) -> None:
    assert reads.wants_touch(Layer(1, 1, "key", 1, None, 1000), 1000 + age, GRACE) is wanted
    assert not reads.wants_touch(Layer(1, 1, "key", 1, None, None), 1000 + age, GRACE)


def test_a_touched_layer_is_kept_for_another_period(ground: Ground, repository: Repository) -> None:
    ground.push_blob(repository, DATA)
    layer = ground.layer(repository, DIGEST)
    assert layer
    ground.clock.advance(GRACE)
    ground.write(lambda tx: store.touch(tx, repository.id, [layer.blob_id]))
    ground.clock.advance(GRACE)
    assert run(ground) == collect.Collected()
    ground.clock.advance(1)
    assert run(ground).blobs == 1


def test_touching_a_layer_that_an_image_needs_writes_nothing(ground: Ground, repository: Repository) -> None:
    ground.push(repository, "app", layers=[DATA])
    layer = ground.layer(repository, DIGEST)
    assert layer and layer.stamped_at is None
    ground.write(lambda tx: store.touch(tx, repository.id, [layer.blob_id]))
    assert ground.layer(repository, DIGEST) == layer


def test_a_blob_lives_while_any_repository_holds_it(ground: Ground, repository: Repository, other: Repository) -> None:
    ground.push_blob(repository, DATA)
    ground.clock.advance(GRACE // 2)
    assert mount(ground, other, repository)
    ground.clock.advance(GRACE // 2 + 1)
    assert run(ground) == collect.Collected(layers=1)
    assert ground.layer(repository, DIGEST) is None and ground.blob(other, DIGEST) == DATA
    ground.clock.advance(GRACE)
    assert run(ground) == collect.Collected(1, 1, len(DATA))


def test_only_what_the_source_shows_can_be_mounted(ground: Ground, repository: Repository, other: Repository) -> None:
    assert not mount(ground, other, repository)
    ground.push_blob(repository, DATA)
    unlink(ground, repository)
    assert not mount(ground, other, repository)
    assert ground.read(lambda tx: store.holders(tx, DIGEST, ground.registry.id, other.id)) == []
    ground.push_blob(repository, DATA)
    assert mount(ground, other, repository)
    assert sorted(ground.read(lambda tx: store.holders(tx, DIGEST, ground.registry.id, other.id))) == [repository.id, other.id]


def test_an_unlinked_layer_is_gone_at_once_and_its_bytes_after_the_grace_period(ground: Ground, repository: Repository) -> None:
    ground.push_blob(repository, DATA)
    unlink(ground, repository)
    assert ground.layer(repository, DIGEST) is None
    with pytest.raises(LayersNotFoundError):
        unlink(ground, repository)
    ground.clock.advance(GRACE + 1)
    assert run(ground).blobs == 1


def test_a_layer_that_an_image_needs_cannot_be_unlinked(ground: Ground, repository: Repository) -> None:
    body = ground.push(repository, "app", layers=[DATA])
    with pytest.raises(LayerInUseError):
        unlink(ground, repository)
    ground.remove(repository, body)
    with pytest.raises(LayersNotFoundError):
        unlink(ground, repository)


def test_a_layer_that_only_removed_images_need_can_be_pushed_seen_and_unlinked_again(
    ground: Ground, repository: Repository
) -> None:
    ground.remove(repository, ground.push(repository, "app", layers=[DATA]))
    assert ground.layer(repository, DIGEST) is None
    ground.push_blob(repository, DATA)
    assert ground.blob(repository, DIGEST) == DATA
    unlink(ground, repository)
    assert ground.layer(repository, DIGEST) is None
    ground.clock.advance(10 * GRACE)
    assert run(ground).blobs == 0  # the removed image may still come back


def test_a_layer_pushed_for_a_removed_image_has_its_own_grace_after_the_purge(ground: Ground, repository: Repository) -> None:
    ground.remove(repository, ground.push(repository, "app", layers=[DATA]))
    ground.push_blob(repository, DATA)
    ground.purge(retention=0)
    ground.clock.advance(GRACE)
    run(ground)
    assert ground.blob(repository, DIGEST) == DATA
    ground.clock.advance(1)
    run(ground)
    assert ground.layer(repository, DIGEST) is None


def test_a_deleted_repositorys_blobs_are_kept_for_the_grace_period(ground: Ground, repository: Repository) -> None:
    ground.push(repository, "app", layers=[DATA])
    ground.clock.advance(10 * GRACE)
    ground.do("DeleteRepository", repositoryName=repository.name, force=True)
    ground.drop()
    assert ground.count(layers) == 0 and ground.count(blobs) == 2
    ground.clock.advance(GRACE)
    assert run(ground).blobs == 0
    again = ground.repository(repository.name)
    ground.push_blob(again, DATA)  # found by its digest, and held again
    ground.clock.advance(1)
    assert run(ground).blobs == 1
    assert ground.blob(again, DIGEST) == DATA


def test_collecting_goes_on_over_many_steps(ground: Ground, repository: Repository) -> None:
    count = 450
    for number in range(count):
        ground.push_blob(repository, b"%d" % number)
    ground.clock.advance(GRACE + 1)
    collected = run(ground)
    assert (collected.layers, collected.blobs, ground.memory.keys()) == (count, count, set())


def test_what_comes_back_between_two_steps_of_the_collector_is_kept(ground: Ground, repository: Repository) -> None:
    ground.push_blob(repository, DATA)
    ground.clock.advance(GRACE + 1)
    assert ground.write(lambda tx: collect._drop_layers(tx, GRACE)) == 1
    ground.push_blob(repository, DATA)
    assert ground.write(lambda tx: collect._drop_blobs(tx, GRACE)) == 0
    run(ground)
    assert ground.blob(repository, DIGEST) == DATA


def test_a_layer_remembers_what_the_first_manifest_called_it(ground: Ground, repository: Repository) -> None:
    config = config_of()
    for data in (config, DATA):
        ground.push_blob(repository, data)
    ground.put(repository, manifest_of(config, [DATA]))
    layer = ground.layer(repository, DIGEST)
    assert layer and layer.media_type == "application/vnd.oci.image.layer.v1.tar+gzip"


def test_the_collector_finds_its_work_by_index(ground: Ground) -> None:
    queries = (
        sa.select(layers.c.blob_id).where(layers.c.stamped_at < 5),
        sa.select(blobs.c.id).where(blobs.c.stamped_at < 5),
    )
    for query in queries:
        text = str(query.compile(ground.database._engine, compile_kwargs={"literal_binds": True}))
        plan = ground.rows(sa.text(f"EXPLAIN QUERY PLAN {text}"))
        assert all("USING" in row.detail and "INDEX" in row.detail for row in plan), plan


def test_a_point_read_finds_what_a_transaction_finds(ground: Ground, repository: Repository) -> None:
    ground.push_blob(repository, DATA)
    points = ground.database.point_reader()
    assert store.find_now(points, repository.id, DIGEST) == ground.layer(repository, DIGEST)
    assert store.find_now(points, repository.id + 1, DIGEST) is None
    ground.clock.advance(clock.HOUR)
    unlink(ground, repository)
    assert store.find_now(points, repository.id, DIGEST) is None
    points.close()
