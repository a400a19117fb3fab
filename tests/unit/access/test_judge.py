"""What is decided follows every change of what decides, whatever is remembered."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from moorage.access.judge import Judge, Place
from moorage.access.naming import named
from moorage.aws.requirements import Need
from moorage.core.call import Principal
from moorage.iam import evaluate as engine
from moorage.iam.decision import Decision
from moorage.registries.policy_text import Kept
from moorage.repositories.model import Repository
from moorage.storage.database.schema.identity import accounts
from moorage.storage.database.transaction import Transaction
from tests.unit.access.people import PULL, add_user, allowed, decided, give, policy, resource_policy
from tests.unit.ground import ACCOUNT, REGION, ROOT, Ground

ALLOWED, DENIED = "allowed", "implicitDeny"
IDENTITY, RESOURCE = "identity-based policy", "resource-based policy"


@pytest.fixture
def evaluated() -> list[engine.Request]:
    """Every request that the judge really evaluated."""
    return []


@pytest.fixture
def judge(evaluated: list[engine.Request]) -> Judge:
    def counted(request: engine.Request, grants: engine.Grants, guards: engine.Guards) -> Decision:
        evaluated.append(request)
        return engine.evaluate(request, grants, guards)

    return Judge(counted)


@pytest.fixture
def ann(ground: Ground) -> Principal:
    """A user without any policy."""
    return add_user(ground, "ann")


def test_a_change_of_the_caller_s_policies_counts_at_once(
    ground: Ground, judge: Judge, ann: Principal, repository: Repository
) -> None:
    for _ in range(2):
        assert decided(ground, judge, ann, repository.name) == (DENIED, IDENTITY)
        give(ground, ann.identity_id, policy({"Action": PULL}))
        for _ in range(2):
            assert decided(ground, judge, ann, repository.name) == (ALLOWED, IDENTITY)
        give(ground, ann.identity_id)


def _policy(ground: Ground, repository: Repository, ann: Principal) -> Callable[[], Any]:
    text = resource_policy({"AWS": ann.arn})
    ground.do("SetRepositoryPolicy", repositoryName=repository.name, policyText=text)
    return lambda: ground.do("DeleteRepositoryPolicy", repositoryName=repository.name)


def _registry_policy(ground: Ground, repository: Repository, ann: Principal) -> Callable[[], Any]:
    text = resource_policy({"AWS": ann.arn}, Resource=f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/team/*")
    ground.do("PutRegistryPolicy", policyText=text)
    return lambda: ground.do("DeleteRegistryPolicy")


def _scope(ground: Ground, repository: Repository, ann: Principal) -> Callable[[], Any]:
    _registry_policy(ground, repository, ann)
    return lambda: ground.do("PutAccountSetting", name="REGISTRY_POLICY_SCOPE", value="V1")


def _tag(ground: Ground, repository: Repository, ann: Principal) -> Callable[[], Any]:
    text = resource_policy({"AWS": ann.arn}, Condition={"StringEquals": {"aws:ResourceTag/stage": "test"}})
    ground.do("SetRepositoryPolicy", repositoryName=repository.name, policyText=text)
    arn = ground.registry.repository_arn(repository.name)
    ground.do("TagResource", resourceArn=arn, tags=[{"Key": "Stage", "Value": "test"}])
    return lambda: ground.do("UntagResource", resourceArn=arn, tagKeys=["Stage"])


@pytest.mark.parametrize("allow", [_policy, _registry_policy, _scope, _tag])
def test_a_change_on_the_owner_s_side_counts_at_once(
    ground: Ground,
    judge: Judge,
    ann: Principal,
    repository: Repository,
    allow: Callable[[Ground, Repository, Principal], Callable[[], Any]],
) -> None:
    assert decided(ground, judge, ann, repository.name) == (DENIED, IDENTITY)
    revoke = allow(ground, repository, ann)
    for _ in range(2):
        assert decided(ground, judge, ann, repository.name) == (ALLOWED, RESOURCE)
    revoke()
    assert decided(ground, judge, ann, repository.name) == (DENIED, IDENTITY)


def test_a_repository_made_again_has_no_policy_of_the_old_one(
    ground: Ground, judge: Judge, ann: Principal, repository: Repository
) -> None:
    _policy(ground, repository, ann)
    assert decided(ground, judge, ann, repository.name)[0] == ALLOWED
    ground.do("DeleteRepository", repositoryName=repository.name)
    assert decided(ground, judge, ann, repository.name)[0] == DENIED
    ground.repository(repository.name)
    assert decided(ground, judge, ann, repository.name)[0] == DENIED


def test_a_registry_policy_of_the_first_scope_counts_for_its_three_actions(
    ground: Ground, judge: Judge, ann: Principal, repository: Repository
) -> None:
    _registry_policy(ground, repository, ann)
    ground.do("PutAccountSetting", name="REGISTRY_POLICY_SCOPE", value="V1")
    for action in ("ecr:CreateRepository", "ecr:ReplicateImage", "ecr:BatchImportUpstreamImage"):
        assert decided(ground, judge, ann, repository.name, action) == (ALLOWED, RESOURCE)
    assert decided(ground, judge, ann, repository.name, "ecr:PutImage") == (DENIED, IDENTITY)


def test_only_identity_policies_say_who_may_have_a_token(
    ground: Ground, judge: Judge, ann: Principal, repository: Repository
) -> None:
    ground.do("PutRegistryPolicy", policyText=resource_policy({"AWS": ann.arn}, Resource="*"))
    assert decided(ground, judge, ann, "", "ecr:DescribeRegistry") == (ALLOWED, RESOURCE)
    assert decided(ground, judge, ann, "", "ecr:GetAuthorizationToken") == (DENIED, IDENTITY)


def test_the_root_needs_no_policy_and_is_bound_by_a_deny(ground: Ground, judge: Judge, repository: Repository) -> None:
    assert decided(ground, judge, ROOT, repository.name) == (ALLOWED, "root")
    text = resource_policy("*", Effect="Deny", Action=PULL)
    ground.do("SetRepositoryPolicy", repositoryName=repository.name, policyText=text)
    assert decided(ground, judge, ROOT, repository.name) == ("explicitDeny", RESOURCE)


def test_whoever_asks_for_what_is_not_there_is_answered_as_if_it_were(ground: Ground, judge: Judge, ann: Principal) -> None:
    assert decided(ground, judge, ann, "team/absent") == (DENIED, IDENTITY)
    give(ground, ann.identity_id, policy({}))
    assert decided(ground, judge, ann, "team/absent") == (ALLOWED, IDENTITY)


def test_each_repository_of_a_list_is_decided_for_itself(ground: Ground, judge: Judge, ann: Principal) -> None:
    names = [ground.repository(f"{prefix}/app").name for prefix in ("one", "two", "three")]
    arn = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/t*"
    give(ground, ann.identity_id, policy({"Resource": arn}, {"Effect": "Deny", "Resource": f"{arn}wo/app"}))
    assert allowed(ground, judge, ann, names) == ["three/app"]


# --- what is remembered -------------------------------------------------------------------------------------------------


def test_a_decision_is_made_once_while_nothing_changes(
    ground: Ground, judge: Judge, ann: Principal, repository: Repository, evaluated: list[engine.Request]
) -> None:
    give(ground, ann.identity_id, policy({}))
    for _ in range(3):
        decided(ground, judge, ann, repository.name)
    assert len(evaluated) == 1
    decided(ground, judge, ann, repository.name, "ecr:PutImage")
    assert len(evaluated) == 2
    ground.write(lambda tx: tx.execute(sa.update(accounts).values(permission_version=accounts.c.permission_version + 1)))
    decided(ground, judge, ann, repository.name)
    assert len(evaluated) == 3


def test_a_decision_holds_for_the_values_that_its_policies_read_and_no_others(
    ground: Ground, judge: Judge, ann: Principal, repository: Repository, evaluated: list[engine.Request]
) -> None:
    give(ground, ann.identity_id, policy({"Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}}))
    for _ in range(2):
        assert decided(ground, judge, ann, repository.name, source_address="192.0.2.1")[0] == ALLOWED
        assert decided(ground, judge, ann, repository.name, source_address="198.51.100.1")[0] == DENIED
        assert decided(ground, judge, ann, repository.name, source_address="192.0.2.1", user_agent="new")[0] == ALLOWED
    assert len(evaluated) == 2


def test_a_decision_that_reads_the_time_is_made_each_time(
    ground: Ground, judge: Judge, ann: Principal, repository: Repository, evaluated: list[engine.Request]
) -> None:
    give(ground, ann.identity_id, policy({"Condition": {"DateLessThan": {"aws:CurrentTime": "2026-01-01T01:00:00Z"}}}))
    assert decided(ground, judge, ann, repository.name)[0] == ALLOWED
    ground.clock.advance(2 * 60 * 60 * 1000)
    assert decided(ground, judge, ann, repository.name)[0] == DENIED
    decided(ground, judge, ann, repository.name)
    assert len(evaluated) == 3


def test_callers_do_not_share_decisions(ground: Ground, judge: Judge, ann: Principal, repository: Repository) -> None:
    bob = add_user(ground, "bob", policy({}))
    for _ in range(2):
        assert decided(ground, judge, ann, repository.name)[0] == DENIED
        assert decided(ground, judge, bob, repository.name)[0] == ALLOWED


def test_decisions_about_long_values_are_not_remembered(
    ground: Ground, judge: Judge, ann: Principal, repository: Repository, evaluated: list[engine.Request]
) -> None:
    give(ground, ann.identity_id, policy({"Condition": {"StringLike": {"aws:UserAgent": "x*"}}}))
    for _ in range(2):
        assert decided(ground, judge, ann, repository.name, user_agent="x" * 1100)[0] == ALLOWED
        assert decided(ground, judge, ann, repository.name, user_agent="x" * 28_000)[0] == DENIED
    assert len(evaluated) == 4
    assert judge.remembered == 0
    decided(ground, judge, ann, repository.name, user_agent="x")
    assert 0 < judge.remembered < 4096


def test_decisions_take_a_bounded_room_and_the_latest_used_stay(
    ground: Ground, ann: Principal, repository: Repository, evaluated: list[engine.Request]
) -> None:
    def counted(request: engine.Request, grants: engine.Grants, guards: engine.Guards) -> Decision:
        evaluated.append(request)
        return engine.evaluate(request, grants, guards)

    judge = Judge(counted, most_bytes=64 * 1024)
    give(ground, ann.identity_id, policy({"Condition": {"StringLike": {"aws:UserAgent": "x*"}}}))
    for number in range(100):
        decided(ground, judge, ann, repository.name, user_agent=f"x{number}")
        decided(ground, judge, ann, repository.name, user_agent="x")
    assert len(evaluated) == 101
    assert 32 * 1024 < judge.remembered <= 64 * 1024


def test_nothing_is_remembered_of_an_owner_that_is_made_for_one_request(
    ground: Ground, judge: Judge, ann: Principal, repository: Repository, evaluated: list[engine.Request]
) -> None:
    def work(tx: Transaction) -> None:
        caller, need = judge.caller(tx, ann), Need(("iam:GetUser",), False, (ann.arn,), "user")
        for _ in range(2):
            ((arn, owner),) = named(tx, ann, need)
            judge.decide(ground.call("GetUser", principal=ann), caller, Place(owner), "iam:GetUser", arn)

    ground.read(work)
    assert len(evaluated) == 2
    assert judge.remembered == 0


def test_a_policy_that_is_only_considered_leaves_nothing_behind(ground: Ground, judge: Judge, repository: Repository) -> None:
    kept = Kept(resource_policy("*", Effect="Deny"), "{}")
    call = ground.call("SetRepositoryPolicy", repository.name)
    assert ground.read(lambda tx: judge.locks_out(tx, call, repository.name, kept))
    assert judge.remembered == 0
