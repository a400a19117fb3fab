"""The history of tags, and going back in it (DESIGN rule 8)."""

import json
from functools import partial

import pytest
import sqlalchemy as sa

from moorage.core import clock
from moorage.core.digest import Digest
from moorage.core.names import TagName
from moorage.images.errors import (
    ImageGoneError,
    ImageTagAlreadyExistsError,
    NothingEarlierError,
    ReferencedImagesNotFoundError,
    TagNeverThereError,
)
from moorage.images.history import Point
from moorage.images.recovery import Recovery, RolledBack
from moorage.layers import collect
from moorage.repositories.errors import RepositoryNotFoundError
from moorage.repositories.model import Repository
from moorage.storage.database.schema.images import images
from moorage.storage.database.schema.journal import audit, events
from tests.unit.ground import GRACE, RETENTION, ROOT, Ground, config_of, digest_of, index_of, manifest_of
from tests.unit.interleaving import Interleaved
from tests.unit.recovering import moves, purge, roll_back, undelete

DATA = b"the bytes of a layer"


def row_of(ground: Ground, body: bytes) -> sa.Row[tuple[object, ...]]:
    return ground.rows(sa.select(images).where(images.c.digest == digest_of(body)))[0]


def events_of(ground: Ground, count: int) -> list[tuple[str, str]]:
    rows = ground.rows(sa.select(events.c.detail).order_by(events.c.id.desc()).limit(count))
    found = [json.loads(row.detail) for row in reversed(rows)]
    return [(detail["action-type"], detail["image-tag"]) for detail in found]


def versions(ground: Ground, repository: Repository, count: int, tag: str = "prod") -> list[bytes]:
    """Images that a tag was on, a minute apart; it is on the last."""
    bodies = []
    for number in range(count):
        bodies.append(ground.push(repository, f"v{number + 1}", tag))
        ground.clock.advance(clock.MINUTE)
    return bodies


# --- history --------------------------------------------------------------------------------------------------------


def test_a_tags_history_says_when_who_from_where_to_where_newest_first(ground: Ground, repository: Repository) -> None:
    start = ground.clock.now()
    first, second = versions(ground, repository, 2)
    ground.remove(repository, second)
    found = moves(ground, repository, "prod")
    assert [(move.at - start, move.by, move.from_digest, move.to_digest) for move in found] == [
        (2 * clock.MINUTE, ROOT.arn, digest_of(second), None),
        (clock.MINUTE, ROOT.arn, digest_of(first), digest_of(second)),
        (0, ROOT.arn, None, digest_of(first)),
    ]
    assert [move.state for move in found] == [None, "removed", "live"]
    assert found[1].kept_until == start + 2 * clock.MINUTE + RETENTION
    ground.clock.advance(RETENTION)
    assert [move.state for move in moves(ground, repository, "prod")] == [None, "gone", "live"]
    ground.purge()
    assert [move.state for move in moves(ground, repository, "prod")] == [None, "gone", "live"]


def test_a_tags_history_comes_in_pages(ground: Ground, repository: Repository) -> None:
    versions(ground, repository, 5)
    first = moves(ground, repository, "prod", limit=2)
    second = moves(ground, repository, "prod", first[-1].id, limit=2)
    third = moves(ground, repository, "prod", second[-1].id, limit=2)
    assert [*first, *second, *third] == moves(ground, repository, "prod")
    assert moves(ground, repository, "prod", third[-1].id) == []


def test_a_tag_that_never_was_has_no_history(ground: Ground, repository: Repository) -> None:
    ground.push(ground.repository("other/app"), "app", "prod")
    with pytest.raises(TagNeverThereError, match="'prod' was never on an image of the repository with name 'team/app'"):
        moves(ground, repository, "prod")
    with pytest.raises(TagNeverThereError):
        roll_back(ground, repository, "prod")


# --- rollback -------------------------------------------------------------------------------------------------------


def test_a_rollback_goes_to_the_image_before_the_present_one_and_a_second_one_forth_again(
    ground: Ground, repository: Repository
) -> None:
    first, second = versions(ground, repository, 2)
    done = roll_back(ground, repository, "prod")
    assert done == RolledBack("prod", digest_of(first), digest_of(second))
    assert ground.tags(repository) == {"prod": digest_of(first)} and events_of(ground, 1) == [("PUSH", "prod")]
    assert moves(ground, repository, "prod")[0].to_digest == digest_of(first)
    assert roll_back(ground, repository, "prod").digest == digest_of(second)


def test_a_rollback_goes_to_a_digest_to_a_time_or_to_a_move(ground: Ground, repository: Repository) -> None:
    start = ground.clock.now()
    bodies = versions(ground, repository, 4)
    assert roll_back(ground, repository, "prod", digest=digest_of(bodies[1])).digest == digest_of(bodies[1])
    assert roll_back(ground, repository, "prod", at=start + 3 * clock.MINUTE - 1).digest == digest_of(bodies[2])
    assert roll_back(ground, repository, "prod", at=start).digest == digest_of(bodies[0])
    put = moves(ground, repository, "prod")[-2]
    assert roll_back(ground, repository, "prod", entry=put.id).digest == digest_of(bodies[1])


def test_a_tag_that_was_removed_comes_back_where_it_was(ground: Ground, repository: Repository) -> None:
    first, second = versions(ground, repository, 2)
    ground.do("BatchDeleteImage", repositoryName=repository.name, imageIds=[{"imageTag": "prod"}])
    assert roll_back(ground, repository, "prod") == RolledBack("prod", digest_of(second), None, (digest_of(second),))
    assert ground.digests(repository) == {digest_of(first), digest_of(second)}


def test_a_rollback_to_where_the_tag_is_changes_nothing(ground: Ground, repository: Repository) -> None:
    [body] = versions(ground, repository, 1)
    before = ground.count(events), len(moves(ground, repository, "prod"))
    assert roll_back(ground, repository, "prod", digest=digest_of(body)).from_digest == digest_of(body)
    assert (ground.count(events), len(moves(ground, repository, "prod"))) == before


def test_a_rollback_pushes_a_removed_image_anew(ground: Ground, repository: Repository) -> None:
    body = ground.push(repository, "v1", "prod", layers=[DATA])
    ground.push(repository, "v2", "prod")
    facts = row_of(ground, body)
    ground.remove(repository, body)
    ground.clock.advance(2 * GRACE)
    collect.collect(ground.database, ground.blobs, GRACE)
    assert roll_back(ground, repository, "prod").brought_back == (digest_of(body),)
    row = row_of(ground, body)
    assert (row.pushed_at, row.removed_at, row.removed_by) == (ground.clock.now(), None, None)
    assert (row.os, row.labels, row.image_size) == (facts.os, facts.labels, facts.image_size)
    assert ground.blob(repository, digest_of(DATA)) == DATA
    assert ground.rows(sa.select(audit.c.event_name).order_by(audit.c.id.desc()).limit(1))[0][0] == "RollBackTag"


def test_a_rollback_brings_an_index_back_with_what_it_names(ground: Ground, repository: Repository) -> None:
    children = [ground.push(repository, f"child {number}", layers=[DATA]) for number in range(3)]
    inner = index_of(children[:2])
    ground.put(repository, inner)
    outer = index_of([inner, children[2]])
    ground.put(repository, outer, "prod")
    ground.push(repository, "v2", "prod")
    for body in (outer, inner, *children[1:]):
        ground.remove(repository, body)
    back = roll_back(ground, repository, "prod").brought_back
    assert set(back) == {digest_of(body) for body in (outer, inner, *children[1:])} and back[-1] == digest_of(outer)
    assert {digest_of(body) for body in (outer, inner, *children)} < ground.digests(repository)


def removed_family(ground: Ground, repository: Repository) -> tuple[bytes, list[bytes]]:
    """An index that `prod` was on, and more children than come back in one step; all of it removed."""
    config = config_of()
    ground.push_blob(repository, config)
    children = [manifest_of(config, [], annotations={"n": str(number)}) for number in range(12)]
    for body in children:
        ground.put(repository, body)
    index = index_of(children)
    ground.put(repository, index, "prod")
    ground.push(repository, "v2", "prod")
    for body in (index, *children):
        ground.remove(repository, body)
    return index, children


@pytest.mark.parametrize("is_undelete", [False, True])
def test_a_child_that_is_removed_between_the_steps_stays_removed_and_so_does_its_index(
    ground: Ground, repository: Repository, is_undelete: bool
) -> None:
    index, children = removed_family(ground, repository)

    def other() -> None:
        [back, *_] = ground.digests(repository) & {digest_of(body) for body in children}
        removed.extend(body for body in children if digest_of(body) == back)
        ground.remove(repository, removed[0])

    removed: list[bytes] = []
    recovery = Recovery(Interleaved(ground.database, "write", other), retention=RETENTION, sparse_indexes=False)
    call, name = ground.call(repository=repository.name), repository.name
    undo = partial(recovery.undelete, call, name, Digest.of(index))
    go_back = partial(recovery.roll_back, call, name, TagName.parse("prod"), Point())
    with pytest.raises(ReferencedImagesNotFoundError):
        (undo if is_undelete else go_back)()
    assert not {digest_of(index), digest_of(removed[0])} & ground.digests(repository)


def test_an_index_that_is_removed_before_the_rollback_to_it_comes_back_with_its_children_and_is_told(
    ground: Ground, repository: Repository
) -> None:
    child = ground.push(repository, "child")
    index = index_of([child])
    ground.put(repository, index, "prod")
    ground.push(repository, "v2", "prod")

    def other() -> None:
        ground.remove(repository, index)
        ground.remove(repository, child)

    recovery = Recovery(Interleaved(ground.database, "read", other), retention=RETENTION, sparse_indexes=False)
    call = ground.call("RollBackTag", repository.name)
    done = recovery.roll_back(call, repository.name, TagName.parse("prod"), Point())
    assert done.brought_back == (digest_of(child), digest_of(index))
    assert ground.tags(repository)["prod"] == digest_of(index)


def test_there_must_be_something_earlier(ground: Ground, repository: Repository) -> None:
    start = ground.clock.now()
    [body] = versions(ground, repository, 1)
    other = ground.push(repository, "other", "dev")
    with pytest.raises(NothingEarlierError, match="never on another image"):
        roll_back(ground, repository, "prod")
    with pytest.raises(NothingEarlierError, match="never on the image with digest"):
        roll_back(ground, repository, "prod", digest=digest_of(other))
    with pytest.raises(NothingEarlierError, match="not on an image at that point"):
        roll_back(ground, repository, "prod", at=start - 1)
    foreign = moves(ground, repository, "dev")[0]
    with pytest.raises(NothingEarlierError):
        roll_back(ground, repository, "prod", entry=foreign.id)
    with pytest.raises(NothingEarlierError, match="a time to come"):
        roll_back(ground, repository, "prod", at=ground.clock.now() + 1)
    ground.remove(repository, body)
    with pytest.raises(NothingEarlierError):
        roll_back(ground, repository, "prod", at=ground.clock.now())


def test_what_is_gone_cannot_be_rolled_back_to(ground: Ground, repository: Repository) -> None:
    first, _ = versions(ground, repository, 2)
    ground.remove(repository, first)
    with pytest.raises(ImageGoneError, match="no longer kept"):
        roll_back(ground, repository, "prod", retention=0)
    ground.clock.advance(RETENTION)
    with pytest.raises(ImageGoneError):
        roll_back(ground, repository, "prod")
    ground.purge()
    with pytest.raises(ImageGoneError):
        roll_back(ground, repository, "prod")


def test_an_immutable_tag_is_not_rolled_back_and_nothing_comes_back_for_it(ground: Ground, repository: Repository) -> None:
    first, second = versions(ground, repository, 2)
    ground.remove(repository, first)
    ground.write(lambda tx: tx.execute(sa.text("UPDATE repositories SET tag_mutability = 'IMMUTABLE'")))
    with pytest.raises(ImageTagAlreadyExistsError):
        roll_back(ground, repository, "prod")
    assert ground.digests(repository) == {digest_of(second)}
    ground.remove(repository, second)  # a tag that is on nothing may be put again
    assert roll_back(ground, repository, "prod").digest == digest_of(second)


def test_an_unknown_repository_has_nothing_to_bring_back(ground: Ground, repository: Repository) -> None:
    nowhere = Repository(0, "no/where", repository.created_at)
    with pytest.raises(RepositoryNotFoundError):
        roll_back(ground, nowhere, "prod")
    with pytest.raises(RepositoryNotFoundError):
        undelete(ground, nowhere, DATA)
    with pytest.raises(RepositoryNotFoundError):
        purge(ground, nowhere)
