"""Referrers and tags by parameter (oci-and-peers 1.2 end-7b, 1.9)."""

import json

import pytest

from tests.e2e.http import codes, pages, push, put_manifest
from tests.e2e.images import OCI_INDEX, Blob, Content, artifact, digest, index, json_bytes, manifest, small
from tests.e2e.registry import Registry

pytestmark = pytest.mark.ours


@pytest.fixture
def subject(registry: Registry, repository: str) -> Content:
    made = small("subject of " + repository)
    push(registry.http, repository, made, "1")
    return made


def _referrers(registry: Registry, name: str, subject: str, query: str = "") -> list[dict[str, object]]:
    answer = registry.http.get(f"/v2/{name}/referrers/{subject}{query}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, OCI_INDEX)
    document = answer.json()
    assert (document["schemaVersion"], document["mediaType"]) == (2, OCI_INDEX)
    return list(document["manifests"])


def test_an_attached_artifact_is_listed_with_its_type_and_notes(registry: Registry, repository: str, subject: Content) -> None:
    signature = artifact(b"signature", "application/x.signature", subject, annotations={"who": "me"})
    push(registry.http, repository, signature)
    answer = put_manifest(registry.http, repository, signature)
    assert answer.headers["OCI-Subject"] == subject.digest
    (entry,) = _referrers(registry, repository, subject.digest)
    assert entry == signature.manifest.descriptor(artifactType="application/x.signature", annotations={"who": "me"})


def test_the_type_falls_back_to_that_of_the_config(registry: Registry, repository: str, subject: Content) -> None:
    config = Blob("application/vnd.example.config+json", b"{}")
    push(registry.http, repository, manifest(config, subject=subject.manifest.descriptor()))
    (entry,) = _referrers(registry, repository, subject.digest)
    assert entry["artifactType"] == "application/vnd.example.config+json"


def test_an_index_may_refer_too(registry: Registry, repository: str, subject: Content) -> None:
    group = index(small("in group"), subject=subject.manifest.descriptor(), annotations={"a": "b"})
    push(registry.http, repository, group)
    (entry,) = _referrers(registry, repository, subject.digest)
    assert (entry["digest"], entry["annotations"], "artifactType" in entry) == (group.digest, {"a": "b"}, False)


def test_a_filter_says_that_it_was_applied(registry: Registry, repository: str, subject: Content) -> None:
    for number, kind in enumerate(("application/x.one", "application/x.two", "application/x.one")):
        push(registry.http, repository, artifact(bytes([number]), kind, subject))
    answer = registry.http.get(
        f"/v2/{repository}/referrers/{subject.digest}", params={"artifactType": "application/x.one", "unknown": "x"}
    )
    assert [entry["artifactType"] for entry in answer.json()["manifests"]] == ["application/x.one"] * 2
    assert answer.headers["OCI-Filters-Applied"] == "artifactType"
    whole = registry.http.get(f"/v2/{repository}/referrers/{subject.digest}")
    assert "OCI-Filters-Applied" not in whole.headers
    assert len(whole.json()["manifests"]) == 3


def test_referrers_may_come_before_their_subject_and_go_at_once(registry: Registry, repository: str) -> None:
    late = small("late")
    early = artifact(b"early", "application/x.early", late)
    assert _referrers(registry, repository, late.digest) == []
    push(registry.http, repository, early)
    assert [entry["digest"] for entry in _referrers(registry, repository, late.digest)] == [early.digest]
    push(registry.http, repository, late, "late")
    assert len(_referrers(registry, repository, late.digest)) == 1
    registry.http.delete(f"/v2/{repository}/manifests/{early.digest}")
    assert _referrers(registry, repository, late.digest) == []


def test_deleting_the_subject_leaves_its_referrers_readable(registry: Registry, repository: str, subject: Content) -> None:
    note = artifact(b"note", "application/x.note", subject)
    push(registry.http, repository, note)
    assert registry.http.delete(f"/v2/{repository}/manifests/{subject.digest}").status_code == 202
    assert registry.http.get(f"/v2/{repository}/manifests/{note.digest}").content == note.manifest.data
    assert [entry["digest"] for entry in _referrers(registry, repository, subject.digest)] == [note.digest]


def test_a_malformed_subject_is_refused_and_an_unknown_one_has_none(registry: Registry, repository: str) -> None:
    answer = registry.http.get(f"/v2/{repository}/referrers/sha256:short")
    assert (answer.status_code, codes(answer)) == (400, ["DIGEST_INVALID"])
    assert _referrers(registry, repository, digest(b"unknown")) == []


def test_the_tag_of_older_clients_is_a_tag_like_any_other(registry: Registry, repository: str, subject: Content) -> None:
    tag = subject.digest.replace(":", "-")
    fallback = Content(Blob(OCI_INDEX, json_bytes({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []})))
    push(registry.http, repository, fallback, tag)
    assert tag in registry.http.get(f"/v2/{repository}/tags/list").json()["tags"]
    assert registry.http.get(f"/v2/{repository}/manifests/{tag}").content == fallback.manifest.data


def test_many_referrers_come_in_pages(registry: Registry, repository: str, subject: Content) -> None:
    notes = {"pad": "x" * 100_000}
    made = {artifact(bytes([number]), "application/x.large", subject, annotations=notes) for number in range(50)}
    for each in made:
        push(registry.http, repository, each)
    listed = list(pages(registry.http, f"/v2/{repository}/referrers/{subject.digest}", "manifests"))
    assert all(len(json.dumps(page)) <= 4 * 1024 * 1024 for page in listed)
    digests = [entry["digest"] for page in listed for entry in page]  # type: ignore[index]
    assert (len(digests), set(digests)) == (50, {each.digest for each in made})


def test_one_push_by_digest_may_set_many_tags(registry: Registry, repository: str) -> None:
    content, tags = small("many tags"), [f"t{number}" for number in range(12)]
    push(registry.http, repository, content)
    query = "&".join(f"tag={tag}" for tag in tags)
    answer = put_manifest(registry.http, repository, content, f"{content.digest}?{query}")
    assert answer.status_code == 201
    assert {tag.strip() for tag in answer.headers["OCI-Tag"].split(",")} == set(tags)
    assert registry.http.get(f"/v2/{repository}/tags/list").json()["tags"] == sorted(tags)


def test_a_bad_tag_among_good_ones_sets_none(registry: Registry, repository: str) -> None:
    content = small("bad tag")
    push(registry.http, repository, content)
    answer = put_manifest(registry.http, repository, content, f"{content.digest}?tag=good&tag=-bad")
    assert answer.status_code == 400
    assert registry.http.get(f"/v2/{repository}/tags/list").json()["tags"] == []


def test_tags_by_parameter_go_with_a_digest_only(registry: Registry, repository: str) -> None:
    content = small("by tag")
    push(registry.http, repository, content)
    answer = put_manifest(registry.http, repository, content, "named?tag=other")
    tags = registry.http.get(f"/v2/{repository}/tags/list").json()["tags"]
    assert (answer.status_code, tags) in [(400, []), (201, ["named"])]


def test_too_many_tags_are_too_long(registry: Registry, repository: str) -> None:
    content = small("too many")
    push(registry.http, repository, content)
    query = "&".join(f"tag=t{number}" for number in range(1000))
    answer = put_manifest(registry.http, repository, content, f"{content.digest}?{query}")
    assert answer.status_code == 414
