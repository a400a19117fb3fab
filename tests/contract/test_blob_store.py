"""One suite for every BlobStore: what the floors above rely on, whoever keeps the bytes."""

import os
import shutil
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from moorage.core.errors import MoorageError, StorageFullError
from moorage.storage.blobs.filesystem import FilesystemBlobs
from moorage.storage.blobs.memory import MemoryBlobs
from moorage.storage.blobs.port import BlobMissingError, BlobStore, OffsetConflictError, Reader, is_key, new_key
from tests.contract.objects import append, contents, grow

KIB = 1024


@pytest.fixture(params=["filesystem", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    if request.param == "memory":
        return MemoryBlobs()
    blobs = FilesystemBlobs(tmp_path)
    blobs.prepare()
    return blobs


def test_what_was_appended_is_read_back_after_publication(store: BlobStore) -> None:
    key = grow(store, b"one ", b"", b"two")
    store.publish(key)
    assert contents(store, key, 7) == b"one two"


def test_an_empty_object_can_be_published(store: BlobStore) -> None:
    key = grow(store)
    store.publish(key)
    assert contents(store, key, 0) == b""


def test_an_appender_knows_where_the_object_ends(store: BlobStore) -> None:
    key = grow(store, b"12345")
    appender = store.append_to(key)
    assert appender.offset == 5
    appender.write(memoryview(b"678"))
    assert (appender.offset, store.grown(key)) == (8, 8)
    appender.close()


def test_there_is_only_one_writer_at_a_time(store: BlobStore) -> None:
    key = grow(store, b"12345")
    first = store.append_to(key)
    with pytest.raises(OffsetConflictError) as refused:
        store.append_to(key)
    assert refused.value.size == 5
    first.close()
    second = store.append_to(key)
    assert second.offset == 5
    second.close()


def test_of_many_threads_one_becomes_the_writer(store: BlobStore) -> None:
    key = grow(store)
    barrier = threading.Barrier(8)
    won: list[Any] = []
    lost: list[OffsetConflictError] = []

    def race() -> None:
        barrier.wait(10)
        try:
            won.append(store.append_to(key))
        except OffsetConflictError as error:
            lost.append(error)

    threads = [threading.Thread(target=race) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert (len(won), len(lost)) == (1, 7)
    won[0].close()


def test_closing_a_writer_twice_is_harmless(store: BlobStore) -> None:
    key = grow(store)
    first = store.append_to(key)
    first.close()
    first.close()
    store.append_to(key).close()


def test_a_rewound_object_goes_on_where_it_was_cut(store: BlobStore) -> None:
    key = grow(store, b"keep")
    appender = store.append_to(key)
    appender.write(b"lose")
    appender.rewind(4)
    assert (appender.offset, store.grown(key)) == (4, 4)
    appender.write(b"!")
    appender.close()
    store.publish(key)
    assert contents(store, key, 5) == b"keep!"


@pytest.mark.parametrize(("start", "stop"), [(0, 10), (3, 7), (7, 7), (0, 0), (5, 100), (10, 20)])
def test_a_growing_object_can_be_read_in_part(store: BlobStore, start: int, stop: int) -> None:
    key = grow(store, b"0123456789")
    assert b"".join(store.read_grown(key, start, stop)) == b"0123456789"[start:stop]


def test_a_long_growing_object_comes_in_pieces_that_make_the_whole(store: BlobStore) -> None:
    data = os.urandom(2 * KIB * KIB + 17)
    key = grow(store, data)
    assert b"".join(store.read_grown(key, 5, len(data))) == data[5:]


def test_what_grows_cannot_be_opened_and_what_is_published_cannot_grow(store: BlobStore) -> None:
    key = grow(store, b"data")
    with pytest.raises(BlobMissingError):
        store.open(key, 4)
    store.publish(key)
    for attempt in (lambda: store.append_to(key), lambda: store.grown(key), lambda: list(store.read_grown(key, 0, 4))):
        with pytest.raises(BlobMissingError):
            attempt()


def test_publishing_is_idempotent(store: BlobStore) -> None:
    key = grow(store, b"data")
    store.publish(key)
    store.publish(key)
    assert contents(store, key, 4) == b"data"


def test_nothing_can_be_published_that_never_grew(store: BlobStore) -> None:
    with pytest.raises(BlobMissingError):
        store.publish(new_key())


@pytest.mark.parametrize("size", [0, 3, 5])
def test_an_object_of_another_size_is_refused_as_torn(store: BlobStore, size: int) -> None:
    key = grow(store, b"data")
    store.publish(key)
    with pytest.raises(BlobMissingError):
        store.open(key, size)


def test_a_torn_object_is_refused(store: BlobStore, tmp_path: Path) -> None:
    key = grow(store, b"data")
    store.publish(key)
    if isinstance(store, MemoryBlobs):
        store.tear(key, 2)
    else:
        os.truncate(tmp_path / "objects" / key[:2] / key, 2)
    with pytest.raises(BlobMissingError):
        store.open(key, 4)


def test_a_reader_reads_ranges_and_stops_at_the_end(store: BlobStore) -> None:
    key = grow(store, b"0123456789")
    store.publish(key)
    reader = store.open(key, 10)
    assert isinstance(reader, Reader)
    assert reader.size == 10
    assert (reader.read_at(2, 3), reader.read_at(8, 100), reader.read_at(10, 1)) == (b"234", b"89", b"")
    reader.close()
    reader.close()


def test_a_reader_has_a_descriptor_that_the_kernel_can_send_from_or_says_that_it_has_none(store: BlobStore) -> None:
    key = grow(store, b"data")
    store.publish(key)
    reader = store.open(key, 4)
    try:
        descriptor = reader.fileno()
    except OSError:
        assert isinstance(store, MemoryBlobs)
    else:
        assert os.pread(descriptor, 10, 0) == b"data"
    reader.close()


def test_what_is_open_can_be_read_to_its_end_whatever_happens_to_the_key(store: BlobStore) -> None:
    key = grow(store, b"0123456789")
    store.publish(key)
    reader = store.open(key, 10)
    assert store.discard(key) == 10
    assert reader.read_at(0, 10) == b"0123456789"
    reader.close()


@pytest.mark.parametrize("published", [True, False])
def test_discarding_frees_the_bytes_and_is_idempotent(store: BlobStore, published: bool) -> None:
    key = grow(store, b"data")
    if published:
        store.publish(key)
    assert (store.discard(key), store.discard(key)) == (4, 0)
    with pytest.raises(BlobMissingError):
        store.open(key, 4)
    with pytest.raises(BlobMissingError):
        store.append_to(key)


def test_discarding_one_object_leaves_the_others(store: BlobStore) -> None:
    gone, kept = grow(store, b"gone"), grow(store, b"kept")
    store.publish(kept)
    store.discard(gone)
    assert contents(store, kept, 4) == b"kept"


def test_a_writer_that_is_at_work_cannot_bring_a_discarded_object_back(store: BlobStore) -> None:
    key = grow(store, b"data")
    appender = store.append_to(key)
    store.discard(key)
    with suppress(BlobMissingError):
        appender.write(b"more")
    appender.close()
    with pytest.raises(BlobMissingError):
        store.grown(key)


def test_a_writer_may_empty_an_object_that_is_discarded(store: BlobStore) -> None:
    key = grow(store, b"data")
    appender = store.append_to(key)
    store.discard(key)
    appender.rewind(0)
    appender.close()
    assert store.discard(key) == 0


def test_a_withdrawn_object_grows_again(store: BlobStore) -> None:
    key = grow(store, b"data")
    store.publish(key)
    store.withdraw(key)
    with pytest.raises(BlobMissingError):
        store.open(key, 4)
    append(store, key, b" and more")
    store.publish(key)
    assert contents(store, key, 13) == b"data and more"


def test_withdrawing_what_is_not_published_changes_nothing(store: BlobStore) -> None:
    key = grow(store, b"data")
    store.withdraw(key)
    store.withdraw(new_key())
    assert store.grown(key) == 4


HOSTILE = (
    "",
    "a",
    "../../etc/passwd",
    "a" * 39,
    "a" * 41,
    "A" * 40,
    "g" * 40,
    "/" + "a" * 39,
    "../" + "a" * 37,
    "a" * 39 + "\n",
    "a" * 39 + "\0",
    "\uff11" * 40,
    "staging/" + "a" * 32,
)


@pytest.mark.parametrize("key", HOSTILE)
def test_a_hostile_key_names_nothing(store: BlobStore, key: str) -> None:
    assert not is_key(key)
    attempts: tuple[Callable[[], object], ...] = (
        lambda: store.append_to(key),
        lambda: store.grown(key),
        lambda: list(store.read_grown(key, 0, 1)),
        lambda: store.publish(key),
        lambda: store.open(key, 0),
    )
    for attempt in attempts:
        with pytest.raises(BlobMissingError):
            attempt()


@pytest.mark.parametrize("key", HOSTILE)
def test_a_hostile_key_never_becomes_a_file(tmp_path: Path, key: str) -> None:
    blobs = FilesystemBlobs(tmp_path / "blobs")
    blobs.prepare()
    before = sorted(tmp_path.rglob("*"))
    for attempt in (blobs.create, blobs.discard):
        with pytest.raises(BlobMissingError):
            attempt(key)
    assert sorted(tmp_path.rglob("*")) == before


def test_new_keys_are_keys_and_never_the_same() -> None:
    keys = {new_key() for _ in range(1000)}
    assert len(keys) == 1000 and all(map(is_key, keys))


def test_errors_never_tell_a_path(tmp_path: Path) -> None:
    blobs = FilesystemBlobs(tmp_path)
    blobs.prepare()
    shutil.rmtree(tmp_path / "staging")
    for attempt in (lambda: blobs.create(new_key()), lambda: blobs.open(new_key(), 1), blobs.check):
        with pytest.raises(MoorageError) as refused:
            attempt()
        assert str(tmp_path) not in str(refused.value)


def test_a_store_that_can_be_written_is_well(store: BlobStore) -> None:
    store.check()
    key = grow(store, b"x")
    assert store.grown(key) == 1


def test_preparing_again_keeps_what_is_there(tmp_path: Path) -> None:
    blobs = FilesystemBlobs(tmp_path)
    blobs.prepare()
    key = grow(blobs, b"data")
    blobs.publish(key)
    FilesystemBlobs(tmp_path).prepare()
    assert contents(blobs, key, 4) == b"data"
    assert {path.stat().st_mode & 0o077 for path in tmp_path.rglob("*")} == {0}


def test_memory_that_is_full_keeps_what_was_written_before() -> None:
    store = MemoryBlobs(capacity=10)
    key = grow(store, b"12345678")
    appender = store.append_to(key)
    with pytest.raises(StorageFullError):
        appender.write(b"901")
    assert (appender.offset, store.grown(key)) == (8, 8)
    appender.write(b"90")
    appender.close()
    store.publish(key)
    assert contents(store, key, 10) == b"1234567890"
