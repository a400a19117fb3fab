"""Policies of repositories and registries through boto3, and what comes over the wire of texts that no client would send."""

import json
from typing import Any

import pytest

from tests.contract.aws.door import ACCOUNT, ROOT, Door, constraint, refused
from tests.contract.aws.error_cases_repositories import REGISTRY_POLICY, REPOSITORY_POLICY

_REFUSED = constraint("PolicyText", "Invalid repository policy provided")
_PRINTED = (
    '{\n  "Version" : "2008-10-17",\n  "Statement" : [ {\n    "Effect" : "Allow",\n    "Principal" : "*",\n'
    '    "Action" : "ecr:BatchGetImage"\n  } ]\n}'
)


def test_a_repository_policy_comes_back_as_ecr_prints_it(door: Door, repository: str) -> None:
    shown = {"registryId": ACCOUNT, "repositoryName": repository, "policyText": _PRINTED}
    where = {"repositoryName": repository, "registryId": ACCOUNT}
    assert door.call("SetRepositoryPolicy", **where, policyText=REPOSITORY_POLICY) == shown
    assert door.call("GetRepositoryPolicy", **where) == shown
    assert door.call("SetRepositoryPolicy", **where, policyText=_PRINTED) == shown
    assert door.call("DeleteRepositoryPolicy", **where) == shown
    with refused(
        "RepositoryPolicyNotFoundException",
        f"Repository policy does not exist for the repository with name '{repository}' in the registry with id '{ACCOUNT}'",
    ):
        door.call("GetRepositoryPolicy", **where)


def test_a_policy_that_the_layout_would_make_too_long_can_be_set_as_it_is_shown(door: Door, repository: str) -> None:
    actions = ["ecr:BatchGetImage"] * 500
    statement = {"Effect": "Allow", "Principal": "*", "Action": actions}
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":"))
    assert 9_900 < len(text) <= 10_240 < len(text) + len(actions)
    door.call("SetRepositoryPolicy", repositoryName=repository, policyText=text)
    shown = door.call("GetRepositoryPolicy", repositoryName=repository)["policyText"]
    assert json.loads(shown) == json.loads(text)
    assert door.call("SetRepositoryPolicy", repositoryName=repository, policyText=shown)["policyText"] == shown


def test_each_registry_has_a_policy_of_its_own(door: Door, region: str) -> None:
    elsewhere = door.client(region)
    put = door.call("PutRegistryPolicy", elsewhere, policyText=REGISTRY_POLICY)
    assert put["registryId"] == ACCOUNT and '"Resource" : "*"' in put["policyText"]
    assert door.call("GetRegistryPolicy", elsewhere) == put
    with refused("RegistryPolicyNotFoundException", f"Registry policy does not exist in the registry with id '{ACCOUNT}'"):
        door.call("GetRegistryPolicy", door.client(f"{region[:20]}x"))
    assert door.call("DeleteRegistryPolicy", elsewhere) == put


@pytest.mark.parametrize("force", [False, True])
def test_a_policy_that_locks_its_author_out_needs_force(door: Door, repository: str, force: bool) -> None:
    statement = {"Effect": "Deny", "Principal": "*", "Action": "ecr:*"}
    members: dict[str, Any] = {"repositoryName": repository, "policyText": json.dumps({"Statement": statement})}
    if force:
        assert door.call("SetRepositoryPolicy", **members, force=True)["repositoryName"] == repository
        return
    reason = (
        "The policy would prevent you from setting another policy on this repository in the future; "
        "set force to attach it anyway"
    )
    with refused("InvalidParameterException", constraint("PolicyText", reason)):
        door.call("SetRepositoryPolicy", **members)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}{}",
        "[" * 10_240,
        '{"a":' * 2000,
        REPOSITORY_POLICY.replace('"Effect"', '"Effect": "Deny", "Effect"'),
        REPOSITORY_POLICY.replace('"Statement"', '"statement"'),
        REPOSITORY_POLICY.replace('"*"', '"\\u0000"'),
        REPOSITORY_POLICY.replace('"*"', '{"AWS": "\\ud800"}'),
        REPOSITORY_POLICY.replace("ecr:", "\u00e9cr:"),
        REPOSITORY_POLICY.replace('"*"', "1e999999999"),
        REPOSITORY_POLICY.replace('"*"', "9" * 5000),
    ],
)
def test_hostile_texts_are_refused_in_ecrs_words(door: Door, repository: str, text: str) -> None:
    with refused("InvalidParameterException", _REFUSED):
        door.call("SetRepositoryPolicy", repositoryName=repository, policyText=text)


def test_a_text_beyond_the_limit_is_not_read(door: Door, repository: str) -> None:
    text = constraint("policyText", "Member must have length less than or equal to 10240")
    with refused("InvalidParameterException", text):
        door.call("SetRepositoryPolicy", repositoryName=repository, policyText=REPOSITORY_POLICY.ljust(10_241))
    padded = door.call("SetRepositoryPolicy", repositoryName=repository, policyText=REPOSITORY_POLICY.ljust(10_240))
    assert padded["policyText"] == _PRINTED


@pytest.mark.parametrize("text", ["a\\u0000b", "\\ud800"])
def test_characters_that_no_text_may_hold_do_not_get_past_the_door(door: Door, repository: str, text: str) -> None:
    body = f'{{"repositoryName": "{repository}", "policyText": "{text}"}}'.encode()
    answer = door.raw("SetRepositoryPolicy", body)
    assert (answer.status, answer.document["__type"]) == (400, "SerializationException")


def test_a_principal_that_is_not_there_is_not_found(door: Door, repository: str) -> None:
    text = REPOSITORY_POLICY.replace('"*"', f'{{"AWS": "arn:aws:iam::{ACCOUNT}:role/absent"}}')
    with refused("InvalidParameterException", constraint("PolicyText", "Principal not found")):
        door.call("SetRepositoryPolicy", repositoryName=repository, policyText=text)
    elsewhere = text.replace(ACCOUNT, "111122223333")
    assert door.call("SetRepositoryPolicy", repositoryName=repository, policyText=elsewhere)["policyText"]


@pytest.mark.parametrize("name", ["TagResource", "UntagResource", "ListTagsForResource"])
def test_tags_of_another_accounts_repository_are_denied_whether_or_not_it_exists(door: Door, name: str) -> None:
    arn = "arn:aws:ecr:us-east-1:210987654321:repository/team/app"
    more: dict[str, Any] = {"TagResource": {"tags": []}, "UntagResource": {"tagKeys": []}}.get(name, {})
    text = (
        f"User: {ROOT} is not authorized to perform: ecr:{name} on resource: {arn} "
        f"because no resource-based policy allows the ecr:{name} action"
    )
    with refused("AccessDeniedException", text):
        door.call(name, resourceArn=arn, **more)


def test_tags_given_at_creation_are_listed_and_merged(door: Door) -> None:
    repository = door.new_repository(tags=[{"Key": "team", "Value": "red"}])
    arn = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/{repository}"
    assert door.call("TagResource", resourceArn=arn, tags=[{"Key": "a", "Value": ""}]) == {}
    assert door.call("UntagResource", resourceArn=arn, tagKeys=["absent"]) == {}
    assert door.call("ListTagsForResource", resourceArn=arn) == {
        "tags": [{"Key": "a", "Value": ""}, {"Key": "team", "Value": "red"}]
    }
