"""The matrix notices when any entry requires something else, or less: no mutation of a table survives it."""

import pytest

from tests.authorization.matrix import OPERATIONS, Matrix
from tests.authorization.mutations import mutations, survivors
from tests.authorization.requirements import LINES, Line


@pytest.mark.parametrize("line", LINES, ids=str)
def test_no_other_requirement_goes_unnoticed(matrix: Matrix, line: Line) -> None:
    assert survivors(matrix, [line]) == []


@pytest.mark.parametrize("line", LINES, ids=str)
def test_there_is_something_to_flip_in_every_entry(matrix: Matrix, line: Line) -> None:
    made = mutations(matrix, line)
    same_route = line.section == "oci" and line.entry == "HEAD manifests"  # a HEAD without a row of its own
    assert len(made) >= len(line.needs) * (3 if line.section in OPERATIONS else 1) or same_route
    assert made or same_route
