"""What lies beside the decision: scopes of tokens, what concerns the installation, requirements with several actions."""

from collections.abc import Callable
from contextlib import nullcontext

import pytest

from moorage.access.asked import Asked
from moorage.access.authorize import confine, confine_tags, refuse_strangers, settle
from moorage.access.errors import DeniedError
from moorage.access.judge import Verdict
from moorage.core.call import Principal, Requirement, Ruling
from moorage.iam.decision import Decision, Layer, Outcome
from moorage.identity.credentials.scope import Scope

ACCOUNT = "123456789012"
ROOT = Principal.root(ACCOUNT, "AKIATESTTESTTESTTEST")
RESOURCE = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/team/app"
ACTIONS = ("ecr:PutImage", "ecr:BatchGetImage")
PULLER = Scope.parse(["team/*"], ["pull"])


def only(*allowed: str) -> Callable[[str], Verdict]:
    """Decisions that allow these actions."""

    def decide(action: str) -> Verdict:
        outcome = Outcome.ALLOWED if action in allowed else Outcome.IMPLICIT_DENY
        decision = Decision(outcome, Layer.IDENTITY)
        return Verdict(decision.allowed, decision, decision.ruling(), {})

    return decide


@pytest.mark.parametrize(
    ("any_of", "allowed", "refused"),
    [
        (False, ACTIONS, None),
        (False, ("ecr:BatchGetImage",), "ecr:PutImage"),
        (False, ("ecr:PutImage",), "ecr:BatchGetImage"),
        (False, (), "ecr:PutImage"),
        (True, ACTIONS, None),
        (True, ("ecr:BatchGetImage",), None),
        (True, ("ecr:PutImage",), None),
        (True, (), "ecr:PutImage"),
    ],
)
def test_all_actions_are_needed_or_one_of_them(any_of: bool, allowed: tuple[str, ...], refused: str | None) -> None:
    asked = Asked(ACTIONS, RESOURCE, None, any_of)
    if refused is None:
        assert settle(only(*allowed), ROOT, asked) == Ruling("allowed", "identity-based policy")
        return
    with pytest.raises(DeniedError) as caught:
        settle(only(*allowed), ROOT, asked)
    assert caught.value.message == (
        f"User: {ROOT.arn} is not authorized to perform: {refused} on resource: {RESOURCE} "
        f"because no identity-based policy allows the {refused} action"
    )
    assert caught.value.ruling == Ruling("implicitDeny", "identity-based policy")


def is_confined(scope: Scope | None, needed: Requirement, name: str) -> bool:
    try:
        confine(ROOT, scope, needed, name, RESOURCE)
    except DeniedError:
        return True
    return False


PULL, PUSH = Requirement(("ecr:BatchGetImage",)), Requirement(("ecr:PutImage",))
EITHER = Requirement(("ecr:PutImage", "ecr:BatchGetImage"), any_of=True)
LIST = Requirement(("ecr:DescribeRepositories",), "repositories")


@pytest.mark.parametrize(
    ("scope", "needed", "name", "confined"),
    [
        (None, PUSH, "any", False),
        (PULLER, PULL, "team/app", False),
        (PULLER, PULL, "other/app", True),
        (PULLER, PUSH, "team/app", True),
        (PULLER, EITHER, "team/app", False),
        (PULLER, EITHER, "other/app", True),
        (PULLER, LIST, "", True),
        (Scope.parse(["team/*"], ["all"]), LIST, "", False),
    ],
)
def test_a_scope_takes_away_what_it_does_not_name(scope: Scope | None, needed: Requirement, name: str, confined: bool) -> None:
    assert is_confined(scope, needed, name) is confined


@pytest.mark.parametrize(
    ("needed", "tags", "confined"),
    [
        (PUSH, ["dev-1", "dev-2"], False),
        (PUSH, ["dev-1", "prod-1"], True),
        (PUSH, [], False),
        (PULL, ["prod-1"], False),
    ],
)
def test_a_scope_confines_each_tag_that_is_put(needed: Requirement, tags: list[str], confined: bool) -> None:
    scope = Scope.parse(["team/*"], ["push"], ["dev-*"])
    with pytest.raises(DeniedError) if confined else nullcontext():
        confine_tags(ROOT, scope, needed, tags, RESOURCE)


def test_a_scope_denies_in_the_words_of_a_session_policy() -> None:
    with pytest.raises(DeniedError) as caught:
        confine(ROOT, PULLER, PUSH, "team/app", RESOURCE)
    assert caught.value.message == (
        f"User: {ROOT.arn} is not authorized to perform: ecr:PutImage on resource: {RESOURCE} "
        "because no session policy allows the ecr:PutImage action"
    )
    assert caught.value.ruling == Ruling("implicitDeny", "session policy")


def test_what_concerns_the_installation_is_for_the_default_account_only() -> None:
    refuse_strangers(ROOT, ACCOUNT, ["moorage:CreateAccount"])
    with pytest.raises(DeniedError) as caught:
        refuse_strangers(ROOT, "999999999999", ["moorage:CreateAccount"])
    assert caught.value.message == (
        f"User: {ROOT.arn} is not authorized to perform: moorage:CreateAccount on resource: * "
        "because the moorage:CreateAccount action is reserved to the account 999999999999"
    )
