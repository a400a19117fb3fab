"""Every error that IAM's model declares for an operation and that can arise, raised once: by its code, text and status."""

from functools import cache
from typing import Any

import pytest
from botocore import xform_name
from botocore.loaders import Loader
from botocore.model import ServiceModel

from tests.contract.aws import error_cases_iam as people
from tests.contract.aws.door import Door
from tests.contract.aws.iam import failed
from tests.contract.aws.iam_case import NEVER, Ground, IamCase

_ROOMS = (*people.ROOMS,)
_CASES = (*people.CASES,)
_FURTHER = (*people.FURTHER,)
_USUAL = {**people.USUAL}
_NEVER_BY = {**people.NEVER_BY}


@cache
def _model() -> ServiceModel:
    return ServiceModel(Loader().load_service_model("iam", "service-2"), "iam")


@cache
def _errors() -> dict[str, dict[str, Any]]:
    """Code and status of each error, by the name of its shape, which botocore's classes keep only in part."""
    shapes = Loader().load_service_model("iam", "service-2")["shapes"]
    return {name: shape["error"] for name, shape in shapes.items() if "error" in shape}


def _status(code: str) -> int:
    return next(int(error["httpStatusCode"]) for error in _errors().values() if error["code"] == code)


@pytest.mark.parametrize("case", [*_CASES, *_FURTHER], ids=str)
def test_an_error_has_its_code_its_text_and_its_status(door: Door, iam: Any, user: str, case: IamCase) -> None:
    members, text = case.prepare(Ground(door, iam, user))
    shape = _model().operation_model(case.operation).input_shape
    named = {"UserName": user} if shape is not None and "UserName" in shape.members else {}
    request = {**named, **_USUAL.get(case.operation, {}), **members}
    client = request.pop("client", iam)
    try:
        with failed(case.code, text, _status(case.code)):
            getattr(client, xform_name(case.operation))(**request)
    finally:
        door.prepare(people.EMPTY)


def test_no_error_of_the_model_is_left_out() -> None:
    marks = (getattr(method, "moorage_operation", None) for room in _ROOMS for method in vars(room).values())
    names = {mark.name for mark in marks if mark is not None}
    declared = {
        (name, _errors()[shape.name]["code"]) for name in names for shape in _model().operation_model(name).error_shapes
    }
    impossible = {(name, code) for name, code in declared if code in NEVER} | _NEVER_BY.keys()
    assert {(case.operation, case.code) for case in _CASES} == declared - impossible
    assert impossible <= declared
