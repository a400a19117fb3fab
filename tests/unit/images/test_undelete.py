"""Undelete, the list of what is kept, and purging (DESIGN rule 8)."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
import sqlalchemy as sa

from moorage.core import clock
from moorage.core.digest import Digest
from moorage.images import accounting, removed
from moorage.images.errors import (
    ImageGoneError,
    ImageNotFoundError,
    ImageNotRemovedError,
    ReferencedImagesNotFoundError,
)
from moorage.images.push import MOST_IMAGES
from moorage.images.recovery import Recovery, Undeleted
from moorage.layers import collect
from moorage.repositories.errors import LimitExceededError
from moorage.repositories.model import Repository
from moorage.storage.database.schema.images import images
from moorage.storage.database.schema.journal import audit, events
from moorage.storage.database.schema.repositories import usage, usage_deltas
from tests.unit.ground import GRACE, RETENTION, ROOT, Ground, config_of, digest_of, index_of, manifest_of
from tests.unit.recovering import kept, purge, roll_back, undelete

DATA = b"the bytes of a layer"


def row_of(ground: Ground, body: bytes) -> sa.Row[tuple[object, ...]]:
    return ground.rows(sa.select(images).where(images.c.digest == digest_of(body)))[0]


def events_of(ground: Ground, count: int) -> list[tuple[str, str]]:
    rows = ground.rows(sa.select(events.c.detail).order_by(events.c.id.desc()).limit(count))
    found = [json.loads(row.detail) for row in reversed(rows)]
    return [(detail["action-type"], detail["image-tag"]) for detail in found]


# --- undelete -------------------------------------------------------------------------------------------------------


def test_an_undeleted_image_is_as_it_was_with_its_tags_and_its_own_push_time(ground: Ground, repository: Repository) -> None:
    body = ground.push(repository, "app", "v1", "v2", layers=[DATA])
    before, used = row_of(ground, body), usage_of(ground)
    ground.remove(repository, body)
    ground.clock.advance(2 * GRACE)
    collect.collect(ground.database, ground.blobs, GRACE)
    assert undelete(ground, repository, body) == [Undeleted(digest_of(body), ("v1", "v2"))]
    assert row_of(ground, body) == before and usage_of(ground) == used
    assert ground.tags(repository) == {"v1": digest_of(body), "v2": digest_of(body)}
    assert ground.blob(repository, digest_of(DATA)) == DATA
    assert events_of(ground, 2) == [("PUSH", "v1"), ("PUSH", "v2")]
    assert ground.rows(sa.select(audit.c.event_name).order_by(audit.c.id.desc()).limit(1))[0][0] == "UndeleteImage"


def usage_of(ground: Ground) -> list[int]:
    totals = [0, 0]
    for table in (usage, usage_deltas):
        row = ground.rows(sa.select(sa.func.sum(table.c.images), sa.func.sum(table.c.bytes)))[0]
        totals = [total + (value or 0) for total, value in zip(totals, row, strict=True)]
    return totals


def test_tags_that_are_on_something_else_by_now_stay_there(ground: Ground, repository: Repository) -> None:
    body = ground.push(repository, "app", "v1", "latest")
    ground.remove(repository, body)
    other = ground.push(repository, "other", "latest")
    assert undelete(ground, repository, body) == [Undeleted(digest_of(body), ("v1",), {"latest": digest_of(other)})]
    assert ground.tags(repository) == {"v1": digest_of(body), "latest": digest_of(other)}


def test_only_tags_of_the_moment_of_removal_come_back(ground: Ground, repository: Repository) -> None:
    body = ground.push(repository, "app", "early", "late")
    ground.do("BatchDeleteImage", repositoryName=repository.name, imageIds=[{"imageTag": "early"}])
    ground.clock.advance(1)
    ground.remove(repository, body)
    assert [image.tags for image in kept(ground, repository)] == [("late",)]
    assert undelete(ground, repository, body)[0].tags == ("late",)


def test_an_index_comes_back_with_its_removed_children_and_all_their_tags(ground: Ground, repository: Repository) -> None:
    children = [ground.push(repository, f"child {number}", f"c{number}") for number in range(3)]
    index = index_of(children)
    ground.put(repository, index, "v1")
    for body in (index, *children[:2]):
        ground.remove(repository, body)
    done = undelete(ground, repository, index)
    assert {image.digest: image.tags for image in done} == {
        digest_of(children[0]): ("c0",),
        digest_of(children[1]): ("c1",),
        digest_of(index): ("v1",),
    }
    assert done[-1].digest == digest_of(index) and len(ground.digests(repository)) == 4


def test_an_index_of_many_children_and_an_image_of_many_tags_come_back_in_steps(ground: Ground, repository: Repository) -> None:
    config = config_of()
    ground.push_blob(repository, config)
    children = [manifest_of(config, [], annotations={"n": str(number)}) for number in range(40)]
    for body in children:
        ground.put(repository, body)
    index = index_of(children)
    tags = sorted(f"t{number}" for number in range(120))
    for start in range(0, 120, 60):
        ground.put(repository, index, *tags[start : start + 60])
    for body in (index, *children):
        ground.remove(repository, body)
    rows = ground.count(audit)
    done = undelete(ground, repository, index)
    assert len(done) == 41 and sorted(done[-1].tags) == tags
    assert len(ground.digests(repository)) == 41 and sorted(ground.tags(repository)) == tags
    assert ground.count(audit) - rows == 6 + 5


def test_a_purged_child_keeps_its_index_from_coming_back(ground: Ground, repository: Repository) -> None:
    child = ground.push(repository, "child")
    index = index_of([child])
    ground.put(repository, index, "v1")
    ground.remove(repository, index)
    ground.remove(repository, child)
    assert purge(ground, repository, child) == 1
    with pytest.raises(ReferencedImagesNotFoundError, match=digest_of(child)):
        undelete(ground, repository, index)
    assert ground.digests(repository) == set()
    assert undelete(ground, repository, index, sparse=True)[0].tags == ("v1",)


@pytest.mark.parametrize("retention", [0, RETENTION])
def test_past_its_retention_an_image_is_gone_though_its_row_may_still_be_there(
    ground: Ground, repository: Repository, retention: int
) -> None:
    body = ground.push(repository, "app", "v1")
    ground.remove(repository, body)
    ground.clock.advance(retention)
    with pytest.raises(ImageGoneError):
        undelete(ground, repository, body, retention=retention)
    assert ground.count(images) == 1 and kept(ground, repository, retention) == []
    if retention:
        ground.clock.advance(-1)
        assert undelete(ground, repository, body)[0].tags == ("v1",)


def test_what_is_there_or_was_never_there_is_not_undeleted(ground: Ground, repository: Repository) -> None:
    body = ground.push(repository, "app", "v1")
    with pytest.raises(ImageNotRemovedError, match="is not removed"):
        undelete(ground, repository, body)
    with pytest.raises(ImageNotFoundError):
        undelete(ground, repository, b"nothing")


def test_an_undelete_keeps_the_quota_of_images(ground: Ground, repository: Repository) -> None:
    body = ground.push(repository, "app", "v1")
    ground.remove(repository, body)
    ground.write(lambda tx: accounting.change(tx, repository.id, images=MOST_IMAGES, size=0))
    with pytest.raises(LimitExceededError):
        undelete(ground, repository, body)
    with pytest.raises(LimitExceededError):
        roll_back(ground, repository, "v1")


def test_a_layer_that_was_unlinked_meanwhile_comes_back_with_its_image(ground: Ground, repository: Repository) -> None:
    body = ground.push(repository, "app", layers=[DATA])
    ground.remove(repository, body)
    ground.push_blob(repository, DATA)
    ground.write(lambda tx: tx.execute(sa.text("UPDATE layers SET removed_at = 0")))
    undelete(ground, repository, body)
    assert ground.blob(repository, digest_of(DATA)) == DATA


# --- what is kept, and purging --------------------------------------------------------------------------------------


def test_the_list_of_removed_images_says_who_when_and_until_when(ground: Ground, repository: Repository) -> None:
    pushed_at = ground.clock.now()
    first, second = ground.push(repository, "first", "v1"), ground.push(repository, "second")
    ground.clock.advance(clock.HOUR)
    ground.remove(repository, first)
    ground.clock.advance(clock.HOUR)
    ground.remove(repository, second)
    newest, oldest = kept(ground, repository)
    assert (newest.digest, oldest.digest, newest.tags, oldest.tags) == (digest_of(second), digest_of(first), (), ("v1",))
    assert (oldest.removed_at, oldest.removed_by) == (pushed_at + clock.HOUR, ROOT.arn)
    assert (oldest.kept_until, oldest.pushed_at) == (pushed_at + clock.HOUR + RETENTION, pushed_at)
    pages = partial(removed.page, repository_id=repository.id, limit=1, retention=RETENTION)
    assert ground.read(lambda tx: pages(tx, after=(newest.removed_at, newest.id))) == [oldest]


def test_purging_ends_the_retention_of_the_named_images_or_of_all(ground: Ground, repository: Repository) -> None:
    bodies = [ground.push(repository, f"app {number}", layers=[DATA]) for number in range(4)]
    other = ground.repository("other/app")
    elsewhere = ground.push(other, "app")
    ground.remove(other, elsewhere)
    for body in bodies[:3]:
        ground.remove(repository, body)
    assert purge(ground, repository, bodies[0]) == 1
    with pytest.raises(ImageNotFoundError):
        undelete(ground, repository, bodies[0])
    assert purge(ground, repository) == 2 and kept(ground, repository) == [] and len(kept(ground, other)) == 1
    ground.clock.advance(GRACE + 1)
    collect.collect(ground.database, ground.blobs, GRACE)
    assert ground.blob(repository, digest_of(DATA)) == DATA and ground.digests(repository) == {digest_of(bodies[3])}
    assert ground.blob(repository, digest_of(config_of("app 0"))) is None
    assert purge(ground, repository) == 0


def test_nothing_is_purged_if_one_of_the_named_is_not_removed(ground: Ground, repository: Repository) -> None:
    gone, live = ground.push(repository, "gone"), ground.push(repository, "live")
    ground.remove(repository, gone)
    with pytest.raises(ImageNotRemovedError):
        purge(ground, repository, gone, live)
    with pytest.raises(ImageNotFoundError):
        purge(ground, repository, gone, b"nothing")
    assert len(kept(ground, repository)) == 1


def test_many_images_are_purged_in_steps_each_recorded(ground: Ground, repository: Repository) -> None:
    config = config_of()
    ground.push_blob(repository, config)
    for number in range(60):
        body = manifest_of(config, [], annotations={"n": str(number)})
        ground.put(repository, body)
        ground.remove(repository, body)
        ground.push_blob(repository, config)
    rows = ground.count(audit)
    assert purge(ground, repository) == 60 and ground.count(images) == 0
    assert ground.count(audit) - rows == 3


def test_each_step_of_a_purge_records_the_images_that_it_was_about(ground: Ground, repository: Repository) -> None:
    bodies = [ground.push(repository, f"app {number}") for number in range(30)]
    for body in bodies:
        ground.remove(repository, body)
    call = replace(ground.call("PurgeImages", repository.name), parameters={"count": "30"})
    wanted = [Digest.of(body) for body in bodies]
    assert removed.purge(ground.database, call, repository.name, wanted) == 30
    rows = ground.rows(sa.select(audit.c.parameters).where(audit.c.event_name == "PurgeImages").order_by(audit.c.id))
    parts = [wanted[:25], wanted[25:]]
    assert [json.loads(row[0]) for row in rows] == [{"count": "30", "digests": ",".join(map(str, part))} for part in parts]


# --- races ----------------------------------------------------------------------------------------------------------


def test_of_an_undelete_and_a_purge_at_once_one_wins_and_the_other_is_told(
    grounds: Callable[..., Ground],
) -> None:
    ground = grounds()
    repository = ground.repository()
    body = ground.push(repository, "app", "v1")
    ground.remove(repository, body)
    step = Recovery._restore

    class Slow(Recovery):
        def _restore(self, tx, call, repository, some, wanted):  # type: ignore[no-untyped-def]
            tx.execute(sa.delete(images).where(images.c.digest == digest_of(body)))  # as a purge that came first does
            return step(self, tx, call, repository, some, wanted)

    recovery = Slow(ground.database, retention=RETENTION, sparse_indexes=False)
    with pytest.raises(ImageGoneError):
        recovery.undelete(ground.call("UndeleteImage", repository.name), repository.name, Digest.of(body))
    assert undelete(ground, repository, body)[0].tags == ("v1",)
    assert ground.digests(repository) == {digest_of(body)}


@pytest.mark.parametrize("is_purged", [False, True])
def test_an_image_that_is_removed_again_between_the_steps_of_its_undelete_stays_removed(
    grounds: Callable[..., Ground], is_purged: bool
) -> None:
    ground = grounds()
    repository = ground.repository()
    body = ground.push(repository, "app")
    ground.put(repository, body, *(f"t{number}" for number in range(60)))
    ground.remove(repository, body)
    put = Recovery._put_tags

    class Slow(Recovery):
        def _put_tags(self, *given):  # type: ignore[no-untyped-def]
            ground.remove(repository, body)  # whoever does this is told that it is done
            if is_purged:
                purge(ground, repository, body)
            return put(self, *given)

    recovery = Slow(ground.database, retention=RETENTION, sparse_indexes=False)
    done = recovery.undelete(ground.call("UndeleteImage", repository.name), repository.name, Digest.of(body))
    assert len(done[-1].tags) == 20 and ground.digests(repository) == set() and not ground.tags(repository)
