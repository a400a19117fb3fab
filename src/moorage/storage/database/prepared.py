"""Statements of SQLAlchemy Core that are compiled once and run on the driver itself.

Core writes the SQL, so that there is one text for every dialect; building, caching and executing a statement through it costs
ten times what SQLite needs for a small one. For the statements of the busiest paths only.
"""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa


class Prepared:
    """A statement whose parameters are all named. Values go to the driver, and rows come from it, as they are: a boolean is
    read as 0 or 1.
    """

    def __init__(self, statement: sa.Select[Any] | sa.Insert | sa.Update | sa.Delete, *columns: str) -> None:
        """`columns` are those that an insert fills."""
        self._statement = statement
        self._columns = columns
        self._compiled: dict[str, tuple[str, tuple[str, ...], Mapping[str, Any]]] = {}

    def text(self, dialect: sa.Dialect) -> tuple[str, tuple[str, ...], Mapping[str, Any]]:
        """The SQL, the names of its parameters in their order, and the values that are part of the statement itself."""
        found = self._compiled.get(dialect.name)
        if found is None:
            compiled = self._statement.compile(dialect=dialect, column_keys=self._columns or None)
            order = tuple(getattr(compiled, "positiontup", None) or ())
            fixed = {name: value for name, value in compiled.params.items() if value is not None}
            found = self._compiled[dialect.name] = (str(compiled), order, fixed)
        return found

    def values(self, dialect: sa.Dialect, parameters: Mapping[str, Any]) -> tuple[str, list[Any]]:
        """The SQL and the values to bind; raises KeyError for a parameter that is not given."""
        text, order, fixed = self.text(dialect)
        return text, [parameters[name] if name in parameters else fixed[name] for name in order]
