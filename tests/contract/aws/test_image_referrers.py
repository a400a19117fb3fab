"""ListImageReferrers: what refers to an image, as boto3 sees it."""

import json
from typing import Any

from tests.contract.aws.door import Door
from tests.e2e.images import digest, small

SUBJECT = small("subject")
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def _refer(door: Door, repository: str, kind: str | None, **members: Any) -> dict[str, Any]:
    """Push an artifact that refers to the subject; returns its entry of the list."""
    config = b"{}"
    door.upload(repository, config)
    body = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": {"mediaType": "application/vnd.test.config", "digest": digest(config), "size": len(config)},
            "layers": [],
            "subject": {"mediaType": _MANIFEST, "digest": SUBJECT.digest, "size": len(SUBJECT.manifest.data)},
            **({"artifactType": kind} if kind else {}),
            **members,
        }
    )
    found = door.call("PutImage", repositoryName=repository, imageManifest=body)["image"]["imageId"]["imageDigest"]
    entry = {
        "digest": found,
        "mediaType": _MANIFEST,
        "artifactType": kind or "application/vnd.test.config",
        "size": len(body),
        "artifactStatus": "ACTIVE",
    }
    return entry | ({"annotations": members["annotations"]} if members.get("annotations") else {})


def _list(door: Door, repository: str, subject: str = SUBJECT.digest, **members: Any) -> dict[str, Any]:
    return door.call("ListImageReferrers", repositoryName=repository, subjectId={"imageDigest": subject}, **members)


def _sorted(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(entries, key=lambda entry: str(entry["digest"]))


def test_referrers_have_every_member_whether_the_subject_is_here_or_not(door: Door, repository: str) -> None:
    made = [_refer(door, repository, None), _refer(door, repository, "application/sbom", annotations={"n": "ü"})]
    assert _list(door, repository) == {"referrers": _sorted(made)}
    door.push(repository, SUBJECT, "1")
    assert _list(door, repository) == {"referrers": _sorted(made)}
    details = door.call("DescribeImages", repositoryName=repository, imageIds=[{"imageDigest": made[1]["digest"]}])
    assert details["imageDetails"][0]["subjectManifestDigest"] == SUBJECT.digest


def test_nothing_refers_to_a_digest_that_nobody_knows(door: Door, repository: str) -> None:
    assert _list(door, repository, digest(b"unknown")) == {"referrers": []}


def test_a_removed_referrer_is_not_listed(door: Door, repository: str) -> None:
    made = _refer(door, repository, "application/sbom")
    door.call("BatchDeleteImage", repositoryName=repository, imageIds=[{"imageDigest": made["digest"]}])
    assert _list(door, repository) == {"referrers": []}


def test_filters_are_by_exact_type_and_by_status(door: Door, repository: str) -> None:
    kinds = ["application/a", "application/ab", "application/b"]
    made = {kind: _refer(door, repository, kind) for kind in kinds}
    for wanted in (["application/a"], ["application/b", "application/a"], ["application/none"]):
        expected = _sorted([made[kind] for kind in wanted if kind in made])
        assert _list(door, repository, filter={"artifactTypes": wanted}) == {"referrers": expected}
    everything = {"referrers": _sorted(list(made.values()))}
    for status in ("ACTIVE", "ANY"):
        assert _list(door, repository, filter={"artifactStatus": status, "artifactTypes": []}) == everything
    for status in ("ARCHIVED", "ACTIVATING"):
        assert _list(door, repository, filter={"artifactStatus": status}) == {"referrers": []}


def test_pages_have_twenty_referrers_unless_another_number_is_asked_for(door: Door, repository: str) -> None:
    made = [_refer(door, repository, "application/many", annotations={"n": str(number)}) for number in range(45)]
    for size, expected in ((None, [20, 20, 5]), (50, [45]), (15, [15, 15, 15])):
        sizes: list[int] = []
        seen: list[dict[str, Any]] = []
        more: dict[str, Any] = {"maxResults": size} if size else {}
        while True:
            page = _list(door, repository, **more)
            seen += page["referrers"]
            sizes.append(len(page["referrers"]))
            if "nextToken" not in page:
                break
            more["nextToken"] = page["nextToken"]
        assert (sizes, seen) == (expected, _sorted(made))
