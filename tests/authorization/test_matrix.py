"""Every operation and route x every persona, compared with what was typed by hand (never derived from the code)."""

import pytest

from tests.authorization.matrix import Matrix
from tests.authorization.requirements import LINES, Line


@pytest.mark.parametrize("line", LINES, ids=str)
def test_everybody_is_let_pass_or_refused_as_it_was_typed_by_hand(matrix: Matrix, line: Line) -> None:
    assert matrix.complaints(line) == []
