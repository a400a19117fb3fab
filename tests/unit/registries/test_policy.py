import json
from typing import Any

import pytest
import sqlalchemy as sa

from moorage.core.errors import InvalidParameterError
from moorage.registries.errors import RegistryPolicyNotFoundError
from moorage.storage.database.schema.journal import audit, events
from tests.unit.ground import ACCOUNT, Ground

REFUSED = "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid registry policy provided'"


def policy(**elements: Any) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::999988887777:root"},
        "Action": ["ecr:ReplicateImage", "ecr:CreateRepository"],
        "Resource": f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/*",
        **elements,
    }
    return json.dumps({"Statement": [{name: value for name, value in statement.items() if value is not None}]})


def test_a_registry_policy_is_kept_as_it_is_printed_until_it_is_deleted(ground: Ground) -> None:
    with pytest.raises(RegistryPolicyNotFoundError):
        ground.do("GetRegistryPolicy")
    put = ground.do("PutRegistryPolicy", policyText=policy())
    assert put["policyText"].startswith('{\n  "Statement" : [ {\n    "Effect" : "Allow",')
    assert ground.do("GetRegistryPolicy") == put == {"registryId": ACCOUNT, "policyText": put["policyText"]}
    other = ground.do("PutRegistryPolicy", policyText=policy(Action="ecr:*", Resource="*"))
    assert other != put
    assert ground.do("DeleteRegistryPolicy") == other
    with pytest.raises(RegistryPolicyNotFoundError):
        ground.do("DeleteRegistryPolicy")
    kinds = [row.kind for row in ground.rows(sa.select(events.c.kind))]
    assert kinds == ["Moorage Registry Policy Changed"] * 3
    assert [row.event_name for row in ground.rows(sa.select(audit.c.event_name).order_by(audit.c.id))] == [
        "PutRegistryPolicy",
        "PutRegistryPolicy",
        "DeleteRegistryPolicy",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        policy(Resource=None),
        policy(Principal=None),
        policy(Action="s3:GetObject"),
        policy(Action="ecr:Nothing"),
        policy(Principal={"CanonicalUser": "0" * 64}),
    ],
)
def test_what_is_no_registry_policy_is_refused_in_ecrs_words(ground: Ground, text: str) -> None:
    with pytest.raises(InvalidParameterError) as caught:
        ground.do("PutRegistryPolicy", policyText=text)
    assert caught.value.message == REFUSED


def test_users_and_roles_of_accounts_that_are_here_must_exist(ground: Ground) -> None:
    for name in (f"arn:aws:iam::{ACCOUNT}:user/alice", f"arn:aws:sts::{ACCOUNT}:assumed-role/r/me", "AIDACKCEVSQ6C2EXAMPLE"):
        with pytest.raises(InvalidParameterError) as caught:
            ground.do("PutRegistryPolicy", policyText=policy(Principal={"AWS": [ACCOUNT, name]}))
        assert caught.value.message == "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Principal not found'"
    elsewhere = {"AWS": ["arn:aws:iam::999988887777:user/alice", ACCOUNT], "Service": "codebuild.amazonaws.com"}
    ground.do("PutRegistryPolicy", policyText=policy(Principal=elsewhere))


def test_under_the_first_scope_a_registry_policy_names_three_actions_only(ground: Ground) -> None:
    arn = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/*"

    def put(*actions: str) -> None:
        statement = {"Effect": "Allow", "Principal": {"AWS": "999999999999"}, "Action": list(actions), "Resource": arn}
        ground.do("PutRegistryPolicy", policyText=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))

    put("ecr:PutImage")
    ground.do("PutAccountSetting", name="REGISTRY_POLICY_SCOPE", value="V1")
    put("ecr:ReplicateImage", "ecr:BatchImportUpstreamImage", "ECR:CreateRepository")
    for refused in ("ecr:PutImage", "ecr:*", "ecr:Create*"):
        with pytest.raises(InvalidParameterError, match="Invalid registry policy provided"):
            put(refused)
