"""A store or a database that refuses leaves an upload where it was."""

import pytest
import sqlalchemy as sa

from moorage.core.digest import Digest
from moorage.core.errors import StorageFullError
from moorage.layers.service import UploadLimits, UploadService
from moorage.repositories.model import Repository
from tests.unit.ground import Ground, digest_of
from tests.unit.layers.faulty import FaultyBlobs

DATA = b"the bytes of a layer"


class Full(FaultyBlobs):
    """A store without room for another object."""

    def create(self, key: str) -> None:
        raise StorageFullError


def test_a_session_that_could_not_begin_does_not_count_as_open(ground: Ground, repository: Repository) -> None:
    limits = UploadLimits(most_open=1)
    for _ in range(3):
        with pytest.raises(StorageFullError):
            UploadService(ground.database, Full(ground.memory), limits).begin(ground.call(), repository.name)
    assert UploadService(ground.database, ground.memory, limits).begin(ground.call(), repository.name).id


def test_a_change_that_cannot_be_committed_leaves_the_session_where_it_was(ground: Ground, repository: Repository) -> None:
    upload = ground.begin(repository)
    ground.append(upload, DATA)
    refuse = "CREATE TRIGGER no BEFORE INSERT ON blobs BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
    ground.write(lambda tx: tx.execute(sa.text(refuse)))
    with pytest.raises((StorageFullError, sa.exc.IntegrityError)):
        ground.finish(repository, upload, Digest.of(DATA))
    ground.write(lambda tx: tx.execute(sa.text("DROP TRIGGER no")))
    ground.finish(repository, upload, Digest.of(DATA))
    assert ground.blob(repository, digest_of(DATA)) == DATA
