import pytest

from moorage.iam.ecr import REGISTRY_ACTIONS, REPOSITORY_ACTIONS, names_ecr_actions
from tests.unit.ground import service

PERMISSIONS_ONLY = {"BatchImportUpstreamImage", "GetImageCopyStatus", "ReplicateImage"}


def test_every_operation_of_ecr_is_an_action_and_no_action_is_invented() -> None:
    assert not REPOSITORY_ACTIONS & REGISTRY_ACTIONS
    assert service().operation_names == (REPOSITORY_ACTIONS | REGISTRY_ACTIONS) - PERMISSIONS_ONLY


@pytest.mark.parametrize(
    ("pattern", "known"),
    [
        ("*", True),
        ("ecr:*", True),
        ("ecr:Get*", True),
        ("ECR:putimage", True),
        ("ecr:PutImag?", True),
        ("ecr:ReplicateImage", True),
        ("ecr:PutImages", False),
        ("ecr:Foo*", False),
        ("s3:GetObject", False),
        ("ecr-public:PutImage", False),
    ],
)
def test_an_action_must_name_something_that_ecr_has(pattern: str, known: bool) -> None:
    assert names_ecr_actions(pattern) is known
