"""Registries: one for each account and region, the region being the one that the signature names."""

import re
from typing import Any

import pytest

from moorage.app import operation_names
from tests.contract.aws.door import ACCOUNT, ROOT, Door, input_of, no_repository, refused
from tests.contract.aws.error_cases import USUAL
from tests.e2e.images import small

_NOBODY = "808080808080"
"""An account that no test makes."""
_OTHER = "210987654321"
_NAMED = {name for name in operation_names("ecr") if "registryId" in input_of(name).members}


_ACTIONS = {"ListImageReferrers": "BatchGetImage"}
"""Operations that need another action than their own."""


def test_what_names_a_repository_names_a_registry_too() -> None:
    assert [name for name in {*operation_names("ecr")} - _NAMED if "repositoryName" in input_of(name).members] == []


@pytest.mark.parametrize("name", sorted(_NAMED))
def test_another_accounts_registry_is_denied_in_iams_words(door: Door, name: str) -> None:
    listing = name == "DescribeRepositories"
    members: dict[str, Any] = {} if listing else {"repositoryName": "team/foreign", **USUAL.get(name, {})}
    resource = f"arn:aws:ecr:us-east-1:{_OTHER}:repository/{'*' if listing else 'team/foreign'}"
    action = _ACTIONS.get(name, name)
    text = (
        f"User: {ROOT} is not authorized to perform: ecr:{action} on resource: {resource} "
        f"because no resource-based policy allows the ecr:{action} action"
    )
    with refused("AccessDeniedException", text):
        door.call(name, registryId=_OTHER, **members)


def test_a_denial_does_not_make_a_registry(door: Door) -> None:
    with refused("AccessDeniedException", re.compile(".*")):
        door.call("CreateRepository", registryId=_NOBODY, repositoryName="team/foreign")
    assert door.query("SELECT id FROM registries WHERE account_id = ?", _NOBODY) == []


def test_ones_own_account_may_be_named(door: Door, repository: str) -> None:
    assert door.call("ListImages", registryId=ACCOUNT, repositoryName=repository) == {"imageIds": []}


def test_a_region_nobody_used_yet_is_an_empty_registry(door: Door, region: str) -> None:
    rows = "SELECT id FROM registries WHERE region = ?"
    client = door.client(region)
    assert door.call("DescribeRepositories", client) == {"repositories": []}
    assert door.call("GetAccountSetting", client, name="BLOB_MOUNTING")["value"] == "ENABLED"
    assert door.call("DescribeRegistry", client)["registryId"] == ACCOUNT
    with refused("RepositoryNotFoundException", no_repository("team/absent")):
        door.call("DescribeImages", client, repositoryName="team/absent")
    assert door.query(rows, region) == [], "who only looks leaves nothing behind"
    door.new_repository(client)
    assert len(door.query(rows, region)) == 1
    assert len(door.call("DescribeRepositories", client)["repositories"]) == 1


def test_two_regions_are_two_registries_of_one_account(door: Door, repository: str, region: str) -> None:
    elsewhere = door.client(region)
    made = door.call("CreateRepository", elsewhere, repositoryName=repository)["repository"]
    assert made["repositoryArn"] == f"arn:aws:ecr:{region}:{ACCOUNT}:repository/{repository}"
    assert made["registryId"] == ACCOUNT
    assert made["repositoryUri"] == f"{ACCOUNT}.dkr.ecr.{region}.{door.host}/{repository}"
    here, there = small("here"), small("there")
    door.push(repository, here, "1")
    door.push(repository, there, "1", client=elsewhere)
    ids = [{"imageTag": "1"}]
    found = [
        door.call("BatchGetImage", client, repositoryName=repository, imageIds=ids)["images"][0]["imageId"]["imageDigest"]
        for client in (door.ecr, elsewhere)
    ]
    assert found == [here.digest, there.digest]
    door.call("DeleteRepository", elsewhere, repositoryName=repository, force=True)
    assert door.tags(repository) == {"1": here.digest}


def test_the_default_registry_is_addressed_as_it_is_configured(door: Door, repository: str) -> None:
    (found,) = door.call("DescribeRepositories", repositoryNames=[repository])["repositories"]
    assert found["repositoryUri"] == f"{door.host}/{repository}"
    assert found["repositoryArn"] == f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/{repository}"
