import pytest

from moorage.iam.principal import NamedPrincipal
from moorage.identity.principals import principal_exists
from tests.unit.ground import ACCOUNT, Ground


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
