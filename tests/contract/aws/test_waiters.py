"""The waiters that botocore has for ECR."""

from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import WaiterError

from moorage.app import operation_names
from tests.contract.aws.botocore_data import waiters
from tests.contract.aws.door import Door
from tests.e2e.images import digest

_IMPLEMENTED = {*operation_names("ecr")}
_MEMBERS: dict[str, dict[str, Any]] = {
    "ImageScanComplete": {"imageId": {"imageDigest": digest(b"x")}},
    "LifecyclePolicyPreviewComplete": {},
}


def test_these_are_all_waiters() -> None:
    assert waiters().keys() == _MEMBERS.keys()


@pytest.mark.parametrize("name", sorted(name for name, waiter in waiters().items() if waiter["operation"] not in _IMPLEMENTED))
def test_a_waiter_for_what_is_not_implemented_says_so_at_once(door: Door, repository: str, name: str) -> None:
    waiter = door.ecr.get_waiter(xform_name(name))
    with pytest.raises(WaiterError, match="UnknownOperationException"):
        waiter.wait(repositoryName=repository, **_MEMBERS[name], WaiterConfig={"Delay": 0, "MaxAttempts": 2})


def test_a_waiter_that_could_work_has_a_test_of_its_own() -> None:
    assert {waiter["operation"] for waiter in waiters().values()} & _IMPLEMENTED == set()
