import json
from typing import Any

import pytest
import sqlalchemy as sa

from moorage.core.clock import Timestamp
from moorage.core.errors import InvalidParameterError
from moorage.registries.errors import ValidationError
from moorage.repositories import template_operations, template_store
from moorage.repositories.errors import (
    LimitExceededError,
    TemplateAlreadyExistsError,
    TemplateNotFoundError,
)
from moorage.repositories.template import CREATE_ON_PUSH, CreationTemplate, match
from moorage.storage.database.schema.journal import events
from moorage.storage.database.schema.registries import creation_templates
from tests.unit.ground import ACCOUNT, Ground

POLICY = json.dumps({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}]})
PRINTED = (
    '{\n  "Statement" : [ {\n    "Effect" : "Allow",\n    "Principal" : "*",\n    "Action" : "ecr:BatchGetImage"\n  } ]\n}'
)
LIFECYCLE = '{"rules": [ ] }'
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234abcd"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/ci/templates"
EVERYTHING: dict[str, Any] = {
    "description": "for the team",
    "encryptionConfiguration": {"encryptionType": "KMS", "kmsKey": KEY},
    "resourceTags": [{"Key": "team", "Value": "red"}, {"Key": "a", "Value": ""}],
    "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
    "imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": "latest"}],
    "repositoryPolicy": POLICY,
    "lifecyclePolicy": LIFECYCLE,
    "appliedFor": ["CREATE_ON_PUSH", "REPLICATION"],
    "customRoleArn": ROLE,
}


def create(ground: Ground, prefix: str = "team", **members: Any) -> dict[str, Any]:
    given = {"appliedFor": ["CREATE_ON_PUSH"], **members}
    answer = ground.do("CreateRepositoryCreationTemplate", prefix=prefix, **given)
    assert answer["registryId"] == ACCOUNT
    return shown(answer["repositoryCreationTemplate"])


def update(ground: Ground, prefix: str = "team", **members: Any) -> dict[str, Any]:
    return shown(ground.do("UpdateRepositoryCreationTemplate", prefix=prefix, **members)["repositoryCreationTemplate"])


def described(ground: Ground, **members: Any) -> list[dict[str, Any]]:
    answer = ground.do("DescribeRepositoryCreationTemplates", **members)
    return [shown(template) for template in answer["repositoryCreationTemplates"]]


def shown(template: dict[str, Any]) -> dict[str, Any]:
    """As a client sees it: without what is None."""
    encryption = {name: value for name, value in template["encryptionConfiguration"].items() if value is not None}
    return {name: value for name, value in (template | {"encryptionConfiguration": encryption}).items() if value is not None}


def test_a_template_has_ecrs_defaults_and_leaves_out_what_is_not_set(ground: Ground) -> None:
    now = ground.clock.now()
    made = create(ground)
    assert made == {
        "prefix": "team",
        "appliedFor": ["CREATE_ON_PUSH"],
        "imageTagMutability": "MUTABLE",
        "encryptionConfiguration": {"encryptionType": "AES256"},
        "createdAt": now,
        "updatedAt": now,
    }
    assert described(ground) == [made]


def test_everything_that_is_given_is_kept(ground: Ground) -> None:
    made = create(ground, **EVERYTHING)
    times = {"createdAt": ground.clock.now(), "updatedAt": ground.clock.now()}
    assert made == {"prefix": "team", **EVERYTHING, "repositoryPolicy": PRINTED, **times}
    assert described(ground, prefixes=["team"]) == [made]


def test_an_update_changes_what_is_given_and_an_empty_text_clears(ground: Ground) -> None:
    made = create(ground, **EVERYTHING)
    ground.clock.advance(5000)
    assert update(ground) == {**made, "updatedAt": ground.clock.now()}
    assert update(ground, description="new", appliedFor=["REPLICATION", "REPLICATION"]) == {
        **made,
        "description": "new",
        "appliedFor": ["REPLICATION"],
        "updatedAt": ground.clock.now(),
    }
    cleared = update(
        ground,
        description="",
        repositoryPolicy="",
        lifecyclePolicy="",
        customRoleArn="",
        resourceTags=[],
        imageTagMutability="IMMUTABLE",
        encryptionConfiguration={"encryptionType": "AES256", "kmsKey": ""},
    )
    assert cleared == {
        "prefix": "team",
        "appliedFor": ["REPLICATION"],
        "imageTagMutability": "IMMUTABLE",
        "encryptionConfiguration": {"encryptionType": "AES256"},
        "createdAt": made["createdAt"],
        "updatedAt": ground.clock.now(),
    }
    assert described(ground) == [cleared]


def test_empty_texts_at_creation_count_as_absent(ground: Ground) -> None:
    empty: dict[str, Any] = {
        "description": "",
        "repositoryPolicy": "",
        "lifecyclePolicy": "",
        "customRoleArn": "",
        "resourceTags": [],
    }
    made = create(ground, **empty)
    assert not made.keys() & empty.keys()


def test_filters_are_changed_together_with_the_mode(ground: Ground) -> None:
    create(ground, **EVERYTHING)
    with pytest.raises(InvalidParameterError, match="imageTagMutabilityExclusionFilters"):
        update(ground, imageTagMutabilityExclusionFilters=[{"filterType": "WILDCARD", "filter": "x"}])


def test_a_deleted_template_is_shown_a_last_time(ground: Ground) -> None:
    made = create(ground)
    gone = ground.do("DeleteRepositoryCreationTemplate", prefix="team/")
    assert shown(gone["repositoryCreationTemplate"]) == made
    assert described(ground) == []
    for name in ("UpdateRepositoryCreationTemplate", "DeleteRepositoryCreationTemplate"):
        with pytest.raises(TemplateNotFoundError):
            ground.do(name, prefix="team")
    assert [row.kind for row in ground.rows(sa.select(events.c.kind))] == ["Moorage Repository Creation Template Changed"] * 2


def test_a_prefix_is_taken_once_whether_or_not_a_slash_follows(ground: Ground) -> None:
    create(ground, "team/")
    for prefix in ("team", "team/"):
        with pytest.raises(TemplateAlreadyExistsError):
            create(ground, prefix)
        assert [template["prefix"] for template in described(ground, prefixes=[prefix])] == ["team/"]
    assert update(ground, "team", description="d")["prefix"] == "team/"


def test_templates_come_in_pages_ordered_by_prefix_and_unknown_prefixes_are_missing(ground: Ground) -> None:
    for prefix in ("c", "a", "ROOT", "b/x", "b"):
        create(ground, prefix)
    assert [template["prefix"] for template in described(ground)] == ["ROOT", "a", "b", "b/x", "c"]
    assert [template["prefix"] for template in described(ground, prefixes=["c", "absent", "ROOT"])] == ["ROOT", "c"]
    seen, token = [], None
    while True:
        more: dict[str, Any] = {"nextToken": token} if token else {}
        answer = ground.do("DescribeRepositoryCreationTemplates", maxResults=2, **more)
        seen.append([template["prefix"] for template in answer["repositoryCreationTemplates"]])
        token = answer["nextToken"]
        if token is None:
            break
    assert seen == [["ROOT", "a"], ["b", "b/x"], ["c"]]
    token = ground.do("DescribeRepositoryCreationTemplates", maxResults=2)["nextToken"]
    for wrong in ({"nextToken": token, "prefixes": ["a"]}, {"nextToken": "forged"}):
        with pytest.raises(InvalidParameterError, match="nextToken"):
            ground.do("DescribeRepositoryCreationTemplates", **wrong)


@pytest.mark.parametrize("prefix", ["", "/", "Team", "Root", "ROOT/", "a//b", "-a", "a b", "a" * 257, "/a", "a/ROOT", "é"])
def test_a_prefix_outside_the_grammar_is_refused(ground: Ground, prefix: str) -> None:
    with pytest.raises(InvalidParameterError, match="'prefix'"):
        create(ground, prefix)


@pytest.mark.parametrize(
    ("members", "text"),
    [
        ({"appliedFor": []}, "'appliedFor'"),
        ({"appliedFor": ["SOMETIMES"]}, "'appliedFor'"),
        ({"appliedFor": None}, "'appliedFor'"),
        ({"description": "d" * 257}, "'description'"),
        ({"repositoryPolicy": "{}"}, "'repositoryPolicy'.*'Invalid repository policy provided'"),
        ({"repositoryPolicy": " " * 10_241}, "'repositoryPolicy'.*10240"),
        ({"repositoryPolicy": POLICY.replace('"*"', f'{{"AWS": "arn:aws:iam::{ACCOUNT}:user/x"}}')}, "'Principal not found'"),
        ({"lifecyclePolicy": "[]"}, "'lifecyclePolicy'.*It must be a JSON object"),
        ({"lifecyclePolicy": "{"}, "'lifecyclePolicy'.*not valid JSON"),
        ({"lifecyclePolicy": " " * 30_721}, "'lifecyclePolicy'.*30720"),
        ({"encryptionConfiguration": {"encryptionType": "KMS", "kmsKey": "alias/x"}}, "kmsKey"),
        ({"encryptionConfiguration": {"encryptionType": "AES256", "kmsKey": KEY}}, "'encryptionConfiguration'"),
        ({"encryptionConfiguration": {}}, "encryptionType"),
        ({"resourceTags": [{"Key": "aws:x", "Value": ""}]}, "'resourceTags'"),
        ({"resourceTags": [{"Key": str(number), "Value": ""} for number in range(51)]}, "'resourceTags'"),
        ({"imageTagMutability": "MUTABLE_WITH_EXCLUSION"}, "'imageTagMutabilityExclusionFilters'"),
        ({"customRoleArn": "templates"}, "'customRoleArn'.*'Invalid ARN'"),
        ({"customRoleArn": "a" * 2049}, "'customRoleArn'.*2048"),
    ],
)
def test_ill_formed_members_are_refused(ground: Ground, members: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidParameterError, match=text):
        create(ground, **members)
    assert ground.count(creation_templates) == 0


def test_a_role_of_another_account_cannot_be_assumed(ground: Ground) -> None:
    with pytest.raises(ValidationError, match="same account"):
        create(ground, customRoleArn="arn:aws:iam::111122223333:role/x")


def test_templates_have_a_quota(ground: Ground) -> None:
    made = create(ground, "t0")
    values = {"registry_id": ground.registry.id, "applied_for": "[]", "tag_mutability": "MUTABLE", "encryption_type": "AES256"}
    more = {"mutability_exclusions": "[]", "resource_tags": "{}", "created_at": 0, "updated_at": 0}
    rows = [{"prefix": f"t{number}", **values, **more} for number in range(1, template_operations.MOST_TEMPLATES)]
    ground.write(lambda tx: tx.execute(sa.insert(creation_templates), rows).rowcount)
    with pytest.raises(LimitExceededError):
        create(ground, "one-more")
    assert made in described(ground, prefixes=["t0"])


def template(prefix: str, *scenarios: str) -> CreationTemplate:
    return CreationTemplate(prefix, scenarios or (CREATE_ON_PUSH,), Timestamp(0), Timestamp(0))


@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        ("team/app", "team"),
        ("team/ci/app", "team/ci/"),
        ("team/ci/x/y", "team/ci/"),
        ("team/ci", "team"),
        ("team/other/x/y", "team"),
        ("team", "ROOT"),
        ("teams/app", "ROOT"),
        ("tea/m", "ROOT"),
        ("cache/app", "ROOT"),
        ("root/app", "ROOT"),
    ],
)
def test_the_longest_prefix_wins_and_root_is_for_the_rest(name: str, prefix: str) -> None:
    templates = [template("ROOT"), template("team/ci/"), template("team"), template("cache", "PULL_THROUGH_CACHE")]
    found = match(templates, name, CREATE_ON_PUSH)
    assert found is not None
    assert found.prefix == prefix
    without_root = match(templates[1:], name, CREATE_ON_PUSH)
    assert (without_root and without_root.prefix) == (None if prefix == "ROOT" else prefix)


def test_only_templates_that_a_name_fits_are_read_for_it(ground: Ground) -> None:
    for prefix in ("a/", "a/b", "a/b/c", "x", "ROOT"):
        create(ground, prefix)
    found = ground.read(lambda tx: template_store.fitting(tx, ground.registry, "a/b/c"))
    assert [each.prefix for each in found] == ["ROOT", "a/", "a/b"]


def test_filters_stay_when_a_mode_with_exclusions_is_changed_for_another(ground: Ground) -> None:
    filters = [{"filterType": "WILDCARD", "filter": "dev-*"}]
    members = {"imageTagMutability": "IMMUTABLE_WITH_EXCLUSION", "imageTagMutabilityExclusionFilters": filters}
    ground.do("CreateRepositoryCreationTemplate", prefix="stay", appliedFor=["CREATE_ON_PUSH"], **members)
    kept = ground.do("UpdateRepositoryCreationTemplate", prefix="stay", imageTagMutability="MUTABLE_WITH_EXCLUSION")
    assert kept["repositoryCreationTemplate"]["imageTagMutabilityExclusionFilters"] == filters
    gone = ground.do("UpdateRepositoryCreationTemplate", prefix="stay", imageTagMutability="MUTABLE")
    assert gone["repositoryCreationTemplate"]["imageTagMutabilityExclusionFilters"] is None
    with pytest.raises(InvalidParameterError):
        ground.do("UpdateRepositoryCreationTemplate", prefix="stay", imageTagMutability="IMMUTABLE_WITH_EXCLUSION")
