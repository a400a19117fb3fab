"""IAM on the aws command line, both generations: a person is let in, signs in, and is let out."""

import uuid
from dataclasses import replace

import pytest

from tests.clients.aws_cli import Aws
from tests.clients.plugin import CLIENTS
from tests.clients.tool import Sandbox
from tests.e2e.registry import Registry

pytestmark = pytest.mark.ours

_VERSIONS = [pytest.param(name, marks=pytest.mark.requires_client(name)) for name in ("aws-cli-v2", "aws-cli-v1")]
_ACCOUNT = "123456789012"
_POWER = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPowerUser"


@pytest.fixture(params=_VERSIONS)
def aws(request: pytest.FixtureRequest, registry: Registry, box: Sandbox) -> Aws:
    return registry.aws(box, CLIENTS[request.param].path())


def test_a_person_is_let_in_signs_in_and_is_let_out(registry: Registry, repository: str, aws: Aws) -> None:
    name = f"alice-{uuid.uuid4().hex[:8]}"
    who = ("--user-name", name)
    made = aws.ask("iam", "create-user", *who, "--path", "/people/", "--tags", "Key=team,Value=core")["User"]
    assert made["Arn"] == f"arn:aws:iam::{_ACCOUNT}:user/people/{name}"
    aws.run("iam", "wait", "user-exists", *who)
    assert aws.ask("iam", "get-user", *who)["User"] == made
    key = aws.ask("iam", "create-access-key", *who)["AccessKey"]
    alice = replace(aws, credentials={"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]})
    assert alice.ask("sts", "get-caller-identity") == {"UserId": made["UserId"], "Account": _ACCOUNT, "Arn": made["Arn"]}
    listing = ("ecr", "list-images", "--repository-name", repository)
    refused = alice.run(*listing, check=False)
    assert f"{made['Arn']} is not authorized to perform: ecr:ListImages" in refused.err
    aws.run("iam", "attach-user-policy", *who, "--policy-arn", _POWER)
    assert alice.ask(*listing) == {"imageIds": []}
    assert len(alice.run("ecr", "get-login-password").out.strip()) > 100
    aws.run("iam", "update-access-key", *who, "--access-key-id", key["AccessKeyId"], "--status", "Inactive")
    assert "UnrecognizedClientException" in alice.run(*listing, check=False).err
    assert "must detach all policies first" in aws.run("iam", "delete-user", *who, check=False).err
    aws.run("iam", "detach-user-policy", *who, "--policy-arn", _POWER)
    aws.run("iam", "delete-access-key", *who, "--access-key-id", key["AccessKeyId"])
    aws.run("iam", "delete-user", *who)
    assert "NoSuchEntity" in aws.run("iam", "get-user", *who, check=False).err


def test_groups_and_logins_on_the_command_line(aws: Aws) -> None:
    suffix = uuid.uuid4().hex[:8]
    who, group = ("--user-name", f"bob-{suffix}"), ("--group-name", f"team-{suffix}")
    aws.run("iam", "create-user", *who)
    assert aws.ask("iam", "create-group", *group)["Group"]["GroupName"] == group[1]
    aws.run("iam", "add-user-to-group", *who, *group)
    assert [each["UserName"] for each in aws.ask("iam", "get-group", *group)["Users"]] == [who[1]]
    aws.run("iam", "create-login-profile", *who, "--password", "Corr3ct-horse", "--password-reset-required")
    assert aws.ask("iam", "get-login-profile", *who)["LoginProfile"]["PasswordResetRequired"] is True
    aws.run("iam", "delete-login-profile", *who)
    aws.run("iam", "remove-user-from-group", *who, *group)
    for words in (("delete-group", *group), ("delete-user", *who)):
        aws.run("iam", *words)
    assert aws.ask("iam", "get-account-summary")["SummaryMap"]["UsersQuota"] == 5000
