import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.access.authorize import allowed_among, authorize, authorize_installation, confine, is_allowed
from moorage.core.call import Principal, Requirement
from moorage.core.errors import AccessDeniedError
from moorage.identity.scope import Scope
from tests.unit.ground import ACCOUNT, ROOT

ACTIONS = ("ecr:PutImage", "ecr:ReplicateImage")
RESOURCE = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/app"


def test_the_root_of_an_account_may_do_everything_in_its_own_registries() -> None:
    authorize(ROOT, ACCOUNT, ACTIONS, RESOURCE)
    assert is_allowed(ROOT, ACCOUNT)


@pytest.mark.parametrize(
    ("principal", "owner", "reason"),
    [
        (ROOT, "999999999999", "no resource-based policy"),
        (Principal(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/u", "IAMUser", "AKIA"), ACCOUNT, "no identity-based policy"),
        (Principal(ACCOUNT, ROOT.arn, "root", "AKIA"), ACCOUNT, "no identity-based policy"),
    ],
)
def test_everybody_else_is_denied_in_iams_words(principal: Principal, owner: str, reason: str) -> None:
    with pytest.raises(AccessDeniedError) as denied:
        authorize(principal, owner, ACTIONS, RESOURCE)
    expected = f"User: {principal.arn} is not authorized to perform: ecr:PutImage on resource: {RESOURCE} because {reason}"
    assert denied.value.message == f"{expected} allows the ecr:PutImage action"


@given(st.builds(Principal, st.text(), st.text(), st.text(), st.text()), st.text())
def test_who_is_not_the_owners_root_is_never_allowed(principal: Principal, owner: str) -> None:
    assert is_allowed(principal, owner) == (principal.kind == "Root" and principal.account_id == owner)


def test_of_what_an_entry_asks_about_only_what_is_allowed_remains() -> None:
    assert allowed_among(ROOT, ACCOUNT, ACTIONS, RESOURCE) == frozenset(ACTIONS)
    assert allowed_among(ROOT, "999999999999", ACTIONS, RESOURCE) == frozenset()
    assert allowed_among(ROOT, ACCOUNT, (), RESOURCE) == frozenset()


PULLER = Scope.parse(["team/*"], ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"])
PULL = Requirement(("ecr:BatchGetImage",))
BOTH = Requirement(("ecr:BatchGetImage", "ecr:PutImage"))
EITHER = Requirement(("ecr:PutImage", "ecr:GetDownloadUrlForLayer"), any_of=True)
LISTING = Requirement(("ecr:BatchGetImage",), "repositories")


def is_confined(scope: Scope | None, needed: Requirement, name: str) -> bool:
    try:
        confine(ROOT, scope, needed, name, RESOURCE)
    except AccessDeniedError:
        return True
    return False


@pytest.mark.parametrize(("needed", "name"), [(PULL, "team/app"), (EITHER, "team/app"), (LISTING, "")])
def test_a_scope_lets_pass_what_lies_in_it(needed: Requirement, name: str) -> None:
    assert not is_confined(PULLER, needed, name)
    assert not is_confined(None, needed, "any")


@pytest.mark.parametrize(
    ("needed", "name", "action"),
    [
        (PULL, "app", "ecr:BatchGetImage"),
        (EITHER, "app", "ecr:PutImage"),
        (BOTH, "team/app", "ecr:PutImage"),
        (Requirement(("ecr:DescribeRepositories",), "repositories"), "", "ecr:DescribeRepositories"),
    ],
)
def test_what_a_scope_takes_away_is_denied_as_by_a_session_policy(needed: Requirement, name: str, action: str) -> None:
    with pytest.raises(AccessDeniedError) as denied:
        confine(ROOT, PULLER, needed, name, RESOURCE)
    expected = f"User: {ROOT.arn} is not authorized to perform: {action} on resource: {RESOURCE}"
    assert denied.value.message == f"{expected} because no session policy allows the {action} action"


def test_what_concerns_the_installation_is_for_the_default_account_only() -> None:
    authorize_installation(ROOT, ACCOUNT, ["moorage:CreateAccount"])
    with pytest.raises(AccessDeniedError, match="moorage:CreateAccount on resource: \\* because no identity-based policy"):
        authorize_installation(ROOT, "999999999999", ["moorage:CreateAccount"])
