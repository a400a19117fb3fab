import asyncio
import threading
from functools import partial

import pytest
import sqlalchemy as sa

from moorage.storage.database.prepared import Prepared
from moorage.storage.database.schema.journal import audit
from moorage.storage.database.schema.repositories import resource_tags
from moorage.storage.database.transaction import Transaction
from tests.unit.ground import Ground

_ADD = Prepared(sa.insert(resource_tags), "repository_id", "key", "value")
_FIND = Prepared(
    sa.select(resource_tags.c.value)
    .where(resource_tags.c.repository_id == sa.bindparam("repository"), resource_tags.c.key != "fixed")
    .order_by(resource_tags.c.key)
    .limit(sa.bindparam("most"))
)


def add(tx: Transaction, repository: int, *keys: str) -> int:
    tx.run_many(_ADD, ({"repository_id": repository, "key": key, "value": f"v-{key}"} for key in keys))
    return len(keys)


def add_one(repository: int, key: str, tx: Transaction) -> int:
    return add(tx, repository, key)


def test_parameters_go_where_their_names_stand_and_fixed_values_stay(ground: Ground) -> None:
    one, other = ground.repository("one/a").id, ground.repository("one/b").id
    ground.write(lambda tx: add(tx, one, "a", "b", "c", "fixed"))
    ground.write(lambda tx: tx.run(_ADD, repository_id=other, key="a", value="it's; --"))

    def find(repository: int, most: int) -> list[tuple[object, ...]]:
        return ground.read(lambda tx: tx.run(_FIND, most=most, repository=repository))

    assert find(one, 9) == [("v-a",), ("v-b",), ("v-c",)]
    assert find(one, 2) == [("v-a",), ("v-b",)]
    assert find(other, 9) == [("it's; --",)]


def test_a_parameter_that_is_not_given_is_a_fault(ground: Ground) -> None:
    with pytest.raises(KeyError):
        ground.read(lambda tx: tx.run(_FIND, most=1))


def test_its_faults_are_those_of_core(ground: Ground) -> None:
    repository = ground.repository("one/a").id
    ground.write(lambda tx: add(tx, repository, "a"))
    with pytest.raises(sa.exc.IntegrityError):
        ground.write(lambda tx: add(tx, repository, "a"))
    with pytest.raises(sa.exc.IntegrityError):
        ground.write(lambda tx: tx.run(_ADD, repository_id=repository, key="a", value=""))


def test_a_write_from_a_loop_is_told_there_after_its_commit(ground: Ground) -> None:
    repository = ground.repository("one/a").id

    async def test() -> tuple[list[int], bool]:
        writes = [ground.database.write_from_loop(partial(add_one, repository, key), ground.call("Tag")) for key in "abcdefgh"]
        done = await asyncio.gather(*writes)
        with pytest.raises(sa.exc.IntegrityError):
            await ground.database.write_from_loop(lambda tx: add(tx, repository, "a"), ground.call("Tag"))
        return done, threading.current_thread() is threading.main_thread()

    assert asyncio.run(test()) == ([1] * 8, True)
    assert len(ground.rows(sa.select(audit).where(audit.c.event_name == "Tag"))) == 8, "what failed has no row"


def test_a_write_whose_caller_went_away_is_carried_out(ground: Ground) -> None:
    repository = ground.repository("one/a").id

    async def test() -> None:
        waiting = ground.database.write_from_loop(lambda tx: add(tx, repository, "a"))
        waiting.cancel()
        await ground.database.write_from_loop(lambda tx: add(tx, repository, "b"))

    asyncio.run(test())
    assert len(ground.read(lambda tx: tx.run(_FIND, repository=repository, most=9))) == 2


def test_a_loop_that_has_ended_hinders_nobody(ground: Ground) -> None:
    repository = ground.repository("one/a").id
    go = threading.Event()

    async def test() -> None:
        def wait(tx: Transaction) -> int:
            go.wait(5)
            return add(tx, repository, "a")

        ground.database.write_from_loop(wait)

    asyncio.run(test())
    go.set()
    assert ground.write(lambda tx: add(tx, repository, "b")) == 1
    assert len(ground.read(lambda tx: tx.run(_FIND, repository=repository, most=9))) == 2


def test_one_calls_bad_audit_row_undoes_only_its_own_change(ground: Ground) -> None:
    repository = ground.repository("one/a").id
    trigger = "CREATE TRIGGER no BEFORE INSERT ON audit WHEN NEW.event_name = 'Bad' BEGIN SELECT RAISE(ABORT, 'no'); END"
    ground.write(lambda tx: tx.connection.exec_driver_sql(trigger))

    async def test() -> list[object]:
        names = ("Good", "Bad", "Good", "Good")
        writes = [
            ground.database.write_from_loop(partial(add_one, repository, f"k{at}"), ground.call(name))
            for at, name in enumerate(names)
        ]
        return await asyncio.gather(*writes, return_exceptions=True)

    answers = asyncio.run(test())
    assert [type(answer) for answer in answers] == [int, sa.exc.IntegrityError, int, int]
    assert ground.read(lambda tx: tx.run(_FIND, repository=repository, most=9)) == [("v-k0",), ("v-k2",), ("v-k3",)]
    assert len(ground.rows(sa.select(audit).where(audit.c.event_name == "Good"))) == 3


def test_a_brief_read_runs_where_it_is_called_and_cannot_write(ground: Ground) -> None:
    repository = ground.repository("one/a").id
    here = threading.current_thread()
    assert ground.database.read_here(lambda _tx: threading.current_thread()) is here
    assert ground.database.read_here(lambda tx: tx.run(_FIND, repository=repository, most=9)) == []
    ground.write(lambda tx: add(tx, repository, "a"))
    assert ground.database.read_here(lambda tx: tx.run(_FIND, repository=repository, most=9)) == [("v-a",)]
    with pytest.raises(Exception, match=r"readonly|read only|unavailable"):
        ground.database.read_here(lambda tx: add(tx, repository, "b"))
