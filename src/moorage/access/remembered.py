"""What is remembered: a bounded number of values of one version each, or values of a bounded size; the oldest go first."""

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Remembered(Generic[K, V]):
    """A bounded number of values, each with the version that it was read at; the least recently used go first.

    For every thread: whoever decides in a transaction of its own uses what the event loop has read.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[K, tuple[Hashable, V]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: K, version: Hashable) -> V | None:
        """The value, if what is remembered is of this version."""
        with self._lock:
            found = self._values.get(key)
            if found is None or found[0] != version:
                return None
            self._values.move_to_end(key)
            return found[1]

    def put(self, key: K, version: Hashable, value: V) -> None:
        """Remember a value, in the place of that of another version."""
        with self._lock:
            self._values[key] = (version, value)
            self._values.move_to_end(key)
            if len(self._values) > self._most:
                self._values.popitem(last=False)

    def __len__(self) -> int:
        return len(self._values)


class Sized(Generic[K, V]):
    """Values of a bounded size in all; the least recently used go first. For every thread."""

    def __init__(self, most: int) -> None:
        """`most` is in the unit of the sizes that `put` is told."""
        self._most = most
        self._size = 0
        self._values: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """Of everything that is remembered."""
        return self._size

    def get(self, key: K) -> V | None:
        """The value, if it is remembered."""
        with self._lock:
            found = self._values.get(key)
            if found is None:
                return None
            self._values.move_to_end(key)
            return found[0]

    def put(self, key: K, value: V, size: int) -> None:
        """Remember a value; not at all, if it would drive out most of the others."""
        if size > self._most // 16:
            return
        with self._lock:
            before = self._values.pop(key, None)
            self._size += size - (before[1] if before is not None else 0)
            self._values[key] = (value, size)
            while self._size > self._most:
                _, (_, gone) = self._values.popitem(last=False)
                self._size -= gone

    def __len__(self) -> int:
        return len(self._values)
