"""Any search, in pages of any size, finds what a filter in plain Python finds, in its order."""

import fnmatch
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from moorage.images import finding, search
from moorage.images.finding import Page
from moorage.images.search import Search
from moorage.images.search_store import Bounds
from moorage.images.search_walk import Position
from moorage.storage.database.schema.images import image_children, images, manifests, tags
from moorage.storage.database.transaction import Transaction
from tests.soak import times
from tests.unit.ground import Ground, digest_of, make_template

NAMES = ["team/app", "team/api", "other"]
TAGS = ["v1", "v1.0", "v1.1", "V1", "latest", "v_1", "a%b", "release-1"]
PATTERNS = ["v1*", "v1", "*1", "*", "v?1", "V*", "*e*", "[v]1", "a%b", "v_1", "none*", "*.*", "rel*-*"]
LABELS = [{}, {"a": "1"}, {"a": "2", "b.c": ""}, {"a": "1", "b.c": 'x="y"'}]
PLATFORMS = [
    (None, None, None),
    ("linux", "amd64", None),
    ("linux", "arm64", None),
    ("linux", "arm64", "v8"),
    ("linux", "arm", "v6"),
]
TYPES = ["application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.index.v1+json"]
NOW = 1_700_000_000_000


@dataclass
class Row:
    """An image, as the plain filter sees it."""

    id: int
    repository: str
    digest: str
    pushed: int
    pulled: int | None
    labels: dict[str, str]
    platforms: list[tuple[str | None, str | None, str | None]]
    media_type: str
    tags: list[str]


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Ground, list[Row]]]:
    """An installation with images of every kind, some of them removed."""
    folder = tmp_path_factory.mktemp("search")
    ground = Ground(folder, make_template(folder))
    ids = {ground.repository(name).id: name for name in NAMES}
    rows: list[Row] = []

    def fill(tx: Transaction) -> None:
        body = tx.insert(manifests, digest="sha256:0", body=b"{}")
        number = 0
        for repository_id, name in ids.items():
            free = list(TAGS)
            for at in range(14):
                number += 1
                platform = PLATFORMS[number % len(PLATFORMS)]
                row = Row(
                    number,
                    name,
                    digest_of(str(number).encode()),
                    NOW + (number * 7 % 11) * 1000,
                    None if number % 3 == 0 else NOW + (number * 5 % 7) * 1000,
                    LABELS[number % 4],
                    [platform],
                    TYPES[number % 2],
                    [],
                )
                values = {
                    "id": row.id,
                    "repository_id": repository_id,
                    "manifest_id": body,
                    "digest": row.digest,
                    "media_type": row.media_type,
                    "size": 1,
                    "image_size": 1,
                    "pushed_at": row.pushed,
                    "pushed_by": "somebody",
                    "last_pulled_at": row.pulled,
                    "labels": json.dumps(row.labels) if row.labels else None,
                    "removed_at": NOW if at == 13 else None,
                    **dict(zip(("os", "architecture", "variant"), platform, strict=True)),
                }
                tx.execute(sa.insert(images).values(values))
                if at == 13:
                    continue
                row.tags = [free.pop() for _ in range(at % 3) if free]
                for tag in row.tags:
                    tx.execute(sa.insert(tags).values(repository_id=repository_id, name=tag, image_id=row.id, moved_at=NOW))
                if at in {4, 9}:
                    child = rows[-1]
                    edge = {"image_id": row.id, "digest": child.digest, "repository_id": repository_id, "child_id": child.id}
                    tx.execute(sa.insert(image_children).values(edge))
                    row.platforms += child.platforms
                rows.append(row)

    ground.write(fill)
    yield ground, rows
    ground.close()


def fits(row: Row, asked: dict[str, Any]) -> bool:
    checks = [
        "repository" not in asked or matches(asked["repository"], row.repository),
        "tag" not in asked or any(matches(asked["tag"], tag) for tag in row.tags),
        "digest" not in asked or row.digest.startswith(asked["digest"]),
        "tagged" not in asked or asked["tagged"] == bool(row.tags),
        "media_type" not in asked or asked["media_type"] == row.media_type,
        all(has_label(row.labels, label) for label in asked.get("labels", ())),
        "platform" not in asked or any(runs_on(platform, asked["platform"]) for platform in row.platforms),
    ]
    after, before = asked.get("pushed", (None, None))
    checks.append((after is None or row.pushed >= after) and (before is None or row.pushed < before))
    after, before = asked.get("pulled", (None, None))
    if after is not None:
        checks.append(row.pulled is not None and row.pulled >= after)
    if before is not None:
        checks.append(row.pulled is None or row.pulled < before)
    return all(checks)


def matches(pattern: str, text: str) -> bool:
    return fnmatch.fnmatchcase(text, pattern.replace("[", "[[]").replace("?", "[?]"))


def has_label(labels: dict[str, str], wanted: str) -> bool:
    key, equals, value = wanted.partition("=")
    return key in labels and (not equals or labels[key] == value)


def runs_on(platform: tuple[str | None, ...], wanted: str) -> bool:
    system, architecture, variant = platform
    if (architecture, variant) == ("arm64", None) and wanted.endswith("/v8"):
        variant = "v8"
    parts = wanted.split("/")
    return list((system, architecture, variant)[: len(parts)]) == parts


spans = st.tuples(*[st.none() | st.integers(0, 11).map(lambda second: NOW + second * 1000)] * 2)
ORDERS: dict[str, st.SearchStrategy[Any]] = {
    "order": st.sampled_from(["pushed", "pulled", "tag"]),
    "descending": st.booleans(),
}
FILTERS: dict[str, st.SearchStrategy[Any]] = {
    "repository": st.sampled_from(["team/*", "team/app", "*", "*a*", "none*"]),
    "tag": st.sampled_from(PATTERNS),
    "digest": st.sampled_from(["sha256:", "sha256:4", "sha256:d4735e"]),
    "tagged": st.booleans(),
    "media_type": st.sampled_from(TYPES),
    "labels": st.lists(st.sampled_from(["a", "a=1", "b.c=", "b.c", 'b.c=x="y"', "z"]), max_size=2),
    "platform": st.sampled_from(["linux", "linux/arm64", "linux/arm64/v8", "linux/arm", "linux/arm/v7", "windows"]),
    "pushed": spans,
    "pulled": spans,
}
# Few filters at a time: with all of them, hardly anything would ever be found.
searches = st.sets(st.sampled_from(sorted(FILTERS)), max_size=2).flatmap(
    lambda chosen: st.fixed_dictionaries({**ORDERS, **{name: FILTERS[name] for name in sorted(chosen)}})
)


def every_hit(ground: Ground, wanted: Search, limit: int, bounds: Bounds) -> list[tuple[str, str, tuple[str, ...]]]:
    found: list[tuple[str, str, tuple[str, ...]]] = []
    after: Position | None = None
    for _ in range(500):

        def work(tx: Transaction, after: Position | None = after) -> Page:
            return finding.find(tx, ground.registry, wanted, lambda _: True, after, limit, bounds)

        page = ground.read(work)
        assert len(page.hits) <= limit
        found += [(hit.repository, hit.digest, hit.tags) for hit in page.hits]
        after = page.end
        if after is None:
            return found
    raise AssertionError("the pages do not end")


def expected(rows: list[Row], asked: dict[str, Any]) -> list[tuple[str, str, tuple[str, ...]]]:
    chosen = [row for row in rows if fits(row, asked)]
    down = asked["descending"]
    if asked["order"] == "tag":
        hits = [(tag, row) for row in chosen for tag in row.tags if "tag" not in asked or matches(asked["tag"], tag)]
        hits.sort(key=lambda hit: (hit[0].encode(), hit[1].id), reverse=down)
        return [(row.repository, row.digest, (tag,)) for tag, row in hits]
    by_pull = asked["order"] == "pulled"
    chosen.sort(key=lambda row: ((row.pulled or 0) if by_pull else row.pushed, row.id), reverse=down)
    return [(row.repository, row.digest, tuple(sorted(row.tags))) for row in chosen]


@settings(max_examples=times(300), deadline=None)
@given(asked=searches, limit=st.integers(1, 9), tried=st.sampled_from([2, 7, 20_000]), few=st.sampled_from([0, 3, 2_000]))
def test_a_search_finds_what_a_plain_filter_finds(
    stocked: tuple[Ground, list[Row]], asked: dict[str, Any], limit: int, tried: int, few: int
) -> None:
    ground, rows = stocked
    bounds = Bounds(few, tried)  # every way through, on few rows
    assert every_hit(ground, search.parse(**asked), limit, bounds) == expected(rows, asked)
