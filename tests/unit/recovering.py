"""Rolling back, undeleting and purging on the lower floors' ground."""

from moorage.core.digest import Digest
from moorage.core.names import TagName
from moorage.images import history, removed
from moorage.images.history import Move, Point
from moorage.images.recovery import Recovery, RolledBack, Undeleted
from moorage.repositories.model import Repository
from tests.unit.ground import RETENTION, Ground


def roll_back(
    ground: Ground,
    repository: Repository,
    tag: str,
    *,
    retention: int = RETENTION,
    sparse: bool = False,
    **to: str | int | None,
) -> RolledBack:
    recovery = Recovery(ground.database, retention=retention, sparse_indexes=sparse)
    call = ground.call("RollBackTag", repository.name)
    return recovery.roll_back(call, repository.name, TagName.parse(tag), Point(**to))  # type: ignore[arg-type]


def undelete(
    ground: Ground, repository: Repository, body: bytes, *, retention: int = RETENTION, sparse: bool = False
) -> list[Undeleted]:
    recovery = Recovery(ground.database, retention=retention, sparse_indexes=sparse)
    return recovery.undelete(ground.call("UndeleteImage", repository.name), repository.name, Digest.of(body))


def purge(ground: Ground, repository: Repository, *bodies: bytes) -> int:
    call = ground.call("PurgeImages", repository.name)
    return removed.purge(ground.database, call, repository.name, [Digest.of(body) for body in bodies])


def kept(ground: Ground, repository: Repository, retention: int = RETENTION) -> list[removed.Removed]:
    return ground.read(lambda tx: removed.page(tx, repository.id, None, 100, retention=retention))


def moves(ground: Ground, repository: Repository, tag: str, before: int | None = None, limit: int = 100) -> list[Move]:
    return ground.read(lambda tx: history.page(tx, ground.registry, repository, tag, before, limit, retention=RETENTION))
