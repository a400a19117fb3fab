"""A process that dies between two steps leaves something that the reaper or the collector finds, and nothing that is wrong."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

import pytest

from moorage.core import clock
from moorage.core.call import Call
from moorage.core.digest import Digest
from moorage.core.errors import StorageFullError
from moorage.layers import collect
from moorage.layers.service import UploadLimits, UploadService
from moorage.repositories.model import Repository
from moorage.storage.blobs.memory import MemoryBlobs
from moorage.storage.database.database import Database
from moorage.storage.database.schema.layers import blobs, garbage, uploads
from moorage.storage.database.transaction import Transaction
from tests.unit.ground import GRACE, Ground, digest_of
from tests.unit.layers.faulty import CrashError, FaultyBlobs

DATA = b"the bytes of a layer"
T = TypeVar("T")


@pytest.fixture
def faulty() -> FaultyBlobs:
    return FaultyBlobs(MemoryBlobs())


@pytest.fixture
def crashing(grounds: Callable[..., Ground], faulty: FaultyBlobs) -> Ground:
    return grounds(blobs=faulty)


def keys(faulty: FaultyBlobs) -> set[str]:
    assert isinstance(faulty.inner, MemoryBlobs)
    return faulty.inner.keys()


def push(ground: Ground, faulty: FaultyBlobs, repository: Repository, data: bytes = DATA) -> None:
    """An upload during which the process dies."""
    with pytest.raises(CrashError):
        ground.push_blob(repository, data)
    restart(faulty)


def restart(faulty: FaultyBlobs) -> None:
    faulty.before.clear()
    faulty.after.clear()


def clean_up(ground: Ground) -> None:
    ground.clock.advance(8 * clock.DAY)
    collect.reap_uploads(ground.database, ground.blobs)
    collect.collect(ground.database, ground.blobs, GRACE)
    assert ground.count(uploads) == ground.count(garbage) == 0


@pytest.mark.parametrize(
    ("when", "step"),
    [("before", "create"), ("after", "create"), ("before", "append_to"), ("before", "publish"), ("after", "publish")],
)
def test_a_crash_in_an_upload_shows_nothing_and_leaves_nothing(
    crashing: Ground, faulty: FaultyBlobs, when: str, step: str
) -> None:
    repository = crashing.repository()
    getattr(faulty, when).add(step)
    push(crashing, faulty, repository)
    assert crashing.layer(repository, digest_of(DATA)) is None and crashing.count(blobs) == 0
    clean_up(crashing)
    assert keys(faulty) == set()


@pytest.mark.parametrize(("when", "step"), [("before", "publish"), ("after", "publish")])
def test_the_client_may_push_again_at_once_after_a_crash(crashing: Ground, faulty: FaultyBlobs, when: str, step: str) -> None:
    repository = crashing.repository()
    getattr(faulty, when).add(step)
    push(crashing, faulty, repository)
    crashing.push_blob(repository, DATA)
    collect.reap_uploads(crashing.database, crashing.blobs)
    assert crashing.blob(repository, digest_of(DATA)) == DATA
    crashing.clock.advance(8 * clock.DAY)
    collect.reap_uploads(crashing.database, crashing.blobs)
    layer = crashing.layer(repository, digest_of(DATA))
    assert layer and keys(faulty) == {layer.key}


def test_a_crash_before_publication_lets_the_closing_put_be_repeated(crashing: Ground, faulty: FaultyBlobs) -> None:
    repository = crashing.repository()
    upload = crashing.begin(repository)
    crashing.append(upload, DATA)
    faulty.before.add("publish")
    with pytest.raises(CrashError):
        crashing.finish(repository, upload, Digest.of(DATA))
    restart(faulty)
    crashing.finish(repository, upload, Digest.of(DATA))
    assert crashing.blob(repository, digest_of(DATA)) == DATA


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_while_a_duplicate_is_dropped_keeps_the_layer_and_frees_the_duplicate(
    crashing: Ground, faulty: FaultyBlobs, when: str
) -> None:
    repository, other = crashing.repository(), crashing.repository("other/app")
    crashing.push_blob(repository, DATA)
    getattr(faulty, when).add("discard")
    push(crashing, faulty, other)
    assert crashing.blob(other, digest_of(DATA)) == DATA
    crashing.clock.advance(clock.HOUR)
    collect.reap_uploads(crashing.database, crashing.blobs)
    layer = crashing.layer(repository, digest_of(DATA))
    assert layer and keys(faulty) == {layer.key}


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_in_the_collector_leaves_the_rest_to_its_next_run(crashing: Ground, faulty: FaultyBlobs, when: str) -> None:
    repository = crashing.repository()
    for number in range(3):
        crashing.push_blob(repository, DATA + bytes([number]))
    crashing.clock.advance(GRACE + 1)
    getattr(faulty, when).add("discard")
    with pytest.raises(CrashError):
        collect.collect(crashing.database, crashing.blobs, GRACE)
    restart(faulty)
    assert crashing.count(blobs) == 0 and crashing.count(garbage) == 3
    crashing.push_blob(repository, DATA + b"\0")  # the same bytes come back before the old object is gone
    collect.collect(crashing.database, crashing.blobs, GRACE)
    layer = crashing.layer(repository, digest_of(DATA + b"\0"))
    assert layer and keys(faulty) == {layer.key} and crashing.blob(repository, digest_of(DATA + b"\0")) == DATA + b"\0"


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_in_the_reaper_leaves_the_rest_to_its_next_run(crashing: Ground, faulty: FaultyBlobs, when: str) -> None:
    repository = crashing.repository()
    crashing.append(crashing.begin(repository), DATA)
    crashing.clock.advance(8 * clock.DAY)
    getattr(faulty, when).add("discard")
    with pytest.raises(CrashError):
        collect.reap_uploads(crashing.database, crashing.blobs)
    restart(faulty)
    clean_up(crashing)
    assert keys(faulty) == set()


@pytest.mark.parametrize("step", ["create", "append_to", "read_grown"])
def test_a_crash_while_a_closing_body_is_taken_for_the_whole_leaves_nothing(
    crashing: Ground, faulty: FaultyBlobs, step: str
) -> None:
    repository = crashing.repository()
    upload = crashing.begin(repository)
    crashing.append(upload, b"first")
    intake = crashing.uploads.open(upload)
    intake.write(DATA)
    faulty.before.add(step)
    with pytest.raises(CrashError):
        crashing.uploads.finish(crashing.call(), upload, intake, Digest.of(DATA))
    restart(faulty)
    intake.close()
    assert crashing.layer(repository, digest_of(DATA)) is None
    clean_up(crashing)
    assert keys(faulty) == set()


def test_a_crash_before_a_healed_blob_is_committed_changes_nothing(crashing: Ground, faulty: FaultyBlobs) -> None:
    repository = crashing.repository()
    crashing.push_blob(repository, DATA)
    layer = crashing.layer(repository, digest_of(DATA))
    assert layer and isinstance(faulty.inner, MemoryBlobs)
    faulty.inner.tear(layer.key, 1)
    faulty.after.add("publish")
    push(crashing, faulty, repository)
    found = crashing.layer(repository, digest_of(DATA))
    assert found and found.key == layer.key
    crashing.push_blob(repository, DATA)
    assert crashing.blob(repository, digest_of(DATA)) == DATA


class FullAtTheEnd(Database):
    """A database whose disk has no room for the row of a finished upload, until it has."""

    full = True

    def write(self, work: Callable[[Transaction], T], call: Call | None = None) -> Future[T]:
        if self.full and call is not None and call.event_name == "CompleteLayerUpload":
            refused: Future[T] = Future()
            refused.set_exception(StorageFullError())
            return refused
        return super().write(work, call)


def test_a_disk_that_is_full_at_the_commit_leaves_the_session_as_it_was(ground: Ground, repository: Repository) -> None:
    database = FullAtTheEnd(ground.path, ground.clock)
    service = UploadService(database, ground.blobs, UploadLimits())
    upload = ground.begin(repository)
    ground.append(upload, DATA)
    for full in (True, False):
        database.full = full
        intake = service.open(upload)
        try:
            service.finish(ground.call("CompleteLayerUpload", repository.name), upload, intake, Digest.of(DATA))
        except StorageFullError:
            assert full
            assert ground.uploads.offset(upload) == len(DATA)
        finally:
            service.close(upload, intake)
    database.close()
    assert ground.blob(repository, digest_of(DATA)) == DATA
