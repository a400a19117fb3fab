import json
import re
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moorage.aws.model import Service, element_of, members_of
from moorage.aws.validate import constraints, hash_set_order
from moorage.core.errors import InvalidParameterError
from tests.unit.aws.once import decode, validate

SERVICE = Service("ecr")
NAME = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*"
REPLICATION = "replicationConfiguration"


def check(operation: str, params: dict[str, Any]) -> None:
    shape = SERVICE.operation(operation).input_shape
    validate(decode(json.dumps(params).encode(), shape), shape)


def complaint(operation: str, params: dict[str, Any]) -> str:
    with pytest.raises(InvalidParameterError) as caught:
        check(operation, params)
    assert (caught.value.aws_code, caught.value.aws_status) == ("InvalidParameterException", 400)
    return caught.value.message


def of(member: str, constraint: str) -> str:
    return f"Invalid parameter at '{member}' failed to satisfy constraint: '{constraint}'"


@pytest.mark.parametrize("name", ["Upper", "a//b", "a b", "-ab", "ab-", "a..b", "a___b", "/ab", "ab/", "ab\n"])
def test_a_repository_name_outside_the_grammar_is_refused_in_the_captured_words(name: str) -> None:
    assert complaint("CreateRepository", {"repositoryName": name}) == (
        "Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must satisfy regular expression "
        r"'[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*''"
    )


@pytest.mark.parametrize("registry", ["1", "1234567890123", "12345678901a", "", "123456789012\n"])
def test_a_registry_id_without_twelve_digits_is_refused_in_the_captured_words(registry: str) -> None:
    assert complaint("DescribeRepositories", {"registryId": registry}) == (
        "Invalid parameter at 'registryId' failed to satisfy constraint: 'must satisfy regular expression [0-9]{12}'"
    )


def test_a_forbidden_character_in_a_tag_is_refused_in_the_captured_words() -> None:
    assert complaint("PutImage", {"repositoryName": "ab", "imageManifest": "{}", "imageTag": "a b"}) == (
        "Invalid parameter at 'imageTag' failed to satisfy constraint: 'must satisfy regular expression '[a-zA-Z0-9-_.]+''"
    )


def test_an_empty_list_is_refused_in_the_captured_words() -> None:
    assert complaint("BatchGetImage", {"repositoryName": "ab", "imageIds": []}) == (
        "Invalid parameter at 'imageIds' failed to satisfy constraint: 'Member must have length greater than or equal to 1'"
    )


def test_an_unknown_enum_value_is_refused_with_the_set_in_the_order_of_the_service() -> None:
    assert complaint("PutImageTagMutability", {"repositoryName": "ab", "imageTagMutability": "SOMETIMES"}) == of(
        "imageTagMutability",
        "Member must satisfy enum value set: [IMMUTABLE, MUTABLE, MUTABLE_WITH_EXCLUSION, IMMUTABLE_WITH_EXCLUSION]",
    )
    assert hash_set_order(["MUTABLE", "IMMUTABLE"]) == ["IMMUTABLE", "MUTABLE"]
    assert sorted(hash_set_order([str(number) for number in range(40)])) == sorted(str(number) for number in range(40))


def test_a_bad_registry_id_in_a_list_is_told_of_the_list_in_the_captured_words() -> None:
    assert complaint("GetAuthorizationToken", {"registryIds": ["123456789012", "12345678901"]}) == of(
        "registryIds", "Member must satisfy constraint: [Member must satisfy regular expression pattern: [0-9]{12}]"
    )


def test_a_list_recites_every_constraint_of_its_elements() -> None:
    assert complaint("DescribeRepositories", {"repositoryNames": ["fine", "Not fine"]}) == of(
        "repositoryNames",
        "Member must satisfy constraint: [Member must have length less than or equal to 256, Member must have length greater "
        f"than or equal to 2, Member must satisfy regular expression pattern: {NAME}]",
    )
    assert complaint("DescribeRepositories", {"repositoryNames": ["fine", None]}) == of(
        "repositoryNames", "Member must satisfy constraint: [Member must not be null]"
    )


@pytest.mark.parametrize(
    ("operation", "params", "member", "constraint"),
    [
        ("CreateRepository", {}, "repositoryName", "Member must not be null"),
        ("CreateRepository", {"repositoryName": None}, "repositoryName", "Member must not be null"),
        ("CreateRepository", {"repositoryName": "a"}, "repositoryName", "Member must have length greater than or equal to 2"),
        ("CreateRepository", {"repositoryName": "a" * 257}, "repositoryName", "Member must have length less than or equal to 256"),
        ("DescribeRepositories", {"maxResults": 0}, "maxResults", "Member must have value greater than or equal to 1"),
        ("DescribeRepositories", {"maxResults": 1001}, "maxResults", "Member must have value less than or equal to 1000"),
        ("DescribeRepositories", {"repositoryNames": ["ab"] * 101}, "repositoryNames", "Member must have length less than or equal to 100"),
        ("BatchGetImage", {"repositoryName": "ab", "imageIds": [{"imageTag": ""}]}, "imageIds.1.member.imageTag", "Member must have length greater than or equal to 1"),
        ("PutImage", {"repositoryName": "ab", "imageManifest": ""}, "imageManifest", "Member must have length greater than or equal to 1"),
        ("PutImage", {"repositoryName": "ab", "imageManifest": "{}", "imageTag": ""}, "imageTag", "Member must have length greater than or equal to 1"),
        ("TagResource", {"resourceArn": "a", "tags": [{"Key": "k", "Value": "v"}, {"Key": "k"}]}, "tags.2.member.Value", "Member must not be null"),
        (
            "PutReplicationConfiguration",
            {REPLICATION: {"rules": [{"destinations": [{"region": "r1", "registryId": "1"}]}]}},
            "replicationConfiguration.rules.1.member.destinations.1.member.registryId",
            "must satisfy regular expression [0-9]{12}",
        ),
        ("CreateRepository", {"repositoryName": "ab", "encryptionConfiguration": {}}, "encryptionConfiguration.encryptionType", "Member must not be null"),
        (
            "GetDownloadUrlForLayer",
            {"repositoryName": "ab", "layerDigest": "sha256"},
            "layerDigest",
            "must satisfy regular expression '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'",
        ),
    ],
)  # fmt: skip
def test_the_first_broken_constraint_is_named(operation: str, params: dict[str, Any], member: str, constraint: str) -> None:
    assert complaint(operation, params) == of(member, constraint)


def test_a_bad_tag_in_a_batch_is_left_for_the_entry_s_own_failure() -> None:
    check("BatchGetImage", {"repositoryName": "ab", "imageIds": [{"imageTag": "not a tag"}]})


def test_what_clients_really_send_is_accepted() -> None:
    check("CreateRepository", {"repositoryName": "team/app-1.x__y", "tags": [{"Key": "k", "Value": ""}]})
    check("CreateRepository", {"repositoryName": "a" * 256, "imageTagMutability": "IMMUTABLE"})
    check("GetAuthorizationToken", {})
    check("CreateRepositoryCreationTemplate", {"prefix": "ROOT", "appliedFor": ["CREATE_ON_PUSH"]})
    check("DeletePullThroughCacheRule", {"ecrRepositoryPrefix": "docker-hub/"})
    check(
        "PutRegistryScanningConfiguration",
        {
            "scanType": "BASIC",
            "rules": [{"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": [{"filter": "team/*", "filterType": "WILDCARD"}]}],
        },
    )


def patterned(shape: Any, found: dict[str, Any]) -> dict[str, Any]:
    if shape.metadata.get("pattern"):
        found[shape.metadata["pattern"]] = shape
    if shape.type_name == "structure":
        for member in members_of(shape).values():
            patterned(member, found)
    elif shape.type_name == "list":
        patterned(element_of(shape), found)
    return found


def every_pattern(service: Service) -> list[Any]:
    found: dict[str, Any] = {}
    for name in sorted(service.operation_names):
        patterned(service.operation(name).input_shape, found)
    return list(found.values())


ATTACKS = (
    "a",
    "0",
    "a-",
    "a.",
    "a_",
    "a/",
    "a.b/",
    "arn:aws-a",
    "arn:aws:iam::123456789012:role/" + "a/",
    "-",
    "*",
    "aA",
    "a:",
)


@pytest.mark.parametrize("service", ["ecr", "ecr-public"])
def test_no_pattern_of_the_models_can_be_made_to_backtrack(service: str) -> None:
    shapes = every_pattern(Service(service))
    assert shapes
    for shape in shapes:
        longest = min(shape.metadata.get("max", 4096), 4096)
        for attack in ATTACKS:
            value = (attack * longest)[: longest - 1] + "!"
            start = time.perf_counter()
            assert not all(constraint.met(value) for constraint in constraints(shape))
            assert time.perf_counter() - start < 0.5, (shape.name, attack)


def test_no_pattern_is_tried_on_a_value_of_megabytes() -> None:
    digest = "a" * 5_000_000
    assert "must satisfy" in complaint("GetDownloadUrlForLayer", {"repositoryName": "ab", "layerDigest": digest})


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="a0*._-/!", max_size=9))
def test_the_linear_pattern_knows_the_same_words_as_the_model_s(text: str) -> None:
    own = r"^[a-z0-9*](?:[._\-/a-z0-9*]?[a-z0-9*]+)*$"
    (shape,) = (shape for shape in every_pattern(SERVICE) if shape.name == "ScanningRepositoryFilterValue")
    assert shape.metadata["pattern"] == own
    *_, pattern = constraints(shape)
    assert pattern.met(text) == (re.fullmatch(own, text) is not None)
