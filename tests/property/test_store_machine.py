"""Pushes, pulls, deletions and collections in any order, against a model in plain Python."""

import collections
import tempfile
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import ClassVar

import pytest
import sqlalchemy as sa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from moorage.core import clock
from moorage.core.digest import Digest
from moorage.core.errors import MoorageError
from moorage.images import accounting, drop, remove
from moorage.images import store as image_store
from moorage.images.errors import ImageLayersNotFoundError, ImageReferencedError, ReferencedImagesNotFoundError
from moorage.layers import collect, reads
from moorage.layers.errors import LayerInUseError, LayersNotFoundError
from moorage.repositories.errors import RepositoryNotEmptyError
from moorage.repositories.model import Repository
from moorage.storage.blobs.memory import MemoryBlobs
from moorage.storage.database.schema.images import images, tag_history, tags
from moorage.storage.database.schema.layers import blob_digests, blobs, garbage, uploads
from moorage.storage.database.schema.repositories import usage, usage_deltas
from moorage.storage.database.transaction import Transaction
from tests.property.model import Model, ModelImage, ModelRepository
from tests.soak import times
from tests.unit.ground import GRACE, RETENTION, Ground, digest_of, index_of, make_template, manifest_of

BLOBS = [bytes([65 + number]) * (10 + number) for number in range(5)]
MANIFESTS = [
    manifest_of(BLOBS[0], [BLOBS[1]]),
    manifest_of(BLOBS[0], [BLOBS[1], BLOBS[2]]),
    manifest_of(BLOBS[3], [BLOBS[2], BLOBS[2]]),
    manifest_of(BLOBS[4], []),
]
INDEXES = [index_of(MANIFESTS[:2]), index_of(MANIFESTS[1:4])]
NAMES = ["one/app", "two/app"]
SIZES = {digest_of(data): len(data) for data in BLOBS}
CONTENTS = {digest_of(data): data for data in BLOBS}
USED_BY = {
    digest_of(MANIFESTS[0]): {0, 1},
    digest_of(MANIFESTS[1]): {0, 1, 2},
    digest_of(MANIFESTS[2]): {3, 2},
    digest_of(MANIFESTS[3]): {4},
}

names, blob_data = st.sampled_from(NAMES), st.sampled_from(BLOBS)
manifests, indexes = st.sampled_from(MANIFESTS), st.sampled_from(INDEXES)
tag_names = st.sampled_from(["v1", "v2"])
maybe_tag = st.none() | tag_names


def image_of(body: bytes) -> ModelImage:
    digest = digest_of(body)
    if body in INDEXES:
        children = MANIFESTS[:2] if body == INDEXES[0] else MANIFESTS[1:4]
        return ModelImage(len(body), names=frozenset(map(digest_of, children)))
    return ModelImage(len(body), blobs=frozenset(digest_of(BLOBS[number]) for number in USED_BY[digest]))


def expecting(error: type[MoorageError] | None) -> AbstractContextManager[object]:
    """The block raises this error, or none."""
    return pytest.raises(error) if error else nullcontext()


class StoreMachine(RuleBasedStateMachine):
    """Each rule does the same to the store and to the model."""

    folder: Path
    template: Path
    collected: ClassVar[collections.Counter[str]]
    """What the collector removed in all examples."""

    def __init__(self) -> None:
        super().__init__()
        self.ground = Ground(Path(tempfile.mkdtemp(dir=self.folder)), self.template)
        self.model = Model()

    def teardown(self) -> None:
        self.ground.close()

    @property
    def now(self) -> int:
        return self.ground.clock.now()

    def repository(self, name: str) -> tuple[Repository, ModelRepository]:
        if name not in self.model.repositories:
            self.model.repositories[name] = ModelRepository()
            self.ground.repository(name)
        return self.ground.find_repository(name), self.model.repositories[name]

    @property
    def store(self) -> MemoryBlobs:
        return self.ground.memory

    # --- rules ------------------------------------------------------------------------------------------------------

    @initialize()
    def begin(self) -> None:
        for name in NAMES:
            self.repository(name)

    @rule(name=names, data=blob_data)
    def push_blob(self, name: str, data: bytes) -> None:
        repository, _ = self.repository(name)
        self.ground.push_blob(repository, data)
        self.model.link(name, digest_of(data), self.now)

    @rule(name=names, body=manifests, tag=maybe_tag)
    def push_whole_image(self, name: str, body: bytes, tag: str | None) -> None:
        for digest in sorted(image_of(body).blobs):
            if not self.repository(name)[1].shows(digest):
                self.push_blob(name, CONTENTS[digest])
        self.push_manifest(name, body, tag, sparse=False)

    @rule(name=names, body=manifests | indexes, tag=maybe_tag, sparse=st.booleans())
    def push_manifest(self, name: str, body: bytes, tag: str | None, sparse: bool) -> None:
        repository, model = self.repository(name)
        wanted, digest = image_of(body), digest_of(body)
        error: type[MoorageError] | None = None
        if not all(map(model.shows, wanted.blobs)):
            error = ImageLayersNotFoundError
        elif not sparse and not wanted.names <= model.live().keys():
            error = ReferencedImagesNotFoundError
        with expecting(error):
            self.ground.put(repository, body, *([tag] if tag else []), sparse=sparse)
        if error is None:
            if digest not in model.live():
                wanted.pushed = self.now
                model.images[digest] = wanted
            if tag:
                model.move(tag, digest)

    @rule(name=names, tag=tag_names)
    def take_a_tag_off(self, name: str, tag: str) -> None:
        repository, model = self.repository(name)
        if tag not in model.tags:
            return
        call = self.ground.call("BatchDeleteImage", name)

        def work(tx: Transaction) -> None:
            image = image_store.by_tag(tx, repository.id, tag)
            assert image is not None and image.digest == model.tags[tag]
            remove.remove_tag(tx, call, repository, tag, image)

        self.ground.write(work, call)
        model.move(tag, None)

    @rule(name=names, tag=tag_names)
    def delete_by_tag_through_the_api(self, name: str, tag: str) -> None:
        _, model = self.repository(name)
        answer = self.ground.do("BatchDeleteImage", repositoryName=name, imageIds=[{"imageTag": tag}])
        digest = model.tags.get(tag)
        others = [other for other, on in model.tags.items() if on == digest and other != tag]
        if digest is None:
            assert [entry["failureCode"] for entry in answer["failures"]] == ["ImageNotFound"]
        elif others:
            model.move(tag, None)
        elif model.is_named(digest):
            assert [entry["failureCode"] for entry in answer["failures"]] == ["ImageReferencedByManifestList"]
        else:
            model.remove(digest, self.now)

    @rule(name=names, body=manifests | indexes)
    def delete_image(self, name: str, body: bytes) -> None:
        repository, model = self.repository(name)
        digest = digest_of(body)
        if digest not in model.live():
            return
        with expecting(ImageReferencedError if model.is_named(digest) else None):
            self.ground.remove(repository, body)
        if not model.is_named(digest):
            model.remove(digest, self.now)

    @rule(name=names, data=blob_data)
    def delete_blob(self, name: str, data: bytes) -> None:
        repository, model = self.repository(name)
        digest = Digest.of(data)
        error: type[MoorageError] | None = None
        if not model.shows(str(digest)):
            error = LayersNotFoundError
        elif model.needs(str(digest)):
            error = LayerInUseError
        unlink = partial(
            reads.unlink, registry=self.ground.registry, repository_id=repository.id, repository=name, digest=digest
        )
        with expecting(error):
            self.ground.write(unlink)
        if error is None:
            model.holds[str(digest)].shown = False

    @rule(source=names, destination=names, data=blob_data)
    def mount(self, source: str, destination: str, data: bytes) -> None:
        (from_repository, model), (to_repository, _) = self.repository(source), self.repository(destination)
        digest = Digest.of(data)
        link = partial(reads.mount, repository_id=to_repository.id, digest=digest, source_id=from_repository.id)
        assert self.ground.write(link) == model.shows(str(digest))
        if model.shows(str(digest)):
            self.model.link(destination, str(digest), self.now)

    @rule(name=names)
    def ask_whether_layers_are_there(self, name: str) -> None:
        _, model = self.repository(name)
        answer = self.ground.do("BatchCheckLayerAvailability", repositoryName=name, layerDigests=list(SIZES))
        for entry in answer["layers"]:
            digest = entry["layerDigest"]
            assert (entry["layerAvailability"] == "AVAILABLE") == model.shows(digest)
            if model.shows(digest) and self.now - model.holds[digest].touched > GRACE // 2:
                model.holds[digest].touched = self.now

    @rule(name=names, force=st.booleans())
    def delete_repository(self, name: str, force: bool) -> None:
        _, model = self.repository(name)
        refused = bool(model.live()) and not force
        with expecting(RepositoryNotEmptyError if refused else None):
            self.ground.do("DeleteRepository", repositoryName=name, force=force)
        if not refused:
            self.model.delete(name)

    @rule()
    def drop(self) -> None:
        self.ground.drop()
        self.model.drop(self.now)

    @precondition(lambda self: self.model.deleted)
    @rule()
    def drop_a_little(self) -> None:
        assert self.ground.write(partial(drop.drop_step)) > 0
        self.drop()

    @rule(name=names, data=blob_data)
    def leave_an_upload_behind(self, name: str, data: bytes) -> None:
        self.ground.append(self.ground.begin(self.repository(name)[0]), data)

    @rule(name=names, data=blob_data)
    def cancel_an_upload(self, name: str, data: bytes) -> None:
        upload = self.ground.begin(self.repository(name)[0])
        self.ground.append(upload, data)
        assert self.ground.uploads.cancel(self.ground.call(), upload)
        assert self.store.keys().isdisjoint({upload.key})

    @rule(step=st.sampled_from([1, clock.HOUR, GRACE // 2 + 1, GRACE, GRACE + 1, RETENTION]))
    def advance(self, step: int) -> None:
        self.ground.clock.advance(step)

    @rule()
    def purge(self) -> None:
        expected = sum(model.purge(self.now, RETENTION) for model in self.model.everywhere())
        assert self.ground.purge() == expected

    @rule()
    def collect(self) -> None:
        done = collect.collect(self.ground.database, self.store, GRACE)
        self.collected.update({"layers": done.layers, "blobs": done.blobs})
        self.model.collect(self.now, GRACE)
        assert self.ground.count(garbage) == 0

    @rule(step=st.sampled_from([GRACE // 2 + 1, GRACE, GRACE + 1, RETENTION]), purge=st.booleans())
    def let_time_pass_and_collect(self, step: int, purge: bool) -> None:
        self.advance(step)
        if purge:
            self.purge()
        self.collect()

    @rule(name=names, body=manifests, step=st.sampled_from([0, GRACE + 1]))
    def replace_an_image(self, name: str, body: bytes, step: int) -> None:
        self.push_whole_image(name, body, "v1")
        self.advance(step)
        self.delete_by_tag_through_the_api(name, "v1")
        self.let_time_pass_and_collect(RETENTION, purge=True)

    @rule()
    def reap(self) -> None:
        collect.reap_uploads(self.ground.database, self.store)
        assert self.ground.rows(sa.select(uploads.c.id).where(uploads.c.expires_at <= self.now)) == []

    @precondition(lambda self: self.ground.count(usage_deltas) > 5)
    @rule()
    def fold(self) -> None:
        while self.ground.write(accounting.fold):
            pass

    # --- invariants -------------------------------------------------------------------------------------------------

    @invariant()
    def exactly_the_blobs_of_the_model_are_there_whole(self) -> None:
        query = sa.select(blob_digests.c.digest, blobs.c.key, blobs.c.size).join(blobs, blobs.c.id == blob_digests.c.blob_id)
        rows = self.ground.rows(query)
        assert sorted(row.digest for row in rows) == sorted(self.model.stored())
        for row in rows:
            reader = self.store.open(row.key, row.size)
            assert digest_of(reader.read_at(0, row.size)) == row.digest

    @invariant()
    def every_object_is_known_to_a_row(self) -> None:
        known = {row.key for table in (blobs, uploads, garbage) for row in self.ground.rows(sa.select(table.c.key))}
        assert self.store.keys() <= known

    @invariant()
    def clients_see_what_the_model_says(self) -> None:
        for name, model in self.model.repositories.items():
            repository = self.ground.find_repository(name)
            assert self.ground.tags(repository) == model.tags
            assert self.ground.digests(repository) == model.live().keys()
            for digest in SIZES:
                assert (self.ground.layer(repository, digest) is not None) == model.shows(digest)
            for digest, image in model.live().items():
                assert all(self.ground.blob(repository, blob) == CONTENTS[blob] for blob in image.blobs)
                body = self.ground.read(partial(image_store.body, digest=digest))
                assert digest_of(body) == digest

    @invariant()
    def usage_equals_counting(self) -> None:
        for name, model in self.model.repositories.items():
            repository_id = self.ground.find_repository(name).id
            totals = [0, 0]
            for table in (usage, usage_deltas):
                summed = sa.select(sa.func.sum(table.c.images), sa.func.sum(table.c.bytes))
                row = self.ground.rows(summed.where(table.c.repository_id == repository_id))[0]
                totals = [total + (value or 0) for total, value in zip(totals, row, strict=True)]
            assert tuple(totals) == model.usage(SIZES)
            assert self.ground.read(partial(accounting.images_in, repository_id=repository_id)) == totals[0]

    @invariant()
    def every_move_of_a_tag_is_remembered_and_images_know_when_they_came(self) -> None:
        for name, model in self.model.repositories.items():
            repository_id = self.ground.find_repository(name).id
            columns = tag_history.c.tag, tag_history.c.from_digest, tag_history.c.to_digest
            moves = sa.select(*columns).where(tag_history.c.repository_id == repository_id).order_by(tag_history.c.id)
            assert [tuple(row) for row in self.ground.rows(moves)] == model.history
            rows = self.ground.rows(sa.select(images).where(images.c.repository_id == repository_id))
            found = {row.digest: (row.pushed_at, row.removed_at) for row in rows}
            assert found == {digest: (image.pushed, image.removed) for digest, image in model.images.items()}

    @invariant()
    def nothing_points_nowhere(self) -> None:
        assert self.ground.rows(sa.text("PRAGMA foreign_key_check")) == []
        live = sa.select(images.c.id).where(images.c.removed_at.is_(None))
        assert self.ground.rows(sa.select(tags.c.name).where(tags.c.image_id.not_in(live))) == []


@pytest.mark.timeout(1800)
def test_the_store_does_what_the_model_says_whatever_happens(tmp_path: Path, soak: float) -> None:
    class Machine(StoreMachine):
        folder = tmp_path
        template = make_template(tmp_path)
        collected: ClassVar[collections.Counter[str]] = collections.Counter()

    counts = settings(max_examples=times(20), stateful_step_count=30, deadline=None)
    run_state_machine_as_test(Machine, settings=counts)
    assert Machine.collected["layers"] > 0 and Machine.collected["blobs"] > 0
