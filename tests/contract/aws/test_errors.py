"""Every error that the model declares for an operation and that can arise, raised once: by its code and its whole text."""

import pytest

from moorage.app import operation_names
from tests.contract.aws.case import Case
from tests.contract.aws.door import Door, input_of, model, refused
from tests.contract.aws.error_cases import CASES, NEVER, NEVER_BY, USUAL


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_error_has_its_code_and_its_text(door: Door, repository: str, case: Case) -> None:
    members, text = case.prepare(door, repository)
    named = {"repositoryName": repository} if "repositoryName" in input_of(case.operation).members else {}
    with refused(case.code, text):
        door.call(case.operation, **{**named, **USUAL.get(case.operation, {}), **members})


def test_no_error_of_the_model_is_left_out() -> None:
    declared = {(name, shape.name) for name in operation_names("ecr") for shape in model().operation_model(name).error_shapes}
    impossible = {(name, code) for name, code in declared if code in NEVER} | NEVER_BY.keys()
    assert {(case.operation, case.code) for case in CASES} == declared - impossible
    assert impossible <= declared
