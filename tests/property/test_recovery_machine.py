"""The store's state machine with rollback, undelete and purge among its rules."""

import collections
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test

from moorage.images.errors import ImageNotFoundError, ImageNotRemovedError
from moorage.images.history import LIVE, REMOVED
from moorage.repositories.model import Repository
from tests.property import recovery_model
from tests.property.model import ModelRepository
from tests.property.test_store_machine import MANIFESTS, StoreMachine, expecting, indexes, manifests, names, tag_names
from tests.soak import times
from tests.unit.ground import GRACE, RETENTION, digest_of, make_template
from tests.unit.recovering import kept, moves, purge, roll_back, undelete

steps = st.sampled_from([0, 1, GRACE, GRACE + 1, RETENTION, RETENTION + 1])


class RecoveryMachine(StoreMachine):
    """Whatever was removed comes back, or is said to be gone, as the model says."""

    came_back: ClassVar[collections.Counter[str]]

    def repository(self, name: str) -> tuple[Repository, ModelRepository]:
        self.ground.clock.advance(1)  # no two rules at one time: an image lost the tags that it lost with itself
        return super().repository(name)

    @rule(name=names, body=manifests | indexes)
    def undelete(self, name: str, body: bytes) -> None:
        repository, model = self.repository(name)
        error = recovery_model.undelete(model, digest_of(body), self.now, RETENTION)
        with expecting(error):
            undelete(self.ground, repository, body)
        self.came_back["undeleted" if error is None else error.__name__] += 1

    @rule(name=names, tag=tag_names, to=st.none() | manifests | indexes)
    def roll_back(self, name: str, tag: str, to: bytes | None) -> None:
        repository, model = self.repository(name)
        digest = digest_of(to) if to else None
        error = recovery_model.roll_back(model, tag, digest, self.now, RETENTION)
        with expecting(error):
            roll_back(self.ground, repository, tag, digest=digest)
        self.came_back["rolled back" if error is None else error.__name__] += 1

    @rule(name=names, body=manifests, tag=tag_names, step=steps, other=st.none() | manifests)
    def remove_an_image_and_think_better_of_it(self, name: str, body: bytes, tag: str, step: int, other: bytes | None) -> None:
        self.push_whole_image(name, body, tag)
        if other is not None:
            self.push_whole_image(name, other, tag)
        self.delete_image(name, body)
        self.advance(step)
        if other is None:
            self.undelete(name, body)
        else:
            self.roll_back(name, tag, None)

    @rule(name=names, index=indexes, tag=tag_names, step=steps, gone=st.sets(manifests), purged=st.none() | manifests)
    def remove_an_index_and_think_better_of_it(
        self, name: str, index: bytes, tag: str, step: int, gone: set[bytes], purged: bytes | None
    ) -> None:
        for body in MANIFESTS:
            self.push_whole_image(name, body, None)
        self.push_manifest(name, index, tag, sparse=False)
        self.delete_image(name, index)
        for body in sorted(gone):
            self.delete_image(name, body)
        if purged is not None:
            self.purge_one_now(name, purged)
        self.advance(step)
        if step % 2:
            self.undelete(name, index)
        else:
            self.roll_back(name, tag, index)

    @rule(name=names, body=manifests | indexes)
    def purge_one_now(self, name: str, body: bytes) -> None:
        repository, model = self.repository(name)
        digest = digest_of(body)
        refusal = ImageNotRemovedError if digest in model.live() else ImageNotFoundError
        is_removed = digest in model.images and digest not in model.live()
        with expecting(None if is_removed else refusal):
            assert purge(self.ground, repository, body) == 1
        if is_removed:
            recovery_model.purge(model, digest, self.now)

    @rule(name=names)
    def purge_all_now(self, name: str) -> None:
        repository, model = self.repository(name)
        assert purge(self.ground, repository) == model.purge(self.now, 0)

    @rule(name=names, tag=tag_names)
    def what_is_listed_can_come_back(self, name: str, tag: str) -> None:
        repository, model = self.repository(name)
        wanted = {
            digest: image.lost
            for digest, image in model.images.items()
            if recovery_model.is_kept(model, digest, self.now, RETENTION)
        }
        assert {image.digest: image.tags for image in kept(self.ground, repository)} == wanted
        if not any(name == tag for name, _, _ in model.history):
            return
        for move in moves(self.ground, repository, tag):
            assert (move.state == LIVE) == (move.to_digest in model.live())
            assert (move.state == REMOVED) == (move.to_digest in wanted)


@pytest.mark.timeout(1800)
def test_what_was_removed_comes_back_as_the_model_says(tmp_path: Path, soak: float) -> None:
    class Machine(RecoveryMachine):
        folder = tmp_path
        template = make_template(tmp_path)
        collected: ClassVar[collections.Counter[str]] = collections.Counter()
        came_back: ClassVar[collections.Counter[str]] = collections.Counter()

    run_state_machine_as_test(Machine, settings=settings(max_examples=times(20), stateful_step_count=40, deadline=None))
    assert Machine.came_back["undeleted"] > 0 and Machine.came_back["rolled back"] > 0, Machine.came_back
