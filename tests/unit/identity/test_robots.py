import json
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.core import clock
from moorage.iam.kinds import parse_identity_policy
from moorage.identity.credentials import tokens
from moorage.identity.credentials.scope import ACTIONS, TAGGING, WORDS, Scope
from moorage.identity.errors import RobotScopeUnknownError
from moorage.identity.iam_errors import EntityAlreadyExistsError, NoSuchEntityError
from moorage.identity.policies import inline_policies
from moorage.identity.policies.inline_policies import InlinePolicy
from moorage.identity.policies.policy_errors import PolicyLimitError
from moorage.identity.users import robots, users
from moorage.storage.database.transaction import Transaction
from tests.unit.ground import ACCOUNT, REGION, Ground

_PULL = Scope.parse(["team/*"], ["pull"])
_patterns = st.lists(st.from_regex(r"[a-z0-9._/*-]{1,30}", fullmatch=True), min_size=1, max_size=5, unique=True)
_tags = st.none() | st.lists(st.from_regex(r"[A-Za-z0-9_.*-]{1,20}", fullmatch=True), min_size=1, max_size=3)
_actions = st.lists(st.sampled_from([*WORDS, *sorted(ACTIONS)]), min_size=1, max_size=4)

create = partial(robots.create, region=REGION, lifetime=clock.DAY)


@given(_patterns, _actions, _tags)
def test_what_a_policy_allows_is_read_back_as_the_same_rights(
    patterns: list[str], actions: list[str], tags: list[str] | None
) -> None:
    limits = tags if not TAGGING.isdisjoint(Scope.parse(patterns, actions).granted) else None
    scope = Scope.parse(patterns, actions, limits)
    text = robots.policy_text(ACCOUNT, scope)
    parse_identity_policy(text)
    grant = robots.grant_in(ACCOUNT, text)
    assert grant is not None
    assert (grant.repositories, grant.granted, grant.tags) == (scope.repositories, scope.granted, scope.tags)
    assert Scope.parse(grant.repositories, grant.actions, grant.tags) == grant


def test_a_policy_that_was_written_again_tells_the_same() -> None:
    scope = Scope.parse(["team/*"], ["push"], ["dev-*"])
    document = json.loads(robots.policy_text(ACCOUNT, scope))
    for statement in document["Statement"]:
        statement["Action"].reverse()
    assert robots.grant_in(ACCOUNT, json.dumps(document, indent=2, sort_keys=True)) == scope


@pytest.mark.parametrize(
    "change",
    [
        {"Effect": "Deny"},
        {"Resource": "*"},
        {"Resource": ["arn:aws:ecr:*:210987654321:repository/a"]},
        {"Action": ["ecr:*"]},
        {"Condition": {}},
    ],
)
def test_a_policy_of_another_shape_is_not_told_in_two_lists(change: dict[str, object]) -> None:
    document = json.loads(robots.policy_text(ACCOUNT, _PULL))
    document["Statement"][0] |= change
    assert robots.grant_in(ACCOUNT, json.dumps(document, separators=(",", ":"))) is None


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"Statement":[1]}', '{"Statement":[]}', '{"Statement":[{"Resource":[1],"Action":[]}]}']
)
def test_no_text_is_a_fault(text: str) -> None:
    assert robots.grant_in(ACCOUNT, text) is None


def test_a_robot_is_a_user_with_a_policy_and_a_token(ground: Ground) -> None:
    robot, token = ground.write(lambda tx: create(tx, ACCOUNT, "ci", _PULL))
    assert robot.user.arn == f"arn:aws:iam::{ACCOUNT}:user/robot/ci"
    assert robot.grant == robot.scope == _PULL
    assert ground.read(lambda tx: robots.listed(tx, ACCOUNT, None, 10)) == [robot]
    (live,) = ground.read(lambda tx: tokens.live(tx, ACCOUNT, None, 10))
    assert (live.id, live.principal.arn, live.name, live.scope) == (token.id, robot.user.arn, "ci", _PULL)


def rotated(ground: Ground) -> Scope | None:
    """The scope of a robot's new token."""
    ground.write(lambda tx: robots.rotate(tx, robots.get(tx, ACCOUNT, "ci"), region=REGION, lifetime=clock.DAY))
    (live,) = ground.read(lambda tx: tokens.live(tx, ACCOUNT, None, 10))
    return live.scope


def test_another_token_has_the_scope_that_the_policy_says_now(ground: Ground) -> None:
    robot, _ = ground.write(lambda tx: create(tx, ACCOUNT, "ci", _PULL))
    wider = Scope.parse(["team/*", "other"], ["push"], ["dev-*"])
    text = robots.policy_text(ACCOUNT, wider)
    ground.write(lambda tx: inline_policies.put(tx, robot.user, InlinePolicy(robots.POLICY, text)))
    assert rotated(ground) == wider


def test_a_policy_that_tells_no_scope_leaves_the_token_the_one_it_had(ground: Ground) -> None:
    robot, _ = ground.write(lambda tx: create(tx, ACCOUNT, "ci", _PULL))
    text = robots.policy_text(ACCOUNT, _PULL).replace("Allow", "Deny")
    ground.write(lambda tx: inline_policies.put(tx, robot.user, InlinePolicy(robots.POLICY, text)))
    assert rotated(ground) == _PULL
    (live,) = ground.read(lambda tx: tokens.live(tx, ACCOUNT, None, 10))
    ground.write(lambda tx: tokens.revoke(tx, ACCOUNT, live.id))
    with pytest.raises(RobotScopeUnknownError):
        rotated(ground)


def test_only_what_is_a_robot_is_found_as_one(ground: Ground) -> None:
    ground.write(lambda tx: users.create(tx, ACCOUNT, "person"))
    ground.write(lambda tx: users.create(tx, ACCOUNT, "deep", "/robot/deep/"))
    ground.write(lambda tx: create(tx, ACCOUNT, "ci", _PULL))
    for name in ("person", "deep", "nobody", "CI"):
        with pytest.raises(NoSuchEntityError, match=f"The robot with name {name} cannot be found."):
            ground.read(partial(robots.get, account_id=ACCOUNT, name=name))
    assert [each.user.name for each in ground.read(lambda tx: robots.listed(tx, ACCOUNT, None, 10))] == ["ci"]
    with pytest.raises(EntityAlreadyExistsError):
        ground.write(lambda tx: create(tx, ACCOUNT, "PERSON", _PULL))


def test_more_patterns_than_a_policy_holds_make_no_robot(ground: Ground) -> None:
    many = Scope.parse([f"team/{number:040}" for number in range(60)], ["pull"])
    with pytest.raises(PolicyLimitError):
        ground.write(lambda tx: create(tx, ACCOUNT, "ci", many))
    assert ground.read(lambda tx: robots.listed(tx, ACCOUNT, None, 10)) == []


def test_a_robot_with_a_second_policy_is_not_told_in_two_lists(ground: Ground) -> None:
    robot, _ = ground.write(lambda tx: create(tx, ACCOUNT, "ci", _PULL))

    def work(tx: Transaction) -> None:
        inline_policies.put(tx, robot.user, InlinePolicy("more", robots.policy_text(ACCOUNT, _PULL)))

    ground.write(work)
    assert ground.read(lambda tx: robots.get(tx, ACCOUNT, "ci")).grant is None
