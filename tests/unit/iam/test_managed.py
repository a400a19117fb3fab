import json
import re

import pytest

from moorage.iam.document import Document
from moorage.iam.ecr import names_ecr_actions
from moorage.iam.kinds import parse_managed_policy
from moorage.iam.managed import MANAGED, ManagedPolicy

EXPECTED = {
    "AmazonEC2ContainerRegistryFullAccess": "v3",
    "AmazonEC2ContainerRegistryPowerUser": "v3",
    "AmazonEC2ContainerRegistryReadOnly": "v3",
    "AmazonEC2ContainerRegistryPullOnly": "v1",
    "AmazonElasticContainerRegistryPublicFullAccess": "v1",
    "AmazonElasticContainerRegistryPublicPowerUser": "v1",
    "AmazonElasticContainerRegistryPublicReadOnly": "v1",
    "service-role/AmazonECSTaskExecutionRolePolicy": "v1",
    "aws-service-role/AWSECRPullThroughCache_ServiceRolePolicy": "v3",
    "aws-service-role/ECRReplicationServiceRolePolicy": "v1",
    "aws-service-role/ECRTemplateServiceRolePolicy": "v1",
    "AmazonEKSWorkerNodePolicy": "v3",
    "AmazonEKSWorkerNodeMinimalPolicy": "v1",
    "service-role/AWSAppRunnerServicePolicyForECRAccess": "v1",
    "EC2InstanceProfileForImageBuilderECRContainerBuilds": "v1",
    "AdministratorAccess": "v1",
    "IAMFullAccess": "v2",
    "IAMReadOnlyAccess": "v4",
    "IAMUserChangePassword": "v2",
    "AWSDenyAll": "v1",
}


def test_the_policies_that_are_promised_are_there_in_their_versions() -> None:
    prefix = "arn:aws:iam::aws:policy/"
    assert {arn.removeprefix(prefix): policy.version for arn, policy in MANAGED.items()} == EXPECTED


@pytest.mark.parametrize("policy", MANAGED.values(), ids=lambda policy: policy.name)
def test_each_is_a_managed_policy_with_an_arn_a_path_and_an_id(policy: ManagedPolicy) -> None:
    assert policy.arn == f"arn:aws:iam::aws:policy{policy.path}{policy.name}"
    assert re.fullmatch(r"/(?:[a-z-]+/)?", policy.path)
    assert re.fullmatch(r"ANPA[A-Z2-7]{17}", policy.id)
    assert policy.description
    assert policy.created_at > 1_400_000_000_000
    assert parse_managed_policy(policy.text).version == "2012-10-17"


def test_ids_are_unique_and_never_change() -> None:
    ids = {policy.id for policy in MANAGED.values()}
    assert len(ids) == len(MANAGED)
    assert MANAGED["arn:aws:iam::aws:policy/AdministratorAccess"].id == "ANPAXUEARDEVTUHKHZ23E"


@pytest.mark.parametrize("policy", MANAGED.values(), ids=lambda policy: policy.name)
def test_every_ecr_action_that_they_name_exists(policy: ManagedPolicy) -> None:
    for statement in Document.parse(policy.text).statements:
        for action in statement.actions or ():
            if action.startswith("ecr:"):
                assert names_ecr_actions(action)


def test_a_power_user_may_read_and_push() -> None:
    def actions(name: str) -> set[str]:
        return set(json.loads(MANAGED[f"arn:aws:iam::aws:policy/{name}"].text)["Statement"][0]["Action"])

    push = {"InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload", "PutImage"}
    for family, service in (("EC2ContainerRegistry", "ecr"), ("ElasticContainerRegistryPublic", "ecr-public")):
        added = actions(f"Amazon{family}PowerUser") - actions(f"Amazon{family}ReadOnly")
        assert added == {f"{service}:{action}" for action in push}


def test_only_services_own_roles_may_have_what_is_theirs() -> None:
    assert {policy.name for policy in MANAGED.values() if policy.for_service} == {
        "AWSECRPullThroughCache_ServiceRolePolicy",
        "ECRReplicationServiceRolePolicy",
        "ECRTemplateServiceRolePolicy",
    }
