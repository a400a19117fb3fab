import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from moorage.core.call import Call, Principal
from moorage.core.errors import InvalidNameError
from moorage.identity import resources
from moorage.identity.resources import Kind
from moorage.layers.errors import TooManyUploadsError
from moorage.layers.service import UploadLimits, UploadService
from moorage.repositories.creation import CREATE_ACTION, Preview, preview
from moorage.repositories.errors import LimitExceededError, RepositoryNotFoundError
from moorage.repositories.model import Encryption, Repository, TagMutability
from moorage.repositories.quota import MOST_REPOSITORIES
from moorage.storage.database.schema.journal import audit, events
from moorage.storage.database.schema.layers import uploads
from moorage.storage.database.schema.registries import creation_templates
from moorage.storage.database.schema.repositories import lifecycle_policies, repositories
from moorage.storage.database.transaction import Transaction
from tests.unit.access.people import add_user, decided, policy
from tests.unit.ground import ACCOUNT, Ground
from tests.unit.repositories.test_templates import EVERYTHING, LIFECYCLE, PRINTED, create


def pusher(ground: Ground, name: str, *also: str) -> Call:
    call = ground.call("InitiateLayerUpload", name)
    return replace(call, also_allowed=frozenset(also or (CREATE_ACTION,)), read_only=False)


def push(ground: Ground, name: str, *also: str, **options: Any) -> None:
    ground.uploads.begin(pusher(ground, name, *also), name, **options)


def looked_ahead(ground: Ground, name: str, **options: Any) -> Preview:
    return ground.read(lambda tx: preview(tx, ground.registry, name, **options))


def test_the_first_upload_creates_the_repository_as_the_template_says(ground: Ground) -> None:
    create(ground, **EVERYTHING)
    answer = ground.do("InitiateLayerUpload", repositoryName="team/new/app")
    assert ground.count(uploads) == 1 and answer["uploadId"]
    made = ground.find_repository("team/new/app")
    assert made.mutability == TagMutability("IMMUTABLE_WITH_EXCLUSION", ("latest",))
    assert (made.encryption.type, made.encryption.kms_key) == ("KMS", EVERYTHING["encryptionConfiguration"]["kmsKey"])
    arn = ground.registry.repository_arn(made.name)
    assert ground.do("ListTagsForResource", resourceArn=arn)["tags"] == [
        {"Key": "a", "Value": ""},
        {"Key": "team", "Value": "red"},
    ]
    assert ground.do("GetRepositoryPolicy", repositoryName=made.name)["policyText"] == PRINTED
    assert [row.text for row in ground.rows(sa.select(lifecycle_policies))] == [LIFECYCLE]


def test_a_creation_by_a_push_is_recorded_and_announced_as_a_creation(ground: Ground) -> None:
    create(ground)
    push(ground, "team/app", audited=False)
    push(ground, "team/app")
    (event,) = [row for row in ground.rows(sa.select(events)) if row.kind == "Moorage Repository Created"]
    assert (json.loads(event.detail), event.request_id) == ({"repository-name": "team/app"}, "request")
    rows = ground.rows(sa.select(audit).where(audit.c.event_name != "CreateRepositoryCreationTemplate"))
    assert [(row.event_name, row.read_only, row.resource) for row in rows] == [
        ("CreateRepository", False, f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/team/app"),
        ("InitiateLayerUpload", False, f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/team/app"),
    ]
    assert json.loads(rows[0].parameters) == {"repositoryName": "team/app", "repositoryCreationTemplate": "team"}


@pytest.mark.parametrize(
    ("prefix", "scenario", "also", "name"),
    [
        ("team", "CREATE_ON_PUSH", CREATE_ACTION, "other/app"),
        ("team", "CREATE_ON_PUSH", CREATE_ACTION, "team"),
        ("team", "REPLICATION", CREATE_ACTION, "team/app"),
        ("ROOT", "PULL_THROUGH_CACHE", CREATE_ACTION, "team/app"),
        ("ROOT", "CREATE_ON_PUSH", "ecr:PutImage", "team/app"),
    ],
)
def test_without_a_template_or_the_right_a_push_fails_as_ever(
    ground: Ground, prefix: str, scenario: str, also: str, name: str
) -> None:
    create(ground, prefix, appliedFor=[scenario])
    with pytest.raises(RepositoryNotFoundError):
        push(ground, name, also)
    assert ground.count(repositories) == 0
    assert [row.event_name for row in ground.rows(sa.select(audit))] == ["CreateRepositoryCreationTemplate"]


def test_without_any_template_nothing_is_created(ground: Ground) -> None:
    with pytest.raises(RepositoryNotFoundError):
        push(ground, "team/app")
    assert ground.count(repositories) == 0


def test_a_session_that_cannot_begin_leaves_no_repository(ground: Ground) -> None:
    create(ground)
    service = UploadService(ground.database, ground.blobs, UploadLimits(most_open=0))
    with pytest.raises(TooManyUploadsError):
        service.begin(pusher(ground, "team/app"), "team/app")
    assert ground.count(repositories) == 0


def test_of_many_pushes_at_once_one_creates_the_repository(ground: Ground) -> None:
    create(ground)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: push(ground, "team/app"), range(32)))
    assert (ground.count(repositories), ground.count(uploads)) == (1, 32)
    created = sa.select(audit).where(audit.c.event_name == "CreateRepository")
    assert len(ground.rows(created)) == 1


def test_a_repository_keeps_its_settings_when_its_template_changes_or_goes(ground: Ground) -> None:
    create(ground, imageTagMutability="IMMUTABLE")
    push(ground, "team/app")
    ground.do("UpdateRepositoryCreationTemplate", prefix="team", imageTagMutability="MUTABLE")
    ground.do("DeleteRepositoryCreationTemplate", prefix="team")
    push(ground, "team/app")
    assert ground.find_repository("team/app").mutability == TagMutability("IMMUTABLE")


def _fill(ground: Ground) -> None:
    ground.repository("taken")
    columns = "registry_id, created_at, created_by, tag_mutability, mutability_exclusions, scan_on_push, encryption_type"
    numbers = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MOST_REPOSITORIES - 1})"
    copies = f"INSERT INTO repositories (name, {columns}) {numbers} SELECT 'full/' || n.i, {columns} FROM n, repositories"
    ground.write(lambda tx: tx.execute(sa.text(copies)).rowcount)


def test_a_full_registry_says_so(ground: Ground) -> None:
    create(ground)
    _fill(ground)
    with pytest.raises(LimitExceededError):
        push(ground, "team/app")
    ahead = looked_ahead(ground, "team/app")
    assert (ahead.outcome, ahead.template and ahead.template.prefix) == ("refused", "team")
    assert "already has" in ahead.reason


def test_a_look_ahead_finds_the_repository_that_is_there(ground: Ground, repository: Repository) -> None:
    create(ground)
    assert looked_ahead(ground, repository.name) == Preview("exists", repository.name, repository)


def test_a_look_ahead_shows_what_would_be_made_and_makes_nothing(ground: Ground) -> None:
    create(ground, encryptionConfiguration={"encryptionType": "KMS"}, imageTagMutability="IMMUTABLE")
    ahead = looked_ahead(ground, "team/app")
    assert (ahead.outcome, ahead.reason) == ("created", "")
    assert ahead.template is not None and ahead.template.prefix == "team"
    key = f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/aws/ecr"
    expected = Repository(0, "team/app", ground.clock.now(), TagMutability("IMMUTABLE"), encryption=Encryption("KMS", key))
    assert ahead.repository == expected
    assert ground.count(repositories) == 0
    push(ground, "team/app")
    made = ground.find_repository("team/app")
    assert replace(made, id=0) == ahead.repository


def test_a_look_ahead_says_why_nothing_would_be_made(ground: Ground) -> None:
    assert looked_ahead(ground, "team/app") == Preview(
        "refused",
        "team/app",
        reason="The repository does not exist, and no creation template for CREATE_ON_PUSH has a prefix that its name fits.",
    )
    create(ground, appliedFor=["REPLICATION"])
    assert looked_ahead(ground, "team/app").reason == (
        "The repository does not exist, and the template with the prefix 'team' that its name fits is not applied for CREATE_ON_PUSH."
    )
    create(ground, "ROOT")
    ahead = looked_ahead(ground, "team/app", may_create=False)
    assert (ahead.outcome, ahead.reason) == ("refused", "The caller may not ecr:CreateRepository on this repository.")
    assert ground.count(creation_templates) == 2
    with pytest.raises(InvalidNameError):
        looked_ahead(ground, "Team/App")


def remove(ground: Ground, user: Principal) -> None:
    def work(tx: Transaction) -> None:
        resources.delete(tx, resources.get(tx, ACCOUNT, Kind.USER, user.name))

    ground.write(work)


def decision(ground: Ground, principal: Principal, name: str) -> str:
    return decided(ground, ground.judge, principal, name, "ecr:ListImages")[0]


def test_a_templates_policy_means_whom_it_named_when_it_was_written(ground: Ground) -> None:
    old, named = add_user(ground, "ann"), {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/ann"}}
    statements = [{"Effect": effect, "Action": "ecr:ListImages", **named} for effect in ("Allow", "Deny")]
    for prefix, statement in zip(("allow", "deny"), statements, strict=True):
        create(ground, prefix, repositoryPolicy=json.dumps({"Statement": [statement]}))
    remove(ground, old)
    new = add_user(ground, "ann")
    for prefix in ("allow", "deny"):
        push(ground, f"{prefix}/app")
        assert decision(ground, new, f"{prefix}/app") == "implicitDeny"
        shown = ground.do("DescribeRepositoryCreationTemplates", prefixes=[prefix])["repositoryCreationTemplates"][0]
        text = ground.do("GetRepositoryPolicy", repositoryName=f"{prefix}/app")["policyText"]
        assert shown["repositoryPolicy"] == text and json.loads(text)["Statement"][0]["Principal"]["AWS"] == old.id


def test_a_template_that_is_changed_otherwise_keeps_whom_its_policy_means(ground: Ground) -> None:
    old = add_user(ground, "ann")
    statement = {"Effect": "Allow", "Action": "ecr:ListImages", "Principal": {"AWS": old.arn}}
    create(ground, repositoryPolicy=json.dumps({"Statement": [statement]}))
    remove(ground, old)
    new = add_user(ground, "ann")
    ground.do("UpdateRepositoryCreationTemplate", prefix="team", description="changed")
    push(ground, "team/app")
    assert decision(ground, new, "team/app") == "implicitDeny"
    ground.do("UpdateRepositoryCreationTemplate", prefix="team", repositoryPolicy=json.dumps({"Statement": [statement]}))
    push(ground, "team/other")
    assert decision(ground, new, "team/other") == "allowed"


def test_a_templates_policy_that_denies_a_user_denies_its_federated_sessions(ground: Ground) -> None:
    ann = add_user(ground, "ann", policy({}))
    arn = f"arn:aws:sts::{ACCOUNT}:federated-user/guest"
    guest = Principal(ACCOUNT, arn, "FederatedUser", "ASIAGUEST", f"{ACCOUNT}:guest", ann.id, arn, maker_arn=ann.arn)
    statement = {"Effect": "Deny", "Action": "ecr:ListImages", "Principal": {"AWS": ann.arn}}
    create(ground, repositoryPolicy=json.dumps({"Statement": [statement]}))
    push(ground, "team/app")
    assert decision(ground, ann, "team/app") == "explicitDeny"
    assert decision(ground, guest, "team/app") == "explicitDeny"
