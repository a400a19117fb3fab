"""The event loop decides what is quickly decided; what takes long is decided elsewhere, one after the other."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from moorage.access.asked import Asked
from moorage.access.authorize import Warden
from moorage.access.errors import DeniedError
from moorage.access.judge import Judge, Where
from moorage.core.call import Principal
from moorage.iam import evaluate as engine
from moorage.iam.decision import Decision
from moorage.repositories.model import Repository
from tests.unit.access.people import PULL, add_user, policy
from tests.unit.ground import ACCOUNT, REGION, Ground

AGENT = "a" * 1000
LIGHT = policy({"Condition": {"StringLike": {"aws:UserAgent": ["*a?b*", "a*"]}}})
HEAVY = policy({"Condition": {"StringLike": {"aws:UserAgent": [f"*{n}a?*" for n in range(3000)] + ["a*"]}}})


class Counted:
    """What evaluates, and notes in which threads, and how many at a time."""

    def __init__(self) -> None:
        self.threads: list[int] = []
        self.most = 0
        self._now = 0
        self._lock = threading.Lock()

    def __call__(self, request: engine.Request, grants: engine.Grants, guards: engine.Guards) -> Decision:
        with self._lock:
            self.threads.append(threading.get_ident())
            self._now += 1
            self.most = max(self.most, self._now)
        try:
            return engine.evaluate(request, grants, guards)
        finally:
            with self._lock:
                self._now -= 1


@pytest.fixture
def counted() -> Counted:
    return Counted()


@pytest.fixture
def warden(ground: Ground, counted: Counted) -> Iterator[Warden]:
    points = ground.database.point_reader()
    warden = Warden(points, ground.database, ground.sealer)
    warden.judge = Judge(counted)
    yield warden
    points.close()


def asked(ground: Ground, repository: Repository, times: int = 1) -> list[Asked]:
    arn = ground.registry.repository_arn(repository.name)
    return [Asked((PULL,), arn, Where(ACCOUNT, REGION, repository.name))] * times


async def _ask(warden: Warden, ground: Ground, who: Principal, wanted: list[Asked], agent: str = AGENT) -> bool:
    try:
        await warden.require(replace(ground.call(principal=who), user_agent=agent), wanted)
    except DeniedError:
        return False
    return True


def here(counted: Counted) -> set[bool]:
    return {thread == threading.get_ident() for thread in counted.threads}


def test_what_is_quickly_decided_is_decided_on_the_loop(
    ground: Ground, warden: Warden, counted: Counted, repository: Repository
) -> None:
    ann = add_user(ground, "ann", LIGHT)
    assert asyncio.run(_ask(warden, ground, ann, asked(ground, repository)))
    assert here(counted) == {True}


def test_what_takes_long_is_decided_elsewhere_and_one_after_the_other(
    ground: Ground, warden: Warden, counted: Counted, repository: Repository
) -> None:
    ann = add_user(ground, "ann", HEAVY)

    async def work() -> list[bool]:
        wanted = asked(ground, repository)
        return await asyncio.gather(*(_ask(warden, ground, ann, wanted, f"{first}{AGENT}") for first in "abacad"))

    assert asyncio.run(work()) == [first == "a" for first in "abacad"]
    assert here(counted) == {False}
    assert counted.most == 1


def test_many_things_that_one_request_asks_are_weighed_together(
    ground: Ground, warden: Warden, counted: Counted, repository: Repository
) -> None:
    ann = add_user(
        ground, "ann", policy({"Condition": {"StringLike": {"aws:UserAgent": [f"*{n}*" for n in range(99)] + ["a*"]}}})
    )
    assert asyncio.run(_ask(warden, ground, ann, asked(ground, repository, times=100)))
    assert here(counted) == {False}


def test_no_hot_answer_waits_for_what_takes_long(
    ground: Ground, warden: Warden, counted: Counted, repository: Repository
) -> None:
    call = replace(ground.call(principal=add_user(ground, "ann", HEAVY)), user_agent=AGENT)
    (wanted,) = asked(ground, repository)
    asyncio.run(warden.require(call, [wanted]))
    where = Where(ACCOUNT, REGION, repository.name)
    assert warden.decide_now(call, where, PULL, wanted.arn) is None
    assert here(counted) == {False}
