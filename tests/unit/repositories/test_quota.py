"""The quota of repositories holds however few times they are counted."""

from collections.abc import Callable
from functools import partial

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moorage.core.call import Registry
from moorage.identity import accounts
from moorage.repositories import store
from moorage.repositories.errors import LimitExceededError
from moorage.repositories.model import Repository
from moorage.repositories.quota import RepositoryQuota
from moorage.storage.database.schema.repositories import repositories
from moorage.storage.database.transaction import Transaction
from tests.unit.ground import ACCOUNT, Ground

MOST = 3


@pytest.fixture
def shared(ground: Ground) -> Callable[[], Ground]:
    """One installation for every example, which begins by clearing it."""
    return lambda: ground


def create(tx: Transaction, registry: Registry, quota: RepositoryQuota, number: int) -> None:
    quota.refuse_if_full(tx, registry)
    store.insert(tx, registry, Repository(0, f"r{number}", tx.now), "somebody", {})


def test_at_the_quota_a_creation_is_refused_until_a_repository_goes(ground: Ground) -> None:
    quota, registry = RepositoryQuota(MOST), ground.registry
    for number in range(MOST):
        ground.write(partial(create, registry=registry, quota=quota, number=number))
    for _ in range(2):
        with pytest.raises(LimitExceededError):
            ground.write(lambda tx: create(tx, registry, quota, 99))
    ground.write(lambda tx: store.delete(tx, store.get(tx, registry, "r1").id))
    ground.write(lambda tx: create(tx, registry, quota, 100))
    with pytest.raises(LimitExceededError):
        ground.write(lambda tx: create(tx, registry, quota, 101))


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 1), st.sampled_from("cccd"), st.integers(0, 1), st.integers(0, 5)), max_size=25))
def test_whatever_any_process_does_no_registry_gets_more(
    shared: Callable[[], Ground], steps: list[tuple[int, str, int, int]]
) -> None:
    """Two processes, two registries; creations and deletions in any order, some of them undone."""
    ground = shared()
    ground.write(lambda tx: tx.execute(sa.delete(repositories)).rowcount)
    other = ground.write(lambda tx: accounts.ensure_registry(tx, "private", ACCOUNT, "eu-west-1"))
    registries = ground.registry, other
    quotas = RepositoryQuota(MOST), RepositoryQuota(MOST)
    for number, (process, verb, where, which) in enumerate(steps):
        registry = registries[where]
        names = [found.name for found in ground.read(partial(store.page, registry=registry, after=None, limit=10))]
        if verb == "d" and names:
            gone = ground.read(partial(store.get, registry=registry, name=names[which % len(names)]))
            ground.write(partial(store.delete, repository_id=gone.id))
        elif verb == "c":
            attempt(ground, registry, quotas[process], number, undone=which == 0)
        assert ground.read(partial(store.count, registry=registry)) <= MOST


def attempt(ground: Ground, registry: Registry, quota: RepositoryQuota, number: int, *, undone: bool) -> None:
    def work(tx: Transaction) -> None:
        create(tx, registry, quota, number)
        if undone:
            raise OSError("undone")

    full = ground.read(lambda tx: store.count(tx, registry)) >= MOST
    if full:
        with pytest.raises(LimitExceededError):
            ground.write(work)
    elif undone:
        with pytest.raises(OSError, match="undone"):
            ground.write(work)
    else:
        ground.write(work)
