"""Users and roles that tests of IAM and STS begin with."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.contract.aws.credentials import ALLOW, Keys, User, fresh, new_role
from tests.contract.aws.door import Door


@pytest.fixture
def client_of(door: Door) -> Callable[[str, Keys], Any]:
    """Makes clients of a service with credentials."""
    return lambda service, keys: door.client(key_id=keys.id, secret=keys.secret, token=keys.token, service=service)


@pytest.fixture
def power_user(iam: Any) -> User:
    """A user who may do everything in the account."""
    name = fresh("user")
    made = iam.create_user(UserName=name)["User"]
    iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=ALLOW)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return User(name, made["Arn"], made["UserId"], Keys(key["AccessKeyId"], key["SecretAccessKey"]))


@pytest.fixture
def trusting_role(iam: Any, power_user: User) -> dict[str, Any]:
    """A role that the user may take and that may do everything."""
    return new_role(iam, {"AWS": power_user.arn})


@pytest.fixture
def role_session(client_of: Any, power_user: User, trusting_role: dict[str, Any]) -> Keys:
    """A session of the role, opened by the user."""
    return Keys.of(client_of("sts", power_user.keys).assume_role(RoleArn=trusting_role["Arn"], RoleSessionName="ci"))
