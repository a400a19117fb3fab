import os
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from moorage.core import clock
from moorage.core.digest import Digest
from moorage.core.errors import StorageFullError
from moorage.layers import collect, uploads
from moorage.layers.errors import (
    DigestMismatchError,
    LayerTooLargeError,
    OutOfOrderError,
    SizeMismatchError,
    TooManyUploadsError,
    UploadNotFoundError,
)
from moorage.layers.intake import Intake
from moorage.layers.model import DONE_IS_REMEMBERED, MAX_LAYER_BYTES, Upload
from moorage.layers.service import UploadLimits, UploadService
from moorage.repositories.model import Repository
from moorage.storage.blobs.memory import MemoryBlobs
from moorage.storage.blobs.port import BlobMissingError
from moorage.storage.database.schema.journal import audit
from moorage.storage.database.schema.layers import blob_digests, blobs, garbage
from moorage.storage.database.schema.layers import uploads as table
from tests.unit.ground import Ground, digest_of

DATA = b"the bytes of a layer"


def elsewhere(ground: Ground) -> UploadService:
    """The same uploads as another process sees them, which has no running hashes."""
    return UploadService(ground.database, ground.blobs, UploadLimits())


def test_pieces_become_a_layer(ground: Ground, repository: Repository) -> None:
    upload = ground.begin(repository)
    for start in range(0, len(DATA), 7):
        ground.append(upload, DATA[start : start + 7])
        assert ground.uploads.offset(upload) == min(start + 7, len(DATA))
    ground.finish(repository, upload, Digest.of(DATA))
    assert ground.blob(repository, digest_of(DATA)) == DATA
    layer = ground.layer(repository, digest_of(DATA))
    assert layer and (layer.size, layer.stamped_at, layer.key) == (len(DATA), ground.clock.now(), upload.key)


@pytest.mark.parametrize("data", [b"", b"x", os.urandom(3_000_000)], ids=["empty", "one", "large"])
def test_a_closing_body_is_part_of_the_layer(ground: Ground, repository: Repository, data: bytes) -> None:
    upload = ground.begin(repository)
    ground.append(upload, data[: len(data) // 2])
    ground.finish(repository, upload, Digest.of(data), data[len(data) // 2 :])
    assert ground.blob(repository, digest_of(data)) == data


@pytest.mark.parametrize("begun_with", ["sha256", "sha512"])
@pytest.mark.parametrize("closed_with", ["sha256", "sha512"])
def test_a_layer_is_found_by_every_digest_that_was_computed(
    ground: Ground, repository: Repository, begun_with: str, closed_with: str
) -> None:
    upload = ground.begin(repository, begun_with)
    ground.append(upload, DATA)
    ground.finish(repository, upload, Digest.of(DATA, closed_with))
    assert ground.blob(repository, str(Digest.of(DATA, closed_with))) == DATA
    assert ground.blob(repository, digest_of(DATA)) == DATA


def test_a_later_upload_adds_the_digests_of_another_algorithm_to_the_same_blob(ground: Ground, repository: Repository) -> None:
    ground.push_blob(repository, DATA)
    upload = ground.begin(repository, "sha512")
    ground.finish(repository, upload, Digest.of(DATA, "sha512"), DATA)
    assert ground.blob(repository, str(Digest.of(DATA, "sha512"))) == DATA
    assert (ground.count(blobs), ground.count(blob_digests), len(ground.memory.keys())) == (1, 2, 1)


def test_any_process_may_continue_and_close_a_session(ground: Ground, repository: Repository) -> None:
    upload = ground.begin(repository)
    ground.append(upload, DATA[:5])
    other = elsewhere(ground)
    intake = other.open(upload)
    intake.write(DATA[5:9])
    other.close(upload, intake)
    ground.append(upload, DATA[9:12])  # whose running hash lacks what the other process took
    intake = other.open(upload)
    intake.write(DATA[12:])
    other.finish(ground.call(), upload, intake, Digest.of(DATA))
    other.close(upload, intake)
    assert ground.blob(repository, digest_of(DATA)) == DATA


def test_bytes_with_another_digest_are_refused_and_the_session_stays(ground: Ground, repository: Repository) -> None:
    upload = ground.begin(repository)
    with pytest.raises(DigestMismatchError) as refused:
        ground.finish(repository, upload, Digest.of(b"other"), DATA)
    assert refused.value.detail == {"expected": digest_of(b"other"), "calculated": digest_of(DATA)}
    assert (ground.uploads.offset(upload), ground.count(blobs)) == (len(DATA), 0)
    ground.finish(repository, upload, Digest.of(DATA))
    assert ground.blob(repository, digest_of(DATA)) == DATA


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_a_client_that_begins_anew_in_its_closing_put_is_forgiven(
    ground: Ground, repository: Repository, algorithm: str
) -> None:
    upload = ground.begin(repository)
    ground.append(upload, b"a first attempt that was cut o")
    ground.finish(repository, upload, Digest.of(DATA, algorithm), DATA)
    layer = ground.layer(repository, digest_of(DATA))
    assert layer and layer.size == len(DATA) and ground.blob(repository, digest_of(DATA)) == DATA
    collect.discard_garbage(ground.database, ground.blobs)
    assert len(ground.memory.keys()) == 2  # what it was copied from stays for as long as a copy may take
    ground.clock.advance(clock.HOUR)
    collect.discard_garbage(ground.database, ground.blobs)
    assert ground.memory.keys() == {layer.key}


def test_a_hash_of_an_object_that_the_session_no_longer_has_counts_for_nothing(ground: Ground, repository: Repository) -> None:
    """Two processes: one heard the first bytes, the other gave the session a new object and then failed."""
    here, there = ground.uploads, UploadService(ground.database, ground.blobs, UploadLimits())
    upload = ground.begin(repository)
    ground.append(upload, b"EVIL-PREFI")
    renewed = ground.write(lambda tx: uploads.rekey(tx, upload))
    ground.blobs.create(renewed.key)
    intake = there.open(renewed)
    intake.write(b"0123456789")
    there.close(renewed, intake)
    claimed = Digest.of(b"EVIL-PREFI" + b"rest")
    intake = here.open(renewed)
    intake.write(b"rest")
    with pytest.raises(DigestMismatchError):
        here.finish(ground.call("CompleteLayerUpload", repository.name), renewed, intake, claimed)
    here.close(renewed, intake)
    assert ground.count(blobs) == 0


def test_more_than_was_announced_is_refused_before_it_is_written(ground: Ground, repository: Repository) -> None:
    upload = ground.begin(repository)
    intake = ground.uploads.open(upload)
    intake.expect(10)
    intake.write(b"0123456")
    with pytest.raises(SizeMismatchError):
        intake.write(b"789ab")
    with pytest.raises(LayerTooLargeError):
        intake.expect(MAX_LAYER_BYTES + 1)
    assert intake.offset == 7
    ground.uploads.close(upload, intake)


def test_nothing_is_forgiven_without_a_body(ground: Ground, repository: Repository) -> None:
    upload = ground.begin(repository)
    ground.append(upload, DATA)
    with pytest.raises(DigestMismatchError):
        ground.finish(repository, upload, Digest.of(b""))
    assert ground.count(blobs) == 0


def test_a_session_has_one_writer(ground: Ground, repository: Repository) -> None:
    upload = ground.begin(repository)
    intake = ground.uploads.open(upload)
    intake.write(b"123")
    with pytest.raises(OutOfOrderError) as refused:
        elsewhere(ground).open(upload)
    assert refused.value.expected == 3
    ground.uploads.close(upload, intake)
    elsewhere(ground).open(upload).close()


def test_a_rewound_intake_forgets_its_body(ground: Ground, repository: Repository) -> None:
    upload = ground.begin(repository)
    for start in (0, 5):
        intake = ground.uploads.open(upload)
        intake.write(b"not these")
        intake.rewind()
        assert intake.offset == start
        intake.write(DATA[start : start + 5])
        ground.uploads.close(upload, intake)
    ground.finish(repository, upload, Digest.of(DATA), DATA[10:])
    assert ground.blob(repository, digest_of(DATA)) == DATA


def test_after_a_rewind_a_closing_body_may_still_be_the_whole_blob(ground: Ground, repository: Repository) -> None:
    upload = ground.begin(repository)
    ground.append(upload, b"first")
    intake = ground.uploads.open(upload)
    intake.write(b"lost")
    intake.rewind()
    intake.write(DATA)
    ground.uploads.finish(ground.call(), upload, intake, Digest.of(DATA))
    ground.uploads.close(upload, intake)
    assert ground.blob(repository, digest_of(DATA)) == DATA


def test_a_full_store_keeps_what_it_took_and_the_upload_goes_on_later(grounds: Callable[..., Ground]) -> None:
    memory = MemoryBlobs(capacity=8)
    ground = grounds(blobs=memory)
    repository = ground.repository()
    upload = ground.begin(repository)
    ground.append(upload, DATA[:8])
    with pytest.raises(StorageFullError):
        ground.append(upload, DATA[8:])
    assert ground.uploads.offset(upload) == 8
    memory.capacity = None
    ground.append(upload, DATA[8:])
    ground.finish(repository, upload, Digest.of(DATA))
    assert ground.blob(repository, digest_of(DATA)) == DATA


def test_a_layer_above_the_quota_is_refused(ground: Ground, repository: Repository) -> None:
    upload = ground.begin(repository)
    intake = ground.uploads.open(upload)
    small = Intake(ground.uploads.open(ground.begin(repository))._appender, intake.digester, most=10)
    small.write(b"1234567890")
    with pytest.raises(LayerTooLargeError):
        small.write(b"1")
    intake.close()
    small.close()


# --- the same bytes again -------------------------------------------------------------------------------------------


def test_bytes_that_are_here_already_are_kept_once(ground: Ground, repository: Repository) -> None:
    other = ground.repository("other/app")
    ground.push_blob(repository, DATA)
    ground.clock.advance(5)
    ground.push_blob(other, DATA)
    ground.push_blob(repository, DATA)
    first, second = ground.layer(repository, digest_of(DATA)), ground.layer(other, digest_of(DATA))
    assert first and second and first.key == second.key and first.stamped_at == ground.clock.now()
    assert ground.memory.keys() == {first.key}


@pytest.mark.parametrize("damage", ["torn", "gone"])
def test_a_damaged_object_is_healed_by_the_next_upload(ground: Ground, repository: Repository, damage: str) -> None:
    ground.push_blob(repository, DATA)
    layer = ground.layer(repository, digest_of(DATA))
    assert layer
    if damage == "torn":
        ground.memory.tear(layer.key, 3)
    else:
        ground.memory.discard(layer.key)
    with pytest.raises(BlobMissingError):
        ground.blob(repository, digest_of(DATA))
    ground.push_blob(repository, DATA)
    assert ground.blob(repository, digest_of(DATA)) == DATA
    assert ground.count(blobs) == 1
    collect.discard_garbage(ground.database, ground.blobs)
    assert ground.memory.keys().isdisjoint({layer.key}) and ground.count(garbage) == 0
    ground.clock.advance(clock.DAY)
    collect.reap_uploads(ground.database, ground.blobs)
    assert ground.blob(repository, digest_of(DATA)) == DATA


# --- how sessions end -----------------------------------------------------------------------------------------------


def test_a_finished_session_is_remembered_for_an_hour(ground: Ground, repository: Repository) -> None:
    upload = ground.begin(repository)
    ground.finish(repository, upload, Digest.of(DATA), DATA)
    done = ground.upload(repository, upload.id)
    assert done and (done.digest, done.expires_at) == (digest_of(DATA), ground.clock.now() + DONE_IS_REMEMBERED)
    ground.clock.advance(DONE_IS_REMEMBERED)
    assert ground.upload(repository, upload.id) is None
    assert collect.reap_uploads(ground.database, ground.blobs) == 1
    assert ground.blob(repository, digest_of(DATA)) == DATA and ground.count(table) == 0


def test_a_session_that_took_long_is_remembered_no_longer(ground: Ground, repository: Repository) -> None:
    upload = ground.begin(repository)
    ground.clock.advance(clock.DAY)
    ground.finish(repository, upload, Digest.of(DATA), DATA)
    done = ground.upload(repository, upload.id)
    assert done and done.expires_at == ground.clock.now() + DONE_IS_REMEMBERED


def test_a_finished_session_takes_nothing_more(ground: Ground, repository: Repository) -> None:
    upload = ground.begin(repository)
    ground.finish(repository, upload, Digest.of(DATA), DATA)
    with pytest.raises(BlobMissingError):
        ground.uploads.open(upload)
    assert not ground.uploads.cancel(ground.call(), upload)
    assert ground.blob(repository, digest_of(DATA)) == DATA


def test_a_session_lives_for_a_week_after_its_last_event(ground: Ground, repository: Repository) -> None:
    upload = ground.begin(repository)
    for _ in range(3):
        ground.clock.advance(6 * clock.DAY)
        found = ground.upload(repository, upload.id)
        assert found
        ground.append(found, b"x")
    assert collect.reap_uploads(ground.database, ground.blobs) == 0
    ground.clock.advance(7 * clock.DAY)
    assert ground.upload(repository, upload.id) is None
    assert collect.reap_uploads(ground.database, ground.blobs) == 1
    assert (ground.memory.keys(), ground.count(table), ground.count(garbage)) == (set(), 0, 0)


def test_a_cancelled_session_frees_its_bytes_at_once_and_its_row_goes_with_the_reaper(
    ground: Ground, repository: Repository
) -> None:
    upload = ground.begin(repository)
    ground.append(upload, DATA)
    assert ground.uploads.cancel(ground.call("CancelUpload"), upload)
    assert ground.memory.keys() == set() and ground.upload(repository, upload.id) is None
    assert not ground.uploads.cancel(ground.call(), upload)
    assert collect.reap_uploads(ground.database, ground.blobs) == 1
    assert ground.rows(sa.select(audit.c.event_name).where(audit.c.event_name == "CancelUpload"))


def end(ground: Ground, upload: Upload, way: str) -> None:
    if way == "cancelled":
        ground.write(lambda tx: uploads.cancel(tx, upload.id))
    elif way == "reaped":
        ground.clock.advance(8 * clock.DAY)
        collect.reap_uploads(ground.database, ground.blobs)
    else:
        ground.do("DeleteRepository", repositoryName="team/app")


@pytest.mark.parametrize("known", [False, True], ids=["new bytes", "known bytes"])
@pytest.mark.parametrize("way", ["cancelled", "reaped", "deleted"])
def test_a_session_that_ends_while_it_is_closed_publishes_nothing(
    ground: Ground, repository: Repository, way: str, known: bool
) -> None:
    if known:
        ground.push_blob(ground.repository("other/app"), DATA)
    stored = ground.memory.keys()
    upload = ground.begin(repository)
    ground.clock.advance(clock.HOUR * 2)
    intake = ground.uploads.open(upload)
    intake.write(DATA)
    digest = ground.uploads.computed(upload, intake)
    end(ground, upload, way)
    with pytest.raises(UploadNotFoundError):
        ground.uploads._publish(ground.call(), upload, intake.digester, digest)
    ground.uploads.close(upload, intake)
    ground.drop()
    collect.reap_uploads(ground.database, ground.blobs)
    assert ground.memory.keys() == stored
    assert ground.count(table) == 0


def test_a_cancelled_session_is_not_brought_back_by_the_writer_that_is_still_at_work(
    ground: Ground, repository: Repository
) -> None:
    upload = ground.begin(repository)
    ground.clock.advance(clock.DAY)
    intake = ground.uploads.open(upload)
    with pytest.raises(OutOfOrderError):
        ground.uploads.cancel(ground.call(), upload)
    ground.write(lambda tx: uploads.cancel(tx, upload.id))
    ground.uploads.close(upload, intake)
    assert ground.upload(repository, upload.id) is None
    assert collect.reap_uploads(ground.database, ground.blobs) == 1


def test_a_session_whose_bytes_are_lost_can_be_cancelled(ground: Ground, repository: Repository) -> None:
    upload = ground.begin(repository)
    ground.memory.discard(upload.key)
    assert ground.uploads.cancel(ground.call(), upload)
    assert ground.upload(repository, upload.id) is None


def test_a_deleted_repository_leaves_none_of_its_uploads_bytes(ground: Ground, repository: Repository) -> None:
    ground.append(ground.begin(repository), DATA)
    ground.do("DeleteRepository", repositoryName=repository.name)
    ground.drop()
    collect.discard_garbage(ground.database, ground.blobs)
    assert ground.memory.keys() == set()


def test_one_principal_may_have_so_many_sessions_open(ground: Ground, repository: Repository) -> None:
    service = UploadService(ground.database, ground.blobs, UploadLimits(most_open=2))
    first = service.begin(ground.call(), repository.name)
    second = service.begin(ground.call(), repository.name)
    with pytest.raises(TooManyUploadsError):
        service.begin(ground.call(), repository.name)
    service.cancel(ground.call(), first)
    ground.finish(repository, second, Digest.of(b""))
    service.begin(ground.call(), repository.name)
    service.begin(ground.call(), repository.name)
    ground.clock.advance(7 * clock.DAY)
    assert service.begin(ground.call(), repository.name).id


def test_a_session_belongs_to_its_repository(ground: Ground, repository: Repository) -> None:
    upload = ground.begin(repository)
    other = ground.repository("other/app")
    assert ground.upload(other, upload.id) is None
    points = ground.database.point_reader()
    now = ground.clock.now()
    assert uploads.find_now(points, repository.id, upload.id, now) == upload
    assert uploads.find_now(points, other.id, upload.id, now) is None
    assert uploads.find_now(points, repository.id, upload.id, upload.expires_at) is None
    points.close()
