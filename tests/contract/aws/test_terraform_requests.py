"""What Terraform's provider sends when it applies, changes, imports and destroys, as it was recorded, without Terraform."""

import json
from typing import Any

from tests.contract.aws.door import Door, Signer
from tests.terraform.wire import REGION, load, steady

RESOURCES = {
    "repository": ("CreateRepository", "PutImageTagMutability", "PutImageScanningConfiguration", "DeleteRepository"),
    "tags": ("ListTagsForResource", "TagResource", "UntagResource"),
    "repository policy": ("SetRepositoryPolicy", "GetRepositoryPolicy", "DeleteRepositoryPolicy"),
    "registry policy": ("PutRegistryPolicy", "GetRegistryPolicy", "DeleteRegistryPolicy"),
    "scanning": ("PutRegistryScanningConfiguration", "GetRegistryScanningConfiguration"),
    "template": ("CreateRepositoryCreationTemplate", "UpdateRepositoryCreationTemplate", "DeleteRepositoryCreationTemplate"),
    "account setting": ("PutAccountSetting", "GetAccountSetting"),
}


def test_every_recorded_request_gets_the_recorded_answer(door: Door, region: str) -> None:
    signer = Signer(region=region)
    for number, exchange in enumerate(load()):
        body = json.dumps(exchange["request"]).replace(REGION, region).encode()
        answer = door.raw(exchange["operation"], body, signer)
        said = f"exchange {number}: {exchange['operation']} {body.decode()} -> {answer.status} {answer.body.decode()}"
        assert answer.status == exchange["status"], said
        if exchange["error"]:
            assert answer.document["__type"] == exchange["error"], said
            assert answer.headers["x-amzn-errortype"] == exchange["error"], said
        else:
            assert steady(answer.document, region) == exchange["answer"], said


def test_times_are_numbers_since_go_takes_no_texts(door: Door, repository: str) -> None:
    (described,) = door.raw("DescribeRepositories", {"repositoryNames": [repository]}).document["repositories"]
    assert isinstance(described["createdAt"], int | float)


def test_the_record_has_every_resource() -> None:
    recorded: set[Any] = {exchange["operation"] for exchange in load()}
    for resource, operations in RESOURCES.items():
        assert recorded.issuperset(operations), resource
