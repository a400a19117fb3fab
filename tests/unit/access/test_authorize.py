import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.access.authorize import allowed_among, authorize, is_allowed
from moorage.core.call import Principal
from moorage.core.errors import AccessDeniedError
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
