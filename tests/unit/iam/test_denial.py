"""AWS's words for a denial: the reference's table A4.1."""

import pytest

from moorage.core.call import Principal
from moorage.iam.decision import Decision, Layer, Outcome
from moorage.iam.denial import denied
from tests.unit.iam.world import FEDERATED, REPOSITORY, SESSION, USER, A, federated, nobody, root, session, user

ACTION = "ecr:PutImage"
TAILS = [
    (Outcome.IMPLICIT_DENY, Layer.IDENTITY, f" because no identity-based policy allows the {ACTION} action"),
    (Outcome.IMPLICIT_DENY, Layer.RESOURCE, f" because no resource-based policy allows the {ACTION} action"),
    (Outcome.IMPLICIT_DENY, Layer.BOUNDARY, f" because no permissions boundary allows the {ACTION} action"),
    (Outcome.IMPLICIT_DENY, Layer.SESSION, f" because no session policy allows the {ACTION} action"),
    (Outcome.IMPLICIT_DENY, Layer.SERVICE_CONTROL, f" because no service control policy allows the {ACTION} action"),
    (Outcome.IMPLICIT_DENY, Layer.TRUST, f" because no role trust policy allows the {ACTION} action"),
    (Outcome.EXPLICIT_DENY, Layer.IDENTITY, " with an explicit deny in an identity-based policy"),
    (Outcome.EXPLICIT_DENY, Layer.RESOURCE, " with an explicit deny in a resource-based policy"),
    (Outcome.EXPLICIT_DENY, Layer.BOUNDARY, " with an explicit deny in a permissions boundary"),
    (Outcome.EXPLICIT_DENY, Layer.SESSION, " with an explicit deny in a session policy"),
    (Outcome.EXPLICIT_DENY, Layer.SERVICE_CONTROL, " with an explicit deny in a service control policy"),
    (Outcome.EXPLICIT_DENY, Layer.TRUST, " with an explicit deny in the role trust policy"),
]


@pytest.mark.parametrize(("outcome", "layer", "tail"), TAILS)
def test_a_denial_says_which_kind_of_policy_it_comes_from(outcome: Outcome, layer: Layer, tail: str) -> None:
    text = denied(user, ACTION, REPOSITORY, Decision(outcome, layer))
    assert text == f"User: {USER} is not authorized to perform: {ACTION} on resource: {REPOSITORY}{tail}"


@pytest.mark.parametrize(
    ("caller", "name"),
    [
        (session, SESSION),
        (federated, FEDERATED),
        (root, f"arn:aws:iam::{A}:root"),
        (nobody, "anonymous"),
        (Principal(A, "", "Unknown", ""), "anonymous"),
    ],
)
def test_a_denial_names_the_caller_by_the_arn_of_its_session(caller: Principal, name: str) -> None:
    text = denied(caller, "ecr:GetAuthorizationToken", "*", Decision(Outcome.IMPLICIT_DENY, Layer.IDENTITY))
    assert text.startswith(f"User: {name} is not authorized to perform: ecr:GetAuthorizationToken on resource: * because ")
