"""Creation templates through boto3, and what the first upload of a push makes of them."""

import json
from typing import Any

from tests.contract.aws.door import ACCOUNT, ROOT, Door, constraint, no_repository, refused
from tests.contract.aws.error_cases_repositories import REPOSITORY_POLICY
from tests.e2e.images import small


def _create(door: Door, prefix: str, client: Any = None, **members: Any) -> dict[str, Any]:
    given = {"appliedFor": ["CREATE_ON_PUSH"], **members}
    answer = door.call("CreateRepositoryCreationTemplate", client, prefix=prefix, **given)
    assert answer["registryId"] == ACCOUNT
    made: dict[str, Any] = answer["repositoryCreationTemplate"]
    return made


def test_a_template_shows_its_defaults_and_nothing_that_is_not_set(door: Door, repository: str) -> None:
    made = _create(door, repository)
    assert made.pop("createdAt") == made.pop("updatedAt")
    assert made == {
        "prefix": repository,
        "appliedFor": ["CREATE_ON_PUSH"],
        "imageTagMutability": "MUTABLE",
        "encryptionConfiguration": {"encryptionType": "AES256"},
    }


def test_an_update_leaves_what_it_does_not_name_and_clears_with_an_empty_text(door: Door, repository: str) -> None:
    made = _create(door, repository, description="d", repositoryPolicy=REPOSITORY_POLICY, lifecyclePolicy="{ }")
    assert made["lifecyclePolicy"] == "{ }" and made["repositoryPolicy"].startswith('{\n  "Version" : ')
    updated = door.call("UpdateRepositoryCreationTemplate", prefix=repository, description="", lifecyclePolicy="")
    template = updated["repositoryCreationTemplate"]
    assert {"description", "lifecyclePolicy"} & template.keys() == set()
    assert template["repositoryPolicy"] == made["repositoryPolicy"]
    assert template["createdAt"] == made["createdAt"] < template["updatedAt"]
    found = door.call("DescribeRepositoryCreationTemplates", prefixes=[repository, "absent"])
    assert found == {"registryId": ACCOUNT, "repositoryCreationTemplates": [template]}
    gone = door.call("DeleteRepositoryCreationTemplate", prefix=repository)
    assert gone == {"registryId": ACCOUNT, "repositoryCreationTemplate": template}


def test_the_paginator_finds_every_template_once(door: Door, region: str) -> None:
    client = door.client(region)
    for number in range(7):
        _create(door, f"p{number}", client)
    pages = list(client.get_paginator("describe_repository_creation_templates").paginate(PaginationConfig={"PageSize": 3}))
    assert [[template["prefix"] for template in page["repositoryCreationTemplates"]] for page in pages] == [
        ["p0", "p1", "p2"],
        ["p3", "p4", "p5"],
        ["p6"],
    ]
    assert {page["registryId"] for page in pages} == {ACCOUNT}
    with refused("InvalidParameterException", constraint("nextToken", "Invalid token")):
        door.call("DescribeRepositoryCreationTemplates", nextToken=pages[0]["nextToken"])  # another registry's


def test_the_first_upload_through_the_api_creates_the_repository(door: Door, repository: str) -> None:
    name = f"{repository}/made/by-push"
    with refused("RepositoryNotFoundException", no_repository(name)):
        door.call("InitiateLayerUpload", repositoryName=name)
    _create(door, repository, imageTagMutability="IMMUTABLE", resourceTags=[{"Key": "team", "Value": "red"}])
    answer = door.raw("InitiateLayerUpload", {"repositoryName": name})
    assert answer.status == 200
    (made,) = door.call("DescribeRepositories", repositoryNames=[name])["repositories"]
    assert made["imageTagMutability"] == "IMMUTABLE"
    assert door.call("ListTagsForResource", resourceArn=made["repositoryArn"])["tags"] == [{"Key": "team", "Value": "red"}]
    rows = door.audited(answer.request_id)
    assert sorted((row["event_name"], row["principal_arn"], row["resource"]) for row in rows) == [
        ("CreateRepository", ROOT, made["repositoryArn"]),
        ("InitiateLayerUpload", ROOT, made["repositoryArn"]),
    ]
    events = door.query("SELECT kind, detail FROM events WHERE request_id = ?", answer.request_id)
    assert [(event["kind"], json.loads(event["detail"])) for event in events] == [
        ("Moorage Repository Created", {"repository-name": name})
    ]


def test_another_operation_than_the_first_upload_creates_nothing(door: Door, repository: str) -> None:
    _create(door, repository)
    name = f"{repository}/app"
    calls: dict[str, dict[str, Any]] = {
        "DescribeRepositories": {"repositoryNames": [name]},
        "ListImages": {"repositoryName": name},
        "PutImage": {"repositoryName": name, "imageManifest": small("created by nobody").manifest.data.decode()},
        "BatchCheckLayerAvailability": {"repositoryName": name, "layerDigests": ["sha256:00"]},
        "SetRepositoryPolicy": {"repositoryName": name, "policyText": REPOSITORY_POLICY},
    }
    for operation, members in calls.items():
        with refused("RepositoryNotFoundException", no_repository(name)):
            door.call(operation, **members)
