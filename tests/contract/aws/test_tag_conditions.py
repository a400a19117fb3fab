"""Conditions on tags of repositories are not fooled by a second spelling of a key, through boto3."""

import json
from typing import Any

import pytest

from tests.contract.aws.credentials import Keys, User, refusal
from tests.contract.aws.door import ACCOUNT, Door


def tag(key: str, value: str) -> dict[str, str]:
    return {"Key": key, "Value": value}


@pytest.fixture
def ecr(client_of: Any, iam: Any, power_user: User) -> Any:
    """ECR for a user who may give `env = dev` alone, and list where `env` is `dev`."""
    statements: list[Any] = [
        {
            "Effect": "Allow",
            "Action": ["ecr:CreateRepository", "ecr:TagResource", "ecr:CreateRepositoryCreationTemplate"],
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:RequestTag/env": "dev"}},
        },
        {
            "Effect": "Allow",
            "Action": "ecr:ListImages",
            "Resource": "*",
            "Condition": {"StringEquals": {"ecr:ResourceTag/Env": "dev"}},
        },
    ]
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_user_policy(UserName=power_user.name, PolicyName="all", PolicyDocument=document)
    return client_of("ecr", Keys(power_user.keys.id, power_user.keys.secret))


@pytest.mark.parametrize("tags", [[tag("env", "prod"), tag("ENV", "dev")], [tag("env", "dev"), tag("Env", "prod")]])
def test_two_spellings_in_a_request_meet_no_condition_on_either(ecr: Any, door: Door, tags: list[dict[str, str]]) -> None:
    name = door.new_repository()
    arn = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/{name}"
    for call, members in (
        (ecr.tag_resource, {"resourceArn": arn, "tags": tags}),
        (ecr.create_repository, {"repositoryName": f"{name}-new", "tags": tags}),
        (
            ecr.create_repository_creation_template,
            {"prefix": f"{name}-new", "appliedFor": ["CREATE_ON_PUSH"], "resourceTags": tags},
        ),
    ):
        assert refusal(call, **members)[:2] == (400, "AccessDeniedException")
    assert door.client().list_tags_for_resource(resourceArn=arn)["tags"] == []


def test_a_second_spelling_of_a_repositorys_tag_gives_no_access_to_it(ecr: Any, door: Door) -> None:
    name = door.new_repository()
    arn = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/{name}"
    door.client().tag_resource(resourceArn=arn, tags=[tag("Env", "prod")])
    status, code, message = refusal(ecr.tag_resource, resourceArn=arn, tags=[tag("env", "dev")])
    assert (status, code) == (400, "InvalidTagParameterException") and "'Env' and 'env' differ in case only" in message
    assert refusal(ecr.list_images, repositoryName=name)[:2] == (400, "AccessDeniedException")
    door.client().tag_resource(resourceArn=arn, tags=[tag("Env", "dev")])
    assert ecr.list_images(repositoryName=name)["imageIds"] == []


def test_a_template_gives_no_tags_whose_keys_differ_in_case_only(door: Door) -> None:
    ecr, both = door.client(), [tag("env", "prod"), tag("ENV", "dev")]
    members = {"prefix": door.new_repository(), "appliedFor": ["CREATE_ON_PUSH"]}
    status, code, message = refusal(ecr.create_repository_creation_template, **members, resourceTags=both)
    assert (status, code) == (400, "InvalidParameterException") and "differ in case only" in message
