"""Where the bytes of an upload arrive: written and hashed in one go, in whatever thread brings them."""

from moorage.core.digest import Digester
from moorage.layers.errors import LayerTooLargeError, SizeMismatchError
from moorage.layers.model import MAX_LAYER_BYTES
from moorage.storage.blobs.port import Appender


class Intake:
    """The one writer of an upload session. `digester` has seen a prefix of the object, all of it as a rule."""

    def __init__(self, appender: Appender, digester: Digester, *, most: int = MAX_LAYER_BYTES) -> None:
        self._appender = appender
        self._most = most
        self._expected: int | None = None
        self.digester = digester
        self.start = appender.offset
        """Bytes that the session had when this intake began."""
        self.sealed = False
        """Whether the session is done, and nothing more may come."""

    @property
    def offset(self) -> int:
        """Bytes that the session has now."""
        return self._appender.offset

    def expect(self, count: int) -> None:
        """So many bytes are announced: refuse at once what would be too large, and later what comes beyond them."""
        if self.start + count > self._most:
            raise LayerTooLargeError(f"A layer can have at most {self._most} bytes.")
        self._expected = self.start + count

    def write(self, data: bytes | memoryview) -> None:
        """Append the next bytes of the body. When the store fails, what it took before stays."""
        before = self._appender.offset
        if before + len(data) > self._most:
            raise LayerTooLargeError(f"A layer can have at most {self._most} bytes.")
        if self._expected is not None and before + len(data) > self._expected:
            raise SizeMismatchError("More bytes came than were announced.")
        self._appender.write(data)
        if self.digester.size == before:
            self.digester.update(data)

    def rewind(self) -> None:
        """Undo everything since this intake began."""
        self._appender.rewind(self.start)
        if self.digester.size > self.start:
            self.digester = Digester()

    def empty(self) -> None:
        """Give up everything that the session has, and free its room at once, while nobody else can write to it."""
        self._appender.rewind(0)
        self.sealed = True

    def close(self) -> None:
        """Let the next writer in."""
        self._appender.close()
