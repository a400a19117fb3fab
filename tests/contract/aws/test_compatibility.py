"""docs/compatibility.md says what is so: its tables are those that the Dispatcher, the models and the error cases give."""

from tests.contract.aws import compatibility
from tests.contract.aws.differences import ACCESS_DIFFERENCES, DIFFERENCES, LATER
from tests.contract.aws.door import Door, Signer


def test_the_tables_are_as_generated() -> None:
    assert compatibility.PAGE.read_text() == compatibility.page(), "run: python -m tests.contract.aws.compatibility"


def test_every_operation_of_ecr_is_either_implemented_or_waits_for_something() -> None:
    operations = set(compatibility.service_model("ecr").operation_names)
    assert len(operations) == 62
    assert len(compatibility.service_model("ecr-public").operation_names) == 23
    assert operations == compatibility.implemented("ecr") | LATER.keys()
    assert not compatibility.implemented("ecr") & LATER.keys()
    assert compatibility.implemented("ecr") >= DIFFERENCES.keys()


def test_differences_are_told_of_operations_that_are_there() -> None:
    assert frozenset[str]().union(*map(compatibility.implemented, compatibility.ACCESS)) >= ACCESS_DIFFERENCES.keys()


def test_what_waits_answers_as_an_unknown_operation(door: Door) -> None:
    for name in sorted(LATER):
        answer = door.raw(name)
        assert (answer.status, answer.document["__type"]) == (404, "UnknownOperationException"), name


def test_no_operation_of_ecr_public_is_answered_by_the_private_registry(door: Door) -> None:
    for name in compatibility.service_model("ecr-public").operation_names:
        answer = door.raw(name, signer=Signer(service="ecr-public", target=f"SpencerFrontendService.{name}"))
        assert answer.document["__type"] in {"UnknownOperationException", "InvalidSignatureException"}, name
