"""The Dispatcher and both route tables name action and resource for every entry, and what was typed by hand is complete."""

from dataclasses import replace

import pytest

from moorage.aws.requirements import AnyCaller
from moorage.core.call import Requirement
from tests.authorization.matrix import Matrix
from tests.authorization.requirements import LINES, read
from tests.authorization.walk import without_entry, without_line, without_requirement, without_sample


def test_every_entry_names_its_action_and_its_resource(matrix: Matrix) -> None:
    assert without_requirement(matrix, LINES) == []


@pytest.mark.parametrize("requires", [(), AnyCaller("because"), lambda _params: (), (Requirement(()),), (Requirement(("x",)),)])
def test_an_operation_without_them_is_found(matrix: Matrix, requires: object) -> None:
    dispatcher = matrix.place.dispatchers["ecr"]
    changed: object = replace(dispatcher.find("PutImage"), requires=requires)  # type: ignore[arg-type]
    dispatcher.changed["PutImage"] = changed  # type: ignore[assignment]
    try:
        assert without_requirement(matrix, LINES) == ["ecr PutImage"]
    finally:
        dispatcher.changed.clear()


def test_a_route_without_them_is_found(matrix: Matrix) -> None:
    place = matrix.place
    for at, route in enumerate(place.distribution):
        if route.requirement is not None:
            place.distribution[at] = replace(route, requirement=None)
            assert len(without_requirement(matrix, LINES)) == 1, route
            place.distribution[at] = route
    for number, row in enumerate(place.api):
        place.api[number] = replace(row, requires=())
        assert without_requirement(matrix, LINES) == [f"{row.method} {row.path}"]
        place.api[number] = row


def test_every_operation_and_route_has_a_line_and_every_line_has_one(matrix: Matrix) -> None:
    assert without_line(matrix.place, LINES) == []
    assert without_entry(matrix.place, LINES) == []


def test_every_line_has_a_sample_request_and_every_sample_a_line() -> None:
    assert without_sample(LINES) == []


def test_what_is_missing_is_told(matrix: Matrix) -> None:
    fewer = tuple(line for line in LINES if line.entry not in {"PutImage", "GET tags/list", "GET /audit"})
    missing = without_line(matrix.place, fewer)
    assert missing[0] == "ecr PutImage" and "tags/list" in missing[1] and missing[2] == "GET /audit" and len(missing) == 3
    more = (*LINES, *read("[ecr]\nReplicateImage | ecr:ReplicateImage @ repository"))
    assert without_entry(matrix.place, more) == ["[ecr] ReplicateImage"]
    assert without_sample(more) == ["ecr ReplicateImage"]


@pytest.mark.parametrize("text", ["PutImage | ecr:PutImage @ x", "[ecr]\nPutImage", "[ecr]\nX | ecr:X", "[ecr]\nX | x @ y"])
def test_a_line_that_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a "):
        read(text)


def test_a_line_stands_there_once() -> None:
    with pytest.raises(ValueError, match="twice"):
        read("[ecr]\nPutImage | ecr:PutImage @ *\nPutImage | ecr:PutImage @ repository")
