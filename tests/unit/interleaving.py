"""Another caller who comes between two transactions of one operation."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Literal, TypeVar

from moorage.core.call import Call
from moorage.storage.database.database import Database
from moorage.storage.database.transaction import Transaction

T = TypeVar("T")


class Interleaved(Database):
    """A database on which `other` happens right behind the first read or the first write."""

    def __init__(self, database: Database, behind: Literal["read", "write"], other: Callable[[], object]) -> None:
        """Reads and writes are those of `database`; there are no threads of its own."""
        self._database = database
        self._behind = behind
        self._other: Callable[[], object] | None = other

    def read(self, work: Callable[[Transaction], T]) -> Future[T]:
        """As of the database."""
        return self._then("read", self._database.read(work))

    def write(self, work: Callable[[Transaction], T], call: Call | None = None) -> Future[T]:
        """As of the database."""
        return self._then("write", self._database.write(work, call))

    def _then(self, kind: str, done: Future[Any]) -> Future[Any]:
        done.result()
        other = self._other
        if kind == self._behind and other is not None:
            self._other = None
            other()
        return done
