"""A deleted repository is out of sight at the commit, and its rows go in steps."""

import sqlite3
from collections.abc import Iterator
from functools import partial

import pytest
import sqlalchemy as sa

from moorage.images import drop
from moorage.images import store as images_store
from moorage.layers import collect, uploads
from moorage.layers import store as layers_store
from moorage.layers.errors import UploadNotFoundError
from moorage.repositories import store as repositories_store
from moorage.repositories.errors import RepositoryNotFoundError
from moorage.repositories.model import Repository
from moorage.storage.database import jobs
from moorage.storage.database.schema.images import image_children, image_layers, images, manifests, tag_history, tags
from moorage.storage.database.schema.layers import blobs, layers
from moorage.storage.database.schema.layers import uploads as upload_table
from moorage.storage.database.schema.repositories import repositories
from moorage.workers.runner import Runner
from moorage.workers.tasks import tasks
from tests.unit.ground import GRACE, RETENTION, Ground, digest_of, index_of

DATA = b"shared layer"
NAME = "team/app"
_TABLES = (repositories, images, layers, tags, tag_history, image_layers, image_children, manifests, upload_table)


@pytest.fixture
def points(ground: Ground) -> Iterator[sqlite3.Connection]:
    opened = ground.database.point_reader()
    yield opened
    opened.close()


def fill(ground: Ground, repository: Repository, images_in_it: int = 3) -> bytes:
    """Images with layers, tags, an index, a removed image and an open upload; returns one of the images."""
    bodies = [ground.push(repository, f"n{number}", f"v{number}", layers=[DATA]) for number in range(images_in_it)]
    ground.put(repository, index_of(bodies[:2]), "index")
    ground.remove(repository, ground.push(repository, "removed", "old"))
    ground.append(ground.begin(repository), b"open upload")
    return bodies[0]


def delete(ground: Ground, repository: Repository) -> None:
    ground.do("DeleteRepository", repositoryName=repository.name, force=True)


def test_it_is_gone_at_once_for_whoever_asks_by_name(ground: Ground, repository: Repository) -> None:
    fill(ground, repository)
    delete(ground, repository)
    assert ground.count(images) > 0  # its rows are still there
    for operation, members in (
        ("DescribeImages", {}),
        ("ListImages", {}),
        ("BatchGetImage", {"imageIds": [{"imageTag": "v0"}]}),
        ("BatchCheckLayerAvailability", {"layerDigests": [digest_of(DATA)]}),
        ("InitiateLayerUpload", {}),
        ("DeleteRepository", {"force": True}),
    ):
        with pytest.raises(RepositoryNotFoundError):
            ground.do(operation, repositoryName=NAME, **members)
    assert ground.do("DescribeRepositories")["repositories"] == []
    with pytest.raises(RepositoryNotFoundError):  # the name that its rows lie under now is nobody's
        ground.do("DescribeRepositories", repositoryNames=[f"{repository.id:02}"])


def test_it_is_gone_at_once_for_whoever_knows_its_id(
    ground: Ground, repository: Repository, points: sqlite3.Connection
) -> None:
    body = fill(ground, repository)
    image = images_store.by_digest_now(points, repository.id, digest_of(body))
    layer = layers_store.find_now(points, repository.id, digest_of(DATA))
    assert image is not None and layer is not None
    held: dict[str, int | str] = {"repository": repository.id, "blob": layer.blob_id}
    conditions = [*(images_store.condition_of(image, tag) for tag in ("v0", None)), (layers_store.STILL_HELD, held)]
    upload = ground.begin(repository)
    ground.append(upload, b"bytes")
    intake = ground.uploads.open(upload)
    versions = (0, ground.registry.id, 0, repository.id, 0)
    assert [points.execute(query, given).fetchone() for query, given in conditions] == [versions] * 3
    assert layers_store.find_shown_now(points, repository.id, digest_of(DATA)) == layer
    delete(ground, repository)
    assert [points.execute(query, given).fetchone() for query, given in conditions] == [None] * 3
    assert layers_store.find_shown_now(points, repository.id, digest_of(DATA)) is None
    assert not ground.read(lambda tx: uploads.is_open(tx, upload.id))
    with pytest.raises(UploadNotFoundError):
        ground.uploads.finish(ground.call(), upload, intake, ground.uploads.computed(upload, intake))
    ground.uploads.close(upload, intake)


def test_a_blob_that_only_a_deleted_repository_holds_cannot_be_mounted(ground: Ground, repository: Repository) -> None:
    fill(ground, repository)
    target = ground.repository("other/app")
    holders = partial(layers_store.holders, digest=digest_of(DATA), registry_id=ground.registry.id, target_id=target.id)
    assert ground.read(holders) == [repository.id]
    delete(ground, repository)
    assert ground.read(holders) == []


def test_its_name_can_be_used_again_before_its_rows_are_gone(ground: Ground, repository: Repository) -> None:
    old = fill(ground, repository)
    delete(ground, repository)
    again = ground.repository(NAME)
    new = ground.push(again, "new", "v0", layers=[DATA])
    delete(ground, again)  # deleted twice, and nothing dropped yet
    third = ground.repository(NAME)
    body = ground.push(third, "third", "v0", layers=[DATA])
    assert ground.tags(third) == {"v0": digest_of(body)}
    ground.drop()
    assert ground.tags(third) == {"v0": digest_of(body)} and ground.blob(third, digest_of(DATA)) == DATA
    assert {digest_of(old), digest_of(new)}.isdisjoint(ground.digests(third))
    assert ground.count(images) == ground.count(repositories) == 1


def test_nothing_is_left_of_it_in_the_end(ground: Ground, repository: Repository) -> None:
    kept = ground.repository("other/app")
    ground.push(kept, "n0", layers=[DATA])
    before = {table.name: ground.count(table) for table in _TABLES}
    fill(ground, repository)
    delete(ground, repository)
    ground.drop()
    assert {table.name: ground.count(table) for table in _TABLES} == {**before, "repositories": 1}
    for table in tags.metadata.sorted_tables:
        if "repository_id" in table.c and table.name != "events":
            assert ground.rows(sa.select(table.c.repository_id).where(table.c.repository_id == repository.id)) == []
    assert ground.rows(sa.text("PRAGMA foreign_key_check")) == []
    stamped = ground.rows(sa.select(blobs.c.stamped_at).where(blobs.c.stamped_at.is_not(None)))
    assert {row.stamped_at for row in stamped} == {ground.clock.now()}
    ground.clock.advance(GRACE + 1)
    collect.collect(ground.database, ground.blobs, GRACE)
    assert ground.count(blobs) == 2 and len(ground.memory.keys()) == 2  # config and layer of what was kept
    assert ground.blob(kept, digest_of(DATA)) == DATA


def test_each_step_is_small_and_any_of_them_may_be_the_last_before_a_crash(
    ground: Ground, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drop, "_STEP", 2)
    fill(ground, repository, 5)
    delete(ground, repository)
    steps = 0
    while dropped := ground.write(drop.drop_step):
        assert 0 < dropped <= 2
        steps += 1
        assert ground.rows(sa.text("PRAGMA foreign_key_check")) == []
        # What else works on rows does not mind that some are gone.
        if steps == 3:
            ground.clock.advance(RETENTION + 1)
            ground.purge()
        collect.collect(ground.database, ground.blobs, GRACE)
    assert steps > 10
    assert ground.count(repositories) == ground.count(layers) == ground.count(images) == 0


def test_a_job_does_it_as_soon_as_the_deletion_is_committed(ground: Ground, repository: Repository) -> None:
    fill(ground, repository)
    runner = Runner(ground.database, tasks(ground.database, ground.blobs, grace=GRACE, retention=RETENTION))
    runner.run_due()
    delete(ground, repository)
    assert ground.read(jobs.next_due) == ground.clock.now()
    assert runner.run_due() == 1
    assert ground.count(repositories) == 0


def test_what_a_killed_job_left_is_found_again(ground: Ground, repository: Repository) -> None:
    fill(ground, repository)
    delete(ground, repository)
    assert ground.write(partial(jobs.claim, worker="killed")) is not None
    assert ground.write(drop.drop_step) > 0
    runner = Runner(ground.database, tasks(ground.database, ground.blobs, grace=GRACE, retention=RETENTION))
    ground.clock.advance(jobs.LEASE)
    runner.run_due()
    assert ground.count(repositories) == 0


def test_the_quota_of_the_registry_is_free_at_once(ground: Ground, repository: Repository) -> None:
    count = partial(repositories_store.count, registry=ground.registry)
    assert ground.read(count) == 1
    delete(ground, repository)
    assert ground.read(count) == 0
