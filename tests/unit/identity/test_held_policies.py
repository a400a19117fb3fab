"""What users, groups and roles hold: inline policies, managed policies, boundaries."""

from typing import Any
from urllib.parse import unquote

import pytest

from moorage.core.errors import MoorageError
from moorage.iam.errors import MalformedPolicyError
from moorage.identity.iam_errors import InvalidInputError, NoSuchEntityError, QuotaExceededError
from moorage.identity.policies.policy_errors import PolicyLimitError
from moorage.identity.resources import Kind, Resource
from tests.unit.ground import ACCOUNT, Ground
from tests.unit.identity.iam_api import ADMINISTRATOR, READ_ONLY, IamApi, allow

KINDS = [Kind.USER, Kind.GROUP, Kind.ROLE]
BOUNDED = [Kind.USER, Kind.ROLE]
ABSENT = f"arn:aws:iam::{ACCOUNT}:policy/absent"


@pytest.fixture
def api(ground: Ground) -> IamApi:
    """IAM's API on an installation of one account."""
    return IamApi(ground)


class Holder:
    """A user, group or role, and IAM's operations on what it holds."""

    def __init__(self, api: IamApi, kind: Kind) -> None:
        self.api = api
        self.word = kind.capitalize()
        self.kind = kind
        self.resource: Resource = api.group() if kind is Kind.GROUP else api.user() if kind is Kind.USER else api.role()

    def do(self, operation: str, *, of: str | None = None, **params: Any) -> dict[str, Any]:
        """`Put_Policy` is PutUserPolicy of a user; `of` names another one than this."""
        named = {f"{self.word}Name": of or self.resource.name}
        return self.api.do(operation.replace("_", self.word), **named, **params)

    def refused(self, error: type[MoorageError], text: str, operation: str, **params: Any) -> None:
        """The operation must raise this error with this text."""
        with pytest.raises(error) as caught:
            self.do(operation, **params)
        assert caught.value.message == text


@pytest.fixture(params=KINDS)
def holder(api: IamApi, request: pytest.FixtureRequest) -> Holder:
    """Each that may hold policies."""
    return Holder(api, request.param)


@pytest.fixture(params=BOUNDED)
def bounded(api: IamApi, request: pytest.FixtureRequest) -> Holder:
    """Each that may have a boundary."""
    return Holder(api, request.param)


def test_an_inline_policy_is_shown_as_it_was_put(holder: Holder) -> None:
    holder.do("Put_Policy", PolicyName="own", PolicyDocument=allow("ecr:Get*"))
    shown = holder.do("Get_Policy", PolicyName="own")
    assert unquote(shown["PolicyDocument"]) == allow("ecr:Get*")
    assert (shown["PolicyName"], shown[f"{holder.word}Name"]) == ("own", holder.resource.name)


def test_a_policy_that_is_put_again_replaces_the_one_of_its_name(holder: Holder) -> None:
    holder.do("Put_Policy", PolicyName="own", PolicyDocument=allow("ecr:Get*"))
    holder.do("Put_Policy", PolicyName="Own", PolicyDocument=allow("ecr:Put*"))
    assert holder.do("List_Policies")["PolicyNames"] == ["Own"]
    assert unquote(holder.do("Get_Policy", PolicyName="own")["PolicyDocument"]) == allow("ecr:Put*")


def test_inline_policies_are_listed_by_name_in_pages(holder: Holder) -> None:
    for name in ("b", "C", "a"):
        holder.do("Put_Policy", PolicyName=name, PolicyDocument=allow("ecr:Get*"))
    first = holder.do("List_Policies", MaxItems=2)
    rest = holder.do("List_Policies", MaxItems=2, Marker=first["Marker"])
    assert (first["PolicyNames"], rest["PolicyNames"], rest["IsTruncated"]) == (["a", "b"], ["C"], False)


def test_an_inline_policy_that_is_not_there(holder: Holder) -> None:
    text = f"The {holder.kind} policy with name gone cannot be found."
    holder.do("Put_Policy", PolicyName="gone", PolicyDocument=allow("ecr:Get*"))
    holder.do("Delete_Policy", PolicyName="gone")
    holder.refused(NoSuchEntityError, text, "Get_Policy", PolicyName="gone")
    holder.refused(NoSuchEntityError, text, "Delete_Policy", PolicyName="gone")


def test_inline_policies_together_have_a_limit(holder: Holder) -> None:
    limit = {"user": 2048, "group": 5120, "role": 10_240}[holder.kind]
    size = len("".join(allow("ecr:*").split()))
    holder.do("Put_Policy", PolicyName="one", PolicyDocument=allow("ecr:*"))
    rest = limit - 2 * size
    holder.do("Put_Policy", PolicyName="two", PolicyDocument=allow("ecr:*", pad=rest).replace(" ", "\n\n "))
    text = f"Maximum policy size of {limit} bytes exceeded for {holder.kind} {holder.resource.name}"
    holder.refused(PolicyLimitError, text, "Put_Policy", PolicyName="two", PolicyDocument=allow("ecr:*", pad=rest + 1))
    holder.do("Put_Policy", PolicyName="one", PolicyDocument=allow("ecr:*"))


def test_an_inline_policy_must_be_one(holder: Holder) -> None:
    text = "Policy statement must contain resources."
    document = '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "ecr:*"}}'
    holder.refused(MalformedPolicyError, text, "Put_Policy", PolicyName="own", PolicyDocument=document)


def test_a_policy_is_attached_once_however_often_it_is_asked(holder: Holder) -> None:
    for arn in (READ_ONLY, ADMINISTRATOR, READ_ONLY):
        holder.do("Attach_Policy", PolicyArn=arn)
    shown = holder.do("ListAttached_Policies")["AttachedPolicies"]
    assert shown == [
        {"PolicyName": "AdministratorAccess", "PolicyArn": ADMINISTRATOR},
        {"PolicyName": "AmazonEC2ContainerRegistryReadOnly", "PolicyArn": READ_ONLY},
    ]
    holder.do("Detach_Policy", PolicyArn=READ_ONLY)
    assert [each["PolicyArn"] for each in holder.do("ListAttached_Policies")["AttachedPolicies"]] == [ADMINISTRATOR]


def test_attached_policies_are_listed_by_path_and_in_pages(holder: Holder) -> None:
    own = holder.api.policy("reader", Path="/team/")
    for arn in (READ_ONLY, own, ADMINISTRATOR):
        holder.do("Attach_Policy", PolicyArn=arn)
    assert [each["PolicyArn"] for each in holder.do("ListAttached_Policies", PathPrefix="/team/")["AttachedPolicies"]] == [own]
    first = holder.do("ListAttached_Policies", MaxItems=2)
    rest = holder.do("ListAttached_Policies", MaxItems=2, Marker=first["Marker"])
    assert [len(first["AttachedPolicies"]), len(rest["AttachedPolicies"]), rest["IsTruncated"]] == [2, 1, False]


def test_an_eleventh_policy_is_refused(holder: Holder) -> None:
    for number in range(10):
        holder.do("Attach_Policy", PolicyArn=holder.api.policy(f"p{number}"))
    text = f"Cannot exceed quota for PoliciesPer{holder.word}: 10"
    holder.refused(QuotaExceededError, text, "Attach_Policy", PolicyArn=ADMINISTRATOR)
    holder.do("Attach_Policy", PolicyArn=f"arn:aws:iam::{ACCOUNT}:policy/p3")


def test_what_is_not_there_is_not_attached_and_not_detached(holder: Holder) -> None:
    text = f"Policy {ABSENT} does not exist or is not attachable."
    holder.refused(NoSuchEntityError, text, "Attach_Policy", PolicyArn=ABSENT)
    holder.refused(NoSuchEntityError, f"Policy {READ_ONLY} was not found.", "Detach_Policy", PolicyArn=READ_ONLY)
    bad = "arn:aws:ecr:us-east-1:123456789012:repository/r"
    holder.refused(InvalidInputError, f"ARN {bad} is not valid.", "Attach_Policy", PolicyArn=bad)


def test_another_accounts_policy_is_not_attached(holder: Holder) -> None:
    arn = "arn:aws:iam::999999999999:policy/reader"
    holder.api.policy("reader")
    holder.refused(NoSuchEntityError, f"Policy {arn} does not exist or is not attachable.", "Attach_Policy", PolicyArn=arn)


@pytest.mark.parametrize(
    ("operation", "more"),
    [
        ("Put_Policy", {"PolicyName": "own", "PolicyDocument": allow("ecr:*")}),
        ("Get_Policy", {"PolicyName": "own"}),
        ("Delete_Policy", {"PolicyName": "own"}),
        ("List_Policies", {}),
        ("Attach_Policy", {"PolicyArn": READ_ONLY}),
        ("Detach_Policy", {"PolicyArn": READ_ONLY}),
        ("ListAttached_Policies", {}),
    ],
)
def test_who_is_not_there_holds_nothing(holder: Holder, operation: str, more: dict[str, Any]) -> None:
    text = f"The {holder.kind} with name absent cannot be found."
    holder.refused(NoSuchEntityError, text, operation, of="absent", **more)


def test_a_boundary_replaces_the_one_before_and_is_lifted_once(bounded: Holder) -> None:
    own = bounded.api.policy("limit")
    for arn in (READ_ONLY, own):
        bounded.do("Put_PermissionsBoundary", PermissionsBoundary=arn)
    assert bounded.api.do("GetPolicy", PolicyArn=own)["Policy"]["PermissionsBoundaryUsageCount"] == 1
    assert bounded.api.do("GetPolicy", PolicyArn=READ_ONLY)["Policy"]["PermissionsBoundaryUsageCount"] == 0
    bounded.do("Delete_PermissionsBoundary")
    text = f"{bounded.word} {bounded.resource.name} does not have a permissions boundary."
    bounded.refused(NoSuchEntityError, text, "Delete_PermissionsBoundary")


def test_a_boundary_must_be_a_policy_that_is_there(bounded: Holder) -> None:
    text = f"Policy {ABSENT} does not exist or is not attachable."
    bounded.refused(NoSuchEntityError, text, "Put_PermissionsBoundary", PermissionsBoundary=ABSENT)
    bad = "not-an-arn-but-long-enough"
    bounded.refused(InvalidInputError, f"ARN {bad} is not valid.", "Put_PermissionsBoundary", PermissionsBoundary=bad)


@pytest.mark.parametrize(("operation", "more"), [("Put", {"PermissionsBoundary": READ_ONLY}), ("Delete", {})])
def test_who_is_not_there_has_no_boundary(bounded: Holder, operation: str, more: dict[str, Any]) -> None:
    text = f"The {bounded.kind} with name absent cannot be found."
    bounded.refused(NoSuchEntityError, text, f"{operation}_PermissionsBoundary", of="absent", **more)


def test_what_is_held_goes_with_who_held_it(api: IamApi) -> None:
    user, arn = api.user(), api.policy()
    api.do("AttachUserPolicy", UserName=user.name, PolicyArn=arn)
    api.do("PutUserPermissionsBoundary", UserName=user.name, PermissionsBoundary=arn)
    api.do("PutUserPolicy", UserName=user.name, PolicyName="own", PolicyDocument=allow("ecr:*"))
    api.drop(user)
    api.do("DeletePolicy", PolicyArn=arn)
