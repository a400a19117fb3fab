import json

import pytest

from moorage.iam.principal import NamedPrincipal
from moorage.identity import accounts, resources
from moorage.identity.principals import principal_exists
from moorage.identity.resources import Kind, Resource
from moorage.repositories.model import Repository
from moorage.storage.database.transaction import Transaction
from tests.unit.ground import ACCOUNT, Ground

OTHER = "210987654321"


def user(ground: Ground, account_id: str, name: str) -> Resource:
    def make(tx: Transaction) -> Resource:
        accounts.ensure_account(tx, account_id, account_id)
        return resources.create(tx, account_id, Kind.USER, name)

    return ground.write(make)


@pytest.mark.parametrize(
    ("key", "text", "exists"),
    [
        ("AWS", "*", True),
        ("AWS", ACCOUNT, True),
        ("AWS", "999999999999", True),
        ("AWS", f"arn:aws:iam::{ACCOUNT}:root", True),
        ("AWS", f"arn:aws:iam::{ACCOUNT}:user/alice", False),
        ("AWS", f"arn:aws:iam::{ACCOUNT}:role/deploy", False),
        ("AWS", f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/me", False),
        ("AWS", f"arn:aws:sts::{ACCOUNT}:federated-user/bob", True),
        ("AWS", "arn:aws:iam::999999999999:user/alice", True),
        ("AWS", "arn:aws:sts::999999999999:assumed-role/deploy/me", True),
        ("AWS", "AROACKCEVSQ6C2EXAMPLE", False),
        ("Service", "codebuild.amazonaws.com", True),
    ],
)
def test_only_users_and_roles_of_the_policys_own_account_must_exist(ground: Ground, key: str, text: str, exists: bool) -> None:
    assert ground.read(lambda tx: principal_exists(tx, ACCOUNT, NamedPrincipal.parse(key, text))) is exists


def test_a_unique_id_may_be_named_by_its_own_account_alone(ground: Ground) -> None:
    named = NamedPrincipal.parse("AWS", user(ground, OTHER, "theirs").id)
    assert ground.read(lambda tx: principal_exists(tx, OTHER, named))
    assert not ground.read(lambda tx: principal_exists(tx, ACCOUNT, named))


def test_a_policy_shows_what_becomes_of_its_own_accounts_users_and_nothing_of_others(
    ground: Ground, repository: Repository
) -> None:
    mine, theirs = user(ground, ACCOUNT, "mine"), user(ground, OTHER, "hidden")
    ghost = f"arn:aws:iam::{OTHER}:user/ghost"
    statement = {"Effect": "Allow", "Principal": {"AWS": [mine.arn, theirs.arn, ghost]}, "Action": "ecr:BatchGetImage"}
    ground.do("SetRepositoryPolicy", repositoryName=repository.name, policyText=json.dumps({"Statement": [statement]}))

    def shown() -> list[str]:
        answer = ground.do("GetRepositoryPolicy", repositoryName=repository.name)
        named: list[str] = json.loads(answer["policyText"])["Statement"][0]["Principal"]["AWS"]
        return named

    for each in (mine, theirs):
        ground.write(lambda tx, each=each: resources.rename(tx, each, name=f"{each.name}-secret"))  # type: ignore[misc]
    assert shown() == [f"{mine.arn}-secret", theirs.arn, ghost]
    for each in (mine, theirs):
        ground.write(lambda tx, each=each: resources.delete(tx, each))  # type: ignore[misc]
    assert shown() == [mine.id, theirs.arn, ghost]
