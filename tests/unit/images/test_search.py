"""What a search may ask, and what it costs; what it finds is a property (tests/property/test_search.py)."""

import hashlib
import json
import re
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from moorage.core.errors import InvalidParameterError
from moorage.identity import accounts
from moorage.images import finding, search
from moorage.images.search_store import BOUNDS, Bounds
from moorage.repositories.errors import RepositoryNotFoundError
from moorage.repositories.model import Repository
from moorage.storage.database.schema.images import images, manifests, tags
from moorage.storage.database.schema.repositories import repositories
from moorage.storage.database.transaction import Transaction
from tests.unit.ground import ROOT, Ground, digest_of, index_of


def find(ground: Ground, limit: int = 100, bounds: Bounds = BOUNDS, **asked: Any) -> finding.Page:
    wanted = search.parse(**{"order": "pushed", "descending": True, **asked})
    return ground.read(lambda tx: finding.find(tx, ground.registry, wanted, lambda _: True, None, limit, bounds))


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ({"tag": "x" * 129}, "'tag' failed to satisfy constraint: 'must have 1 to 128 characters'"),
        ({"tag": ""}, "must have 1 to 128 characters"),
        ({"tag": "*a*a*a*a*a"}, "at most 4 wildcards"),
        ({"repository": "*" * 10_000}, "'repository' failed to satisfy constraint: 'must have 1 to 256 characters'"),
        ({"digest": "sha256:XYZ"}, "must be the beginning of a digest"),
        ({"digest": "%"}, "must be the beginning of a digest"),
        ({"labels": ["=x"]}, "must be key or key=value"),
        ({"labels": [f"k{number}" for number in range(11)]}, "at most 10 times"),
        ({"platform": "linux//v8"}, "must be os, os/architecture"),
        ({"platform": "a/b/c/d"}, "must be os, os/architecture"),
        ({"media_type": ""}, "must have 1 to 255 characters"),
    ],
)
def test_what_makes_no_sense_is_refused(asked: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidParameterError, match=text.replace("*", r"\*").replace("(", r"\(")):
        search.parse(**{"order": "pushed", "descending": True, **asked})


def test_a_hit_shows_what_is_known_of_an_image(ground: Ground, repository: Repository) -> None:
    body = ground.push(repository, "app", "v1", "v2")
    ground.put(repository, index_of([body]), "all")
    index, image = find(ground, platform="linux/amd64").hits
    assert (index.tags, index.platform, image.platform) == (("all",), None, "linux/amd64")
    assert (image.repository, image.digest, image.tags) == (repository.name, digest_of(body), ("v1", "v2"))
    assert (image.labels, image.pushed_by, image.last_pulled_at, image.subject) == ({"name": "app"}, ROOT.arn, None, None)
    tag = find(ground, order="tag", descending=False, tag="v*").hits[0]
    assert (tag.tags, tag.moved_at) == (("v1",), ground.clock.now())


def test_bare_hexadecimal_is_the_beginning_of_a_sha256_digest(ground: Ground, repository: Repository) -> None:
    body = ground.push(repository, "app")
    short = digest_of(body).removeprefix("sha256:")[:12]
    assert [hit.digest for hit in find(ground, digest=short).hits] == [digest_of(body)]


def test_a_repository_that_is_named_must_be_there_and_a_pattern_need_not(ground: Ground, repository: Repository) -> None:
    with pytest.raises(RepositoryNotFoundError):
        find(ground, repository="no/where")
    assert find(ground, repository="no/*") == finding.Page()


def test_repositories_that_the_caller_may_not_see_are_not_searched(ground: Ground, repository: Repository) -> None:
    ground.push(repository, "app", "v1")
    ground.push(ground.repository("secret/app"), "app", "v1")
    for order in ("pushed", "pulled", "tag"):
        wanted = search.parse(order=order, descending=True)

        def work(tx: Transaction, wanted: search.Search = wanted) -> finding.Page:
            return finding.find(tx, ground.registry, wanted, lambda name: name == repository.name, None, 10)

        assert [hit.repository for hit in ground.read(work).hits] == [repository.name]


def test_other_registries_are_not_searched(ground: Ground, repository: Repository) -> None:
    ground.push(repository, "app", "v1")
    other = ground.write(lambda tx: accounts.ensure_registry(tx, "private", ROOT.account_id, "eu-west-1"))
    for order in ("pushed", "tag"):
        wanted = search.parse(order=order, descending=True)

        def work(tx: Transaction, wanted: search.Search = wanted) -> finding.Page:
            return finding.find(tx, other, wanted, lambda _: True, None, 10)

        assert ground.read(work) == finding.Page()


@pytest.mark.parametrize("order", ["pushed", "pulled", "tag"])
@pytest.mark.parametrize("asked", [{}, {"tag": "*o*"}, {"labels": ["none"]}, {"digest": "sha256:"}])
def test_what_others_have_does_not_show_in_a_page(ground: Ground, order: str, asked: dict[str, Any]) -> None:
    """The account has two repositories, so that no index of one repository has all that is its own."""
    stock(ground, ground.repository("theirs/app"), 60)
    mine = ground.write(lambda tx: accounts.ensure_registry(tx, "private", ROOT.account_id, "eu-west-1"))
    ids = [_repository_in(ground, mine.id, f"mine/{number}") for number in range(2)]

    def work(tx: Transaction, after: Any = None) -> finding.Page:
        wanted = search.parse(**{"order": order, "descending": True, **asked})
        return finding.find(tx, mine, wanted, lambda _: True, after, 2, Bounds(few=3, tried=5))

    assert ground.read(work) == finding.Page()
    stock(ground, ids[1], 7, first_id=1_000)
    after, ends, hits = None, [], 0
    while True:
        page = ground.read(partial(work, after=after))
        hits += len(page.hits)
        if page.end is None:
            break
        after = page.end
        ends.append(after[1])
    assert all(image_id >= 1_000 for image_id in ends) and len(ends) <= 4
    assert hits == (7 if asked in ({}, {"digest": "sha256:"}) else 0)


def _repository_in(ground: Ground, registry_id: int, name: str) -> Repository:
    """A copy of a repository in another registry."""
    made = ground.repository(f"copied/{name}")
    change = sa.update(repositories).where(repositories.c.id == made.id).values(registry_id=registry_id, name=name)
    ground.write(lambda tx: tx.execute(change))
    return made


def test_so_many_repositories_are_searched_and_no_more(ground: Ground) -> None:
    for name in ("a/one", "a/two", "b/three"):
        ground.repository(name)
    bounds = Bounds(repositories=2)
    assert find(ground, bounds=bounds, repository="a/*") == find(ground, bounds=bounds, repository="*e*o*") == finding.Page()
    with pytest.raises(InvalidParameterError, match="must match at most 2 repositories"):
        find(ground, bounds=bounds)


# --- what it costs --------------------------------------------------------------------------------------------------


def stock(ground: Ground, repository: Repository, count: int, first_id: int = 1, labels: str = '{"a": "1"}') -> None:
    """Images without content, straight into the tables."""

    def fill(tx: Transaction) -> None:
        body = tx.insert(manifests, digest=f"sha256:{repository.id}", body=b"{}")
        rows = [
            {
                "id": number + first_id,
                "repository_id": repository.id,
                "manifest_id": body,
                "digest": f"sha256:{hashlib.sha256(str(number).encode()).hexdigest()}",
                "media_type": "application/vnd.oci.image.manifest.v1+json",
                "size": 1,
                "image_size": 1,
                "labels": labels,
                "pushed_at": number,
                "pushed_by": "somebody",
                "last_pulled_at": number if number % 2 else None,
            }
            for number in range(count)
        ]
        tx.execute(sa.insert(images), rows)
        named = [
            {"repository_id": repository.id, "name": f"t{row['id']}", "image_id": row["id"], "moved_at": 0} for row in rows
        ]
        tx.execute(sa.insert(tags), named)

    ground.write(fill)


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"order": "pulled", "descending": False},
        {"order": "tag"},
        {"tag": "*nothing*"},
        {"tag": "t77"},
        {"labels": ["a=nothing"]},
        {"platform": "plan9"},
        {"order": "tag", "labels": ["a=nothing"]},
        {"digest": "sha256:abcd"},
        {"order": "pulled", "pushed": (90_000, None)},
    ],
)
def test_a_page_of_a_hundred_thousand_images_costs_little(big: Ground, asked: dict[str, Any]) -> None:
    for repository in ("big/app", "*"):
        assert _thousands_of_steps(big, repository, asked) < MOST_THOUSANDS


MOST_THOUSANDS = 1_500
"""Of SQLite's own instructions: a walk over every image takes many times as many, whatever the machine."""


def _thousands_of_steps(ground: Ground, repository: str, asked: dict[str, Any]) -> int:
    wanted = search.parse(**{"order": "pushed", "descending": True, "repository": repository, **asked})
    ticks = 0

    def tick() -> int:
        nonlocal ticks
        ticks += 1
        return 0

    def work(tx: Transaction) -> None:
        driver: Any = tx.connection.connection.driver_connection
        driver.set_progress_handler(tick, 1000)
        try:
            finding.find(tx, ground.registry, wanted, lambda _: True, None, 100, Bounds(seconds=60))
        finally:
            driver.set_progress_handler(None, 0)

    ground.read(work)
    return ticks


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory, template: Any) -> Any:
    """An installation with a large repository and a small one."""
    made = Ground(tmp_path_factory.mktemp("big"), template)
    stock(made, made.repository("big/app"), 100_000)
    made.repository("small/app")
    yield made
    made.close()


def test_a_page_ends_after_its_time_and_the_next_goes_on(ground: Ground, repository: Repository) -> None:
    stock(ground, repository, 600)
    page = find(ground, bounds=Bounds(seconds=0), labels=["none"])
    assert page.hits == [] and page.end == (568, 569)  # the newest 32


def test_between_two_looks_at_the_clock_few_images_with_labels_are_tried(ground: Ground, repository: Repository) -> None:
    stock(ground, repository, 2_000, labels=json.dumps({f"z{number:03}": "x" * 40 for number in range(1_000)}))
    asked = [*(f"z{number:03}" for number in range(990, 999)), "none"]
    for order in ("pushed", "tag"):
        page = find(ground, bounds=Bounds(seconds=0), repository="*", labels=asked, order=order)
        left = 2_000 - 32
        assert page.hits == [] and page.end is not None and (order == "tag" or page.end == (left, left + 1))


def test_pages_walk_an_index_and_sort_nothing(ground: Ground, repository: Repository) -> None:
    ground.repository("other/app")
    seen: list[str] = []
    for repository_name in (repository.name, "*"):
        for order in ("pushed", "pulled", "tag"):
            wanted = search.parse(order=order, descending=True, repository=repository_name)
            seen += ground.read(partial(_plans, ground=ground, wanted=wanted))
    assert seen and not [plan for plan in seen if "SCAN images" in plan and "INDEX" not in plan], seen
    assert not [plan for plan in seen if "USE TEMP B-TREE FOR ORDER BY" in plan], seen
    read = [plan for plan in seen if re.match(r"(SEARCH|SCAN) (images|tags|inner)", plan)]
    assert read and not [plan for plan in read if not re.search(r"\((repository_id|rowid)=\?", plan)], seen


def _plans(tx: Transaction, ground: Ground, wanted: search.Search) -> list[str]:
    """How SQLite carries out the statements of a search on images and tags."""
    plans: list[str] = []

    def note(_connection: Any, cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if "ORDER BY" in statement and "LIMIT" in statement and "EXPLAIN" not in statement:
            plans.extend(row[3] for row in tx.connection.connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters))

    engine = tx.connection.engine
    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        finding.find(tx, ground.registry, wanted, lambda _: True, None, 10)
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)
    return plans


@pytest.mark.parametrize("order", ["pushed", "pulled", "tag"])
@pytest.mark.parametrize("descending", [True, False])
def test_pages_over_many_repositories_lose_and_repeat_nothing(ground: Ground, order: str, descending: bool) -> None:
    for number in range(5):
        stock(ground, ground.repository(f"many/r{number}"), 40, first_id=1 + 1_000 * number)
    wanted = search.parse(order=order, descending=descending, repository="many/*", tagged=True)  # type: ignore[arg-type]
    bounds = Bounds(tried=60)
    hits: list[finding.Hit] = []
    after: Any = None
    while True:
        page = ground.read(partial(_next, ground=ground, wanted=wanted, after=after, bounds=bounds))
        hits += page.hits
        after = page.end
        if after is None:
            break
    assert len(hits) == len({(hit.repository, hit.digest, hit.tags) for hit in hits}) == 200
    if order != "pulled":
        keys: list[Any] = [hit.tags[0] if order == "tag" else hit.pushed_at for hit in hits]
        assert keys == sorted(keys, reverse=descending)


def _next(tx: Transaction, ground: Ground, wanted: search.Search, after: Any, bounds: Bounds) -> finding.Page:
    return finding.find(tx, ground.registry, wanted, lambda _: True, after, 7, bounds)
