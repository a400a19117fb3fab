import json
from typing import Any

import pytest
import sqlalchemy as sa

from moorage.core.call import Principal
from moorage.core.errors import InvalidParameterError
from moorage.identity import resources
from moorage.identity.resources import Kind, Resource
from moorage.registries.policy_text import Kept
from moorage.repositories.errors import RepositoryNotFoundError, RepositoryPolicyNotFoundError
from moorage.repositories.model import Repository
from moorage.storage.database.schema.journal import events
from moorage.storage.database.transaction import Transaction
from tests.unit.ground import ACCOUNT, Ground

REFUSED = "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'"


def policy(**elements: Any) -> str:
    """A policy that anybody may pull, but for these elements; None leaves one out."""
    statement = {"Sid": "allow public pull", "Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage", **elements}
    shown = {name: value for name, value in statement.items() if value is not None}
    return json.dumps({"Version": "2008-10-17", "Statement": [shown, shown]})


def set_policy(ground: Ground, repository: Repository, text: str, **members: Any) -> str:
    answer = ground.do("SetRepositoryPolicy", repositoryName=repository.name, policyText=text, **members)
    assert ground.do("GetRepositoryPolicy", repositoryName=repository.name) == answer
    return str(answer["policyText"])


def test_a_policy_is_kept_as_it_is_printed_until_it_is_deleted(ground: Ground, repository: Repository) -> None:
    named = {"repositoryName": repository.name}
    with pytest.raises(RepositoryPolicyNotFoundError):
        ground.do("GetRepositoryPolicy", **named)
    text = set_policy(ground, repository, policy())
    assert text.startswith('{\n  "Version" : "2008-10-17",\n  "Statement" : [ {\n    "Sid" : "allow public pull",')
    other = set_policy(ground, repository, policy(Sid=None))
    expected = {"registryId": ACCOUNT, "repositoryName": repository.name, "policyText": other}
    assert ground.do("DeleteRepositoryPolicy", **named) == expected
    with pytest.raises(RepositoryPolicyNotFoundError):
        ground.do("DeleteRepositoryPolicy", **named)
    assert [row.kind for row in ground.rows(sa.select(events.c.kind))][1:] == ["Moorage Repository Policy Changed"] * 3


def test_a_policy_goes_with_its_repository(ground: Ground, repository: Repository) -> None:
    set_policy(ground, repository, policy())
    ground.do("DeleteRepository", repositoryName=repository.name)
    ground.repository(repository.name)
    with pytest.raises(RepositoryPolicyNotFoundError):
        ground.do("GetRepositoryPolicy", repositoryName=repository.name)


@pytest.mark.parametrize("name", ["SetRepositoryPolicy", "GetRepositoryPolicy", "DeleteRepositoryPolicy"])
def test_a_repository_that_is_not_there_has_no_policy(ground: Ground, name: str) -> None:
    with pytest.raises(RepositoryNotFoundError):
        ground.do(name, repositoryName="absent", **({"policyText": "{"} if name.startswith("Set") else {}))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "{",
        '{"Statement":[]}',
        "[" * 10_240,
        '{"Statement":' * 700,
        " " * 10_240,
        policy(Principal=None),
        policy(Action="iam:PassRole"),
        policy(Action=["ecr:BatchGetImage", "ecr:Unknown"]),
        policy(Effect="Maybe"),
        policy(Resource="arn:aws:ecr:us-east-1:123456789012:repository/other"),
        policy(Resource=["*", f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/team/app"]),
        policy(NotResource="*"),
        policy(Sid="\ud800"),
        policy(Sid="a\0b"),
    ],
)
def test_what_is_no_repository_policy_is_refused_in_ecrs_words(ground: Ground, repository: Repository, text: str) -> None:
    with pytest.raises(InvalidParameterError) as caught:
        ground.do("SetRepositoryPolicy", repositoryName=repository.name, policyText=text)
    assert caught.value.message == REFUSED


def test_a_longer_text_than_ecr_takes_is_refused_before_it_is_read(ground: Ground, repository: Repository) -> None:
    with pytest.raises(InvalidParameterError, match="'Member must have length less than or equal to 10240'"):
        ground.do("SetRepositoryPolicy", repositoryName=repository.name, policyText=" " * 10_241)


@pytest.mark.parametrize(
    "resource", ["*", f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/team/app", f"arn:aws:ecr:*:{ACCOUNT}:repository/team/*"]
)
def test_a_resource_that_takes_the_repository_in_is_no_fault(ground: Ground, repository: Repository, resource: str) -> None:
    assert json.loads(set_policy(ground, repository, policy(Resource=resource)))["Statement"][0]["Resource"] == resource


def test_principals_are_checked_where_their_account_is_here(ground: Ground, repository: Repository) -> None:
    with pytest.raises(InvalidParameterError, match="'Principal not found'"):
        set_policy(ground, repository, policy(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/absent"}))
    set_policy(ground, repository, policy(Principal={"AWS": ["arn:aws:iam::111122223333:role/theirs", ACCOUNT]}))


@pytest.mark.parametrize(
    "elements",
    [
        {"Principal": "*", "Action": "*"},
        {"Principal": "*", "Action": "ecr:*"},
        {"Principal": {"AWS": ACCOUNT}, "Action": ["ecr:PutImage", "ecr:setrepositorypolicy"]},
        {"Principal": None, "NotPrincipal": {"AWS": "111122223333"}, "Action": "ecr:SetRepository*"},
        {"Principal": "*", "Action": None, "NotAction": "ecr:BatchGetImage"},
        {"Principal": "*", "Action": "ecr:*", "Condition": {}},
        {"Principal": "*", "Action": "ecr:*", "Condition": {"Bool": {"aws:SecureTransport": False}}},
    ],
)
def test_who_would_lock_themselves_out_must_insist(ground: Ground, repository: Repository, elements: dict[str, Any]) -> None:
    text = policy(Effect="Deny", **elements)
    with pytest.raises(InvalidParameterError, match="would prevent you from setting another policy"):
        ground.do("SetRepositoryPolicy", repositoryName=repository.name, policyText=text, force=False)
    set_policy(ground, repository, text, force=True)


@pytest.mark.parametrize(
    "elements",
    [
        {"Effect": "Allow", "Action": "ecr:*"},
        {"Effect": "Deny", "Action": "ecr:BatchGetImage"},
        {"Effect": "Deny", "Action": "ecr:*", "Principal": {"AWS": "111122223333"}},
        {"Effect": "Deny", "Action": "ecr:*", "Principal": None, "NotPrincipal": {"AWS": ACCOUNT}},
        {"Effect": "Deny", "Action": None, "NotAction": "ecr:Set*"},
        {"Effect": "Deny", "Action": "ecr:*", "Condition": {"Bool": {"aws:SecureTransport": True}}},
    ],
)
def test_what_leaves_a_way_back_needs_no_force(ground: Ground, repository: Repository, elements: dict[str, Any]) -> None:
    assert set_policy(ground, repository, policy(**elements))


def test_who_may_set_policies_by_the_old_one_alone_is_locked_out_by_one_that_forgets_them(
    ground: Ground, repository: Repository
) -> None:
    """By real evaluation: what a policy no longer allows counts as what it denies."""

    def add(tx: Transaction) -> Resource:
        return resources.create(tx, ACCOUNT, Kind.USER, "ann")

    made = ground.write(add)
    ann = Principal(ACCOUNT, made.arn, "IAMUser", "AKIAANN", made.id, made.id, made.arn)
    call = ground.call("SetRepositoryPolicy", repository.name, principal=ann)
    allowing = Kept(policy(Principal={"AWS": made.arn}, Action="ecr:*"))
    assert not ground.read(lambda tx: ground.judge.locks_out(tx, call, repository.name, allowing))
    assert ground.read(lambda tx: ground.judge.locks_out(tx, call, repository.name, Kept(policy())))
