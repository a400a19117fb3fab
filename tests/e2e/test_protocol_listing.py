"""Tags and catalog: order, pages and the numbers that clients send (oci-and-peers 1.8)."""

import pytest

from tests.e2e.http import codes, pages, push
from tests.e2e.images import small
from tests.e2e.registry import Registry

pytestmark = pytest.mark.ours

_TAGS = ("b", "A", "c9", "c10", "a", "_under", "B.1", "0", "z-z")


@pytest.fixture
def tagged(registry: Registry, repository: str) -> str:
    push(registry.http, repository, small("tags"), *_TAGS)
    return f"/v2/{repository}/tags/list"


def test_tags_come_in_ascii_order(registry: Registry, repository: str, tagged: str) -> None:
    answer = registry.http.get(tagged)
    assert answer.json() == {"name": repository, "tags": sorted(_TAGS)}
    assert "Link" not in answer.headers


@pytest.mark.parametrize("size", [1, 2, 3, 4, 8, 9, 10, 1000])
def test_pages_join_to_the_whole_list_and_never_end_in_an_empty_one(registry: Registry, tagged: str, size: int) -> None:
    listed = list(pages(registry.http, f"{tagged}?n={size}", "tags"))
    assert [tag for page in listed for tag in page] == sorted(_TAGS)
    assert all(len(page) == size for page in listed[:-1])
    assert listed[-1]


def test_the_link_is_relative_and_keeps_the_page_size(registry: Registry, tagged: str) -> None:
    link = registry.http.get(f"{tagged}?n=2").links["next"]["url"]
    assert link.startswith("/v2/")
    assert "n=2" in link


def test_last_is_exclusive_and_need_not_exist(registry: Registry, tagged: str) -> None:
    def after(last: str) -> list[str]:
        return list(registry.http.get(tagged, params={"last": last}).json()["tags"])

    assert after("a") == ["b", "c10", "c9", "z-z"]
    assert after("aa") == ["b", "c10", "c9", "z-z"]
    assert after("zzz") == []


def test_none_are_wanted_and_none_come(registry: Registry, tagged: str) -> None:
    answer = registry.http.get(f"{tagged}?n=0")
    assert answer.json()["tags"] == []
    assert "Link" not in answer.headers


@pytest.mark.parametrize("number", ["-1", "x", "1.5", "%D9%A1", "0x10", "1e3", "+-1"])
@pytest.mark.parametrize("listing", ["{name}/tags/list", "_catalog"])
def test_a_page_size_that_is_no_number_is_refused(registry: Registry, repository: str, listing: str, number: str) -> None:
    answer = registry.http.get(f"/v2/{listing.format(name=repository)}?n={number}")
    assert answer.status_code == 400


@pytest.mark.parametrize("number", ["1001", "10000", str(2**31), str(2**63), "9" * 40])
@pytest.mark.parametrize("listing", ["{name}/tags/list", "_catalog"])
def test_a_page_size_beyond_all_bounds_is_clamped(registry: Registry, repository: str, listing: str, number: str) -> None:
    assert registry.http.get(f"/v2/{listing.format(name=repository)}?n={number}").status_code == 200


def test_an_empty_repository_lists_no_tags_but_a_list(registry: Registry, repository: str) -> None:
    assert registry.http.get(f"/v2/{repository}/tags/list").json() == {"name": repository, "tags": []}
    push(registry.http, repository, small("gone"), "gone")
    registry.http.delete(f"/v2/{repository}/manifests/gone")
    assert registry.http.get(f"/v2/{repository}/tags/list").json()["tags"] == []


def test_the_tags_of_a_missing_repository_are_an_error(registry: Registry) -> None:
    answer = registry.http.get("/v2/no/such/repository/tags/list")
    assert (answer.status_code, codes(answer)) == (404, ["NAME_UNKNOWN"])


def test_the_catalog_comes_in_pages_too(registry: Registry) -> None:
    made = [registry.new("catalog") for _ in range(5)]
    listed = list(pages(registry.http, "/v2/_catalog?n=3", "repositories"))
    names = [name for page in listed for name in page]
    assert set(made) <= set(names)
    assert names == sorted(names)
    assert all(len(page) == 3 for page in listed[:-1])
    assert (
        registry.http.get(f"/v2/_catalog?n=2&last={max(made)}").json()["repositories"]
        == [name for name in names if name > max(made)][:2]
    )


def test_unknown_parameters_are_ignored(registry: Registry, tagged: str) -> None:
    assert registry.http.get(f"{tagged}?n=1000&origin=example.com&x=%00&ns=docker.io").json()["tags"] == sorted(_TAGS)
