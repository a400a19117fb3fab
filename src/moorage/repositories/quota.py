"""How many repositories a registry may have, asked for at each creation without counting them each time."""

from moorage.core.call import Registry
from moorage.repositories import store
from moorage.repositories.errors import LimitExceededError
from moorage.storage.database.transaction import Transaction

MOST_REPOSITORIES = 100_000
"""ECR's quota of repositories in one registry."""


FULL = f"The registry already has {MOST_REPOSITORIES} repositories."


def is_full(tx: Transaction, registry: Registry) -> bool:
    """Whether the registry has as many repositories as it may have; counts them."""
    return store.count(tx, registry) >= MOST_REPOSITORIES


class RepositoryQuota:
    """The check of one process; what it remembers saves work and decides nothing.

    Ids only grow. So since a count at a time when the newest repository of the installation had the id `m`, a registry can
    have gained no more repositories than ids beyond `m` have been given, whoever gave them. Only when that bound reaches
    the quota is it necessary to count again.
    """

    def __init__(self, most: int = MOST_REPOSITORIES) -> None:
        self._most = most
        self._counted: dict[int, tuple[int, int]] = {}

    def refuse_if_full(self, tx: Transaction, registry: Registry) -> None:
        """Raise LimitExceededError when the registry has as many repositories as it may have."""
        newest = store.newest_id(tx)
        known = self._counted.get(registry.id)
        # The newest may be gone, and then the id is smaller, while what was counted is still there.
        if known is not None and known[0] + max(0, newest - known[1]) < self._most:
            return
        count = store.count(tx, registry)
        self._counted[registry.id] = count, newest
        if count >= self._most:
            raise LimitExceededError(f"The registry already has {self._most} repositories.")
